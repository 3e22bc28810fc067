"""The form of *run again*: a field a parameter, made from the signature that the flow's own process has recorded.

What the history does not tell wholly is left open: a value that was cut, is no JSON, or was masked.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, get_args

from headrace.errors import LaunchError
from headrace.previews import MASK
from headrace.server.action_views import Field, FieldKind, Form
from headrace.server.recorded_program import program_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headrace.history.reader import Run

_KINDS = frozenset(get_args(FieldKind))


def form_of(run: Run) -> Form:
    """What to ask a person before the flow of that run runs again, with the values that it had."""
    signature = run.provenance.get("signature")
    fields = []
    if isinstance(signature, list):
        given = _given(run)
        whole = set(given).difference(_texts(run.provenance.get("not_whole")))
        fields = [_field(recorded, given, whole) for recorded in signature if isinstance(recorded, dict)]
    try:
        program_of(run)
    except LaunchError as error:
        return Form(flow=run.flow, fields=fields, can_run=False, why_not=str(error))
    if run.parameters is not None and not fields:
        why_not = f"{run.name} was recorded by a Headrace that did not keep which parameters its flow takes."
        return Form(flow=run.flow, fields=[], can_run=False, why_not=why_not)
    return Form(flow=run.flow, fields=fields, can_run=True, why_not=None)


def what_is_wrong(form: Form, given: Mapping[str, object]) -> list[str]:
    """What keeps these parameters from being what the form asks for."""
    names = {field.name for field in form.fields}
    unknown = [name for name in given if name not in names]
    missing = [field.name for field in form.fields if field.is_required and field.name not in given]
    return [f"{name} is no parameter of the flow" for name in unknown] + [
        f"{name} is missing" for name in missing
    ]


def _given(run: Run) -> dict[str, Any]:
    given = json.loads(run.parameters or "{}")
    return given if isinstance(given, dict) else {}


def _texts(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []


def _field(recorded: Mapping[str, Any], given: Mapping[str, Any], whole: set[str]) -> Field:
    name = str(recorded.get("name"))
    kind = _kind_of(recorded, given.get(name))
    shown = json.dumps(given[name], ensure_ascii=False) if name in given else None
    is_masked = shown is not None and MASK in shown
    value = shown if name in whole else _retold(recorded, kind, given.get(name))
    return Field(
        name=name,
        kind="secret" if is_masked and kind not in ("json", "secret") else kind,
        annotation=recorded.get("annotation"),
        is_required=is_masked or bool(recorded.get("is_required")),
        default=json.dumps(recorded["default"], ensure_ascii=False) if "default" in recorded else None,
        value=value,
        shown=shown,
        choices=_json_texts(recorded.get("choices")),
    )


def _kind_of(recorded: Mapping[str, Any], given: object) -> FieldKind:
    """As it is recorded; of a parameter about which nothing is said a text, if it was given one."""
    kind: FieldKind = recorded["kind"] if recorded.get("kind") in _KINDS else "json"
    is_open = kind == "json" and "annotation" not in recorded and not recorded.get("is_secret")
    return "text" if is_open and isinstance(given, str) else kind


def _retold(recorded: Mapping[str, Any], kind: FieldKind, given: object) -> str | None:
    """A value that was no JSON, as JSON from which the annotation makes it again; ``None`` if that cannot be told."""
    shown: Sequence[object] = recorded.get("shown") or ()
    if kind == "choice" and given in shown:
        return json.dumps(recorded["choices"][shown.index(given)], ensure_ascii=False)
    is_written = kind == "text" and recorded.get("annotation") not in (None, "str") and isinstance(given, str)
    if is_written and "…" not in str(given) and str(given) != json.loads(MASK):  # a date, a path
        return json.dumps(given, ensure_ascii=False)
    return None


def _json_texts(values: object) -> list[str] | None:
    return [json.dumps(value, ensure_ascii=False) for value in values] if isinstance(values, list) else None
