"""What the API tells of two flow runs side by side: parameters, and tasks with their durations."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from headrace.history import browsing, flow_health
from headrace.history.reader import RunSummary
from headrace.server.api.endpoint import Endpoint
from headrace.server.api.paging import fitting
from headrace.server.api.parameters import Parameter
from headrace.server.api.run_rows import NAME, TEXT, counts_of, cut, cut_or_none, row_of
from headrace.server.api.views import Comparison, ParameterPair, TaskPair, TaskSum

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.history.reader import Reader, Run
    from headrace.server.api.views import RunRow

_PART_BYTES = 400_000


def compare_runs(reader: Reader, *, a: str, b: str) -> Comparison:
    """Two flow runs side by side. Raises ``RunNotFoundError``."""
    first, second = browsing.get_run(reader, a), browsing.get_run(reader, b)
    sums, other_sums = _task_sums(reader, first.key), _task_sums(reader, second.key)
    return Comparison(
        runs=(_row_of(first), _row_of(second)),
        parameters=fitting(_parameter_pairs(first.parameters, second.parameters), _PART_BYTES),
        tasks=fitting(
            [
                TaskPair(cut(task, NAME), sums.get(task), other_sums.get(task))
                for task in dict.fromkeys([*sums, *other_sums])
            ],
            _PART_BYTES,
        ),
    )


def _parameter_pairs(a: str | None, b: str | None) -> list[ParameterPair]:
    first, second = _texts_by_name(a), _texts_by_name(b)
    return [
        ParameterPair(
            cut(name, NAME),
            cut_or_none(first.get(name), TEXT),
            cut_or_none(second.get(name), TEXT),
            first.get(name) == second.get(name),
        )
        for name in dict.fromkeys([*first, *second])
    ]


def _texts_by_name(preview: str | None) -> Mapping[str, str]:
    """Each parameter as JSON text. A preview that was cut short stands whole, under an empty name."""
    if preview is None:
        return {}
    try:
        values: Any = json.loads(preview)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        return {"": preview}
    return {name: json.dumps(value, ensure_ascii=False) for name, value in values.items()}


def _task_sums(reader: Reader, run: int) -> dict[str, TaskSum]:
    return {
        task: TaskSum(sum(found.counts.values()), counts_of(found.counts), found.ran_us, found.median_us)
        for task, found in flow_health.task_sums(reader, run).items()
    }


def _row_of(run: Run) -> RunRow:
    return row_of(
        RunSummary(
            run.id, run.kind, run.flow, run.name, run.state, run.state_type, run.created_us, run.started_us,
            run.ended_us, run.tags, run.parent, run.task_runs, run.states[-1].message,
        )
    )  # fmt: skip


def _run_id(name: str) -> Parameter:
    return Parameter(name=name, about="the whole id of a flow run", is_required=True)


ENDPOINTS = (
    Endpoint(
        path="/api/runs/compare",
        handler=compare_runs,
        summary="Two flow runs side by side: parameters, and tasks with their durations",
        answer=Comparison,
        parameters=(_run_id("a"), _run_id("b")),
    ),
)
