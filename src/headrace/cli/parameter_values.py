"""The values of ``-p name=value`` and ``--params``, checked against what the flow takes before there is a run."""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING, Any

import click

from headrace.parameters import satisfies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from headrace.flows import Flow


def takes_values(*, help: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:  # noqa: A002 - as click calls it
    """Gives a command the options ``-p`` and ``--params``, as its arguments ``pairs`` and ``document``."""

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        pair = click.option("-p", "--param", "pairs", metavar="NAME=VALUE", multiple=True, help=help)
        whole = click.option(
            "--params",
            "document",
            metavar="FILE",
            type=click.File(encoding="utf-8"),
            help="A file with parameters as a JSON object; - is the standard input, where no other program sees a secret.",
        )
        return pair(whole(command))

    return add


def read_values(
    flow: Flow[..., Any], pairs: Iterable[str], document: IO[str] | None = None
) -> dict[str, Any]:
    """The values by name. Raises ``click.UsageError`` that lists all that is wrong with the names."""
    return _values(flow, pairs, document, may_lack=False)


def read_given(flow: Flow[..., Any], pairs: Iterable[str], document: IO[str] | None = None) -> dict[str, Any]:
    """The same for values that take the place of others: none has to be given."""
    return _values(flow, pairs, document, may_lack=True)


def _values(
    flow: Flow[..., Any], pairs: Iterable[str], document: IO[str] | None, *, may_lack: bool
) -> dict[str, Any]:
    texts, problems = _split(pairs)
    whole = {} if document is None else _read_document(document)
    problems += [f"{name} is given by -p and by --params" for name in texts if name in whole]
    given = {**whole, **texts}
    parameters = flow.parameters.signature().parameters
    unknown = [name for name in given if name not in parameters]
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        unknown = []
    missing = [
        name
        for name, p in parameters.items()
        if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD) and name not in given
    ]
    if unknown:
        taken = f"it takes {', '.join(parameters)}" if parameters else "it takes none"
        problems.append(f"flow {flow.name!r} has no parameter {_quoted(unknown)} ({taken})")
    if missing and not may_lack:
        problems.append(
            f"flow {flow.name!r} needs a value for {_quoted(missing)}: give it with -p {missing[0]}=VALUE"
        )
    annotations = flow.parameters.annotations() if texts else {}
    values = {**whole, **{name: _read(text, annotations.get(name, Any)) for name, text in texts.items()}}
    problems += _wrong_shapes(flow, values)
    if problems:
        raise click.UsageError("; ".join(problems) + ".")
    return values


def as_call(flow: Flow[..., Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values bound to the flow's parameters, defaults included: ``*args`` are a list among them, ``**options`` an object."""
    bound: dict[str, Any] = {}
    parameters = flow.parameters.signature().parameters
    for name, parameter in parameters.items():
        match parameter.kind:
            case parameter.VAR_POSITIONAL:
                bound[name] = tuple(values.get(name, ()))
            case parameter.VAR_KEYWORD:
                others = {other: value for other, value in values.items() if other not in parameters}
                bound[name] = {**values.get(name, {}), **others}
            case _:
                bound[name] = values.get(name, parameter.default)
    return bound


def _read_document(document: IO[str]) -> dict[str, Any]:
    try:
        read = json.load(document)
    except (ValueError, RecursionError) as error:
        raise click.UsageError(f"--params {document.name} is no JSON: {error}.") from error
    if not isinstance(read, dict):
        raise click.UsageError(f'--params {document.name} is no JSON object, such as {{"month": 6}}.')
    return read


def _wrong_shapes(flow: Flow[..., Any], values: Mapping[str, Any]) -> list[str]:
    """What is wrong with the values of ``*args`` and ``**options``, if those are given as such."""
    problems = []
    for name, parameter in flow.parameters.signature().parameters.items():
        if parameter.kind is parameter.VAR_POSITIONAL and not isinstance(values.get(name, []), list):
            problems.append(f"{name} takes a list")
        if parameter.kind is parameter.VAR_KEYWORD and not isinstance(values.get(name, {}), dict):
            problems.append(f"{name} takes an object")
    return problems


def _split(pairs: Iterable[str]) -> tuple[dict[str, str], list[str]]:
    texts: dict[str, str] = {}
    problems: list[str] = []
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            problems.append(f"-p {pair!r} is no name=value")
        elif name in texts:
            problems.append(f"-p {name} is given twice")
        texts[name] = text
    return texts, problems


def _read(text: str, annotation: Any) -> Any:
    """JSON, or text if it is none, or if text is what the parameter asks for: the name ``007`` is no number."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if not satisfies(value, annotation) and satisfies(text, annotation):
        return text
    return value


def _quoted(names: Iterable[str]) -> str:
    return ", ".join([repr(name) for name in names])
