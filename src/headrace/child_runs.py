"""Tasks that an attempt calls on a remote worker: decided about there, by the same engine, and adopted by their flow run.

On the worker ``ChildRuns`` stands where a flow run would, and gathers the facts that a history would be told. They
travel with the attempt's outcome. In the flow's process an ``Adoption`` gives them ids of the flow run, and posts them.
"""

from __future__ import annotations

import sys
from itertools import count
from typing import TYPE_CHECKING, Any

from headrace.clock import system_clock
from headrace.completion import Gate
from headrace.driver import Driver
from headrace.engine.events import Ending, FlowStarted, FunctionEnded, RunAdopted
from headrace.engine.states import StateName
from headrace.engine.task_run import Phase
from headrace.futures import running_loop
from headrace.history.facts import LogFact, PlainTaskRunFact, TaskRunFact
from headrace.hooks import NO_HOOKS
from headrace.task_runners import ConcurrentTaskRunner
from headrace.task_runners.call import NO_CONTEXT, Call, Report
from headrace.task_runners.remote.exceptions import pack_with_frames, unpack_error
from headrace.task_runners.remote.outcome import Child
from headrace.task_runners.remote.pickling import dump, loads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from headrace.completion import Milestone
    from headrace.engine.states import Change
    from headrace.futures import TaskFuture
    from headrace.history.facts import Fact, FlowRunFact
    from headrace.history.keeping import ResultPlace
    from headrace.run_context import TaskRunContext
    from headrace.task_runners.remote.outpost import Outpost
    from headrace.tasks import Task


class ChildRuns:
    """The child runs of one attempt, on its worker. Their ids there begin above that of the attempt's task run."""

    logs_failures = False
    is_on_worker = True
    has_room = True
    changes: tuple[Change, ...] = ()

    def __init__(self, outpost: Outpost) -> None:
        commission = outpost.flow_run
        self.flow_run_id = commission.flow_run_id
        self.flow_name = commission.flow_name
        self.name = commission.name
        self.logs_prints = commission.logs_prints
        self.keeping = commission.keeping
        self._outpost = outpost
        self._facts: dict[int, TaskRunFact | PlainTaskRunFact] = {}
        self._aftermath = _HooksToCall()
        self._driver = Driver(
            flow_run=self,  # type: ignore[arg-type]  # as far as task runs go, it is one
            runner=ConcurrentTaskRunner(),
            history=self,  # type: ignore[arg-type]  # as far as facts go, it is one
            clock=system_clock,
            loop=running_loop(),
            is_inline=False,
            ids=count(outpost.call.id + 1),
        )
        self._driver.aftermath = self._aftermath  # type: ignore[assignment]
        self._driver.post(FlowStarted(system_clock.now_us()))

    def submit(
        self, task: Task[Any, Any], args: tuple[Any, ...], kwargs: dict[str, Any], parent: Call, wait_for: Any
    ) -> TaskFuture[Any]:
        """A task was called: its future."""
        return self._driver.submit(task, args, kwargs, parent, wait_for)

    def cancel(self) -> None:
        """Have all of them stop, since the attempt that called them is to."""
        self._driver.cancel(None, "the task run that called it was stopped")

    def finish(self) -> tuple[Child, ...]:
        """Wait until all of them have ended: their records, in the order of their calls."""
        driver = self._driver
        driver.post(FunctionEnded(system_clock.now_us(), Ending.RETURNED))
        gate = Gate(retrieves=False)
        driver.ended.add_done_callback(gate)
        gate.wait(None)
        driver.close()
        assert driver.end is not None
        unseen = set(driver.end.unseen)
        return tuple([self._record_of(id, is_seen=id not in unseen) for id in sorted(self._facts)])

    def _record_of(self, id: int, *, is_seen: bool) -> Child:
        fact = self._facts[id]
        task = self._aftermath.tasks.get(id)
        in_full = fact.in_full() if isinstance(fact, PlainTaskRunFact) else fact
        roots: tuple[int, ...] = ()
        error = None
        if in_full.states[-1][0] is not StateName.COMPLETED:
            run = self._driver.failed_run(id)
            roots = run.roots
            # Not the exception's own traceback: it grows whenever somebody's `result()` raises it again.
            error = pack_with_frames(run.exception(), run.traceback)
        return Child(in_full, roots, is_seen, error, None if task is None else dump(task))

    # -- in the place of a flow run and of a history ---------------------------------------------

    def stop(self, _reason: str) -> None:
        """Nobody stops it but with its worker."""

    def become_known(self) -> None:
        """The history knows the flow run since it called the task that executes here."""

    def record_changes(self, _changes: tuple[Change, ...]) -> None:
        """The flow run itself is none of our business."""

    def record(self, fact: Fact | FlowRunFact) -> None:
        """Keep the latest fact of each run; log lines go to the flow's process at once."""
        if isinstance(fact, TaskRunFact | PlainTaskRunFact):
            self._facts[fact.id] = fact
        elif isinstance(fact, LogFact):
            self._outpost.record(fact)

    def admit(self, nbytes: int) -> None:
        """Nothing is written here."""

    count = admit

    def result_place(self) -> ResultPlace:
        """Where files of results go: as the flow's process says."""
        return self._outpost.flow_run.place


class _HooksToCall:
    """Which task runs have hooks to call: that is for the flow's process, as is the logging of states."""

    def __init__(self) -> None:
        self.tasks: dict[int, Task[Any, Any]] = {}

    def put(self, chore: Callable[[], None]) -> None: ...

    def put_hook(self, _hook: Any, task: Task[Any, Any], run: TaskRunContext, _state: Any) -> None:
        self.tasks[run.task_run_id] = task

    def put_marker(self) -> Milestone | None:
        return None

    def close(self) -> None: ...


class Adoption:
    """The child runs of one attempt, under ids of the flow run that it belongs to."""

    def __init__(self, parent: Call) -> None:
        self._driver: Driver = parent.driver  # type: ignore[assignment]
        self._ids = {parent.id: parent.id}

    def id_of(self, id: int) -> int:
        """The id in the flow run of what has this id on the worker."""
        if id not in self._ids:
            self._ids[id] = self._driver.new_id()
        return self._ids[id]

    def adopt(self, children: Iterable[Child], shift_us: int) -> None:
        """Post the child runs, each with its record complete. ``shift_us`` is what our clock is ahead of the worker's."""
        for child in children:
            self._driver.post(RunAdopted(self._call_of(child, shift_us), child.is_seen))

    def _call_of(self, child: Child, shift_us: int) -> Call:
        fact = _shifted(child.fact, shift_us)
        driver = self._driver
        task: Any = _TaskElsewhere(fact.task) if child.task is None else _with_own_hooks(loads(child.task))
        index = driver.new_index(fact.task)
        call = Call(driver, task, self.id_of(fact.id), index, fact.states[0][1], (), {}, NO_CONTEXT)
        assert fact.parent is not None
        call.parent = self.id_of(fact.parent)
        call.run_name = fact.name
        call.tags = fact.tags
        call.parameters = fact.parameters
        call.fact_upstreams = tuple([self._upstream(upstream) for upstream in fact.upstreams])
        call.started_us = fact.started_us
        call.number = fact.attempt_count
        call.attempts = fact.attempts
        call.failure = fact.failure
        call.is_told_plainly = False
        call.phase = Phase.ENDED
        call._story = list(fact.states)
        call.name = fact.states[-1][0]
        call.roots = tuple([self.id_of(root) for root in child.roots])
        call.asyncio_task = None
        if child.error is not None:
            call.error = unpack_error(child.error)
            call.traceback = call.error.__traceback__
        if call.name is StateName.COMPLETED:
            call.report = Report(
                call, call.number, fact.started_us or 0, fact.ended_us or 0, Ending.RETURNED, None, fact.result,
                fact.worker or "",
            )  # fmt: skip
        return call

    def _upstream(self, upstream: int | str) -> int | str:
        return self.id_of(upstream) if isinstance(upstream, int) else upstream


def _shifted(fact: TaskRunFact, shift_us: int) -> TaskRunFact:
    """The same at another time."""
    if not shift_us:
        return fact
    return fact._replace(
        states=tuple([(name, at_us + shift_us, reason) for name, at_us, reason in fact.states]),
        started_us=None if fact.started_us is None else fact.started_us + shift_us,
        ended_us=None if fact.ended_us is None else fact.ended_us + shift_us,
        attempts=tuple(
            [
                attempt._replace(
                    started_us=attempt.started_us + shift_us, ended_us=attempt.ended_us + shift_us
                )
                for attempt in fact.attempts
            ]
        ),
    )


def _with_own_hooks(task: Any) -> Any:
    """Hooks of a script that have come back as copies are the script's own again: they know its variables."""
    task.hooks = type(task.hooks)(*[tuple([_own(hook) for hook in hooks]) for hooks in task.hooks])
    return task


def _own(hook: Any) -> Any:
    found: Any = sys.modules.get(getattr(hook, "__module__", None) or "")
    for part in getattr(hook, "__qualname__", "").split("."):
        found = getattr(found, part, None)
    is_same = found is not None and getattr(found, "__code__", None) == getattr(hook, "__code__", None)
    return found if is_same else hook


class _TaskElsewhere:
    """What a task run of a worker needs of its task, in the flow's process."""

    has_hooks = False
    is_async = False
    task_run_name = None
    hooks = NO_HOOKS
    argument_names = ()

    def __init__(self, name: str) -> None:
        self.name = name
