"""How an async flow run is lived: on its event loop, awaiting where its story waits."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from headrace.context import current_scope
from headrace.errors import HeadraceError
from headrace.flow_runs import outcome_of
from headrace.loop_signals import ended_by_signal
from headrace.loop_waits import LoopGate
from headrace.steps import Invoke, Until
from headrace.tracebacks import hide_engine_frames

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable

    from headrace.flow_runs import FlowRun
    from headrace.steps import Step


async def conduct_async(run: FlowRun) -> Any:
    """Live a flow run on this event loop, awaiting where it waits. What is wrong with it is raised where it is awaited."""
    loop = asyncio.get_running_loop()
    try:
        with run.as_part_of_its_parent(), ended_by_signal(loop, run):
            outcome = await _live_async(run, loop)
            return outcome_of(*outcome)
    except HeadraceError as error:
        hide_engine_frames(error)
        raise


async def _live_async(run: FlowRun, loop: AbstractEventLoop) -> tuple[Any, BaseException | None]:
    life = run.begin_life(loop)
    try:
        step = next(life)
        while True:
            error: BaseException | None = None
            answer: Any = None
            try:
                answer = await _take_async(run, step)
            except BaseException as raised:
                error = raised
            if isinstance(step, Invoke) and not run.begin_rest():
                await _take_async(run, Until(run.add_done_callback))
                return run.outcome
            step = life.send(answer) if error is None else life.throw(error)
    except StopIteration as end:
        outcome: tuple[Any, BaseException | None] = end.value
        return outcome


async def _take_async(run: FlowRun, step: Step) -> Any:
    match step:
        case Invoke(args, kwargs):
            token = current_scope.set(run)
            run.interrupt_function_by(_interrupter(run))
            try:
                return await run.flow.fn(*args, **kwargs)
            finally:
                run._interrupt_function = None
                current_scope.reset(token)
        case Until(register):
            gate = LoopGate(retrieves=True)
            register(gate)
            await gate.waiter
            return None


def _interrupter(run: FlowRun) -> Callable[[], None]:
    """Cancels the asyncio task of the function, from any thread; what follows the function is not cut short."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None

    def interrupt() -> None:
        if run._interrupt_function is not None:
            task.cancel()

    return lambda: loop.call_soon_threadsafe(interrupt)  # type: ignore[return-value]
