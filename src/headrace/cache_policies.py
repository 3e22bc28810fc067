"""Cache policies: what has to be the same for a call to be given what another one gave.

A policy makes the parts of a key. The task itself is always one of them: what one task gave is never given for another.
Nothing here knows who computes and who waits.
"""

from __future__ import annotations

import os
from datetime import timedelta
from functools import partial
from hashlib import blake2b
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any, NamedTuple

from headrace.code_digests import code_digest
from headrace.errors import NoStableKeyError
from headrace.logging import log_defect, log_warning
from headrace.parameters import Parameters
from headrace.run_context import TaskRunContext, context_of_call
from headrace.stable_keys import DIGEST_BYTES, name_of_module, stable_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from headrace.functions import Anatomy
    from headrace.task_runners.call import Call
    from headrace.tasks import Task

    KeyFunction = Callable[[Any, dict[str, Any]], str | None]


class CacheKeyContext(TaskRunContext):
    """The task run whose key is asked for, and its ``task``."""

    task: Task[Any, Any]


class Subject(NamedTuple):
    """A call whose key is wanted. ``parameters`` are bound: defaults are filled in, futures replaced by their values."""

    task: Task[Any, Any]
    call: Call
    parameters: dict[str, Any]


class CachePolicy:
    """What has to be the same for a call to be given what another one gave. Add policies to ask for all of it.

    >>> from headrace import INPUTS, TASK_SOURCE
    >>> INPUTS + TASK_SOURCE
    INPUTS + TASK_SOURCE
    >>> INPUTS - "debug"
    INPUTS - 'debug'
    """

    __slots__ = ()

    def parts(self, subject: Subject) -> list[str] | None:
        """The parts of the key; ``None`` if the call is not to be cached. Raises ``NoStableKeyError``."""
        raise NotImplementedError

    def without(self, names: frozenset[str]) -> CachePolicy:
        """The same, whatever the parameters of these names are."""
        left = ", ".join(sorted(names))
        raise TypeError(
            f"{self!r} - {left}: {self!r} asks for no parameters, so none can be left out: use INPUTS - ..."
        )

    @property
    def is_quick(self) -> bool:
        """Whether a key of small arguments is worked out at once, by nobody's code but ours."""
        return not isinstance(self, _ByFunction)

    @property
    def left_out(self) -> frozenset[str]:
        """The names of parameters that do not count."""
        return frozenset()

    def __add__(self, other: object) -> CachePolicy:
        if not isinstance(other, CachePolicy):
            return NotImplemented
        if isinstance(self, _NoCache):
            return other
        return (
            self if isinstance(other, _NoCache) else _All(tuple(dict.fromkeys((*_each(self), *_each(other)))))
        )

    def __sub__(self, names: str | Iterable[str]) -> CachePolicy:
        is_one = isinstance(names, str) or not hasattr(names, "__iter__")
        given: frozenset[Any] = frozenset([names] if is_one else names)
        if not all(isinstance(name, str) for name in given):
            raise TypeError(f"{self!r} - {names!r}: give the name of a parameter, or several")
        return self.without(given)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash((type(self), self._key()))

    def _key(self) -> object:
        return None


class _Inputs(CachePolicy):
    """The same arguments, but for those left out.

    >>> from headrace import INPUTS, task
    >>> @task(cache_policy=INPUTS - "debug")
    ... def square(number: int, *, debug: bool = False) -> int:
    ...     print("squaring")
    ...     return number * number
    >>> square(3).result(), square(3, debug=True).result()
    squaring
    (9, 9)
    """

    __slots__ = ("_left_out",)

    def __init__(self, left_out: frozenset[str] = frozenset()) -> None:
        self._left_out = left_out

    @property
    def left_out(self) -> frozenset[str]:
        return self._left_out

    def parts(self, subject: Subject) -> list[str]:
        parameters = subject.parameters
        if self._left_out:
            parameters = {name: value for name, value in parameters.items() if name not in self._left_out}
        parts = [stable_digest(parameters, limit=None, name="arguments")]
        given = _given_before(subject.task.fn)
        if given:
            parts.append(stable_digest(given, limit=None, name="arguments"))
        return parts

    def without(self, names: frozenset[str]) -> CachePolicy:
        return _Inputs(self._left_out | names)

    def _key(self) -> object:
        return self._left_out

    def __repr__(self) -> str:
        return "INPUTS" + "".join([f" - {name!r}" for name in sorted(self._left_out)])


class _TaskSource(CachePolicy):
    """The same code: of the task, and of what it uses of its module.

    >>> from headrace import INPUTS, TASK_SOURCE, task
    >>> @task(cache_policy=INPUTS + TASK_SOURCE)
    ... def double(number: int) -> int:
    ...     return number * 2
    >>> double(1).result()
    2
    """

    __slots__ = ()

    def parts(self, subject: Subject) -> list[str]:
        return [code_digest(subject.task.fn)]

    def __repr__(self) -> str:
        return "TASK_SOURCE"


class _RunId(CachePolicy):
    """The same flow run.

    >>> from headrace import INPUTS, RUN_ID, flow, task
    >>> @task(cache_policy=INPUTS + RUN_ID)
    ... def ask(question: str) -> str:
    ...     print("asking")
    ...     return question.upper()
    >>> @flow
    ... def interview() -> list[str]:
    ...     return [ask("why?").result(), ask("why?").result()]
    >>> interview()
    asking
    ['WHY?', 'WHY?']
    """

    __slots__ = ()

    def parts(self, subject: Subject) -> list[str]:
        return [subject.call.flow_run_id]

    def __repr__(self) -> str:
        return "RUN_ID"


class _NoCache(CachePolicy):
    """Never the same: each call is executed.

    >>> from headrace import NO_CACHE, task
    >>> @task(cache_policy=NO_CACHE)
    ... def draw() -> int:
    ...     return 4
    >>> draw().state.name == "Completed"
    True
    """

    __slots__ = ()

    def parts(self, subject: Subject) -> None:  # noqa: ARG002 - whatever is called
        return None

    def __repr__(self) -> str:
        return "NO_CACHE"


class _ByFunction(CachePolicy):
    """What a function of the user's says."""

    __slots__ = ("_function",)

    def __init__(self, function: KeyFunction) -> None:
        if not callable(function):
            raise TypeError(f"by_function({function!r}): it cannot be called")
        self._function = function

    def parts(self, subject: Subject) -> list[str] | None:
        context = CacheKeyContext(*context_of_call(subject.call))
        context.task = subject.task
        try:
            key = self._function(context, dict(subject.parameters))
            if key is not None and not isinstance(key, str):
                raise TypeError(f"it gave {type(key).__name__}, where a key is a text, or None")
        except NoStableKeyError:
            raise
        except Exception as error:
            name = getattr(self._function, "__name__", repr(type(self._function)))
            log_defect(f"{subject.call.display_name} is not cached: its key function {name!r} raised", error)
            return None
        return None if key is None else [key]

    def _key(self) -> object:
        return self._function

    def __repr__(self) -> str:
        return f"by_function({getattr(self._function, '__name__', repr(self._function))})"


class _All(CachePolicy):
    """All of several."""

    __slots__ = ("_policies",)

    def __init__(self, policies: tuple[CachePolicy, ...]) -> None:
        self._policies = tuple(sorted(policies, key=_rank))

    @property
    def is_quick(self) -> bool:
        return all(policy.is_quick for policy in self._policies)

    @property
    def left_out(self) -> frozenset[str]:
        return frozenset().union(*[policy.left_out for policy in self._policies])

    def parts(self, subject: Subject) -> list[str] | None:
        parts: list[str] = []
        for policy in self._policies:
            of_policy = policy.parts(subject)
            if of_policy is None:
                return None
            parts += (type(policy).__name__, *of_policy)
        return parts

    def without(self, names: frozenset[str]) -> CachePolicy:
        if not any(isinstance(policy, _Inputs) for policy in self._policies):
            return super().without(names)
        return _All(
            tuple(
                [
                    policy.without(names) if isinstance(policy, _Inputs) else policy
                    for policy in self._policies
                ]
            )
        )

    def _key(self) -> object:
        return frozenset(self._policies)

    def __repr__(self) -> str:
        return " + ".join(map(repr, self._policies))


INPUTS: CachePolicy = _Inputs()
"""The same arguments. ``INPUTS - "debug"`` leaves a parameter out."""
TASK_SOURCE: CachePolicy = _TaskSource()
"""The same code: of the task, and of what it uses of its module."""
RUN_ID: CachePolicy = _RunId()
"""The same flow run."""
NO_CACHE: CachePolicy = _NoCache()
"""Never the same: every call is executed."""


def by_function(function: KeyFunction) -> CachePolicy:
    """The same text from ``function(context, parameters)``; a call for which it gives ``None`` is not cached.

    ``context`` is a ``TaskRunContext`` that also has the ``task``. What the function raises is logged, and the call is
    executed.

    >>> from headrace import by_function, task
    >>> @task(cache_policy=by_function(lambda context, parameters: parameters["city"].lower()))
    ... def population(city: str) -> int:
    ...     print("counting", city)
    ...     return 2_100_000
    >>> population("Paris").result() == population("PARIS").result()
    counting Paris
    True
    """
    return _ByFunction(function)


def task_input_hash(context: Any, parameters: Mapping[str, Any]) -> str:
    """A key of a task's code and arguments, for ``cache_key_fn=task_input_hash``; the same as ``INPUTS + TASK_SOURCE``.

    Raises ``NoStableKeyError`` if an argument has none.

    >>> from headrace import task, task_input_hash
    >>> @task(cache_key_fn=task_input_hash)
    ... def cube(number: int) -> int:
    ...     return number**3
    >>> cube(2).result(), cube(2).state.name == "Cached"
    (8, True)
    """
    digest = stable_digest(dict(parameters), limit=None, name="arguments")
    return f"{code_digest(context.task.fn)}-{digest}"


class Caching(NamedTuple):
    """How the calls of a task go by the cache. ``refreshes``: they are executed, and give a new value to others."""

    policy: CachePolicy
    expiration_us: int | None = None
    refreshes: bool = False
    is_quick: bool = False
    """Whether a key of small arguments is worked out at once, by nobody's code but ours."""


def check_caching(
    policy: Any, key_function: Any, expiration: Any, refresh: Any, anatomy: Anatomy
) -> Caching | None:
    """The options of a task, grouped; ``None`` if it is not cached. Raises ``TypeError`` or ``ValueError``."""
    if policy is not None and not isinstance(policy, CachePolicy):
        raise TypeError(
            f"cache_policy={policy!r}: give INPUTS, TASK_SOURCE, RUN_ID, NO_CACHE, or a sum of them"
        )
    if key_function is not None:
        if not callable(key_function):
            raise TypeError(f"cache_key_fn={key_function!r} cannot be called")
        if policy is not None:
            raise ValueError(
                "cache_policy and cache_key_fn are both given: add them up in one, such as INPUTS + by_function(fn)"
            )
        policy = by_function(key_function)
    if policy is None:
        if expiration is not None or refresh:
            raise ValueError(
                "cache_expiration and refresh_cache mean something with a cache_policy: give one"
            )
        return None
    unknown = policy.left_out.difference(anatomy.parameters)
    if unknown and not anatomy.takes_any:
        raise ValueError(f"cache_policy={policy!r}: {anatomy.name!r} has no parameter {min(unknown)!r}")
    if isinstance(policy, _NoCache):
        return None
    return Caching(policy, _check_expiration(expiration), bool(refresh), policy.is_quick and not refresh)


def _check_expiration(expiration: Any) -> int | None:
    if expiration is None:
        return None
    if isinstance(expiration, timedelta):
        expiration = expiration.total_seconds()
    if isinstance(expiration, bool) or not isinstance(expiration, int | float) or not expiration > 0:
        raise ValueError(f"cache_expiration={expiration!r}: give a timedelta, or seconds, more than 0")
    return int(min(expiration, 1e11) * 1_000_000)


# -- the key of a call -------------------------------------------------------------------------------


class KeyMaker:
    """Makes the keys of a task's calls. What is the same for all of them is found out once."""

    def __init__(self, task: Task[Any, Any], policy: CachePolicy) -> None:
        self._task = task
        self._policy = policy
        self._identity: str | None = None
        function, anatomy = task.fn, task.anatomy
        names = anatomy.positional
        self._names = names
        self._defaults: dict[str, Any] = {}
        self._is_plain = (
            isinstance(function, FunctionType)
            and not anatomy.takes_any
            and not function.__code__.co_posonlyargcount
        )
        if isinstance(function, FunctionType) and self._is_plain:
            defaults = function.__defaults__ or ()
            self._defaults |= zip(names[len(names) - len(defaults) :], defaults, strict=True)
            self._defaults |= function.__kwdefaults__ or {}
        self._known_names = frozenset(anatomy.parameters)

    def key_of(self, call: Call, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
        """The key of a call, as 32 hexadecimal digits. ``None``, and once a line in the log, if it has none."""
        parameters = self._bind(args, kwargs)
        if parameters is None:  # its call will say what is wrong
            return None
        if self._identity is None:
            self._identity = _identity_of(self._task)
        try:
            parts = self._policy.parts(Subject(self._task, call, parameters))
            if parts is None:
                return None
            text = "".join([f"{len(part)}:{part}" for part in (self._identity, *parts)])
        except NoStableKeyError as error:
            _tell_of_missing_key(call, self._identity, error)
            return None
        return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES).hexdigest()

    def _bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any] | None:
        """The parameters by name, defaults filled in; ``None`` if they do not fit."""
        names = self._names
        if self._is_plain and len(args) <= len(names):
            given = dict(zip(names, args, strict=False))
            parameters = self._defaults | given
            if kwargs:
                parameters |= kwargs
            is_clear = not kwargs or given.keys().isdisjoint(kwargs)
            if (
                is_clear
                and len(parameters) == len(self._known_names)
                and parameters.keys() == self._known_names
            ):
                return parameters
        try:
            return Parameters(self._task.fn, self._task.anatomy).bind(args, dict(kwargs))
        except TypeError:
            return None
        except ValueError:  # a function written in C, which does not tell the names of its parameters
            return {"*args": args, **kwargs}


_told: set[tuple[str, str]] = set()


def _tell_of_missing_key(call: Call, identity: str, error: NoStableKeyError) -> None:
    argument = error.path.partition("]")[0]
    if (identity, argument) not in _told:
        _told.add((identity, argument))
        log_warning(call, f"Calls of task {call.task.name!r} like this one are not cached: {error}")


def _given_before(function: Any) -> list[Any]:
    """What a bound method or a partial was given before it was called."""
    given: list[Any] = []
    while not isinstance(function, FunctionType):
        if isinstance(function, MethodType):
            given.append(function.__self__)
            function = function.__func__
        elif isinstance(function, partial):
            given += (function.args, function.keywords)
            function = function.func
        else:
            break
    return given


def _identity_of(task: Task[Any, Any]) -> str:
    """What tells a task from all others, in every process that has it: its file if there is one, and its names."""
    code = getattr(_innermost(task.fn), "__code__", None)
    file = os.path.abspath(code.co_filename) if code is not None else ""
    place = file if os.path.exists(file) else name_of_module(task.__module__)
    return stable_digest([place, task.__qualname__, task.name], limit=None)


def _innermost(function: Any) -> Any:
    while True:
        inner = getattr(function, "__func__", None) or getattr(function, "func", None)
        if inner is None:
            return function
        function = inner


def _rank(policy: CachePolicy) -> str:
    """In whatever order they were added up: the key is the same."""
    return type(policy).__name__


def _each(policy: CachePolicy) -> tuple[CachePolicy, ...]:
    return policy._policies if isinstance(policy, _All) else (policy,)
