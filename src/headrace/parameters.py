"""The parameters of a flow: bound like a Python call, then checked and coerced against annotations.

pydantic does the coercion. It costs hundreds of milliseconds to import, so it is asked only when a value does
not already satisfy its annotation as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.errors import ParameterError
from headrace.previews import MASK, is_secret, is_secret_type, preview

if TYPE_CHECKING:
    from collections.abc import Callable
    from inspect import Parameter, Signature

    from headrace.functions import Anatomy

Arguments = tuple[tuple[Any, ...], dict[str, Any]]

MASKED = MASK.strip('"')

_PLAIN = frozenset({str, int, float, bool, bytes, complex, list, dict, tuple, set, frozenset, type(None)})


class Parameters:
    """What a flow's function takes."""

    def __init__(self, fn: Callable[..., Any], anatomy: Anatomy) -> None:
        self._fn = fn
        self._anatomy = anatomy
        self._signature: Signature | None = None
        self._annotations: dict[str, Any] | None = None
        self._secret: frozenset[str] | None = None
        self._recorded: str | None = None

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """The arguments by name, defaults included. Raises ``TypeError`` as a Python call would.

        Those of ``*args`` are under that parameter's name as a tuple, those of ``**kwargs`` as a dict.
        """
        if not (args or kwargs or self._anatomy.parameters or self._anatomy.takes_any):
            return {}
        signature = self.signature()
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{self._anatomy.name}{_without_defaults(signature)}: {error}") from None
        bound.apply_defaults()
        return dict(bound.arguments)

    def signature(self) -> Signature:
        """The function's signature."""
        if self._signature is None:
            import inspect

            self._signature = inspect.signature(self._fn)
        return self._signature

    def defaults(self) -> dict[str, Any]:
        """The values of the parameters that need not be given."""
        parameters = self.signature().parameters.values()
        return {p.name: p.default for p in parameters if p.default is not p.empty}

    def unbind(self, values: dict[str, Any]) -> Arguments:
        """The way back: what to call the function with."""
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        if not values:
            return (), {}
        for name, parameter in self.signature().parameters.items():
            match parameter.kind:
                case parameter.VAR_POSITIONAL:
                    args.extend(values[name])
                case parameter.VAR_KEYWORD:
                    kwargs.update(values[name])
                case parameter.KEYWORD_ONLY:
                    kwargs[name] = values[name]
                case _:
                    args.append(values[name])
        return tuple(args), kwargs

    def masked(self, values: dict[str, Any]) -> dict[str, Any]:
        """The values as they may be shown before they are checked.

        Plain text or data that is given for a ``SecretStr``, or for a class with such a field, is masked: it is as
        secret as what it will become.
        """
        secret = self.secret_names()
        if not secret:
            return values
        return {
            name: MASKED if name in secret and _is_plain_data(value) else value
            for name, value in values.items()
        }

    def secret_names(self) -> frozenset[str]:
        """The parameters whose annotations tell of a secret."""
        if self._secret is None:
            annotations = self.annotations()
            self._secret = frozenset(name for name in annotations if hides_secret(annotations[name]))
        return self._secret

    def recorded(self) -> str:
        """The signature as the history keeps it, as JSON: see ``signatures``."""
        if self._recorded is None:
            from headrace.signatures import signature_json  # once a flow that takes something

            self._recorded = signature_json(self)
        return self._recorded

    def check(self, values: dict[str, Any], *, flow_name: str) -> dict[str, Any]:
        """The values, coerced where their annotations ask for it. Raises ``ParameterError`` that lists every field."""
        annotations = self.annotations()
        doubtful = {
            name: annotations[name]
            for name, value in values.items()
            if name in annotations
            and not satisfies(value, annotations[name])
            and value is not self.signature().parameters[name].default
        }
        if not doubtful:
            return values
        return {**values, **_coerce(values, doubtful, flow_name, masked=self.masked(values))}

    def annotations(self) -> dict[str, Any]:
        """What the parameters are annotated with, text resolved to types."""
        if self._annotations is None:
            raw = getattr(self._fn, "__annotations__", None) or {}
            annotations = {
                name: annotation for name, annotation in _resolved(self._fn, raw).items() if name != "return"
            }
            if self._anatomy.takes_any:
                for parameter in self.signature().parameters.values():
                    if parameter.name in annotations:
                        annotations[parameter.name] = _of_all(parameter, annotations[parameter.name])
            self._annotations = annotations
        return self._annotations


def _without_defaults(signature: Signature) -> Signature:
    """What a call has to look like; what defaults look like is nobody's business, and may be a secret."""
    return signature.replace(
        parameters=[
            parameter if parameter.default is parameter.empty else parameter.replace(default=_DEFAULT)
            for parameter in signature.parameters.values()
        ]
    )


def _is_plain_data(value: Any) -> bool:
    return value is not None and type(value).__module__ == "builtins"


class _Default:
    """Stands where a default was."""

    def __repr__(self) -> str:
        return "..."


_DEFAULT = _Default()


def hides_secret(annotation: Any, seen: tuple[Any, ...] = ()) -> bool:
    """Whether a secret type is part of the annotation, or of a field of a class in it.

    >>> from pydantic import BaseModel, SecretStr
    >>> class Login(BaseModel):
    ...     user: str
    ...     phrase: SecretStr
    >>> hides_secret(list[Login]), hides_secret(str)
    (True, False)
    """
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__forward_arg__", None)
    if isinstance(text, str):  # a name that is not known yet
        return "Secret" in text
    if any(annotation is known for known in seen):
        return False
    seen = (*seen, annotation)
    parts = getattr(annotation, "__args__", None)
    if isinstance(parts, tuple) and any(hides_secret(part, seen) for part in parts):
        return True
    if not isinstance(annotation, type) or annotation in _PLAIN:
        return False
    return is_secret_type(annotation) or any(hides_secret(field, seen) for field in _fields_of(annotation))


def _fields_of(kind: type) -> list[Any]:
    """The annotations of a class's fields; those of a pydantic model without the words of text they were written in."""
    declared = getattr(kind, "__pydantic_fields__", None)
    if isinstance(declared, dict):
        return [field.annotation for field in declared.values()]
    if kind.__module__ == "builtins":
        return []
    return [
        annotation for base in kind.__mro__ for annotation in vars(base).get("__annotations__", {}).values()
    ]


def _of_all(parameter: Parameter, annotation: Any) -> Any:
    """The annotation of what a parameter holds: that of ``*args`` and ``**kwargs`` is written for each of them."""
    if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
        return annotation
    import typing

    if isinstance(annotation, typing.ParamSpecArgs | typing.ParamSpecKwargs):
        return Any
    if typing.get_origin(annotation) is typing.Unpack:
        return typing.get_args(annotation)[0]
    return tuple[annotation, ...] if parameter.kind is parameter.VAR_POSITIONAL else dict[str, annotation]


def _resolved(fn: Any, annotations: dict[str, Any]) -> dict[str, Any]:
    """Annotations that are text, as types; one that names what cannot be found is not checked."""
    if not any(isinstance(annotation, str) for annotation in annotations.values()):
        return annotations
    import typing

    try:
        return typing.get_type_hints(fn, include_extras=True)
    except Exception:
        resolved = {}
        for name, annotation in annotations.items():
            try:
                one = {"__annotations__": {name: annotation}, "__module__": getattr(fn, "__module__", None)}
                holder = type("holder", (), one)
                resolved.update(
                    typing.get_type_hints(holder, getattr(fn, "__globals__", None), include_extras=True)
                )
            except Exception:
                resolved[name] = Any
        return resolved


def satisfies(value: Any, annotation: Any) -> bool:
    """Whether a value is fine as it is. ``False`` only means that pydantic has to be asked.

    >>> satisfies([1, 2], list[int]), satisfies(["1"], list[int])
    (True, False)
    """
    if annotation is Any or annotation is object:
        return True
    if annotation is None:
        return value is None
    if isinstance(annotation, type) and not hasattr(annotation, "__origin__"):
        if annotation in _PLAIN:
            return type(value) is annotation
        if getattr(annotation, "_is_protocol", False) and not getattr(
            annotation, "_is_runtime_protocol", False
        ):
            return True  # nothing can tell at run time
        return isinstance(value, annotation) and not hasattr(annotation, "__get_pydantic_core_schema__")
    return _satisfies_generic(value, annotation)


def _satisfies_generic(value: Any, annotation: Any) -> bool:
    import types
    import typing

    origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return any(satisfies(value, part) for part in parts)
    if origin is typing.Literal:
        return any(value is part or (type(value) is type(part) and value == part) for part in parts)
    if origin in (list, set, frozenset):
        return type(value) is origin and all(satisfies(item, parts[0]) for item in value)
    if origin is dict:
        return type(value) is dict and all(
            satisfies(key, parts[0]) and satisfies(item, parts[1]) for key, item in value.items()
        )
    if origin is tuple and type(value) is tuple:
        if len(parts) == 2 and parts[1] is Ellipsis:
            return all(satisfies(item, parts[0]) for item in value)
        return len(value) == len(parts) and all(map(satisfies, value, parts))
    return False


def _coerce(
    values: dict[str, Any], annotations: dict[str, Any], flow_name: str, *, masked: dict[str, Any]
) -> dict[str, Any]:
    from pydantic import ConfigDict, TypeAdapter, ValidationError
    from pydantic.errors import PydanticUserError

    coerced: dict[str, Any] = {}
    problems: list[str] = []
    for name, annotation in annotations.items():
        try:
            adapter = _adapter(TypeAdapter, ConfigDict, PydanticUserError, annotation)
        except Exception:  # what pydantic cannot check is passed on as it is
            adapter = None
        if adapter is None:
            continue
        try:
            coerced[name] = adapter.validate_python(values[name])
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                place = [str(part) for part in (name, *detail["loc"])]
                is_masked = masked[name] is not values[name]
                given = MASK if is_masked else _shown(detail.get("input"), place)
                problems.append(f"{'.'.join(place)}: {detail['msg']} (given: {given})")
    if problems:
        listed = "\n".join(f"  {problem}" for problem in problems)
        count = f"{len(problems)} parameter{'s do' if len(problems) > 1 else ' does'}"
        raise ParameterError(f"flow {flow_name!r}: {count} not fit:\n{listed}")
    return coerced


def _adapter(adapter: Any, config: Any, misuse: type[Exception], annotation: Any) -> Any:
    """The checker of pydantic for an annotation; classes it does not know are checked with ``isinstance``."""
    try:
        return adapter(annotation, config=config(arbitrary_types_allowed=True))
    except misuse:  # the annotation is a model, which has a config of its own
        return adapter(annotation)


def _shown(value: Any, place: list[str]) -> str:
    """The value in an error's text, masked if any name on the way to it tells of a secret."""
    return MASK if any(is_secret(name, value) for name in place) else preview(value)
