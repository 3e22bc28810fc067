"""A reader that tells a run under way from one that was cut off: its process is gone, and could no longer say so.

Such a run is still recorded as Running. It is shown as Crashed, its end at the last moment that was recorded.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from headrace.engine.states import StateName, StateType
from headrace.history.reader import Reader, Run, RunSummary, StateView, TaskGroup, TaskRun

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_CRASHED = StateName.CRASHED.value
_ENDED_WITH_THE_PROCESS = {StateType.RUNNING.value, StateType.CANCELLING.value}


class SharpReader(Reader):
    """What has been recorded, and what has become of it since."""

    def list_runs(self, limit: int = 20, *, state: str | None = None, **filters: Any) -> list[RunSummary]:
        """Flow runs, newest first, those in a state by what they are shown as."""
        if state is None:
            return [self._summary(run) for run in super().list_runs(limit, **filters)]
        recorded = super().list_runs(0, state=state, **filters)
        if state.lower() == _CRASHED.lower():
            for state_type in StateType:
                if not state_type.is_terminal:
                    recorded += super().list_runs(0, state=state_type.value, **filters)
            recorded.sort(key=lambda run: run.created_us, reverse=True)
        shown = [run for run in map(self._summary, recorded) if _is_in(run, state)]
        return shown[:limit] if limit else shown

    def get_run(self, name: str) -> Run:
        """As ``Reader.get_run``."""
        run = super().get_run(name)
        if not is_cut_off(run):
            return run
        end_us = self.last_moment(run)
        why = f"its process {run.provenance['pid']} is gone: the run was cut off"
        return run._replace(
            state=_CRASHED,
            state_type=StateType.CRASHED.value,
            states=(*run.states, StateView(_CRASHED, end_us, why)),
            ended_us=end_us,
            task_runs=_counts(run.task_runs),
        )

    def children(self, run: Run) -> list[RunSummary]:
        """As ``Reader.children``."""
        return [self._summary(child) for child in super().children(run)]

    def task_runs(self, run: Run, *, state: str | None = None, task: str | None = None) -> Iterator[TaskRun]:
        """As ``Reader.task_runs``."""
        if not _has_been_cut_off(run):
            yield from super().task_runs(run, state=state, task=task)
            return
        for task_run in map(_task_run, super().task_runs(run, task=task)):
            if state is None or _is_in(task_run, state):
                yield task_run

    def task_groups(self, run: Run) -> list[TaskGroup]:
        """As ``Reader.task_groups``."""
        groups = super().task_groups(run)
        if not _has_been_cut_off(run):
            return groups
        return [
            group._replace(state=_CRASHED, state_type=StateType.CRASHED.value)
            if group.state_type in _ENDED_WITH_THE_PROCESS
            else group
            for group in groups
        ]

    def _summary(self, run: RunSummary) -> RunSummary:
        if run.ended_us is not None:
            return run
        now = self.get_run(run.id)
        return run._replace(
            state=now.state, state_type=now.state_type, ended_us=now.ended_us, task_runs=now.task_runs
        )


def is_cut_off(run: Run) -> bool:
    """Whether the run is under way by its record, in a process of this machine that is no more."""
    pid = run.provenance.get("pid")
    if StateType(run.state_type).is_terminal or not isinstance(pid, int) or not hasattr(os, "uname"):
        return False
    if run.provenance.get("host") != os.uname().nodename:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:  # there is one, of another user
        return False
    return False


def _has_been_cut_off(run: Run) -> bool:
    """Whether that is how ``get_run`` has given it."""
    return run.state == _CRASHED and is_cut_off(run._replace(state_type=StateType.RUNNING.value))


def _task_run(task_run: TaskRun) -> TaskRun:
    if task_run.state_type not in _ENDED_WITH_THE_PROCESS:
        return task_run
    return task_run._replace(state=_CRASHED, state_type=StateType.CRASHED.value)


def _counts(counts: Mapping[str, int]) -> dict[str, int]:
    kept = {kind: count for kind, count in counts.items() if kind not in _ENDED_WITH_THE_PROCESS}
    gone = sum(counts.values()) - sum(kept.values())
    return kept | ({_CRASHED.upper(): kept.get(_CRASHED.upper(), 0) + gone} if gone else {})


def _is_in(run: RunSummary | TaskRun, state: str) -> bool:
    return state.lower() in (run.state.lower(), run.state_type.lower())
