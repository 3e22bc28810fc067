"""Flow runs that are started beside their caller: in a thread of their own, or on a loop."""

from __future__ import annotations

import threading
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from headrace.clock import system_clock
from headrace.flow_runs import conduct_sync
from headrace.futures import FlowRunFuture, running_loop
from headrace.interrupts import shielded
from headrace.keeper import keep_alive_until

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from headrace.flow_runs import FlowRun


@shielded
def start_beside(run: FlowRun) -> FlowRunFuture[Any]:
    """Start a flow run in a thread, or on a loop if it is async: its future."""
    system_clock.start()  # the run may outlive the main thread, and Python 3.12 starts no threads from then on
    if run._parent is not None:
        run.be_owned_by(run._parent.driver)
    context = copy_context()
    if run.flow.is_async:
        _start_on_loop(run, context)
    else:
        # The run keeps the process alive, and not its thread: that may be stuck in a function that was given up.
        keep_alive_until(run.add_done_callback)
        thread = threading.Thread(
            target=context.run, args=(_conduct_quietly, run), name=f"flow-{run.flow_name}", daemon=True
        )
        thread.start()
    return FlowRunFuture(run)


def _conduct_quietly(run: FlowRun) -> None:
    try:
        conduct_sync(run)
    except BaseException:  # it is the future's to raise
        return


async def _conduct_async_quietly(run: FlowRun) -> None:
    from headrace.async_conduct import conduct_async  # asyncio is not loaded for sync flows

    try:
        await conduct_async(run)
    except BaseException:  # it is the future's to raise
        return


_started_on_loops: set[Any] = set()


def _start_on_loop(run: FlowRun, context: Any) -> None:
    """On the loop that runs here, unless a sync flow blocks that until its end; then on the background loop."""
    loop = running_loop()
    if loop is not None and run._parent is not None and run._parent.driver.loop is not loop:
        loop = None
    if loop is not None:
        _start_task(run, loop, context)
    else:
        from headrace.task_runners.loops import background_loop

        loop = background_loop().loop
        loop.call_soon_threadsafe(_start_task, run, loop, context)
    run._home_loop = loop


def _start_task(run: FlowRun, loop: AbstractEventLoop, context: Any) -> None:
    task = loop.create_task(_conduct_async_quietly(run), context=context)
    _started_on_loops.add(task)
    task.add_done_callback(_started_on_loops.discard)
