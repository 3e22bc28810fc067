"""``pause``: a flow asks a person, and waits for the answer, be it for days and over crashes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.completion import Gate
from headrace.flow_waits import waiting_flow_run
from headrace.limits import is_async_here
from headrace.logging import logger
from headrace.questions import Question

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headrace.flow_runs import FlowRun
    from headrace.flow_waits import Pause


def pause(
    prompt: str,
    *,
    type: type | None = None,  # noqa: A002 - what a person is asked for
    choices: Iterable[bool | float | str] | None = None,
    timeout_seconds: float | None = None,
) -> Any:
    """Asks a person, and gives the answer. The flow run waits for it, Paused; async code awaits it.

    It is given by ``headrace answer RUN_ID VALUE``, or by ``FlowRunFuture.answer``, and is recorded: a run that is resumed
    takes the answer that was given, or waits again. Without ``type`` (bool, int, float or str) and ``choices`` it is yes or
    no: ``True`` or ``False``. What is no answer is refused where it is given.

    Raises ``TimeoutError`` if nobody has answered within ``timeout_seconds``, ``RuntimeError`` outside the function of a
    flow.

    >>> from headrace import flow, pause
    >>> @flow
    ... def deploy() -> str:
    ...     return "deployed" if pause("Deploy?") else "left as it is"
    """
    question = Question.of(type, choices)
    flow_run = waiting_flow_run("pause")
    if is_async_here():
        return _pause_on_loop(flow_run, prompt, question, timeout_seconds)
    return _pause(flow_run, prompt, question, timeout_seconds)


def _pause(flow_run: FlowRun, prompt: str, question: Question, timeout_seconds: float | None) -> Any:
    waits, driver = flow_run.waits, flow_run.driver
    asked = waits.ask(prompt, question)
    try:
        if not asked.is_done:
            _tell(flow_run, asked)
            gate = Gate(retrieves=False)
            asked.add_done_callback(gate)
            if timeout_seconds is not None:
                driver.clock.call_later(timeout_seconds, asked.complete)
            gate.wait(None)
    finally:
        waits.close(asked)
    driver.history.flush()
    return _answer(asked, timeout_seconds)


async def _pause_on_loop(
    flow_run: FlowRun, prompt: str, question: Question, timeout_seconds: float | None
) -> Any:
    from headrace.loop_waits import LoopGate

    waits, driver = flow_run.waits, flow_run.driver
    asked = waits.ask(prompt, question)
    try:
        if not asked.is_done:
            _tell(flow_run, asked)
            gate = LoopGate(retrieves=False)
            asked.add_done_callback(gate)
            if timeout_seconds is not None:
                driver.clock.call_later(timeout_seconds, asked.complete)
            await gate.waiter
    finally:
        waits.close(asked)
    committed = LoopGate(retrieves=False)
    driver.history.when_flushed(committed)
    await committed.waiter
    return _answer(asked, timeout_seconds)


def _tell(flow_run: FlowRun, asked: Pause) -> None:
    logger.info(
        "Flow run '%s' waits for an answer (%s): %s  headrace answer %s VALUE",
        flow_run.name,
        asked.question.expected,
        asked.place.name,
        flow_run.flow_run_id,
    )


def _answer(asked: Pause, timeout_seconds: float | None) -> Any:
    if not asked.is_answered:
        raise TimeoutError(f"nobody has answered {asked.place.name!r} within {timeout_seconds} s")
    return asked.answer
