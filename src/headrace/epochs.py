"""The epochs of a flow run: whether it goes on with an earlier one, and how it is tried again in this process.

``FlowRun`` tells the story of one attempt after another; here is what connects them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.call_keys import digest_key
from headrace.call_memory import CallMemory
from headrace.completion import Milestone
from headrace.driver import upstream_fact
from headrace.engine.replay import Replay
from headrace.engine.states import StateName, StateType
from headrace.errors import ParameterError, ResultError
from headrace.flow_failures import cancellation_of
from headrace.history import default_history
from headrace.logging import logger
from headrace.resuming import Resumption, main_module_of
from headrace.steps import Until
from headrace.tracebacks import describe, failure_of

if TYPE_CHECKING:
    from collections.abc import Generator

    from headrace.driver import Driver
    from headrace.engine.replay import PastSubflow
    from headrace.flow_runs import FlowRun
    from headrace.steps import Step


class Epochs:
    """Those of one flow run. ``memory`` is what it remembers of its calls; ``None`` in a run that needs none.

    ``call_key`` is what a resume of its parent knows the call of a subflow by.
    """

    def __init__(self, flow_run: FlowRun, resumption: Resumption | None) -> None:
        self._flow_run = flow_run
        self._resumption = resumption
        self._past: PastSubflow | None = None
        self._retries_left = flow_run.flow.retry_policy.retries
        self.number = 1
        self.first_started_us: int | None = None
        """When the run was started in its first epoch; ``None`` in that one."""
        self.memory: CallMemory | None = None
        self.call_key: str | None = None

    @property
    def is_retry(self) -> bool:
        """Whether the function has been called before in this process."""
        return self._retries_left < self._flow_run.flow.retry_policy.retries

    # -- going on with an earlier run -----------------------------------------------------------

    def take_place_in(self, driver: Driver, parent: str, arguments: dict[str, Any]) -> None:
        """A subflow is called in a flow run: a resume of that recognises the call."""
        upstreams: list[int | str] = []

        def token_of(future: Any) -> int | str:
            upstreams.append(upstream_fact(future, driver))
            return upstreams[-1]

        self.call_key = digest_key((), (), arguments, token_of) if arguments else "-"
        if driver.memory is not None:
            name = self._flow_run.flow_name
            self._past = driver.memory.recognise_subflow(parent, name, self.call_key, upstreams)
        if self._past is not None:
            self._flow_run.flow_run_id = self._past.id
            self._resumption = Resumption(self._past.id)

    def give_again(self) -> bool:
        """If the subflow completed in an earlier epoch, and its value is to be had, it ends with that: whether it did."""
        run = self._flow_run
        if self._past is None or not self._past.has_completed:
            return False
        history = default_history()
        with history.reader() as reader:
            recorded = reader.get_run(run.flow_run_id)
            stored = reader.result(recorded)
        if stored is None:
            return False
        try:
            value = stored.load(main=main_module_of(run.flow))
        except ResultError as error:
            logger.debug("Subflow run %s runs again: %s", recorded.name, error)
            return False
        at_us = history.replay_flow_run(run.flow_run_id)
        run.name, run.value = recorded.name, value
        run.changes = ((StateName.PENDING, at_us, None), (StateName.REPLAYED, at_us, None))
        return True

    def take_up(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Claim the earlier run if this goes on with one: what the function is called with.

        Raises ``ResumeError``, ``RunUnderWayError`` and ``HistoryError``.
        """
        run = self._flow_run
        if self._resumption is None:
            if self._retries_left:
                self.memory = CallMemory(Replay(()), keeps_calls=True, checks_code=False)
            return arguments
        given = {**self._resumption.given, **arguments}
        claim, self.memory, arguments = self._resumption._replace(given=given).claim(
            default_history(), run.flow
        )
        self.number = claim.epoch
        self.first_started_us = claim.started_us
        run.flow_run_id, run.name, run.recorded_parent = claim.id, claim.name, claim.parent
        return arguments

    # -- trying again in this process -------------------------------------------------------------

    def may_go_on(self, error: BaseException | None) -> bool:
        """Whether the function is called once more after this end."""
        return (
            self._retries_left > 0
            and not self._flow_run.is_given_up
            and self._flow_run.state.type is StateType.FAILED
            and isinstance(error, Exception)
            and not isinstance(error, ParameterError)
        )

    def go_on(self, error: BaseException) -> Generator[Step, Any, BaseException | None]:
        """Wait for the delay, and begin the next epoch; what the run ends with if it is cut short meanwhile."""
        run, driver = self._flow_run, self._flow_run.driver
        history = driver.history
        policy = run.flow.retry_policy
        attempt = policy.retries - self._retries_left + 1
        self._retries_left -= 1
        self.first_started_us = self.first_started_us or run.started_us
        at_us = run.changes[-1][1]
        run.changes = (*run.changes[:-1], (StateName.AWAITING_RETRY, at_us, describe(error)))
        history.record(run.as_fact(None)._replace(failure=failure_of(error)))
        logger.warning(
            "Flow run '%s' failed at attempt %d of %d: %s",
            run.name,
            attempt,
            policy.retries + 1,
            describe(error),
        )
        cut: BaseException | None = None
        delay = Milestone()
        driver.clock.call_later(policy.delay_before_retry(attempt, draw=0.0), delay.complete)
        try:
            yield run.until(delay)
        except BaseException as interrupt:
            cut = interrupt
        if cut is not None or run.is_cancelled:
            reason = "cancelled while it waited for its retry"
            run.changes = (*run.changes, (StateName.CANCELLED, driver.now_us(), reason))
            return cut or cancellation_of(run, error)
        yield from self._leave(driver)
        with history.reader() as reader:
            subflows = reader.past_subflows(run.flow_run_id)
        assert self.memory is not None
        self.memory = self.memory.next_epoch(subflows)
        self.number += 1
        return None

    def _leave(self, driver: Driver) -> Generator[Step, Any, None]:
        """Let the attempt go that has ended: its hooks have been called, and it is all on disk."""
        marker = driver.aftermath.put_marker()
        if marker is not None:
            yield Until(marker.add_done_callback)
        yield Until(driver.history.when_flushed)
        yield Until(driver.leave)
        driver.close()
