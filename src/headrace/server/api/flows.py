"""What the API tells of flows: how each of them does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.engine.states import StateType
from headrace.history import flow_health
from headrace.server.api.endpoint import Endpoint
from headrace.server.api.paging import fitting
from headrace.server.api.run_rows import NAME, cut
from headrace.server.api.views import FlowList, FlowRow, LastRun

if TYPE_CHECKING:
    from headrace.history.flow_health import LastRun as RecordedRun
    from headrace.history.reader import Reader

_LAST_RUNS = 20
_MAX_FLOWS = 500


def list_flows(reader: Reader) -> FlowList:
    """Every flow with its last runs; of very many those that ran last."""
    last_runs = flow_health.last_runs(reader, _LAST_RUNS)
    return FlowList(
        fitting(
            [
                FlowRow(
                    flow=cut(health.flow, NAME),
                    runs=health.runs,
                    last=[_last_run_of(run) for run in last_runs.get(health.flow, ())],
                    success_rate=health.success_rate,
                    median_us=health.median_us,
                    p95_us=health.p95_us,
                    trend=health.trend,
                )
                for health in flow_health.flows(reader, _MAX_FLOWS)
            ]
        )
    )


def _last_run_of(run: RecordedRun) -> LastRun:
    state_type = StateType(run.state_type)
    return LastRun(run.id, cut(run.name, NAME), run.state, state_type.value, run.created_us, run.duration_us)


ENDPOINTS = (
    Endpoint(
        path="/api/flows",
        handler=list_flows,
        summary="Every flow: its last runs, how often it completes, and how long that takes",
        answer=FlowList,
    ),
)
