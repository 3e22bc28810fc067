"""The values of ``-p name=value``, checked against what the flow takes before there is a run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from headrace.parameters import satisfies

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headrace.flows import Flow


def read_values(flow: Flow[..., Any], pairs: Iterable[str]) -> dict[str, Any]:
    """The values by name. Raises ``click.UsageError`` that lists all that is wrong with the names."""
    return _values(flow, pairs, may_lack=False)


def read_given(flow: Flow[..., Any], pairs: Iterable[str]) -> dict[str, Any]:
    """The same for values that take the place of others: none has to be given."""
    return _values(flow, pairs, may_lack=True)


def _values(flow: Flow[..., Any], pairs: Iterable[str], *, may_lack: bool) -> dict[str, Any]:
    texts, problems = _split(pairs)
    parameters = flow.parameters.signature().parameters.values()
    named = {p.name: p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)
    unknown = [] if takes_any else [name for name in texts if name not in named]
    missing = [name for name, p in named.items() if p.default is p.empty and name not in texts]
    if unknown:
        taken = f"it takes {', '.join(named)}" if named else "it takes none"
        problems.append(f"flow {flow.name!r} has no parameter {_quoted(unknown)} ({taken})")
    if missing and not may_lack:
        problems.append(
            f"flow {flow.name!r} needs a value for {_quoted(missing)}: give it with -p {missing[0]}=VALUE"
        )
    if problems:
        raise click.UsageError("; ".join(problems) + ".")
    annotations = flow.parameters._known_annotations() if texts else {}
    return {name: _read(text, annotations.get(name, Any)) for name, text in texts.items()}


def as_call(flow: Flow[..., Any], values: dict[str, Any]) -> dict[str, Any]:
    """The values bound to the flow's parameters, defaults included."""
    parameters = flow.parameters.signature().parameters.values()
    args = [values[p.name] for p in parameters if p.kind is p.POSITIONAL_ONLY and p.name in values]
    only = {p.name for p in parameters if p.kind is p.POSITIONAL_ONLY}
    return flow.parameters.bind(tuple(args), {k: v for k, v in values.items() if k not in only})


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
