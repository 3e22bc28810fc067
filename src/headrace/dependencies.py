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

    The task receives the value itself.

    >>> quote([1, 2, 3]).value
    [1, 2, 3]
    """

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value


class unmapped(Generic[T]):
    """Marks an argument of ``task.map`` that every run receives whole.

    >>> unmapped("same for all").value
    'same for all'
    """

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value


class allow_failure(Generic[T]):
    """Marks an upstream that may fail: the task receives its value, or its exception, and runs anyway.

    >>> allow_failure("a future goes here").value
    'a future goes here'
    """

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value


class FutureLike:
    """The root of all futures. It stands here so that a search can tell them."""

    __slots__ = ()


class FutureList(list[T]):
    """A list that is searched like an exact one, and becomes a plain one when its futures are replaced."""


_ATOMS = frozenset({type(None), bool, int, float, complex, str, bytes, bytearray, range, type})
_LISTS = frozenset({list, tuple, set, frozenset})


class Found:
    """The futures inside some arguments."""

    __slots__ = ("strict", "tolerated")

    def __init__(self) -> None:
        self.strict: dict[FutureLike, None] = {}
        self.tolerated: dict[FutureLike, None] = {}

    def __bool__(self) -> bool:
        return bool(self.strict or self.tolerated)


def needs_search(values: Iterable[Any]) -> bool:
    """Whether any of these could be or hold a future. Cheap, for the calls that pass plain data."""
    for value in values:
        if type(value) not in _ATOMS:
            return True
    return False


def find_futures(*values: Any) -> Found:
    """Every future inside the values, each once, in the order of their finding."""
    found = Found()
    seen: set[int] = set()
    pending: list[tuple[Any, bool]] = [(value, False) for value in reversed(values)]
    while pending:
        value, is_tolerated = pending.pop()
        kind = type(value)
        if kind in _ATOMS:
            continue
        if isinstance(value, FutureLike):
            (found.tolerated if is_tolerated else found.strict)[value] = None
        elif kind is allow_failure:
            pending.append((value.value, True))
        else:
            parts = _parts(value, kind)
            if parts is not None and id(value) not in seen:
                seen.add(id(value))
                pending.extend((part, is_tolerated) for part in reversed(parts))
    return found


def _parts(value: Any, kind: type) -> list[Any] | None:
    """What a container holds; ``None`` for what is not looked into."""
    if kind in _LISTS or issubclass(kind, FutureList):
        return list(value)
    if kind is dict:
        return [part for item in list(value.items()) for part in item]
    if _is_named_tuple(kind):
        return list(value)
    fields = _dataclass_fields(value, kind)
    if fields is not None:
        return [getattr(value, name) for name in fields]
    return None


def _is_named_tuple(kind: type) -> bool:
    return issubclass(kind, tuple) and hasattr(kind, "_fields") and hasattr(kind, "_make")


def _dataclass_fields(value: Any, kind: type) -> list[str] | None:
    fields = getattr(kind, "__dataclass_fields__", None)
    if not isinstance(fields, dict):
        return None
    return [name for name in fields if name in getattr(value, "__dict__", ()) or hasattr(value, name)]


def substitute(value: Any, value_of: Callable[[FutureLike, bool], Any]) -> Any:
    """The value with every future replaced by ``value_of(future, is_tolerated)``.

    ``quote`` and ``allow_failure`` are taken off. Whatever holds none of the three is the very same object.
    Raises ``TypeError`` if a future stands for a set member or a dict key and its value is not hashable.
    """
    kind = type(value)
    if kind in _ATOMS:
        return value
    if isinstance(value, FutureLike):
        return value_of(value, False)
    if not _holds_marks(value):
        return value
    return _Substitution(value_of).of(value, is_tolerated=False)


def _holds_marks(value: Any) -> bool:
    seen: set[int] = set()
    pending = [value]
    while pending:
        part = pending.pop()
        kind = type(part)
        if kind in _ATOMS:
            continue
        if kind is quote or kind is allow_failure or isinstance(part, FutureLike):
            return True
        parts = _parts(part, kind)
        if parts is not None and id(part) not in seen:
            seen.add(id(part))
            pending.extend(parts)
    return False


class _Substitution:
    """One walk through a value that holds futures; a container met twice is made once."""

    def __init__(self, value_of: Callable[[FutureLike, bool], Any]) -> None:
        self._value_of = value_of
        self._made: dict[tuple[int, bool], Any] = {}
        self._alive: list[Any] = []

    def of(self, value: Any, *, is_tolerated: bool) -> Any:
        kind = type(value)
        if kind in _ATOMS:
            return value
        if isinstance(value, FutureLike):
            return self._value_of(value, is_tolerated)
        if kind is quote:
            return value.value
        if kind is allow_failure:
            return self.of(value.value, is_tolerated=True)
        key = (id(value), is_tolerated)
        if key in self._made:
            return self._made[key]
        self._alive.append(value)
        return self._container(value, kind, key, is_tolerated)

    def _container(self, value: Any, kind: type, key: tuple[int, bool], is_tolerated: bool) -> Any:
        """A copy with its futures replaced. Mutable ones are noted before they are filled: they may hold themselves."""
        if kind is list or issubclass(kind, FutureList):
            copy: Any = []
            self._made[key] = copy
            copy.extend(self.of(part, is_tolerated=is_tolerated) for part in value)
            return copy
        if kind is dict:
            copy = {}
            self._made[key] = copy
            for name, part in value.items():
                copy[self.of(name, is_tolerated=is_tolerated)] = self.of(part, is_tolerated=is_tolerated)
            return copy
        if not _holds_marks(value):
            return value
        if kind in _LISTS:
            made = kind(self.of(part, is_tolerated=is_tolerated) for part in value)
        elif _is_named_tuple(kind):
            made = kind._make(self.of(part, is_tolerated=is_tolerated) for part in value)  # type: ignore[attr-defined]
        elif (fields := _dataclass_fields(value, kind)) is not None:
            made = self._dataclass(value, kind, fields, key, is_tolerated)
        else:
            return value
        self._made[key] = made
        return made

    def _dataclass(
        self, value: Any, kind: type, fields: list[str], key: tuple[int, bool], is_tolerated: bool
    ) -> Any:
        """A copy without a call of ``__init__``: fields may be derived, frozen or init-only."""
        import copy

        made = self._made[key] = copy.copy(value)
        for name in fields:
            object.__setattr__(made, name, self.of(getattr(value, name), is_tolerated=is_tolerated))
        return made
