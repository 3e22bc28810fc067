"""A task that is called outside any flow: a run of its own, recorded as that of a flow is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.clock import current_clock
from headrace.driver import Driver
from headrace.engine.events import Ending, FlowStarted, FunctionEnded
from headrace.engine.policies import NO_RETRIES
from headrace.flow_runs import FlowRun, ending_of, keeping_of
from headrace.futures import TaskFuture, running_loop
from headrace.history import default_history
from headrace.interrupts import guarded, shielded
from headrace.logging import capture, log_defect, print_capture
from headrace.naming import new_flow_run_name
from headrace.provenance import Provenance
from headrace.task_runners import ConcurrentTaskRunner
from headrace.tracebacks import describe

if TYPE_CHECKING:
    from headrace.task_runners.call import Call
    from headrace.tasks import Task


class _LoneTask:
    """Stands where a flow would, for a task that is called outside any."""

    version = None
    tags: tuple[str, ...] = ()
    hooks = None
    timeout_seconds = None
    kind = "task"
    retry_policy = NO_RETRIES
    persist_result = None
    result_serializer = None

    def __init__(self, task: Task[Any, Any]) -> None:
        self.name = task.name
        self.log_prints = bool(task.log_prints)
        self.task_runner = ConcurrentTaskRunner()


class _LoneFuture(TaskFuture[Any]):
    """The future of a task called outside any flow: says so if a failure is retrieved by nobody."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<TaskFuture {self.name} {self.state.name}>"

    def __del__(self) -> None:
        call: Call = self._source  # type: ignore[assignment]
        error = call.exception() if call.is_done and not call.is_retrieved else None
        if error is not None:
            log_defect(f"Task run {call.display_name!r} failed, and nobody retrieved that", error)


@shielded
def run_task_alone(task: Task[Any, Any], args: tuple[Any, ...], kwargs: dict[str, Any], wait_for: Any) -> Any:
    """Run a task outside any flow: a run of its own, executed at once.

    The future is finished, unless the task is async and this is a running loop: then it is to be awaited.
    """
    loop = running_loop() if task.is_async else None
    run = FlowRun(_LoneTask(task), {})  # type: ignore[arg-type]
    run.name = new_flow_run_name()
    run._provenance = Provenance(*task.anatomy.place)
    history = default_history()
    run.keeping = keeping_of(run.flow, history)
    driver = run.driver = Driver(
        flow_run=run,
        runner=run.flow.task_runner,
        history=history,
        clock=current_clock(),
        loop=loop,
        is_inline=loop is None,
    )
    driver.ended.add_done_callback(lambda: _end_alone(run))
    driver.history.attend(run)
    capture.__enter__()
    if run.logs_prints:
        print_capture.install()
    with guarded():
        driver.post(FlowStarted(driver.now_us()))
        try:
            future = driver.submit(task, args, kwargs, wait_for=wait_for)
        except BaseException as error:
            driver.post(FunctionEnded(driver.now_us(), ending_of(error), describe(error)))
            raise
        source: Any = future._source
        driver.post(FunctionEnded(driver.now_us(), Ending.RETURNED, None, (source.id,)))
        if loop is None:
            run.block()  # whoever drains has told the history, too
    return _LoneFuture(source)


def _end_alone(run: FlowRun) -> None:
    end = run.driver.end
    assert end is not None
    try:
        failed = [run.driver.failed_run(id) for id in end.returned]
        run.error = failed[0].exception() if failed else None
        run.changes = end.changes
        run.driver.history.record(run.as_fact(None))
        run.driver.history.dismiss(run)
        run.driver.close()
    finally:
        capture.__exit__()
        run.complete()
