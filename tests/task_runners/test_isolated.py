"""The suite asks nothing of a runner that only shared memory can give: one that copies all it passes on passes, too.

The runner here stands in for those that work in other processes. What goes into a task and what comes out of it is
pickled, and the task sees none of its caller's context variables.
"""

from __future__ import annotations

import asyncio
import contextvars
from typing import TYPE_CHECKING, Any

import cloudpickle
import pytest

from headrace.context import current_scope
from headrace.errors import TaskRunError
from headrace.task_runners import Capability, ConcurrentTaskRunner, Session
from headrace.task_runners.local import LocalSession
from headrace.testing import TaskRunnerConformance

if TYPE_CHECKING:
    from collections.abc import Callable

    from headrace.task_runners import TaskRunner
    from headrace.task_runners.call import Call


class IsolatingTaskRunner(ConcurrentTaskRunner):
    name = "isolating"
    capabilities = frozenset({Capability.OVERLAPS})

    def open(self, flow_run_id: str, loop: asyncio.AbstractEventLoop | None) -> Session:
        return IsolatingSession(loop)


class IsolatingSession(LocalSession):
    def start(self, call: Call) -> None:
        if call.number == 1:
            task: Any = call.task
            isolated = task.with_options()
            isolated.fn = isolate_async(task.fn) if task.is_async else isolate(task.fn)
            call.task = isolated
        super().start(call)


def isolate(fn: Callable[..., Any]) -> Callable[..., Any]:
    def isolated(*args: Any, **kwargs: Any) -> Any:
        args, kwargs = travel((args, kwargs))
        try:
            return travel(elsewhere().run(fn, *args, **kwargs))
        except BaseException as error:
            raise travelled(error) from None

    return isolated


def isolate_async(fn: Callable[..., Any]) -> Callable[..., Any]:
    async def isolated(*args: Any, **kwargs: Any) -> Any:
        args, kwargs = travel((args, kwargs))
        try:
            work = asyncio.get_running_loop().create_task(caught(fn(*args, **kwargs)), context=elsewhere())
            value, error = await work
            if error is not None:
                raise error
            return travel(value)
        except BaseException as error:
            raise travelled(error) from None

    return isolated


async def caught(work: Any) -> tuple[Any, BaseException | None]:
    """Its value, or what it raised: a loop does not survive a ``SystemExit`` of one of its tasks."""
    try:
        return await work, None
    except asyncio.CancelledError:
        raise
    except BaseException as error:
        return None, error


def elsewhere() -> contextvars.Context:
    """A context in which nothing is set but the run that the code belongs to."""
    scope = current_scope.get()
    context = contextvars.Context()
    context.run(current_scope.set, scope)
    return context


def travel(value: Any) -> Any:
    return cloudpickle.loads(cloudpickle.dumps(value))


def travelled(error: BaseException) -> BaseException:
    try:
        copy: BaseException = travel(error)
    except Exception:
        copy = travelled_in_parts(error)
    return copy.with_traceback(error.__traceback__)


def travelled_in_parts(error: BaseException) -> BaseException:
    """One whose constructor asks for more than pickle gives it, or one that cannot be pickled at all."""
    try:
        kind, args, attributes = travel((type(error), error.args, error.__dict__))
    except Exception:
        return TaskRunError(f"the task raised {type(error).__name__}: {error}, which cannot be pickled")
    copy: BaseException = kind.__new__(kind, *args)
    copy.__dict__.update(attributes)
    return copy


class TestIsolatingTaskRunner(TaskRunnerConformance):
    def make_runner(self) -> TaskRunner:
        return IsolatingTaskRunner()

    def make_single_worker_runner(self) -> TaskRunner:
        return IsolatingTaskRunner(max_workers=1)

    def test_a_flow_called_in_a_task_elsewhere_is_one_clear_error(self, runner: TaskRunner) -> None:
        pytest.skip("its tasks are not elsewhere at all: a flow that they call is called here")
