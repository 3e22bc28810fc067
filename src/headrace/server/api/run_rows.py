"""Flow runs of the history as the API shows them: every text bounded, so that a page of any rows has an end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.engine.states import StateName, StateType
from headrace.server.api.paging import fitting
from headrace.server.api.views import Failure, Question, Run, RunRow, State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from headrace.history.reader import FailureView, OpenQuestion, Run as RecordedRun, RunSummary, StateView
    from headrace.server.api.views import Action, LimitWait

NAME = 500
TEXT = 10_000
TRACEBACK = 40_000
_REASON = 2_000
_MAX_TAGS = 100
_MAX_STATES = 500
_MAX_QUESTIONS = 10
_PART_BYTES = 100_000
_OF_FORM = frozenset({"signature", "not_whole"})
"""What only the form of *run again* needs."""


def cut(text: str, most: int) -> str:
    """The text, or its beginning and an ellipsis."""
    return text if len(text) <= most else text[: most - 1] + "…"


def cut_or_none(text: str | None, most: int) -> str | None:
    """The same for a text that may be missing."""
    return None if text is None else cut(text, most)


def row_of(run: RunSummary) -> RunRow:
    """A flow run as a list shows it."""
    return RunRow(
        id=run.id,
        kind=run.kind,
        flow=cut(run.flow, NAME),
        name=cut(run.name, NAME),
        state=run.state,
        state_type=StateType(run.state_type).value,
        reason=cut_or_none(run.reason, _REASON),
        created_us=run.created_us,
        started_us=run.started_us,
        ended_us=run.ended_us,
        tags=tags_of(run.tags),
        parent=run.parent,
        task_runs=counts_of(run.task_runs),
    )


def run_of(
    run: RecordedRun,
    *,
    upstream_failed: int,
    subflows: int,
    questions: Sequence[OpenQuestion],
    waits: list[LimitWait],
) -> Run:
    """All that is shown of a flow run."""
    dashboard = run.provenance.get("dashboard")
    return Run(
        id=run.id,
        kind=run.kind,
        flow=cut(run.flow, NAME),
        name=cut(run.name, NAME),
        state=run.state,
        state_type=StateType(run.state_type).value,
        reason=cut_or_none(run.states[-1].message, _REASON),
        created_us=run.created_us,
        started_us=run.started_us,
        ended_us=run.ended_us,
        tags=tags_of(run.tags),
        parent=run.parent,
        task_runs=counts_of(run.task_runs),
        upstream_failed=upstream_failed,
        version=cut_or_none(run.version, NAME),
        states=states_of(run.states),
        task_runner=cut(run.task_runner, NAME),
        parameters=cut_or_none(run.parameters, TEXT),
        result_preview=cut_or_none(run.result_preview, TEXT),
        result_note=cut_or_none(run.result_note, _REASON),
        failure=failure_of(run.failure),
        provenance=_bounded(run.provenance),
        epoch=run.epoch,
        dashboard_url=dashboard if _is_address(dashboard) else None,
        subflows=subflows,
        questions=[
            Question(cut(asked.prompt, _REASON), asked.occurrence, cut(asked.question, _REASON))
            for asked in questions[:_MAX_QUESTIONS]
        ],
        waits=waits,
        actions=_actions(run, has_questions=bool(questions)),
    )


def tags_of(tags: Sequence[str]) -> list[str]:
    """The tags, each bounded, and so many at most."""
    return [cut(tag, 200) for tag in tags[:_MAX_TAGS]]


def counts_of(counts: Mapping[str, int]) -> dict[Any, int]:
    """Counts by types of states."""
    return dict(counts)


def states_of(states: Sequence[StateView]) -> list[State]:
    """The states, of very many the latest."""
    latest_first = [
        State(state.name, state.at_us, cut_or_none(state.message, _REASON))
        for state in reversed(states[-_MAX_STATES:])
    ]
    return fitting(latest_first, _PART_BYTES)[::-1]


def failure_of(failure: FailureView | None) -> Failure | None:
    """The failure; of a very long traceback its end, which says where it happened."""
    if failure is None:
        return None
    trace = failure.traceback
    end = trace if len(trace) <= TRACEBACK else "…" + trace[-TRACEBACK:]
    return Failure(cut(failure.type, NAME), cut(failure.message, TEXT), end)


def _actions(run: RecordedRun, *, has_questions: bool) -> list[Action]:
    """What can be done with it now."""
    state_type = StateType(run.state_type)
    actions: list[Action] = []
    if has_questions:
        actions.append("answer")
    if not state_type.is_terminal:
        return [*actions, "cancel"]
    if run.kind == "flow":
        if run.state != StateName.COMPLETED and run.parent is None:
            actions.append("resume")
        if run.provenance.get("entry_point"):
            actions.append("run_again")
    return [*actions, "delete"]


def _bounded(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of where it came from, as texts and lists of a size that is shown."""
    known = [(cut(name, NAME), _bounded_value(value)) for name, value in list(provenance.items())[:50]]
    return dict(fitting(known, _PART_BYTES))


def _bounded_value(value: Any) -> Any:
    match value:
        case str():
            return cut(value, _REASON)
        case bool() | int() | None:
            return value
        case list():
            return [cut(str(item), 500) for item in value[:50]]
        case _:
            return cut(str(value), _REASON)


def _is_address(dashboard: object) -> bool:
    """Whether it can be a link: anything but an address of the web stays text."""
    return isinstance(dashboard, str) and dashboard.startswith(("http://", "https://"))
