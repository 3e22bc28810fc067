"""The signature of a flow as the history keeps it: what another process needs to ask a person for its parameters.

The flow's own process writes it, for only there the annotations mean something. Whoever reads it imports nothing of the
user's.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from headrace.previews import is_secret, is_secret_type, preview, preview_arguments, says_all, text_json

if TYPE_CHECKING:
    from inspect import Parameter

    from headrace.parameters import Parameters

_MAX_PARAMETERS = 100
_MAX_CHOICES = 50
_MAX_CHARACTERS = 16_000
_MAX_ANNOTATION = 200
_KINDS: dict[Any, str] = {str: "text", int: "integer", float: "number", bool: "boolean"}
_WRITTEN_AS_TEXT = frozenset(
    {"date", "datetime", "time", "timedelta", "Decimal", "Fraction", "UUID", "Path", "PurePath"}
)


def signature_json(parameters: Parameters) -> str:
    r"""A JSON array with an object a parameter: its name, and the kind of field that asks for it.

    The other members are there where they say something: ``annotation``, ``default`` (a preview), ``choices`` (the values of a
    ``Literal`` or an ``Enum``), ``shown`` (what previews call the members of an ``Enum``), ``is_secret``, ``is_required``.

    >>> from headrace import flow
    >>> @flow
    ... def report(month: int, token: str = "") -> None: ...
    >>> print(signature_json(report.parameters).replace("},", "},\n"))
    [{"name":"month","kind":"integer","annotation":"int","is_required":true},
    {"name":"token","kind":"secret","annotation":"str","default":"**********","is_secret":true}]
    """
    meanings = parameters.annotations()
    listed = list(parameters.signature().parameters.values())[:_MAX_PARAMETERS]
    hidden = parameters.secret_names()
    fields: list[str] = []
    left = _MAX_CHARACTERS
    for one in listed:
        field = _field(one, meanings.get(one.name), hides_secret=one.name in hidden)
        left -= len(field)
        fields.append(field if left > 0 else _bare(one))
    return f"[{','.join(fields)}]"


def _bare(parameter: Parameter) -> str:
    """What is kept of a parameter when others have said so much already."""
    required = ',"is_required":true' if parameter.default is parameter.empty else ""
    return f'{{"name":{text_json(parameter.name)},"kind":"json"{required}}}'


def _field(parameter: Parameter, meaning: Any, *, hides_secret: bool) -> str:
    name, default = parameter.name, parameter.default
    has_default = default is not parameter.empty
    try:
        kind, choices = _kind_of(parameter, _plain(meaning))
        words = "" if parameter.annotation is parameter.empty else _words(parameter.annotation)
    except Exception:  # a user's class may do anything when it is asked
        kind, choices, words = "json", (), ""
    is_hidden = hides_secret or is_secret(name, 0 if kind in ("integer", "number") else "")
    if is_hidden and kind != "json":
        kind = "secret"
    parts = [f'"name":{text_json(name)},"kind":"{kind}"']
    if words:
        parts.append(f'"annotation":{text_json(words)}')
    if has_default:
        shown = {name: "**********"} if is_hidden and default is not None else {name: default}
        parts.append(f'"default":{preview_arguments((), (), shown)[len(text_json(name)) + 2 : -1]}')
    if kind == "choice":
        parts.append(f'"choices":[{",".join([preview(_value(choice)) for choice in choices])}]')
        if isinstance(choices[0], Enum):
            parts.append(f'"shown":[{",".join([preview(choice) for choice in choices])}]')
    if is_hidden:
        parts.append('"is_secret":true')
    if not has_default and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
        parts.append('"is_required":true')
    return f"{{{','.join(parts)}}}"


def _plain(annotation: Any) -> Any:
    """Without what does not change how a value is written: ``Annotated``, ``NewType``, ``| None``."""
    import types
    import typing

    while True:
        origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
        if origin is typing.Annotated:
            annotation = parts[0]
        elif origin in (typing.Union, types.UnionType) and len(parts) == 2 and type(None) in parts:
            annotation = parts[0] if parts[1] is type(None) else parts[1]
        elif hasattr(annotation, "__supertype__"):
            annotation = annotation.__supertype__
        else:
            return annotation


def _kind_of(parameter: Parameter, meaning: Any) -> tuple[str, tuple[Any, ...]]:
    """The kind of field, and the choices of a ``choice``."""
    import typing

    if meaning is None and type(parameter.default) in _KINDS:  # nothing is said but by the default
        return _KINDS[type(parameter.default)], ()
    choices: tuple[Any, ...] = ()
    if typing.get_origin(meaning) is typing.Literal:
        choices = typing.get_args(meaning)
    if not isinstance(meaning, type):
        kind = "json"
    elif issubclass(meaning, Enum):
        kind, choices = "json", tuple(meaning)
    elif is_secret_type(meaning):
        kind = "secret"
    elif meaning.__name__ in _WRITTEN_AS_TEXT:
        kind = "text"
    else:
        kind = _KINDS.get(meaning, "json")
    if 0 < len(choices) <= _MAX_CHOICES and all(_is_scalar(_value(choice)) for choice in choices):
        return "choice", choices
    return kind, ()


def _value(choice: Any) -> Any:
    return choice.value if isinstance(choice, Enum) else choice


def _is_scalar(value: Any) -> bool:
    return (value is None or type(value) in _KINDS) and says_all("", value)


def _words(annotation: Any) -> str:
    """The annotation as it is written."""
    import inspect  # signatures come from there, so it is loaded

    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return text if len(text) <= _MAX_ANNOTATION else text[: _MAX_ANNOTATION - 1] + "…"
