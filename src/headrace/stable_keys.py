"""Stable keys: a short text for what a value holds, the same in every process that holds an equal one.

Each object that holds others is digested from the digests of its parts, so that shared parts count as copies of each
other. One rule stands above all: two values that a task could tell apart have different keys. What cannot promise that
has no key, and the error names it. Equal values may have different keys where nothing better can be said; that costs an
execution, never a wrong answer. See docs/decisions/0021.
"""

from __future__ import annotations

import os
import sys
from _blake2 import blake2b  # that of hashlib, without the OpenSSL that hashlib loads besides
from copyreg import dispatch_table
from enum import Enum
from functools import partial
from marshal import dumps as marshalled
from types import (
    BuiltinFunctionType,
    FunctionType,
    MappingProxyType,
    MethodType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import TYPE_CHECKING, Any

from headrace.bytecode import encode_code, names_used
from headrace.errors import NoStableKeyError, TooLargeForKeyError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    Token = Any
    """A plain scalar itself, or what stands for another value: a digest, or its place among those being looked at."""

    Visit = Generator[tuple[str, object], Token, tuple[Any, ...]]
    """Yields where a part is found, and the part; is sent its token; returns all that there is to tell of the value."""

MEBIBYTE = 1 << 20
DIGEST_BYTES = 16

_FORMAT = 2
"""Of marshal: the last one in which equal scalars have equal bytes. Later ones mark objects that occur twice."""

_SCALARS = frozenset({type(None), bool, int, float, complex, str, bytes, type(Ellipsis)})
_TEXT = frozenset({str})
_WHOLE_NUMBERS = frozenset({int})
_SIZED_SCALARS = frozenset({str, bytes})
_CONTAINERS = frozenset({list, tuple, dict, set, frozenset})

_LONGEST_PATH = 160
_IS_HEAP_TYPE = 1 << 9
_RECONSTRUCTORS = frozenset({"__newobj__", "__newobj_ex__", "_reconstructor"})
_NOT_CODE = frozenset(
    [
        "__annotations__",
        "__dict__",
        "__doc__",
        "__firstlineno__",
        "__module__",
        "__qualname__",
        "__slotnames__",  # comes with the first pickle of an instance
        "__static_attributes__",
        "__weakref__",
    ]
)
"""Attributes of a class that say nothing about what it does."""
_IMMUTABLE_MODULES = frozenset(
    {"datetime", "decimal", "fractions", "ipaddress", "pathlib", "pathlib._local", "re", "uuid"}
)


def stable_digest(
    value: object,
    *,
    stand_in: Callable[[object], object | None] | None = None,
    limit: int | None = MEBIBYTE,
    name: str = "value",
) -> str:
    """The key of a value, as 32 hexadecimal digits.

    ``stand_in`` is asked about each object that is no plain scalar or container; what it gives, unless that is ``None``,
    counts in the object's place. ``limit`` is how many bytes of content may be looked at. ``name`` is what errors call
    the value.

    Raises ``NoStableKeyError``, which names the part that has no key, and ``TooLargeForKeyError``.

    >>> stable_digest({"a": 1, "b": {2, 3}}) == stable_digest({"b": {3, 2}, "a": 1})
    True
    >>> len({stable_digest(value) for value in (1, 1.0, True, "1", b"1", [1], (1,))})
    7
    >>> stable_digest({"numbers": [1, (n for n in range(3))]})
    Traceback (most recent call last):
        ...
    headrace.errors.NoStableKeyError: value['numbers'][1] has no stable key: a generator is used up by looking at it
    """
    if limit is None or _is_small(value, limit):
        plain = _plain_payload(value)
        if plain is not None and (limit is None or len(plain) <= limit):
            return blake2b(plain, digest_size=DIGEST_BYTES).hexdigest()
    walk = Walk(name, stand_in=stand_in, limit=limit)
    digest = walk.digest_of(value)
    if walk.doubtful and Walk(name, stand_in=stand_in, limit=limit).digest_of(value) != digest:
        path, kind = walk.doubtful
        raise NoStableKeyError(name, path, f"a {kind} is pickled differently each time")
    return digest.hex()


def name_of_module(name: str | None) -> str:
    """The name of a module; that of a script is the one under which others would import it.

    >>> name_of_module("json.decoder")
    'json.decoder'
    """
    if name is None:
        return ""
    if name in {"__main__", "__mp_main__"} or name.startswith("_headrace_"):
        module = sys.modules.get(name)
        spec = getattr(module, "__spec__", None)
        if spec is not None and not spec.name.startswith("_headrace_"):
            return str(spec.name)
        file = getattr(module, "__file__", None) or name
        return os.path.splitext(os.path.basename(file))[0]
    return name


def is_found_by_name(thing: Any) -> bool:
    """Whether a function or class is what its module has under its name: then the name tells it from all others."""
    found: Any = sys.modules.get(getattr(thing, "__module__", None) or "")
    for part in getattr(thing, "__qualname__", "<nowhere>").split("."):
        found = getattr(found, part, None)
    return (
        found is thing or getattr(found, "__wrapped__", None) is thing or getattr(found, "fn", None) is thing
    )


class _Frame:
    """A value that is being looked at: ``place`` is where it stands among them, ``low`` the first that it leads back to."""

    __slots__ = ("low", "place", "step", "value", "visit")

    def __init__(self, value: object, visit: Visit, place: int, step: str) -> None:
        self.value = value
        self.visit = visit
        self.place = place
        self.low = place
        self.step = step


class Walk:
    """One digest in the making. Goes into a value without recursion, so that no depth is too deep.

    Values that lead back to each other form a knot. They are told by their places in it, from whichever of them was
    met first, and have no digests of their own until the whole knot has been seen (Tarjan's way to find such knots).
    ``doubtful`` is where a class decides itself how it is pickled, and what it is called. The code of ``home``, a module,
    is told without that module's name.
    """

    def __init__(
        self,
        name: str = "value",
        *,
        stand_in: Callable[[object], object | None] | None = None,
        limit: int | None = None,
        home: str | None = None,
    ) -> None:
        self._name = name
        self._stand_in = stand_in
        self._limit = limit
        self._left = sys.maxsize if limit is None else limit
        self._home = home
        self._frames: list[_Frame] = []
        self._open: list[int] = []
        self._places: dict[int, int] = {}
        self._tokens: dict[int, Token] = {}
        self._alive: list[object] = []
        self.doubtful: tuple[str, str] | None = None

    def digest_of(self, value: object) -> bytes:
        """The digest of the value."""
        return _digest(("value", self._go_on(self._enter("", value))))

    def digest_of_code(self, function: Any) -> bytes:
        """The digest of what a function, or something else that can be called, does; without its name. Never raises."""
        self._push("", function, self._visit_code(function))
        return _digest(("code", self._go_on(None)))

    def _visit_code(self, function: Any) -> Visit:
        """As ``_visit_function``, of whatever can be called. Where parts have no keys, their kinds count."""
        if isinstance(function, FunctionType):
            return (yield from self._visit_function(function, is_named=False))
        if hasattr(type(function), "__stable_key__"):
            return ("code", (yield from self._part("", function.__stable_key__())))
        if isinstance(function, MethodType):
            inner, held = function.__func__, function.__self__
        elif isinstance(function, partial):
            inner, held = function.func, (function.args, function.keywords)
        elif isinstance(function, staticmethod | classmethod) or hasattr(function, "__wrapped__"):
            inner, held = function.__wrapped__, None
        elif isinstance(getattr(type(function), "__call__", None), FunctionType):  # noqa: B004 - its code is asked for
            inner, held = type(function).__call__, getattr(function, "__dict__", None)
        else:
            try:
                return ("code", (yield from self._visitor_of(function, type(function))))
            except NoStableKeyError:
                return ("code", self._named(function))
        parts = yield from self._visit_code(inner)
        return ("code of", parts, (yield from self._part("", held)))

    def _go_on(self, answer: Token) -> Token:
        """Visit the values that are open until there are none: the token of the first."""
        failure: NoStableKeyError | None = None
        while self._frames:
            frame = self._frames[-1]
            try:
                if failure is None:
                    step, part = frame.visit.send(answer)
                else:
                    step, part = frame.visit.throw(failure)
                failure = None
            except StopIteration as end:
                answer, failure = self._close(frame, end.value), None
                continue
            except Exception as error:
                answer, failure = None, self._as_failure(error)
                self._abandon(frame)
                continue
            try:
                answer = self._enter(step, part)
            except NoStableKeyError as error:
                answer, failure = None, error
        if failure is not None:
            raise failure
        return answer

    # -- opening and closing -------------------------------------------------------------------

    def _enter(self, step: str, part: object) -> Token:
        """The token of a part if there is one at once; else ``None``, and the part is the next to be visited."""
        kind = type(part)
        if kind in _SCALARS:
            self._spend_on(part)
            return part
        known = self._tokens.get(id(part))
        if known is not None:
            return known
        place = self._places.get(id(part))
        if place is not None:
            top = self._frames[-1]
            top.low = min(top.low, place)
            return ("back", top.place - place)
        if kind in _CONTAINERS:
            self.require(_count(part), step)
            if _is_small(part, self._left):
                plain = _plain_payload(part)
                if plain is not None:
                    self._spend(len(plain), step)
                    return (blake2b(plain, digest_size=DIGEST_BYTES).digest(),)
        elif self._stand_in is not None:
            instead = self._stand_in(part)
            if instead is not None:
                return (_digest(("stand-in", stable_digest(instead))),)
        self._push(step, part, self._visitor_of(part, kind))
        return None

    def _push(self, step: str, part: object, visit: Visit) -> None:
        place = len(self._open)
        self._open.append(id(part))
        self._places[id(part)] = place
        self._alive.append(part)  # so that no other object gets its id
        self._frames.append(_Frame(part, visit, place, step))

    def _close(self, frame: _Frame, parts: tuple[Any, ...]) -> Token:
        payload = marshalled(parts, _FORMAT)
        self._spend(len(payload))
        digest = blake2b(payload, digest_size=DIGEST_BYTES).digest()
        self._frames.pop()
        if frame.low < frame.place:  # a knot that began further up
            below = self._frames[-1]
            below.low = min(below.low, frame.low)
            return (digest,)
        for place, id in enumerate(self._open[frame.place :]):
            self._tokens[id] = (digest, place) if place else (digest,)
            del self._places[id]
        del self._open[frame.place :]
        return (digest,)

    def _abandon(self, frame: _Frame) -> None:
        """Forget a value that has no key, and what is knotted with it."""
        self._frames.pop()
        for id in self._open[frame.place :]:
            del self._places[id]
        del self._open[frame.place :]

    def _as_failure(self, error: Exception) -> NoStableKeyError:
        if isinstance(error, NoStableKeyError):
            return error
        kind = _told(type(self._frames[-1].value))
        return self._refusal(f"a {kind} cannot be looked into ({type(error).__name__}: {str(error)[:200]})")

    def _refusal(self, reason: str) -> NoStableKeyError:
        return NoStableKeyError(self._name, self._path(), reason)

    def _path(self, step: str = "") -> str:
        path = "".join([frame.step for frame in self._frames]) + step
        if len(path) <= _LONGEST_PATH:
            return path
        return f"{path[: _LONGEST_PATH // 2]}…{path[-_LONGEST_PATH // 2 :]}"

    # -- how much there is ---------------------------------------------------------------------

    def require(self, nbytes: int, step: str = "") -> None:
        """Raises when there is more of a value than may be looked at, before anybody looks."""
        if nbytes > self._left:
            raise TooLargeForKeyError(
                self._name, self._path(step), f"it holds more than {self._limit:,} bytes"
            )

    def _spend(self, nbytes: int, step: str = "") -> None:
        self.require(nbytes, step)
        self._left -= nbytes

    def _spend_on(self, scalar: Any) -> None:
        if type(scalar) in _SIZED_SCALARS:
            self.require(len(scalar))

    # -- what there is to tell of a value --------------------------------------------------------

    def _visitor_of(self, value: Any, kind: type) -> Visit:
        visit = self._visitors.get(kind)
        if visit is not None:
            return visit(self, value)
        package = kind.__module__.partition(".")[0]
        if package == "numpy":
            from headrace.stable_arrays import numpy_visitor

            visit = numpy_visitor(value)
        elif package == "pandas":
            from headrace.stable_arrays import pandas_visitor

            visit = pandas_visitor(kind)
        elif isinstance(value, type):
            visit = Walk._visit_class
        elif issubclass(kind, Enum):
            visit = Walk._visit_enum
        if visit is None and hasattr(kind, "__stable_key__"):
            visit = Walk._visit_answer
        if visit is None:
            visit = self._visitor_of_subclass(value, kind)
        return visit(self, value)

    def _visitor_of_subclass(self, value: Any, kind: type) -> Callable[[Walk, Any], Visit]:
        bases = kind.__mro__
        if set in bases or frozenset in bases:
            return Walk._visit_kind_of_set
        if any(base.__module__.startswith("pathlib") and base.__name__ == "PurePath" for base in bases):
            return Walk._visit_path
        if isinstance(getattr(kind, "__pydantic_fields__", None), dict):
            return Walk._visit_model
        if isinstance(getattr(value, "__wrapped__", None), FunctionType):
            return Walk._visit_wrapper
        if hasattr(kind, "__next__") or hasattr(kind, "__anext__"):
            return Walk._visit_iterator
        return Walk.visit_as_pickled

    def _visit_sequence(self, value: list[Any] | tuple[Any, ...]) -> Visit:
        tokens = yield from self._all(value)
        return (type(value).__name__, tokens)

    def _all(self, items: Iterable[Any]) -> Generator[tuple[str, object], Token, list[Token]]:
        tokens = []
        for index, item in enumerate(items):
            tokens.append(item if type(item) in _SCALARS else (yield f"[{index}]", item))
        return tokens

    def _visit_dict(self, value: dict[Any, Any]) -> Visit:
        if _TEXT.issuperset(map(type, value)):
            tokens = []
            for key in sorted(value):
                item = value[key]
                tokens.append((key, item if type(item) in _SCALARS else (yield f"[{shown(key)}]", item)))
            return ("dict", tokens)
        pairs = []
        for key, item in value.items():
            of_key = yield ".keys()", key
            self._refuse_knot(dict)
            of_item = yield f"[{shown(key)}]", item
            self._refuse_knot(dict)
            pairs.append((marshalled(of_key, _FORMAT), marshalled(of_item, _FORMAT)))
        pairs.sort()
        return ("dict of any", pairs)

    def _visit_set(self, value: set[Any] | frozenset[Any]) -> Visit:
        tokens = []
        for item in value:
            tokens.append(marshalled(item if type(item) in _SCALARS else (yield "{…}", item), _FORMAT))
            self._refuse_knot(type(value))
        tokens.sort()
        return (type(value).__name__, tokens)

    def _refuse_knot(self, kind: type) -> None:
        """What has no order cannot tell by its place in it which of its parts leads back to where."""
        if len(self._open) > self._frames[-1].place + 1:
            raise self._refusal(f"a {kind.__name__} holds something that leads back to it")

    def _visit_bytes(self, value: bytearray | memoryview) -> Visit:
        self.require(memoryview(value).nbytes)
        shape = (value.format, value.shape) if isinstance(value, memoryview) else ()
        return (type(value).__name__, shape, bytes(value))
        yield

    def _visit_range(self, value: range | slice) -> Visit:
        tokens = yield from self._all((value.start, value.stop, value.step))
        return (type(value).__name__, tokens)

    def _visit_view(self, value: MappingProxyType[Any, Any]) -> Visit:
        return ("mappingproxy", (yield "", dict(value)))

    def _visit_iterator(self, value: Any) -> Visit:
        raise self._refusal(f"a {_told(type(value))} is used up by looking at it")
        yield

    def _visit_module(self, value: Any) -> Visit:
        raise self._refusal(f"a {_told(type(value))} is more than what it holds")
        yield

    def _visit_path(self, value: Any) -> Visit:
        kind = yield from self._kind(type(value))
        return ("path", kind, os.fspath(value))

    def _visit_enum(self, value: Enum) -> Visit:
        kind = yield from self._kind(type(value))
        return ("enum", kind, value._name_, (yield ".value", value._value_))

    def _visit_answer(self, value: Any) -> Visit:
        kind = yield from self._kind(type(value))
        return ("answer", kind, (yield "", value.__stable_key__()))

    def _visit_kind_of_set(self, value: Any) -> Visit:
        base = set if isinstance(value, set) else frozenset
        kind = yield from self._kind(type(value))
        items = yield "", base(base.__iter__(value))
        return ("kind of set", kind, items, (yield "", getattr(value, "__dict__", None)))

    def _visit_model(self, value: Any) -> Visit:
        """A pydantic model: its fields, those given without having been declared, and its private attributes."""
        kind = yield from self._kind(type(value))
        stored = value.__dict__
        fields = yield "", {name: stored.get(name) for name in type(value).__pydantic_fields__}
        more = yield "", value.__pydantic_extra__
        private = yield "", value.__pydantic_private__
        return ("model", kind, fields, more, private)

    def visit_as_pickled(self, value: Any) -> Visit:
        """What pickle would keep: how it is made anew, and from what. Dicts and sets in it have no order."""
        kind: Any = type(value)
        if kind.__reduce_ex__ is object.__reduce_ex__ and kind.__reduce__ is object.__reduce__:
            self._doubt(kind, getattr(kind, "__getstate__", None))
        else:
            self._doubt(kind, kind.__reduce__, kind.__reduce_ex__)
        reduce = dispatch_table.get(kind)
        reduced: Any = value.__reduce_ex__(4) if reduce is None else reduce(value)
        told_kind = yield from self._kind(kind)
        if isinstance(reduced, str):
            return ("global", told_kind, name_of_module(getattr(value, "__module__", None)), reduced)
        make, args, state, items, entries = [*reduced, None, None, None][:5]
        maker = yield from self._maker(make)
        if getattr(make, "__name__", "") in _RECONSTRUCTORS and args and isinstance(args[0], type):
            args = ((), *args[1:])  # its class, which has been told
        of_args = yield "", tuple(args)
        of_state = yield from self._state(kind, state)
        of_items = None if items is None else (yield from self._all(items))
        of_entries = None
        if entries is not None:
            is_ordered = any(base.__name__ == "OrderedDict" for base in kind.__mro__)
            of_entries = yield "", list(entries) if is_ordered else dict(entries)
        return ("object", told_kind, maker, of_args, of_state, of_items, of_entries)

    def _doubt(self, kind: type, *methods: Any) -> None:
        """Note a class that decides in Python how it is pickled: it may do so differently each time."""
        is_own = any(isinstance(method, FunctionType) for method in methods)
        if (
            is_own
            and self.doubtful is None
            and kind.__module__.partition(".")[0] not in sys.stdlib_module_names
        ):
            self.doubtful = (self._path(), _told(kind))

    def _maker(self, make: Any) -> Generator[tuple[str, object], Token, Token]:
        """By its name, if it has one that leads to it, as pickle has it."""
        if is_found_by_name(make):
            return (name_of_module(make.__module__), make.__qualname__)
        return (yield ".__reduce__()", make)

    def _state(self, kind: type, state: Any) -> Generator[tuple[str, object], Token, Token]:
        """The attributes. Those that are only remembered answers of ``cached_property`` do not count."""
        if type(state) is not dict or not _TEXT.issuperset(map(type, state)):
            return (yield "", state)
        tokens = []
        for name in sorted(state):
            if not _is_remembered(kind, name):
                item = state[name]
                tokens.append((name, item if type(item) in _SCALARS else (yield f".{name}", item)))
        return ("attributes", tokens)

    # -- functions and classes -----------------------------------------------------------------

    def _visit_method(self, value: MethodType) -> Visit:
        return ("method", (yield ".__self__", value.__self__), (yield ".__func__", value.__func__))

    def _visit_partial(self, value: partial[Any]) -> Visit:
        function = yield ".func", value.func
        args = yield ".args", value.args
        return ("partial", function, args, (yield ".keywords", value.keywords))

    def _visit_wrapper(self, value: Any) -> Visit:
        kind = yield from self._kind(type(value))
        return ("wrapper", kind, (yield "", value.__wrapped__))

    def _visit_builtin(self, value: Any) -> Visit:
        owner = getattr(value, "__self__", None)
        token = None
        if owner is not None and not isinstance(owner, ModuleType):
            token = yield ".__self__", owner
        return ("builtin", self._module(value), value.__qualname__, token)

    def _visit_function(self, value: FunctionType, *, is_named: bool = True) -> Visit:
        """What it does, from which values. Where its name does not tell it from others, all of these must have keys."""
        part = self._part if not is_named or is_found_by_name(value) else _strict_part
        name = (self._module(value), value.__qualname__) if is_named else ()
        code = value.__code__
        defaults = yield from part(".__defaults__", value.__defaults__)
        keyword_defaults = yield from part(".__kwdefaults__", value.__kwdefaults__)
        closure = []
        for variable, cell in zip(code.co_freevars, value.__closure__ or (), strict=True):
            token = yield from part(f".{variable}", _contents(cell))
            closure.append((variable, token))
        names = yield from self._names_of_module(value)
        return ("function", name, encode_code(code), defaults, keyword_defaults, closure, names)

    def _names_of_module(self, function: FunctionType) -> Generator[tuple[str, object], Token, list[Token]]:
        """What the function finds in its module, of that which tells what it does: helpers and constants."""
        variables = function.__globals__
        module = variables.get("__name__")
        tokens = []
        for name in sorted(names_used(function.__code__)):
            if name in variables and not name.startswith("__"):
                value = variables[name]
                if _is_code_of(value, module) or _is_constant(name, value):
                    token = yield from self._part(f".{name}", value)
                else:
                    token = self._named(value)
                tokens.append((name, token))
        return tokens

    def _visit_class(self, value: type) -> Visit:
        name = (self._module(value), value.__qualname__)
        if not _has_own_code(value):
            return ("class", name)
        bases = []
        for base in value.__bases__:
            is_near = base.__module__ == value.__module__
            bases.append((yield ".__bases__", base) if is_near else self._named(base))
        part = self._part if is_found_by_name(value) else _strict_part
        attributes = []
        for attribute, found in sorted(vars(value).items()):
            if attribute in _NOT_CODE:
                continue
            tokens: list[Token] = []
            for function in _functions_in(found):
                token = yield from part(f".{attribute}", function)
                tokens.append(token)
            if not tokens and (_is_constant(attribute, found) or _is_code_of(found, value.__module__)):
                token = yield from self._part(f".{attribute}", found)
                tokens.append(token)
            attributes.append((attribute, tokens or [self._named(found)]))
        return ("class", name, bases, attributes)

    def _kind(self, kind: type) -> Generator[tuple[str, object], Token, Token]:
        """The class of an object: its name, and where that leads elsewhere, what it does."""
        name = (self._module(kind), kind.__qualname__)
        if is_found_by_name(kind) or not _has_own_code(kind):
            return name
        return (yield ".__class__", kind)

    def _part(self, step: str, part: object) -> Generator[tuple[str, object], Token, Token]:
        """The token of a part, or what kind of thing it is if it has no key."""
        try:
            return (yield step, part)
        except TooLargeForKeyError:
            raise
        except NoStableKeyError:
            return self._named(part)

    def _named(self, value: Any) -> Token:
        """What a thing is called; of what has no name, its kind."""
        if isinstance(value, ModuleType):
            return ("module", value.__name__)
        thing = value if hasattr(value, "__qualname__") else type(value)
        return ("named", self._module(thing), str(thing.__qualname__))

    def _module(self, thing: Any) -> str:
        module = getattr(thing, "__module__", None)
        return "" if module == self._home or not isinstance(module, str) else name_of_module(module)

    _visitors: dict[type, Callable[[Walk, Any], Visit]] = {  # noqa: RUF012 - read only
        list: _visit_sequence,
        tuple: _visit_sequence,
        dict: _visit_dict,
        set: _visit_set,
        frozenset: _visit_set,
        bytearray: _visit_bytes,
        memoryview: _visit_bytes,
        range: _visit_range,
        slice: _visit_range,
        MappingProxyType: _visit_view,
        ModuleType: _visit_module,
        FunctionType: _visit_function,
        MethodType: _visit_method,
        partial: _visit_partial,
        BuiltinFunctionType: _visit_builtin,
        WrapperDescriptorType: _visit_builtin,
        type(str.join): _visit_builtin,
        type: _visit_class,
    }


# -- plain values ----------------------------------------------------------------------------------


def _plain_payload(value: Any) -> bytes | None:
    """All that there is to tell of a scalar, or of a container of nothing else; ``None`` for any other value."""
    kind = type(value)
    if kind is dict:
        if not (_TEXT.issuperset(map(type, value)) and _SCALARS.issuperset(map(type, value.values()))):
            return None
        return marshalled(("dict", sorted(value.items())), _FORMAT)
    if kind is list or kind is tuple:
        return (
            marshalled((kind.__name__, list(value)), _FORMAT)
            if _SCALARS.issuperset(map(type, value))
            else None
        )
    if kind in _SCALARS:
        return marshalled(("scalar", value), _FORMAT)
    if (kind is set or kind is frozenset) and _SCALARS.issuperset(map(type, value)):
        return marshalled((kind.__name__, sorted([marshalled(item, _FORMAT) for item in value])), _FORMAT)
    return None


def _is_small(value: Any, limit: int) -> bool:
    """Whether a plain value, or the scalars in a container, could be within the limit."""
    kind = type(value)
    if kind in _SIZED_SCALARS:
        return len(value) <= limit
    if kind not in _CONTAINERS:
        return True
    if len(value) > limit:
        return False
    items = value.values() if kind is dict else value
    return sum([len(item) for item in items if type(item) in _SIZED_SCALARS]) <= limit


def _count(container: Any) -> int:
    count: int = len(container)
    return count


def _digest(parts: tuple[Any, ...]) -> bytes:
    return blake2b(marshalled(parts, _FORMAT), digest_size=DIGEST_BYTES).digest()


# -- what is asked of functions and classes ----------------------------------------------------------


def _strict_part(step: str, part: object) -> Generator[tuple[str, object], Token, Token]:
    return (yield step, part)


def _contents(cell: Any) -> object:
    try:
        return cell.cell_contents
    except ValueError:  # it has none yet
        return ("no value yet",)


def _functions_in(attribute: Any) -> list[object]:
    """The functions behind an attribute of a class."""
    if isinstance(attribute, FunctionType):
        return [attribute]
    if isinstance(attribute, staticmethod | classmethod):
        return [attribute.__func__]
    if isinstance(attribute, property):
        return [part for part in (attribute.fget, attribute.fset, attribute.fdel) if part is not None]
    if type(attribute).__name__ == "cached_property":
        return [attribute.func]
    return []


def _has_own_code(kind: type) -> bool:
    """Whether the class is somebody's own: made by a ``class`` statement, and not in Python's own library."""
    return bool(kind.__flags__ & _IS_HEAP_TYPE) and (
        kind.__module__.partition(".")[0] not in sys.stdlib_module_names or kind.__module__ == "__main__"
    )


def _is_code_of(value: Any, module: Any) -> bool:
    """Whether it is a function, class or task of that module, or a wrapper round one."""
    function = getattr(value, "__wrapped__", value)
    if not isinstance(function, FunctionType | type) and not hasattr(type(value), "__stable_key__"):
        return False
    return bool(getattr(function, "__module__", None) == module)


def _is_constant(name: str, value: Any) -> bool:
    """Whether a variable of a module or class is to count as part of the code that reads it.

    What cannot change counts, and whatever is called like a constant, ``LIKE_THIS``. A list or dict under another
    name may be a note of what has been done, and changes with every call.
    """
    kind = type(value)
    if kind in _SCALARS or kind in (tuple, frozenset, range):
        return True
    if kind.__module__ in _IMMUTABLE_MODULES or isinstance(value, Enum):
        return True
    return bool(name.isupper() and sys.getsizeof(value) <= MEBIBYTE)


def _is_remembered(kind: type, name: str) -> bool:
    return any(type(vars(base).get(name)).__name__ == "cached_property" for base in kind.__mro__)


# -- how errors call things --------------------------------------------------------------------------


def _told(kind: type) -> str:
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def shown(key: object) -> str:
    """A key as paths to parts show it."""
    if type(key) in _SCALARS:
        text = repr(key)
        return text if len(text) <= 40 else f"{text[:39]}…"
    return "…"
