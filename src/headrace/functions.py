"""What the decorators need to know of a function, without the price of importing ``inspect``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

_GENERATOR = 0x20
_COROUTINE = 0x80
_ITERABLE_COROUTINE = 0x100
_ASYNC_GENERATOR = 0x200
_VARIADIC = 0x04
_KEYWORD_VARIADIC = 0x08


class Anatomy(NamedTuple):
    """A function's name, kind, parameters, and the place of its code."""

    name: str
    is_async: bool
    positional: tuple[str, ...]
    keyword_only: tuple[str, ...]
    takes_any: bool
    file: str | None = None

    @property
    def place(self) -> tuple[str, str | None]:
        """The entry point, as ``file.py:function``, and the file."""
        return (f"{self.file or '<unknown>'}:{self.name}", self.file)

    @property
    def parameters(self) -> tuple[str, ...]:
        """All parameters that have a name."""
        return self.positional + self.keyword_only


def check_options(kind: type, options: dict[str, Any], *, decorator: str) -> None:
    """Raises ``TypeError`` for an option that ``kind`` does not take, with the one that may be meant."""
    known = kind.__init__.__kwdefaults__  # type: ignore[misc]  # that of the class itself, which has keyword options only
    for name in options:
        if name not in known:
            from difflib import get_close_matches

            meant = get_close_matches(name, known, n=1, cutoff=0.7)
            hint = f"do you mean {meant[0]!r}?" if meant else f"there are {', '.join(known)}"
            raise TypeError(f"@{decorator} has no option {name!r} in this version: {hint}")


def examine(function: Callable[..., Any], *, decorator: str) -> Anatomy:
    """What kind of function it is. Raises ``TypeError`` for what cannot be a task or a flow."""
    if isinstance(function, type) or not callable(_unbound(function)):
        message = (
            f"@{decorator} takes a function, not {function!r}; write @{decorator} or @{decorator}(option=...), "
            f"and give options by keyword"
        )
        raise TypeError(message)
    innermost, skipped, preset = _innermost(_unbound(function))
    name = getattr(innermost, "__name__", type(innermost).__name__)
    code: CodeType | None = getattr(innermost, "__code__", None)
    if code is None:
        call = getattr(type(innermost), "__call__", None)  # noqa: B004 - its code is what is asked for
        code = getattr(call, "__code__", None)
        skipped += 1
    if code is None:  # written in C
        return Anatomy(name, False, (), (), True)
    if code.co_flags & (_GENERATOR | _ASYNC_GENERATOR) and not code.co_flags & _ITERABLE_COROUTINE:
        message = (
            f"{name!r} is a generator function, and a generator cannot be the result of a run: "
            f"collect its items, for instance in a list, and return that"
        )
        raise TypeError(message)
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return Anatomy(
        "lambda" if name == "<lambda>" else name,
        bool(code.co_flags & (_COROUTINE | _ITERABLE_COROUTINE)),
        tuple(parameter for parameter in names[skipped : code.co_argcount] if parameter not in preset),
        tuple(parameter for parameter in names[code.co_argcount :] if parameter not in preset),
        bool(code.co_flags & (_VARIADIC | _KEYWORD_VARIADIC)),
        code.co_filename,
    )


def is_bindable(function: Any, instance: object) -> bool:
    """Whether Python would bind it when it is looked up on this object, or on a class if that is ``None``."""
    if instance is None:
        return isinstance(function, classmethod | staticmethod)
    return hasattr(type(function), "__get__")


def check_text(option: str, value: Any) -> str | None:
    """The option as it is. Raises ``TypeError`` for what is no text, ``ValueError`` for an empty one."""
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{option}={value!r}: give a text")
    if value is not None and not value.strip():
        raise ValueError(f"{option}={value!r} is empty: give a text, or leave it out")
    return value


def _unbound(function: Any) -> Any:
    """What a classmethod or a staticmethod wraps."""
    return function.__func__ if isinstance(function, classmethod | staticmethod) else function


def _innermost(function: Any) -> tuple[Any, int, set[str]]:
    """Below partials and bound methods; with the number and the names of arguments already given."""
    skipped = 0
    preset: set[str] = set()
    while True:
        if hasattr(function, "func") and hasattr(function, "keywords") and hasattr(function, "args"):
            skipped += len(function.args)
            preset.update(function.keywords)
            function = function.func
        elif hasattr(function, "__func__") and hasattr(function, "__self__"):
            skipped += 1
            function = function.__func__
        else:
            return function, skipped, preset
