"""Executing an errand on a worker, with the very code that executes attempts in the flow's process.

An outpost stands where the driver would. It decides nothing, opens no database, and knows what the errand says.
"""

from __future__ import annotations

import threading
from collections import deque
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, cast

from headrace.clock import system_clock
from headrace.dependencies import substitute
from headrace.engine.events import AttemptStarted, Ending
from headrace.engine.policies import ATTEMPT_GRACE_SECONDS
from headrace.errors import MissingMainGuardError, TaskRunError
from headrace.history.facts import LogFact
from headrace.interrupts import noted
from headrace.logging import capture, print_capture
from headrace.pursuit import Pursuit
from headrace.task_runners.call import NO_CONTEXT, Call, Report
from headrace.task_runners.errand_reading import reading_errand
from headrace.task_runners.execution import attempt
from headrace.task_runners.remote.errand import (
    Errand,
    PackedCommission,
    SentAlong,
    Upstream,
    unpack_commission,
    unpack_errand,
)
from headrace.task_runners.remote.exceptions import pack_error
from headrace.task_runners.remote.outcome import Landing, Line, Outcome
from headrace.task_runners.remote.pickling import loads
from headrace.task_runners.remote.prints import print_what_is_left
from headrace.task_runners.remote.reporter import Began, News
from headrace.thread_marks import own_mark
from headrace.tracebacks import describe, failure_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol

    from headrace.dependencies import FutureLike
    from headrace.history.facts import Fact, StoredResult
    from headrace.task_runners.remote.errand import Commission
    from headrace.task_runners.remote.outcome import Child
    from headrace.task_runners.remote.reporter import Reporter

    class ChildRuns(Protocol):
        """Who decides about the tasks that an attempt calls on a worker."""

        def submit(self, task: Any, args: Any, kwargs: Any, parent: Call, wait_for: Any) -> Any:
            """A task was called: its future."""

        def cancel(self) -> None:
            """Have all of them stop."""

        def finish(self) -> tuple[Child, ...]:
            """Wait until all of them have ended: their records."""


Landed = tuple[bytes, Any]
"""A packed outcome, and the body beside it."""


def execute_errand(
    commission: PackedCommission,
    errand: bytes,
    upstreams: Sequence[Landed],
    *,
    worker: str,
    reporter: Reporter,
) -> Landed:
    """Execute one attempt in this thread, whatever it takes."""
    began_us = system_clock.now_us()
    try:
        with reading_errand:
            order, order_for = unpack_commission(commission), unpack_errand(errand)
    except BaseException as error:
        return unreadable(error, began_us, worker).pack(), None
    outcomes = [Outcome.unpack(packed) for packed, _ in upstreams]
    if any(outcome.landing is not Landing.RETURNED for outcome in outcomes):
        return Outcome(Landing.SKIPPED, order_for.number, began_us, began_us, worker).pack(), None
    _listen(order)
    bodies = [body for _, body in upstreams]
    outpost = Outpost(order, order_for, outcomes, bodies, reporter)
    return outpost.execute(worker)


def interrupt_errand(thread_id: int) -> None:
    """Interrupt what that thread of this process executes: in its own code, and the tasks that it has called."""
    outpost = _under_way.get(thread_id)
    if outpost is not None:
        outpost.interrupt()


def unreadable(error: BaseException, at_us: int, worker: str) -> Outcome:
    """The outcome of an errand that raised this when it was unpickled."""
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    return Outcome(
        Landing.UNREADABLE,
        0,
        at_us,
        system_clock.now_us(),
        worker,
        reason=describe(error),
        failure=failure_of(error),
        error=pack_error(error) if isinstance(error, MissingMainGuardError) else None,
        missing=missing,
    )


class Outpost:
    """Where one attempt executes: the scope of its code, and what its call asks of a driver."""

    def __init__(
        self,
        commission: Commission,
        errand: Errand,
        outcomes: list[Outcome],
        bodies: list[Any],
        reporter: Reporter,
    ) -> None:
        self.flow_run = commission
        self.flow_run_id = commission.flow_run_id
        self.address = commission.address
        self.history = self
        self.defect: BaseException | None = None
        self._errand = errand
        self._outcomes = outcomes
        self._bodies = bodies
        self._reporter = reporter
        self._news: deque[Began | Line] = deque()
        self._told = 0
        self._children: ChildRuns | None = None
        self._report: Report | None = None
        self._reported: threading.Event | None = None
        self.call = self._make_call(commission, errand)

    def _make_call(self, commission: Commission, errand: Errand) -> Call:
        call = Call(
            self,  # type: ignore[arg-type]  # as far as an attempt goes, it is one
            commission.task,
            errand.id,
            errand.index,
            system_clock.now_us(),
            errand.args,
            errand.kwargs,
            copy_context(),
        )
        call.number = errand.number
        call.tags = errand.tags
        call.run_name = errand.run_name
        call.announces_start = True
        if errand.has_stand_ins:
            call.upstreams = _SOME
        call.asyncio_task = None
        return call

    def execute(self, worker: str) -> Landed:
        """Execute the attempt, and wait for the end of all that it called: how it landed."""
        self._worker = worker
        thread_id = threading.get_ident()
        _under_way[thread_id] = self
        self._reporter.begin(self)
        try:
            report = (
                self._execute_async() if self.call.task.is_async else attempt(self.call, own_mark(), worker)
            )
            children = self._children.finish() if self._children is not None else ()
        finally:
            print_what_is_left()
            del _under_way[thread_id]
            self._reporter.end(self)
            noted.is_set = False  # an interrupt was meant for this attempt, not for the worker
        assert report is not None
        landed = self._land(report, children)
        self._let_go()
        return landed

    def interrupt(self) -> None:
        """Have the attempt stop. Nobody waits for its outcome any more: so it need not be known whether it does."""
        call = self.call
        call.is_cancelled = True
        if self._children is not None:
            self._children.cancel()
        if call.task.is_async:
            from headrace.task_runners.loops import background_loop

            background_loop().interrupt(call)
        else:
            Pursuit(
                call,
                call.number,
                is_over=lambda: self not in _under_way.values(),
                give_up=lambda: None,
                patience_seconds=ATTEMPT_GRACE_SECONDS,
            ).begin()

    def _execute_async(self) -> Report:
        from headrace.task_runners.loops import background_loop

        self._reported = threading.Event()
        background_loop().start(self.call)
        self._reported.wait()
        assert self._report is not None
        return self._report

    def _let_go(self) -> None:
        """An outpost and its call know each other: values would stay until the garbage collector comes."""
        self._bodies.clear()
        self._outcomes.clear()
        self._report = None
        self.call.args, self.call.kwargs, self.call.context = (), {}, NO_CONTEXT

    # -- what comes of it ----------------------------------------------------------------------

    def _land(self, report: Report, children: tuple[Child, ...]) -> Landed:
        call = self.call
        error = report.error
        stored = report.stored
        landing = _LANDINGS[report.ending]
        reason = report.reason
        if error is None and stored is not None and stored.pickled is None and _cannot_travel(stored.note):
            landing, stored = Landing.RAISED, None
            error = TaskRunError(f"the result of {call.display_name} {report.stored.note}")  # type: ignore[union-attr]
            reason = describe(error)
        kept = None if error is not None else self._keep(report.value, stored)
        with _telling:
            lines = tuple([item for item in self._news if type(item) is Line])
        outcome = Outcome(
            landing,
            report.number,
            report.started_us,
            report.ended_us,
            self._worker,
            stored,
            call.run_name,
            call.parameters,
            reason,
            None if error is None else failure_of(error),
            None if error is None else pack_error(error),
            self._told,
            lines,
            children,
            kept,
        )
        return outcome.pack(), report.value if outcome.has_body else None

    def _keep(self, value: Any, stored: StoredResult | None) -> StoredResult | None:
        """What the history is to have of the value, if that is not what travels. A large value is written from here."""
        order = self.flow_run
        task = order.task
        if order.keeping is None and not task.keeps_otherwise:
            return None
        from headrace.history.keeping import Keeping  # few flows need it

        keeping = order.keeping or Keeping()
        return keeping.narrowed(task, lambda: order.place).keep(value, stored)

    def take_news(self) -> list[News]:
        """What has not been told yet."""
        with _telling:
            news = []
            while self._news:
                item = self._news.popleft()
                self._told += type(item) is Line
                news.append(News(self._errand.id, self._errand.number, item))
            return news

    # -- what an attempt asks of a driver --------------------------------------------------------

    now_us = staticmethod(system_clock.now_us)

    def resolve(self, call: Call) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments, with the values of the upstreams in their places."""
        args = tuple([substitute(value, self._value_of) for value in call.args])
        return args, {name: substitute(value, self._value_of) for name, value in call.kwargs.items()}

    def _value_of(self, upstream: FutureLike, _is_tolerated: bool) -> Any:  # noqa: FBT001 - as ``substitute`` calls it
        if type(upstream) is SentAlong:
            return loads(upstream.pickled)
        position = cast("Upstream", upstream).position
        return self._outcomes[position].value(self._bodies[position])

    def post(self, event: object) -> None:
        """The attempt began, or came to its end."""
        if isinstance(event, Report):
            self._report = event
            if self._reported is not None:
                self._reported.set()
        elif isinstance(event, AttemptStarted):
            self._news.append(Began(event.at_us, self._worker, self.call.run_name))

    def retry_delay_seconds(self, _call: Call, _error: BaseException) -> None:
        """Whether it is tried again, the flow's process decides."""

    def note_key(self, _call: Call) -> None:
        """The flow's process has seen to that."""

    def slot_holder(self, _call: Call) -> None:
        """Nothing here has a slot to lend."""

    def crash(self, defect: BaseException) -> None:
        """A defect of the engine on this worker."""
        self.defect = self.defect or defect

    def submit(
        self, task: Any, args: tuple[Any, ...], kwargs: dict[str, Any], parent: Call, wait_for: Any = None
    ) -> Any:
        """A task was called by the attempt: a child run, decided about on this worker."""
        with _making_children:
            if self._children is None:
                self._children = self.flow_run.task.open_children(self)
        return self._children.submit(task, args, kwargs, parent, wait_for)

    # -- in the place of a history ---------------------------------------------------------------

    has_room = True

    def record(self, fact: Fact) -> None:
        """A log line goes to the flow's process; nothing else is recorded for the attempt itself."""
        if type(fact) is LogFact:
            line = Line(fact.task_run or self._errand.id, fact.at_us, fact.level, fact.logger, fact.message)
            self._news.append(line)

    def admit(self, nbytes: int) -> None:
        """Nothing is written here."""

    count = admit


def _cannot_travel(note: str | None) -> bool:
    return note is not None and note.startswith("cannot be pickled")


def _listen(commission: Commission) -> None:
    """From here on this process keeps what its attempts log, and print if that is wanted."""
    global _listens
    if not _listens:
        _listens = True
        capture.__enter__()
    if commission.logs_prints or commission.task.log_prints:
        print_capture.install()


_listens = False
_under_way: dict[int, Outpost] = {}
"""What each thread of this process executes."""

# One each for all attempts of this process: they are held for a moment, and to make some for each attempt takes longer.
_telling = threading.Lock()
_making_children = threading.Lock()

_SOME = (0,)
"""In the place of upstreams, where only whether there are any is asked."""

_LANDINGS = {
    Ending.RETURNED: Landing.RETURNED,
    Ending.RAISED: Landing.RAISED,
    Ending.CANCELLED: Landing.CANCELLED,
    Ending.CRASHED: Landing.RAISED,
}
