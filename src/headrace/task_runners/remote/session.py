"""The session of an engine with workers elsewhere: attempts go out in one thread, and come in by whatever thread brings them."""

from __future__ import annotations

import threading
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from headrace.clock import system_clock
from headrace.completion import Milestone
from headrace.engine.events import (
    AttemptSkipped,
    AttemptStarted,
    AttemptWithdrawn,
    Ending,
)
from headrace.engine.task_run import Phase
from headrace.errors import ClusterUnavailableError, ResultUnavailableError, TaskCrashed, TaskRunError
from headrace.history.facts import AttemptFact, Failure, LogFact
from headrace.task_runners.call import NO_CONTEXT, Report
from headrace.task_runners.remote.engine import Attempt, Listener
from headrace.task_runners.remote.exceptions import unpack_error
from headrace.task_runners.remote.outcome import Landing, Line, Outcome
from headrace.task_runners.remote.packing import Missed, Packer
from headrace.task_runners.remote.pickling import loads
from headrace.task_runners.remote.remote_call import OnCluster, Pickled, RemoteCall, new_replayed_call
from headrace.task_runners.remote.reporter import Began, News
from headrace.task_runners.runner import Session
from headrace.task_runners.stopping import post_end_of_stop
from headrace.tracebacks import describe

if TYPE_CHECKING:
    from collections.abc import Callable

    from headrace.task_runners.call import Call
    from headrace.task_runners.remote.engine import Engine

_BATCH = 256
_SENT_AGAIN = 8192
_GRACE_SECONDS = 0.25
_NEWS_SECONDS = 2.0
_CLOSING_SECONDS = 60.0


_STOPPED = "the process that executed it was stopped"
_INTERRUPTED = (
    "worker {} was told to interrupt it; what it does outside of Python goes on unheard until that ends"
)


class RemoteSession(Session, Listener):
    """Hands attempts to an engine, and makes reports of what comes back.

    The thread that hands out is started with the first attempt, and opens the engine: a flow without tasks starts no
    cluster. Pickling what is the user's, it is also the only one to run code of theirs.
    """

    new_call = staticmethod(partial(object.__new__, RemoteCall))
    new_far_call = staticmethod(new_replayed_call)
    keeps_quotes = True

    def __init__(self, engine: Engine, flow_run_id: str) -> None:
        self._engine = engine
        self._address = flow_run_id
        self._chores: SimpleQueue[Callable[[], None] | Attempt | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._attempts: dict[int, Attempt] = {}
        self._unpacked: set[Attempt] = set()
        self._packer = Packer(engine, flow_run_id, self._attempts)
        self._is_closed = False
        self._left = Milestone()
        self._driver: Any = None

    # -- what the driver asks ------------------------------------------------------------------

    def start(self, call: Call) -> None:
        """Queue the attempt for the thread that hands out."""
        assert isinstance(call, RemoteCall)
        call.outcome = call.executed = None
        attempt = self._attempts[call.id] = Attempt(call, call.number)
        self._queue(attempt)
        if self._thread is None:
            self._start_thread(call.driver)

    def take_back(self, call: Call, number: int, *, only_withdraw: bool) -> None:
        """At once while it waits here, as for an engine that is starting. Else ``_drop`` finds out whether it has begun."""
        attempt = self._attempts.get(call.id)
        if attempt is not None and attempt.number == number and self._take(attempt):
            self._withdraw(attempt)
        else:
            self._chores.put(partial(self._drop, call, number, only_withdraw=only_withdraw, is_late=False))

    def leave(self, callback: Callable[[], None]) -> None:
        """Let the thread and the engine go: the thread calls back."""
        self._is_closed = True
        if self._thread is None:
            callback()
            return
        self._chores.put(None)
        self._left.add_done_callback(callback)

    def close(self) -> None:
        """Let the thread and the engine go, and wait for that a while."""
        self._is_closed = True
        if self._thread is not None:
            self._chores.put(None)
            if threading.current_thread() is not self._thread:
                self._thread.join(_CLOSING_SECONDS)

    def _queue(self, attempt: Attempt) -> None:
        self._unpacked.add(attempt)
        self._chores.put(attempt)

    def _take(self, attempt: Attempt) -> bool:
        """Whether it waited here still. Who takes it is alone with it, to hand it out or to withdraw it."""
        try:
            self._unpacked.remove(attempt)
        except KeyError:
            return False
        return True

    def _start_thread(self, driver: Any) -> None:
        with self._starting:
            if self._thread is None:
                self._driver = driver
                self._thread = threading.Thread(target=self._work, name="headrace-dispatch", daemon=True)
                self._thread.start()

    # -- the thread that hands out -------------------------------------------------------------

    def _work(self) -> None:
        try:
            self._engine.open(self._address, self)
            if self._engine.dashboard is not None and not self._is_closed:
                self._driver.flow_run.note_dashboard(self._engine.dashboard)
            while self._hand_out():
                pass
        except ClusterUnavailableError as error:
            self._driver.crash(error)
        except BaseException as defect:  # of the engine: the run ends, and says so
            self._driver.crash(defect)
        finally:
            self._engine.close()
            self._left.complete()

    def _hand_out(self) -> bool:
        """Hand out all that is queued; ``False`` once there will be no more."""
        chore = self._chores.get()
        batch: list[Attempt] = []
        try:
            while chore is not None:
                if isinstance(chore, Attempt):
                    if self._prepare(chore):
                        batch.append(chore)
                else:
                    self._engine.hand_over(batch)
                    batch = []
                    chore()
                if len(batch) >= _BATCH:
                    return True
                chore = self._chores.get_nowait()
        except Empty:
            return True
        finally:
            if batch:
                self._engine.hand_over(batch)
        return False

    def _prepare(self, attempt: Attempt) -> bool:
        """Pack what the worker has to know; whether there is anything to hand over."""
        call = attempt.call
        is_here = self._take(attempt) and self._attempts.get(call.id) is attempt
        if not is_here or call.is_withdrawn or call.context is NO_CONTEXT:
            return False  # it was taken back, or has ended
        try:
            self._packer.pack(attempt)
        except Missed:
            self._finish(attempt, AttemptSkipped(call.id, attempt.number, call.driver.now_us()))
            return False
        except BaseException as error:
            self._fail(attempt, error.with_traceback(None) if isinstance(error, TaskRunError) else error)
            return False
        return True

    # -- what workers tell ---------------------------------------------------------------------

    def heard(self, news: bytes) -> None:
        """Attempts began, or logged something."""
        for item in loads(news):
            self._hear(News(*item))

    def _hear(self, news: News) -> None:
        attempt = self._attempts.get(news.id)
        if attempt is None or attempt.number != news.number:
            return
        if isinstance(news.content, Began):
            self._note_start(attempt, news.content)
        else:
            attempt.heard += 1
            self._record_line(attempt, news.content)
        if attempt.packed is not None:
            self.landed(attempt, attempt.packed)

    def _note_start(self, attempt: Attempt, began: Began) -> None:
        call = attempt.call
        started_us = min(max(began.started_us, attempt.handed_us), call.driver.now_us())
        if attempt.has_begun:
            self._note_lost_execution(attempt, started_us)
        attempt.has_begun = True
        attempt.began_us, attempt.started_us, attempt.worker = began.started_us, started_us, began.worker
        if began.run_name is not None and call.run_name is None:
            call.run_name = began.run_name
            call.is_told_plainly = False
        call.started_us = started_us
        if call.announces_start:
            call.driver.post(AttemptStarted(call.id, attempt.number, started_us))

    def _note_lost_execution(self, attempt: Attempt, again_us: int) -> None:
        """The engine executed the attempt anew by itself, having lost the worker that had begun it."""
        call = attempt.call
        message = f"worker {attempt.worker} was lost; the attempt was executed again elsewhere"
        failure = Failure("WorkerLost", message, "")
        fact = AttemptFact(attempt.number, attempt.started_us, again_us, attempt.worker, failure)
        call.attempts = (*call.attempts, fact)
        call.is_told_plainly = False

    def _record_line(self, attempt: Attempt, line: Line) -> None:
        call = attempt.call
        task_run = call.id if line.task_run == call.id else self._adoption(attempt).id_of(line.task_run)
        fact = LogFact(call.flow_run_id, task_run, line.at_us, line.level, line.logger, line.message)
        call.driver.history.record(fact)

    def _adoption(self, attempt: Attempt) -> Any:
        if attempt.adoption is None:
            attempt.adoption = attempt.call.driver.adoption_by(attempt.call)  # type: ignore[attr-defined]
        return attempt.adoption

    # -- what comes back -----------------------------------------------------------------------

    def landed(self, attempt: Attempt, packed: bytes) -> None:
        """Make a report of the outcome, once all lines that were told before it have been heard."""
        outcome = Outcome.unpack(packed)
        if attempt.heard < outcome.told and not attempt.is_over:
            if attempt.packed is None:
                attempt.packed = packed
                system_clock.call_later(_NEWS_SECONDS, partial(self._wait_no_longer, attempt, outcome))
            return
        self._take_in(attempt, outcome)

    def _wait_no_longer(self, attempt: Attempt, outcome: Outcome) -> None:
        if not attempt.is_over:
            self._take_in(attempt, outcome)

    def _take_in(self, attempt: Attempt, outcome: Outcome) -> None:
        match outcome.landing:
            case Landing.SKIPPED:
                self.missed(attempt)
            case Landing.UNREADABLE:
                self._take_in_unreadable(attempt, outcome)
            case _:
                self._report(attempt, outcome)

    def _report(self, attempt: Attempt, outcome: Outcome) -> None:
        call = attempt.call
        if not self._end(attempt):
            return
        started_us, ended_us = self._times_of(attempt, outcome)
        if attempt.has_begun and attempt.began_us != outcome.started_us:
            self._note_lost_execution(attempt, started_us)
        shift_us = ended_us - outcome.ended_us
        for line in outcome.lines:
            self._record_line(attempt, line._replace(at_us=line.at_us + shift_us))
        if outcome.children:
            self._adoption(attempt).adopt(outcome.children, shift_us)
        call.parameters = outcome.parameters
        if outcome.run_name is not None:
            call.run_name = outcome.run_name
            call.is_told_plainly = False
        if not attempt.has_begun:
            call.started_us = started_us
            if attempt.number > 1 or call.task.hooks.on_running:
                call.driver.post(AttemptStarted(call.id, attempt.number, started_us))
        call.driver.post(self._report_of(attempt, outcome, started_us, ended_us))

    def _times_of(self, attempt: Attempt, outcome: Outcome) -> tuple[int, int]:
        """When it started and ended, by our clock: a worker's clock that lies is believed for the time between only."""
        handed_us, now_us = attempt.handed_us, attempt.call.driver.now_us()
        if handed_us <= outcome.started_us and outcome.ended_us <= now_us:
            return outcome.started_us, outcome.ended_us
        lasted_us = outcome.ended_us - outcome.started_us
        if attempt.has_begun and attempt.began_us == outcome.started_us:
            return attempt.started_us, min(attempt.started_us + lasted_us, now_us)
        return max(handed_us, now_us - lasted_us), now_us

    def _report_of(self, attempt: Attempt, outcome: Outcome, started_us: int, ended_us: int) -> Report:
        call = attempt.call
        if outcome.landing is Landing.RETURNED:
            assert outcome.stored is not None
            pickled = outcome.stored.pickled
            call.executed = (outcome.started_us, started_us, ended_us, outcome.worker)
            value: OnCluster | Pickled
            if pickled is None:
                value = OnCluster(self)
                call.outcome = outcome
            else:
                value = Pickled(pickled)
                if len(pickled) <= _SENT_AGAIN:
                    call.handle = None  # the cluster need not keep what a downstream can be sent along
            return Report(
                call, attempt.number, started_us, ended_us, Ending.RETURNED, value, outcome.recorded, outcome.worker,
            )  # fmt: skip
        assert outcome.error is not None
        call.handle = None
        error = unpack_error(outcome.error)
        ending = Ending.CANCELLED if outcome.landing is Landing.CANCELLED else Ending.RAISED
        return Report(
            call, attempt.number, started_us, ended_us, ending, None, None, outcome.worker, error, outcome.reason,
            None if ending is Ending.CANCELLED else call.driver.retry_delay_seconds(call, error),
        )  # fmt: skip

    def _take_in_unreadable(self, attempt: Attempt, outcome: Outcome) -> None:
        """The worker could not unpickle the errand. A module of the user's that it lacks is sent along from now on."""
        import sys

        if outcome.error is not None:
            self._fail(attempt, unpack_error(outcome.error), outcome)
            return
        missing = outcome.missing
        if missing is None or missing not in sys.modules or missing in attempt.by_value:
            message = f"worker {outcome.worker} cannot unpickle {attempt.call.display_name}: {outcome.reason}"
            self._fail(attempt, TaskRunError(message), outcome)
            return
        # In the thread that packs: what that has in its hands just now knows nothing of it, and is not to be kept.
        self._chores.put(partial(self._packer.send_whole, missing))
        self.again(attempt)

    def missed(self, attempt: Attempt) -> None:
        """Its upstream's attempt gave no value; whether another one will, the orchestrator knows."""
        call = attempt.call
        self._finish(attempt, AttemptSkipped(call.id, attempt.number, call.driver.now_us()))

    def again(self, attempt: Attempt) -> None:
        """Hand the attempt over once more."""
        attempt.handle = None
        attempt.upstreams.clear()
        self._queue(attempt)

    def lost(self, attempt: Attempt, cause: str, *, max_retries: int = 0) -> None:
        """The worker is gone: the attempt crashed, and may be retried as one that failed."""
        call = attempt.call
        if not self._end(attempt):
            return
        call.handle = None
        now_us = call.driver.now_us()
        error = TaskCrashed(f"{call.display_name} crashed: {cause}")
        began_us = attempt.started_us or now_us
        delay = call.driver.retry_delay_seconds(call, error)
        if delay is None and (max_retries < 0 or attempt.number <= max_retries):
            call.retries, delay = attempt.number, 0.0  # one more, and not for what the task itself raises
        call.driver.post(
            Report(
                call,
                attempt.number,
                began_us,
                now_us,
                Ending.CRASHED,
                None,
                None,
                attempt.worker,
                error,
                cause,
                delay,
            )
        )

    def repeated(self, call: RemoteCall, packed: bytes) -> None:
        """The run stays as it ended; its record tells of one attempt more."""
        again = Outcome.unpack(packed)
        if call.executed is None or again.landing is not Landing.RETURNED:
            return
        began_us, started_us, ended_us, worker = call.executed
        if began_us == again.started_us:  # it is the one that is known
            return
        attempts = call.attempts or (AttemptFact(call.number, started_us, ended_us, worker, None),)
        lost = attempts[-1]._replace(
            failure=Failure("ResultLost", f"the result was lost with worker {worker}", "")
        )
        repetition = AttemptFact(lost.number + 1, again.started_us, again.ended_us, again.worker, None)
        call.attempts = (*attempts[:-1], lost, repetition)
        call.executed = (again.started_us, again.started_us, again.ended_us, again.worker)
        fact = call.as_full_fact()
        call.driver.history.record(
            fact._replace(
                attempts=call.attempts,
                attempt_count=repetition.number,
                worker=again.worker,
                result=again.recorded,
            )
        )

    def disconnected(self, error: ClusterUnavailableError) -> None:
        """The run cannot go on."""
        if not self._is_closed:
            self._driver.crash(error)

    def _fail(self, attempt: Attempt, error: BaseException, outcome: Outcome | None = None) -> None:
        call = attempt.call
        if not self._end(attempt):
            return
        now_us = call.driver.now_us()
        worker = "" if outcome is None else outcome.worker
        call.driver.post(
            Report(
                call, attempt.number, now_us, now_us, Ending.RAISED, None, None, worker, error, describe(error),
                call.driver.retry_delay_seconds(call, error),
            )
        )  # fmt: skip

    def _finish(self, attempt: Attempt, event: object) -> None:
        if self._end(attempt):
            attempt.call.driver.post(event)

    def _end(self, attempt: Attempt) -> bool:
        """Whether nobody has told how it ended yet."""
        if attempt.is_over:
            return False
        attempt.is_over = True
        attempt.upstreams.clear()  # the engine may know the attempt a little longer: it is not to keep their values
        if self._attempts.get(attempt.call.id) is attempt:
            del self._attempts[attempt.call.id]
        return True

    # -- taking back ---------------------------------------------------------------------------

    def _drop(self, call: Call, number: int, *, only_withdraw: bool, is_late: bool) -> None:
        """Take the attempt back if it has not begun. Word that it has may be under way: that is waited for."""
        attempt = self._attempts.get(call.id)
        if attempt is None or attempt.number != number:
            return  # its end is on the way to the orchestrator, or there
        is_back = None if attempt.has_begun or attempt.handle is None else self._engine.recall(attempt)
        if attempt.has_begun or is_back is False:
            if not only_withdraw:
                self._stop(attempt)
        elif (
            is_back or attempt.handle is None or is_late or call.phase is Phase.ENDED
        ):  # which waited, and does so no more
            self._withdraw(attempt)
        else:
            again = partial(self._drop, call, number, only_withdraw=only_withdraw, is_late=True)
            system_clock.call_later(_GRACE_SECONDS, partial(self._chores.put, again))

    def _stop(self, attempt: Attempt) -> None:
        """Invariant: an attempt is over before the engine is asked to drop it, else its answer would count as a loss."""
        if not attempt.has_begun:  # it has, and that has not been told
            self._note_start(attempt, Began(attempt.handed_us, "", None))
        if self._end(attempt):
            is_stopped = self._engine.drop(attempt)
            call = attempt.call
            if is_stopped or self._engine.interrupts:
                post_end_of_stop(
                    call,
                    attempt.number,
                    started_us=attempt.started_us,
                    worker=attempt.worker,
                    how=_STOPPED if is_stopped else _INTERRUPTED.format(attempt.worker),
                )
            else:
                call.driver.give_up(call, attempt.number, attempt.worker)

    def _withdraw(self, attempt: Attempt) -> None:
        if self._end(attempt):
            if attempt.handle is not None:
                self._engine.drop(attempt)
            call = attempt.call
            call.driver.post(AttemptWithdrawn(call.id, attempt.number, call.driver.now_us()))

    # -- values that stayed on the cluster -----------------------------------------------------

    def fetch(self, call: RemoteCall) -> Any:
        """The value of a task run that completed."""
        if self._is_closed and not self._engine.values_outlive_it:
            raise ResultUnavailableError(
                f"the value of {call.display_name} stayed on the cluster, which flow run"
                f" {call.driver.flow_run.name!r} has left: ask for it inside the flow, or return it from there"
            )
        return self._engine.fetch(call.handle)
