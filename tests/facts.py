"""Makes facts as the driver would."""

from __future__ import annotations

import itertools
from typing import Any

from headrace.engine.states import State, StateName
from headrace.history.facts import FlowRunFact, LogFact, StoredResult, TaskRunFact

NONE_PICKLED = b"\x80\x05N."


class Facts:
    """Facts of one flow run, with everything that a test does not care about filled in."""

    def __init__(self, flow_run_id: str = "run-1") -> None:
        self.flow_run_id = flow_run_id
        self._clock = itertools.count(1_700_000_000_000_000)

    def states(self, *names: StateName) -> tuple[State, ...]:
        return tuple(State(name, next(self._clock)) for name in names)

    def flow(self, *names: StateName, **changes: Any) -> FlowRunFact:
        states = self.states(*(names or (StateName.PENDING, StateName.RUNNING)))
        ended = states[-1].at_us if states[-1].is_terminal else None
        fact = FlowRunFact(
            self.flow_run_id, "flow", "my_flow", "busy-otter", None, (), states, states[0].at_us, ended, None,
            "ConcurrentTaskRunner", "{}", None, None, None,
        )  # fmt: skip
        return fact._replace(**changes)

    def task(self, number: int, *names: StateName, **changes: Any) -> TaskRunFact:
        """A plain completed run, unless other states are named."""
        states = self.states(*(names or (StateName.PENDING, StateName.RUNNING, StateName.COMPLETED)))
        started = next((state.at_us for state in states if state.name is StateName.RUNNING), None)
        ended = states[-1].at_us if states[-1].is_terminal else None
        result = StoredResult(NONE_PICKLED, "null") if states[-1].name is StateName.COMPLETED else None
        fact = TaskRunFact(
            self.flow_run_id, number, None, "my_task", number - 1, None, (), states, started, ended,
            0 if started is None else 1, (), (), None, "thread-1", result, None,
        )  # fmt: skip
        return fact._replace(**changes)

    def log(self, message: str, task_run: int | None = None, level: int = 20) -> LogFact:
        return LogFact(self.flow_run_id, task_run, next(self._clock), level, "headrace.flow_runs", message)
