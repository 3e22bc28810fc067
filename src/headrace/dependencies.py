"""Futures inside arguments: how they are found, and replaced by their values.

Looked into: exact lists, tuples, sets and dicts (keys and values), named tuples and dataclasses, nested to
any depth, cycles included. Where no future is found, the very same object is passed on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")


class quote(Generic[T]):
    """Marks an argument that is not searched for futures: large plain data, or futures meant as futures.

    The task receives the value itself, the very same object.

    >>> from headrace import flow, quote, task
    >>> @task
    ... def count(rows: list[int]) -> int:
    ...     return len(rows)
    >>> @flow
    ... def counted() -> int:
    ...     return count(quote(list(range(100_000)))).result()
    >>> counted()
    100000
    """

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value


class unmapped(Generic[T]):
    """Marks an argument of ``task.map`` that every run receives whole.

    >>> from headrace import flow, task, unmapped
    >>> @task
    ... def position(name: str, names: list[str]) -> int:
    ...     return names.index(name)
    >>> @flow
    ... def positions() -> list[int]:
    ...     return position.map(["c", "a"], unmapped(["a", "b", "c"])).result()
    >>> positions()
    [2, 0]
    """

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value


class allow_failure(Generic[T]):
    """Marks an upstream that may fail: the task receives its value, or its exception, and runs anyway.

    A failure that is allowed so counts as looked at: it does not fail the flow.

    >>> from headrace import allow_failure, flow, task
    >>> @task
    ... def divide(x: int, by: int) -> float:
    ...     return x / by
    >>> @task
    ... def tell(value: object) -> str:
    ...     return f"got {value!r}"
    >>> @flow
    ... def tolerant() -> str:
    ...     return tell(allow_failure(divide(1, 0))).result()
    >>> tolerant()
    "got ZeroDivisionError('division by zero')"
    """

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value


class FutureLike:
    """The root of all futures. It stands here so that a search can tell them."""

    __slots__ = ()


class FutureList(list[T]):
    """A list that is searched like an exact one, and becomes a plain one when its futures are replaced."""


ATOMS = frozenset({type(None), bool, int, float, complex, str, bytes, bytearray, range, type})
"""Types whose values hold nothing else."""
_PLAIN_CONTAINERS = frozenset({list, tuple, set, frozenset})


class Found:
    """The futures inside some arguments. ``has_marks``: a ``quote`` or the like has to be taken off, too."""

    __slots__ = ("has_marks", "strict", "tolerated")

    def __init__(self) -> None:
        self.strict: dict[FutureLike, None] = {}
        self.tolerated: dict[FutureLike, None] = {}
        self.has_marks = False

    def __bool__(self) -> bool:
        return bool(self.strict or self.tolerated)


# -- finding -------------------------------------------------------------------------------------


def needs_search(values: Iterable[Any]) -> bool:
    """Whether any of these could be or hold a future. Cheap, for the calls that pass plain data."""
    for value in values:  # noqa: SIM110 - half the time of any()
        if type(value) not in ATOMS:
            return True
    return False


def find_futures(*values: Any) -> Found:
    """Every future inside the values, each once, in the order of their finding."""
    found = Found()
    under_tolerance = _search(values, found.strict, found)
    while under_tolerance:
        under_tolerance = _search(under_tolerance, found.tolerated, found)
    return found


def check_wait_for(waited_for: Any) -> None:
    """A task or another function among what is waited for was meant to be called. Raises ``TypeError``."""
    pending = [waited_for]
    seen: set[int] = set()
    while pending:
        entry = pending.pop()
        if isinstance(entry, list | tuple | set | frozenset | dict | allow_failure):
            if id(entry) not in seen:
                seen.add(id(entry))
                pending.extend(_entries(entry))
        elif callable(entry) and not isinstance(entry, FutureLike):
            name = getattr(entry, "__name__", repr(entry))
            raise TypeError(
                f"wait_for waits for calls, and {name} is not called there: give it what a call gives, "
                f"as in `future = {name}(...)` and `wait_for=[future]`"
            )


def _entries(container: Any) -> Iterable[Any]:
    if isinstance(container, allow_failure):
        return [container.value]
    return container.values() if isinstance(container, dict) else container


def _search(values: Iterable[Any], futures: dict[FutureLike, None], found: Found) -> list[Any]:
    """Note the futures inside the values; what ``allow_failure`` holds among them is left to another search."""
    under_tolerance = []
    seen: dict[int, Any] = {}
    pending = list(values)
    pending.reverse()
    while pending:
        value = pending.pop()
        kind = type(value)
        if kind in ATOMS:
            continue
        if issubclass(kind, FutureLike):
            futures[value] = None
        elif kind is allow_failure:
            found.has_marks = True
            under_tolerance.append(value.value)
        elif kind is quote:
            found.has_marks = True
        elif id(value) not in seen and (parts := _parts(value, kind)) is not None:
            seen[id(value)] = value
            found.has_marks = found.has_marks or issubclass(kind, FutureList)
            pending.extend([part for part in reversed(parts) if type(part) not in ATOMS])
    return under_tolerance


def _parts(value: Any, kind: type) -> list[Any] | tuple[Any, ...] | None:
    """What a container holds; ``None`` for what is not looked into."""
    if kind in _PLAIN_CONTAINERS:
        return list(value)
    if kind is dict:
        return [part for item in list(value.items()) for part in item]
    if issubclass(kind, FutureList):
        return list(value)
    if _is_named_tuple(kind):
        return tuple.__getitem__(value, slice(None))
    if hasattr(kind, "__dataclass_fields__"):
        return [part for _, part in _stored_fields(value, kind)]
    return None


def _is_named_tuple(kind: type) -> bool:
    return issubclass(kind, tuple) and hasattr(kind, "_fields") and hasattr(kind, "_make")


def _stored_fields(value: Any, kind: Any) -> list[tuple[str, Any]]:
    """The names and values of a dataclass's real fields, read where they are stored: no property is called."""
    attributes = getattr(value, "__dict__", {})
    stored = []
    for name, field in kind.__dataclass_fields__.items():
        if field._field_type.name != "_FIELD":  # a class variable, or only an argument of ``__init__``
            continue
        if name in attributes:
            stored.append((name, attributes[name]))
        elif type(getattr(kind, name, None)).__name__ == "member_descriptor" and hasattr(value, name):
            stored.append((name, getattr(value, name)))
    return stored


# -- replacing -----------------------------------------------------------------------------------


def substitute(value: Any, value_of: Callable[[FutureLike, bool], Any]) -> Any:
    """The value with every future replaced by ``value_of(future, is_tolerated)``.

    ``quote`` and ``allow_failure`` are taken off. Whatever holds none of the three is the very same object.
    Raises ``TypeError`` if a future stands for a set member or a dict key and its value is not hashable.
    """
    kind = type(value)
    if kind in ATOMS:
        return value
    if issubclass(kind, FutureLike):
        return value_of(value, False)
    return _Substitution(value_of).of(value)


class _Container:
    """A container met on the walk. ``copy`` is there once it can be referred to, filled or not."""

    __slots__ = ("copy", "has_copy", "holders", "is_done", "is_entered", "is_marked", "is_tolerated", "kind",
                 "parts", "value", "waiting")  # fmt: skip

    def __init__(
        self, value: Any, kind: type, parts: list[Any] | tuple[Any, ...], *, is_tolerated: bool
    ) -> None:
        self.value = value
        self.kind = kind
        self.parts = parts
        self.is_tolerated = is_tolerated
        self.is_marked = False
        self.is_entered = False
        self.is_done = False
        self.has_copy = False
        self.copy: Any = None
        self.holders: list[_Container] = []
        self.waiting: list[_Container] = []

    def give(self, copy: Any) -> None:
        self.copy = copy
        self.has_copy = True


class _Substitution:
    """Two walks over a value: which containers hold a future or a mark at any depth, then their copies.

    Neither recurses, so depth has no limit, and each part is visited once. A mutable container can be referred to
    before it is filled: that is how cycles are made again. An immutable one waits for its parts.
    """

    def __init__(self, value_of: Callable[[FutureLike, bool], Any]) -> None:
        self._value_of = value_of
        self._containers: dict[tuple[int, bool], _Container] = {}

    def of(self, value: Any) -> Any:
        marked = self._survey(value)
        self._spread(marked)
        root = self._containers.get(_key(_unwrapped(value, is_tolerated=False)))
        if root is not None and root.is_marked:
            self._copy(root)
        return self._replacement(value, is_tolerated=False)

    def _survey(self, value: Any) -> list[_Container]:
        """Meet every container; those that hold a future or a mark themselves."""
        marked = []
        top = _Container(None, tuple, (value,), is_tolerated=False)
        pending = [top]
        while pending:
            holder = pending.pop()
            for part in holder.parts:
                if type(part) in ATOMS:
                    continue
                inner, is_tolerated = _unwrapped(part, is_tolerated=holder.is_tolerated)
                kind = type(inner)
                is_mark = inner is not part or kind is quote or issubclass(kind, FutureLike)
                if is_mark and not holder.is_marked:
                    holder.is_marked = True
                    marked.append(holder)
                if kind not in ATOMS and not issubclass(kind, FutureLike):
                    met = self._meet(inner, kind, pending, is_tolerated=is_tolerated)
                    if met is not None:
                        met.holders.append(holder)
                        if issubclass(kind, FutureList) and not met.is_marked:
                            met.is_marked = True
                            marked.append(met)
        return marked

    def _meet(
        self, value: Any, kind: type, pending: list[_Container], *, is_tolerated: bool
    ) -> _Container | None:
        key = (id(value), is_tolerated)
        known = self._containers.get(key)
        if known is not None:
            return known
        parts = _parts(value, kind)
        if parts is None:
            return None
        met = self._containers[key] = _Container(value, kind, parts, is_tolerated=is_tolerated)
        pending.append(met)
        return met

    def _spread(self, marked: list[_Container]) -> None:
        """Whatever holds a marked container is marked itself."""
        while marked:
            for holder in marked.pop().holders:
                if not holder.is_marked:
                    holder.is_marked = True
                    marked.append(holder)

    def _copy(self, root: _Container) -> None:
        """Copy the marked containers, each after what it holds: the hash of a member may ask for its fields."""
        stack = [root]
        while stack:
            container = stack[-1]
            if container.is_entered:
                stack.pop()
                self._finish(container)
                continue
            container.is_entered = True
            _begin_copy(container)
            for part in reversed(container.parts):
                held = self._container_of(part, container)
                if held is not None and held.is_marked and not held.is_entered:
                    stack.append(held)

    def _finish(self, container: _Container) -> None:
        """Fill the copy, unless it waits for one that is being made; then those that waited for this one."""
        ready = [container]
        while ready:
            container = ready.pop()
            if container.is_done:
                continue
            missing = self._first_missing(container)
            if missing is not None:
                missing.waiting.append(container)
                continue
            tolerated = container.is_tolerated
            _finish_copy(
                container, [self._replacement(part, is_tolerated=tolerated) for part in container.parts]
            )
            container.is_done = True
            ready.extend(container.waiting)

    def _first_missing(self, container: _Container) -> _Container | None:
        for part in container.parts:
            held = self._container_of(part, container)
            if held is not None and held.is_marked and not held.has_copy:
                return held
        return None

    def _container_of(self, part: Any, holder: _Container) -> _Container | None:
        if type(part) in ATOMS:
            return None
        return self._containers.get(_key(_unwrapped(part, is_tolerated=holder.is_tolerated)))

    def _replacement(self, value: Any, *, is_tolerated: bool) -> Any:
        if type(value) in ATOMS:
            return value
        value, is_tolerated = _unwrapped(value, is_tolerated=is_tolerated)
        if issubclass(type(value), FutureLike):
            return self._value_of(value, is_tolerated)
        if type(value) is quote:
            return value.value
        container = self._containers.get(_key((value, is_tolerated)))
        return container.copy if container is not None and container.is_marked else value


def _key(met: tuple[Any, bool]) -> tuple[int, bool]:
    return (id(met[0]), met[1])


def _unwrapped(value: Any, *, is_tolerated: bool) -> tuple[Any, bool]:
    while type(value) is allow_failure:
        value, is_tolerated = value.value, True
    return value, is_tolerated


def _begin_copy(container: _Container) -> None:
    """An empty copy of what is mutable. A dataclass counts as that: ``__init__`` is not called, frozen or not."""
    kind = container.kind
    if kind is list or issubclass(kind, FutureList):
        container.give([])
    elif kind is dict:
        container.give({})
    elif kind is set:
        container.give(set())
    elif not issubclass(kind, tuple) and kind is not frozenset:
        import copy

        container.give(copy.copy(container.value))


def _finish_copy(container: _Container, parts: list[Any]) -> None:
    kind, copy = container.kind, container.copy
    try:
        if kind is dict:
            copy.update(zip(parts[::2], parts[1::2], strict=True))
        elif kind is set:
            copy.update(parts)
        elif kind is frozenset:
            container.give(frozenset(parts))
        elif issubclass(kind, tuple):
            container.give(tuple.__new__(kind, parts))
        elif issubclass(kind, list):
            copy.extend(parts)
        else:
            _set_fields(copy, [name for name, _ in _stored_fields(container.value, kind)], parts)
    except TypeError as error:
        raise _explained(error, kind, parts) from error


def _set_fields(copy: Any, names: list[str], parts: list[Any]) -> None:
    attributes = getattr(copy, "__dict__", {})
    for name, part in zip(names, parts, strict=True):
        if name in attributes:
            attributes[name] = part
        else:
            object.__setattr__(copy, name, part)


def _explained(error: TypeError, kind: type, parts: list[Any]) -> TypeError:
    """What cannot be hashed came out of a future: say so."""
    place = "a key of a dict" if kind is dict else f"a member of a {kind.__name__}"
    for part in parts[::2] if kind is dict else parts:
        try:
            hash(part)
        except TypeError:
            return TypeError(
                f"a future stands for {place}, and its value, of type {type(part).__name__}, cannot be hashed: "
                f"pass it in a list or as a dict's value, or let the task return what can be hashed"
            )
    return error
