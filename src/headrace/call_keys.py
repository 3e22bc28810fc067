"""What a resume knows a call by: its arguments, each upstream among them as the run that it is.

Mostly the row of a task run tells that by itself: its parameters, if all are plain and short, or its upstreams, if there is
nothing else. Only where it does not, a key is worked out before the function is called, and recorded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.dependencies import FutureLike, allow_failure, quote
from headrace.previews import MASK, MAX_TEXT, is_secret, is_secret_type, preview_arguments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from headrace.task_runners.call import Call

    TokenOf = Callable[[FutureLike], object]
    """What stands for an upstream: the run that it is."""

_LARGE = 10**15


def row_key(parameters: str | None, upstreams: Sequence[int | str]) -> str:
    """The key of a call whose row tells all: see ``is_told_by_row``.

    >>> row_key('{"x":1}', ()), row_key(None, (3, 4))
    ('{"x":1}', '3,4')
    """
    return ",".join(map(str, upstreams)) if upstreams else parameters or ""


def is_told_by_row(
    args: tuple[Any, ...], kwargs: Mapping[str, Any], parameters: str | None, upstreams: Sequence[object]
) -> bool:
    """Whether the row of such a call tells it from all others: ``upstreams`` are all it waits for.

    >>> is_told_by_row((1, "a"), {}, '{"x":1,"y":"a"}', ())
    True
    >>> is_told_by_row(([1],), {}, '{"x":[1]}', ())
    False
    """
    if upstreams:
        is_bare = not args and not kwargs
        return is_bare or (
            not kwargs
            and len(args) == len(upstreams)
            and all(isinstance(value, FutureLike) for value in args)
        )
    return _are_plain(args) and _are_plain(kwargs.values()) and (parameters is None or MASK not in parameters)


def key_of(call: Call, token_of: TokenOf) -> str | None:
    """What a resume knows the call by; ``None`` where its row tells that. ``token_of`` says which run a future stands for."""
    upstreams = call.fact_upstreams
    if is_told_by_row(call.args, call.kwargs, None, upstreams) and (upstreams or not _is_masked(call)):
        return None
    return digest_key(call.task.argument_names, call.args, call.kwargs, token_of)


def key_in_row(call: Call) -> str:
    """What a resume knows a call by whose row tells that."""
    return row_key(parameters_of(call), call.fact_upstreams)


def digest_key(
    names: Sequence[str], args: tuple[Any, ...], kwargs: Mapping[str, Any], token_of: TokenOf
) -> str:
    """The key of any other call; ``BY_POSITION`` if its arguments have none, or hold more than a mebibyte.

    Secrets do not count: what is never written shall not be guessed from a key either.
    """
    from headrace.engine.replay import BY_POSITION  # none of this is needed by most calls
    from headrace.errors import NoStableKeyError
    from headrace.stable_keys import stable_digest

    def stand_in(value: object) -> object | None:
        if isinstance(value, FutureLike):
            return ("run", token_of(value))
        if isinstance(value, allow_failure):
            return ("allowed", value.value)
        if isinstance(value, quote):
            return ("quoted", value.value)
        return "secret" if is_secret_type(type(value)) else None

    named = {**dict(zip(names, args, strict=False)), **kwargs}
    told = {name: value for name, value in named.items() if not is_secret(name, value)}
    try:
        return stable_digest((told, args[len(names) :]), stand_in=stand_in)
    except NoStableKeyError:
        return BY_POSITION


def _is_masked(call: Call) -> bool:
    return MASK in (parameters_of(call) or "")


def parameters_of(call: Call) -> str | None:
    """The preview of the arguments, as it is recorded when the call begins to execute."""
    if call.parameters is not None or call.fact_upstreams or not (call.args or call.kwargs):
        return call.parameters
    return preview_arguments(call.task.argument_names, call.args, call.kwargs)


def _are_plain(values: Iterable[Any]) -> bool:
    """Whether a preview shows each of them whole."""
    for value in values:
        kind = type(value)
        if kind is int:
            if not -_LARGE < value < _LARGE:
                return False
        elif kind is str:
            if len(value) > MAX_TEXT or "://" in value:
                return False
        elif kind is float:
            if value - value != 0:  # infinite, or no number
                return False
        elif value is not None and kind is not bool:
            return False
    return True
