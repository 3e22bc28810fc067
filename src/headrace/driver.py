"""The driver: the one impure shell round the orchestrator of a flow run.

It takes events from the mailbox to the orchestrator and performs the effects in their order. An effect is
performed inside the drain and never blocks, nor calls user code: what does is put off to the aftermath.
"""

from __future__ import annotations

import threading
from collections import deque
from contextvars import copy_context
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

from headrace.aftermath import Aftermath
from headrace.call_keys import key_of
from headrace.clock import system_clock
from headrace.completion import Milestone
from headrace.context import current_tags, tags_in_use
from headrace.dependencies import ATOMS, find_futures, needs_search, quote, substitute
from headrace.engine.effects import (
    SETTLE_ITS_RUN,
    START_ITS_ATTEMPT,
    Admit,
    EndFlow,
    Interrupt,
    PostAgain,
    Record,
    RecordFlow,
    RunHooks,
    SetDeadline,
    SetTimer,
    Settle,
    StartAttempt,
    StopFlow,
)
from headrace.engine.events import (
    AttemptStarted,
    CancelRequested,
    DeadlinePassed,
    FlowGivenUp,
    OutsiderEnded,
    OutsiderJoined,
    RunNoticed,
    RunReplayed,
    TimerFired,
)
from headrace.engine.orchestrator import Orchestrator
from headrace.engine.states import State, StateName
from headrace.engine.task_run import Phase
from headrace.errors import (
    FlowRunLost,
    TaskCancelled,
    TaskCrashed,
    TaskRunnerError,
    UpstreamFailedError,
    WouldDeadlockError,
)
from headrace.futures import TaskFuture, new_task_future, running_loop
from headrace.history.facts import AttemptFact, TaskCodeFact
from headrace.interrupts import calls_user_code, deliver, noted, shielded, tell, untold
from headrace.logging import (
    log_defect,
    log_task_crash,
    log_task_failure,
    log_task_state,
    log_warning,
    logs_task_states,
)
from headrace.mailbox import Mailbox
from headrace.run_context import context_of_call
from headrace.slot_loans import lend_slot, reclaim_slot
from headrace.stack_room import require_stack_room
from headrace.task_runners.call import NO_CONTEXT, Call, FoundValue, Report, fill_call
from headrace.task_runners.stopping import post_end_of_stop
from headrace.thread_marks import frames_of, own_mark
from headrace.tracebacks import describe, failure_of, message_of

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable, Iterator, Sequence
    from queue import SimpleQueue

    from headrace.admission import AdmissionDesk
    from headrace.call_memory import CallMemory
    from headrace.child_runs import Adoption
    from headrace.clock import Clock, Timer
    from headrace.dependencies import FutureLike
    from headrace.engine.effects import Effect
    from headrace.engine.states import Change
    from headrace.flow_runs import FlowRun
    from headrace.history import History
    from headrace.history.keeping import Keeping
    from headrace.task_runners.call import FarCall
    from headrace.task_runners.runner import TaskRunner
    from headrace.tasks import Task, TaskKind

_NOTICED_AFTER_SECONDS = 0.05
_NOTICED_AT_A_TIME = 100
_EVENTS_A_DRAIN = 4_096
_EVENTS_A_DRAIN_ON_A_LOOP = 256

_NO_KWARGS: dict[str, Any] = {}

_LOGGED_AS_FAILURES = (StateName.FAILED, StateName.TIMED_OUT)

_get_thread_id = threading.get_ident


class FlowEnd(NamedTuple):
    """How a flow run ended: its changes of state, and the failures that speak for it."""

    changes: tuple[Change, ...]
    unseen: tuple[int, ...]
    returned: tuple[int, ...]


class _Indexes(dict["TaskKind", "count[int]"]):
    """Counts the runs of each task by its name. What code it has is told to the history when it is first called."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self.by_name: dict[str, count[int]] = {}

    def __missing__(self, kind: TaskKind) -> count[int]:
        self._driver.flow_run.become_known()
        counter = self[kind] = self.of_name(kind.name)
        self._driver.history.record(TaskCodeFact(self._driver.flow_run_id, kind.name, kind.fn))
        return counter

    def of_name(self, name: str) -> count[int]:
        """The counter of all tasks of that name."""
        return self.by_name.setdefault(name, count())


class Driver:
    """Drives one flow run.

    ``ended`` completes when the function of the flow and all its task runs have ended; ``end`` says how.
    """

    def __init__(
        self,
        *,
        flow_run: FlowRun,
        runner: TaskRunner,
        history: History,
        clock: Clock,
        loop: AbstractEventLoop | None,
        is_inline: bool,
        ids: Iterator[int] | None = None,
        memory: CallMemory | None = None,
        is_retry: bool = False,
        timeout_seconds: float | None = None,
    ) -> None:
        self.flow_run = flow_run
        self.flow_run_id = flow_run.flow_run_id
        self.runner = runner
        self.history = history
        self.clock = clock
        self.loop = loop
        self.now_us = clock.now_us
        self.ended = Milestone()
        self.end: FlowEnd | None = None
        self.defect: BaseException | None = None
        self._has_crashed = False
        self._has_left = False
        self._doomed: dict[int, Call] = {}
        self.aftermath = Aftermath(loop)
        self._is_inline = is_inline
        self._logs_states = logs_task_states()
        self._loop_thread = _get_thread_id() if loop is not None else None
        self._session = runner.open(self.flow_run_id, loop)
        self._new_call = self._session.new_call
        self._orchestrator = Orchestrator(
            at_us=clock.now_us(), slots=runner.slots, is_retry=is_retry, timeout_seconds=timeout_seconds
        )
        self._mailbox: Mailbox[Any] = Mailbox(
            self._handle,
            on_defect=self._crash,
            limit=self._drain_limit,
            hand_on=self._hand_on,
            afterwards=self._session.tend,
        )
        self.post = self._mailbox.post
        """Tell the orchestrator what happened; its decisions are performed by whoever drains."""
        self._remember = history.record
        self._needs_slot = {is_async: runner.takes_slot(is_async=is_async) for is_async in (True, False)}
        self._keeping = flow_run.keeping
        self._is_ordinary = self._needs_slot[False] and not is_inline and self._keeping is None
        self._ids = ids or count(1 if memory is None else memory.first_free_id)
        self._outsider_ids = count(-1, -1)
        self._outsiders: dict[Any, int] = {}
        self._indexes = _Indexes(self)
        self.memory = memory
        self._fresh: deque[Call] = deque()
        self._desk: AdmissionDesk | None = None
        self._is_watching = False
        self._last_seen = 0
        self._failed: dict[int, Any] = {}
        self._has_children = False
        self._alarms: dict[int | None, list[Timer]] = {}
        """The timers of each attempt that executes, by the id of its run; of the flow run, by ``None``."""
        self._event: Any = None
        self._performers: dict[type, Callable[[Any], None]] = {
            Admit: self._admit,
            Record: self._record,
            SetTimer: self._set_timer,
            SetDeadline: self._set_deadline,
            Interrupt: self._interrupt,
            PostAgain: self._post_again,
            RunHooks: self._run_hooks,
            RecordFlow: self._record_flow_state,
            StopFlow: self._stop_flow,
            EndFlow: self._end_flow,
        }

    # -- calling a task ------------------------------------------------------------------------

    @shielded
    def submit(
        self,
        task: Task[Any, Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        parent: Call | None = None,
        wait_for: Any = None,
    ) -> TaskFuture[Any]:
        """A task was called in this flow run: its future."""
        now_us = self.now_us
        index = next(self._indexes[task.kind])
        if parent is not None or not index & 15:  # a recursion calls the same task again and again
            require_stack_room()
        call = self._new_call()
        fill_call(call, self, task, next(self._ids), index, now_us(), args, kwargs, copy_context())
        ids = self._plain_upstreams(args) if args else ()
        if ids is None or wait_for is not None or (kwargs and needs_search(kwargs.values())):
            self._find_upstreams(call, wait_for, blocks=self._blocks_here(parent))
        elif ids:
            call.upstreams = call.fact_upstreams = ids
        if self.memory is not None and (replayed := self.memory.recognise(call, parent)) is not None:
            return self._give(replayed, StateName.REPLAYED)
        if self._is_ordinary and task.is_ordinary and parent is None and not tags_in_use.is_set:
            self._hand_over(call)
        else:
            self._specify(call, task, parent)
            if type(call.report) is FoundValue:
                return self._give(call, call.report.name, call.report.reason)
            if self._is_inline if parent is None else not parent.task.is_async:
                self._run_here(call)
            else:
                self._hand_over(call)
        if noted.is_set:
            deliver(2)
        future: Any = new_task_future()
        future._source = call
        return future  # type: ignore[no-any-return]

    def _specify(self, call: Call, task: Task[Any, Any], parent: Call | None) -> None:
        """Note down what makes the call something out of the ordinary."""
        call.asyncio_task = None
        call.retries = task.retry_policy.retries
        call.timeout_seconds = task.timeout_seconds
        call.announces_start = task.hooks.on_running != () or task.timeout_seconds is not None
        if task.keeps_otherwise or self._keeping is not None:
            call.keeping = self.keeping_of(task)
        if task.tags or current_tags.get():
            call.tags = tuple(dict.fromkeys((*task.tags, *current_tags.get())))
            call.is_told_plainly = False
        if (task.needs_admission or call.tags) and not self.flow_run.is_on_worker:
            self._bring_to_desk(call)
        if task.is_async and self._blocks_here(parent):
            self._refuse_to_block_the_loop_of(call)
        if parent is None:
            call.needs_slot = self._needs_slot[task.is_async]
        else:
            self._has_children = True
            call.parent = parent.id
            call.needs_slot = False
            call.is_told_plainly = False
            self.tell_of_caller(parent)

    def tell_of_caller(self, call: Call) -> None:
        """The call is about to call something: the history knows of it before it knows of that.

        Otherwise a resume would not find what it called, and execute that again.
        """
        if not call.is_noticed:
            self._notice_run(call)

    def _bring_to_desk(self, call: Call) -> None:
        """The call has to be admitted, unless it is known at once how it ends."""
        call.phase = Phase.UNADMITTED
        call.is_told_plainly = False
        if not (call.upstreams or call.tolerated):
            call.report = self._admission_desk().glance(call)

    def _admission_desk(self) -> AdmissionDesk:
        if self._desk is None:
            from headrace.admission import desk_of  # few flows need it

            self._desk = desk_of(self.history)
        return self._desk

    def _give(self, call: Call, name: StateName, reason: str | None = None) -> TaskFuture[Any]:
        """The value of the call is known: it completed in an earlier epoch, or the cache has it."""
        self.post(RunReplayed(call, name, reason))
        if self._is_inline and not call.is_done:  # another thread is just draining
            call.block()
        future: Any = new_task_future()
        future._source = call
        return future  # type: ignore[no-any-return]

    def note_key(self, call: Call) -> None:
        """Work out what a resume is to know the call by, where its row does not tell that."""
        if call.call_key is None:
            key = key_of(call, lambda future: upstream_fact(future, self))
            if key is not None:
                call.call_key = key
                call.is_told_plainly = False

    @property
    def new_far_call(self) -> Callable[[], FarCall]:
        """Makes a call, still empty, whose value may come later: of a kind that the session knows."""
        return self._session.new_far_call

    def keeping_of(self, task: Task[Any, Any]) -> Keeping:
        """How results of the task are kept: as its own options say, and where they do not, as the flow's do."""
        from headrace.history.keeping import Keeping  # few flows need it

        keeping = self._keeping or Keeping()
        return keeping.narrowed(task, self.history.result_place)

    def _hand_over(self, call: Call) -> None:
        """Let the task runner's workers execute the call."""
        self._mailbox.post(call)
        self._fresh.append(call)
        if not self._is_watching:
            self._watch()

    def expect_cancel(self) -> None:
        """A Ctrl-C was raised in the flow's function: whatever it calls next, the run is cancelled first.

        Only leaves marks: it may be called between any two instructions.
        """
        untold.append(self._cancel_interrupted)
        self.submit = self._submit_interrupted  # type: ignore[method-assign]

    def _cancel_interrupted(self) -> None:
        self.cancel(None, "interrupted")

    @shielded
    def _submit_interrupted(self, *args: Any, **kwargs: Any) -> TaskFuture[Any]:
        tell()
        future = Driver.submit(self, *args, **kwargs)
        if noted.is_set:
            deliver(2)
        return future

    def _run_here(self, call: Call) -> None:
        """Execute the call's attempts in this thread until the run has ended."""
        from queue import SimpleQueue

        from headrace.task_runners.execution import execute

        lane = call.lane = SimpleQueue()
        self._hand_over(call)
        mark = own_mark()
        around = mark.run, mark.number
        try:
            while (attempt := self._next_attempt(call, lane)) is not None:
                execute(attempt)
                mark.run, mark.number = around
        except BaseException:  # cut short while it waits: nobody else would execute what is left
            self.post(CancelRequested(call.id, self.now_us(), "interrupted"))
            raise

    @calls_user_code  # it waits as long as user code may, and a Ctrl-C cuts it as short
    def _next_attempt(self, call: Call, lane: SimpleQueue[Call | None]) -> Call | None:
        """The caller's slot serves others as long as the call waits for other runs, which may need it."""
        if noted.is_set:
            deliver()
        is_first = call.number == 0
        if not (
            call.is_readmitted
            or (is_first and (call.upstreams or call.tolerated or call.task.needs_admission))
        ):
            return lane.get()
        loan = lend_slot(None)
        try:
            return lane.get()
        finally:
            reclaim_slot(loan)

    def new_id(self) -> int:
        """An id for a task run of this flow run."""
        return next(self._ids)

    def new_index(self, task_name: str) -> int:
        """How many runs of tasks of that name this flow run had before."""
        return next(self._indexes.of_name(task_name))

    def numbering(self) -> list[tuple[str, count[int]]]:
        """The tasks that were called so far by name, each with what gives its next run a number."""
        return list(self._indexes.by_name.items())

    def adoption_by(self, call: Call) -> Adoption:
        """Who takes in the child runs of an attempt of this call, which a remote worker executes."""
        from headrace.child_runs import Adoption  # few flows need it

        return Adoption(call)

    def is_within(self, call: Call, caller: Call) -> bool:
        """Whether that task run called it, or called who did."""
        runs = self._orchestrator.live_runs
        run: Any = call
        while run is not None and run is not caller:
            run = runs.get(run.parent) if run.parent is not None else None
        return run is caller

    def callers_of(self, call: Call) -> Iterator[Call]:
        """The task run that called it, the one that called that, and so on."""
        runs = self._orchestrator.live_runs
        run: Any = call
        while run is not None and run.parent is not None:
            run = runs.get(run.parent)
            if run is not None:
                yield run

    def slot_holder(self, call: Call) -> Call | None:
        """The task run whose slot the call uses: its own, or that of the nearest caller with one."""
        runs = self._orchestrator.live_runs
        holder: Any = call
        while holder is not None and not holder.holds_slot:
            holder = runs.get(holder.parent) if holder.parent is not None else None
        return holder  # type: ignore[no-any-return]

    def _blocks_here(self, parent: Call | None) -> bool:
        """Whether the thread that calls a task will block until its run has ended, now or at the flow's end."""
        return self.loop is None if parent is None else not parent.task.is_async

    def _refuse_to_block_the_loop_of(self, call: Call) -> None:
        loop = running_loop()
        if loop is not None and self.blocks(loop):
            raise WouldDeadlockError(
                f"{call.display_name} needs the event loop that this flow blocks, since it was called by an async "
                f"task: make the flow async, or call it from a sync task"
            )

    def _find_upstreams(self, call: Call, wait_for: Any, *, blocks: bool) -> None:
        found = find_futures(*call.args, *call.kwargs.values())
        if wait_for is not None:
            found.strict.update(find_futures(wait_for).strict)
            found.tolerated.update(find_futures(wait_for).tolerated)
        if not found:
            if found.has_marks:  # a `quote` and the like is taken off where there is nothing to wait for, too
                self._take_off_marks(call)
            return
        call.upstreams = tuple(self.id_of(future, blocks=blocks) for future in found.strict)
        call.tolerated = tuple(self.id_of(future, blocks=blocks) for future in found.tolerated)
        call.fact_upstreams = tuple(
            upstream_fact(future, self) for future in dict.fromkeys((*found.strict, *found.tolerated))
        )

    def _take_off_marks(self, call: Call) -> None:
        """A session that keeps quotes sees which argument is the same for several calls."""
        args, kwargs = call.args, call.kwargs
        call.args, call.kwargs = self.replace_futures(args, kwargs, value_of)
        if self._session.keeps_quotes:
            pairs = zip(args, call.args, strict=True)
            call.args = tuple([given if type(given) is quote else plain for given, plain in pairs])
            call.kwargs |= {name: given for name, given in kwargs.items() if type(given) is quote}

    def _plain_upstreams(self, args: tuple[Any, ...]) -> tuple[int, ...] | None:
        """The upstreams where each argument is plain data or a future of this flow run; ``None`` where not.

        Most calls are of that kind, and take the shortest way here and in ``resolve``.
        """
        ids: list[int] = []
        for value in args:
            if type(value) is TaskFuture:
                source: Any = value._source
                if source.driver is not self:
                    return None
                ids.append(source.id)
            elif type(value) not in ATOMS:
                return None
        return tuple(ids) if len(ids) < 2 else tuple(dict.fromkeys(ids))

    def id_of(self, future: FutureLike, *, blocks: bool = False) -> int:
        """The id of an upstream in this flow run; runs of other flows are given negative ones.

        Raises ``WouldDeadlockError`` if this thread ``blocks`` until it has ended, and is the one that it needs.
        """
        source: Any = future._source  # type: ignore[attr-defined]
        if source.driver is self and isinstance(source, Call):
            return source.id
        if blocks and not source.is_done:
            future._refuse_deadlock()  # type: ignore[attr-defined]
        return self.join(source, owned=False)

    def join(self, source: Any, *, owned: bool) -> int:
        """Let a run of another flow take part in this one, as an upstream or, ``owned``, as a subflow."""
        id = self._outsiders.get(source)
        if id is None:
            id = self._outsiders[source] = next(self._outsider_ids)
            self._failed[id] = source
            self.post(OutsiderJoined(id, owned))
            source.add_done_callback(
                lambda: self.post(OutsiderEnded(id, self.now_us(), source.exception() is None))
            )
        return id

    def resolve(self, call: Call) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The call's arguments, each future replaced by its value."""
        if call.upstreams and call.fact_upstreams is call.upstreams:  # plain ones: see above
            values: list[Any] = [arg._source.value if type(arg) is TaskFuture else arg for arg in call.args]
            return tuple(values), call.kwargs
        return self.replace_futures(call.args, call.kwargs, value_of)

    @staticmethod
    def replace_futures(
        args: tuple[Any, ...], kwargs: dict[str, Any], value_of: Callable[[FutureLike, bool], Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments, with ``value_of(future, is_tolerated)`` in the place of each future."""
        replaced = tuple([substitute(value, value_of) for value in args])
        if not kwargs:
            return replaced, kwargs
        return replaced, {name: substitute(value, value_of) for name, value in kwargs.items()}

    @staticmethod
    def value_of(future: FutureLike, is_tolerated: bool) -> Any:  # noqa: FBT001 - as ``substitute`` calls it
        """What a task receives in the place of a future of any run that has ended."""
        return value_of(future, is_tolerated)

    # -- the mailbox ---------------------------------------------------------------------------

    def _handle(self, event: Any) -> None:
        if self.defect is not None:
            self._refuse(event)
            return
        self._event = event
        effects = self._orchestrator.handle(event)
        if effects is START_ITS_ATTEMPT:
            self._start_attempt(event)
        elif effects is SETTLE_ITS_RUN:
            self._settle(event.call)
        else:
            self._perform(effects)

    def _perform(self, effects: Sequence[Effect]) -> None:
        performers = self._performers
        for effect in effects:
            kind = type(effect)
            if kind is StartAttempt:
                self._start_attempt(effect[0])  # type: ignore[arg-type]  # the driver's runs are calls
            elif kind is Settle:
                self._settle(effect[0])  # type: ignore[arg-type]
            else:
                performers[kind](effect)

    def _drain_limit(self) -> int:
        return _EVENTS_A_DRAIN_ON_A_LOOP if _get_thread_id() == self._loop_thread else _EVENTS_A_DRAIN

    def _hand_on(self, drain: Callable[[], None]) -> None:
        """The rest is handled at the loop's next turn, or by the clock's thread."""
        if self.loop is not None and _get_thread_id() == self._loop_thread:
            self.loop.call_soon(drain)
        else:
            system_clock.call_soon(drain)

    # -- performing effects --------------------------------------------------------------------

    def _start_attempt(self, call: Call) -> None:
        if call.number > 1:
            call.announces_start = True
            call.started_us = None
            # What came too late to take back the last attempt is not meant for this one.
            call.is_withdrawn = False
        if call.lane is not None and not call.task.is_async:
            call.lane.put(call)
            return
        session = self._session
        session.start(call)
        if session.wants_tending:
            self._mailbox.has_more_to_do = True  # only now: whoever sees the mark finds the attempt

    def _admit(self, effect: Admit) -> None:
        call: Call = effect.run  # type: ignore[assignment]
        self._admission_desk().receive(call)

    def _settle(self, call: Call) -> None:
        report = call.report
        if call.roots:
            self._settle_badly(call, report)
        else:
            call.value = report.value  # type: ignore[union-attr]  # what completes was reported
            call.has_completed = True
        call.args = ()
        call.kwargs = _NO_KWARGS
        call.context = NO_CONTEXT
        call.is_done = True
        remember = self._remember
        remember(call.as_fact())
        if call._callbacks is not None:
            call.call_back()
        if call.lane is not None:
            call.lane.put(None)
        if self._logs_states or call.roots or call.task.has_hooks:
            self._put_off_what_follows(call, call.state)
        call.report = None  # they know each other: the value would stay until the garbage collector comes
        if self._alarms:
            self._drop_alarms(call.id)

    def _settle_badly(self, call: Call, report: Report | FoundValue | None) -> None:
        self._failed[call.id] = call
        if isinstance(report, Report) and report.error is not None:
            self._keep_failure(call, report)
        if call.is_being_retrieved:
            call.mark_retrieved()

    def _keep_failure(self, call: Call, report: Report) -> None:
        assert report.error is not None
        failure = failure_of(report.error)
        attempt = AttemptFact(report.number, report.started_us, report.ended_us, report.worker, failure)
        call.attempts = (*call.attempts, attempt)
        call.failure = failure
        if call.name is not StateName.CANCELLED:
            call.error = report.error
            call.traceback = report.error.__traceback__

    def _record(self, effect: Record) -> None:
        call: Call = effect.run  # type: ignore[assignment]
        report: Report | None = effect.report  # type: ignore[assignment]
        if report is not None and report.error is not None:
            self._keep_failure(call, report)
            call.error = call.traceback = None
        if report is not None:
            self._drop_alarms(call.id)
            if self._desk is not None:
                self._desk.note_end_of_attempt(call)
        self._remember(call.as_fact())

    def _set_timer(self, effect: SetTimer) -> None:
        id = effect.run.id
        self.clock.call_later(effect.seconds, lambda: self.post(TimerFired(id, self.now_us())))

    def _set_deadline(self, effect: SetDeadline) -> None:
        run, number, seconds, since_us = effect
        id = None if run is None else run.id
        left_seconds = max(seconds - max(self.now_us() - since_us, 0) / 1e6, 0.0)
        self._set_alarm(
            id, self.clock, left_seconds, lambda: self.post(DeadlinePassed(id, number, self.now_us()))
        )

    def _interrupt(self, effect: Interrupt) -> None:
        """The grace is a matter of real time, whatever clock the flow goes by: it is about threads and processes."""
        call: Call = effect.run  # type: ignore[assignment]
        call.is_withdrawn = True
        if effect.grace_seconds is not None:
            give_up = partial(self.give_up, call, effect.number)
            self._set_alarm(call.id, system_clock, effect.grace_seconds, give_up)
        self._session.take_back(call, effect.number, only_withdraw=effect.only_withdraw)
        if self._has_children and not effect.only_withdraw:
            self._cancel_children_of(call)

    def _cancel_children_of(self, call: Call) -> None:
        reason = f"{call.display_name}, which called it, was stopped"
        for run in list(self._orchestrator.live_runs.values()):
            child: Call = run  # type: ignore[assignment]
            if child.parent == call.id:
                self.cancel(child, reason)

    def _stop_flow(self, effect: StopFlow) -> None:
        self._set_alarm(
            None, system_clock, effect.grace_seconds, lambda: self.post(FlowGivenUp(self.now_us()))
        )
        self.flow_run.stop(effect.reason)

    def _set_alarm(self, id: int | None, clock: Clock, seconds: float, callback: Callable[[], None]) -> None:
        """Only within a drain, as the dropping: so one thread at a time does either."""
        self._alarms.setdefault(id, []).append(clock.call_later(seconds, callback))

    def _drop_alarms(self, id: int | None) -> None:
        for alarm in self._alarms.pop(id, ()):
            alarm.cancel()

    def _post_again(self, effect: PostAgain) -> None:
        self.post(effect.event)

    def _run_hooks(self, effect: RunHooks) -> None:
        call: Call = effect.run  # type: ignore[assignment]
        if call.task.has_hooks or self._logs_states:
            self._put_off_what_follows(call, State(*effect.change))

    def _record_flow_state(self, effect: RecordFlow) -> None:
        self.flow_run.record_changes(effect.changes)

    def _end_flow(self, effect: EndFlow) -> None:
        self._drop_alarms(None)
        self.end = FlowEnd(*effect)
        self.ended.complete()

    # -- what is put off until after the drain -------------------------------------------------

    def _put_off_what_follows(self, call: Call, state: State) -> None:
        """Log the state and call its hooks, in the aftermath's own thread."""
        self.aftermath.put(lambda: self._log(call, state))
        self._put_off_hooks(call, state)

    def _put_off_hooks(self, call: Call, state: State) -> None:
        for hook in call.task.hooks.of(state.type) if state.name is not StateName.REPLAYED else ():
            self.aftermath.put_hook(hook, call.task, context_of_call(call), state)

    def _log(self, call: Call, state: State) -> None:
        logs_failures = self.flow_run.logs_failures
        if state.name is StateName.CRASHED and logs_failures:
            log_task_crash(call, state)
        elif call.error is not None and state.name in _LOGGED_AS_FAILURES and logs_failures:
            log_task_failure(call, call.error)
        else:
            log_task_state(call, state)

    # -- runs that last are noticed ------------------------------------------------------------

    def _watch(self) -> None:
        self._is_watching = True
        system_clock.call_later(_NOTICED_AFTER_SECONDS, self._notice)

    def _notice(self) -> None:
        """Report runs that have not ended after some time, so that the history shows them.

        Only so many at a time: a run that is noticed costs twice as much, and a crowd of short ones that wait for
        their turn shall not be slowed down by being watched.
        """
        fresh = self._fresh
        before = self.now_us() - int(_NOTICED_AFTER_SECONDS * 900_000)
        left = _NOTICED_AT_A_TIME
        while (
            left
            and fresh
            and (fresh[0].is_done or fresh[0].submitted_us <= before or fresh[0].id <= self._last_seen)
        ):  # seen the last time: so it lasts, also by a clock that stands still
            call = fresh.popleft()
            if not call.is_done:
                left -= 1
                self._notice_run(call)
        self._is_watching = False
        if fresh:
            self._last_seen = fresh[-1].id
            self._watch()

    def _notice_run(self, call: Call) -> None:
        """Invariant: a start is announced by us or by the worker, each looking after leaving its mark."""
        call.announces_start = True
        started_us = call.started_us
        if started_us is not None:
            self.post(AttemptStarted(call.id, call.number, started_us))
        else:
            self.post(RunNoticed(call.id, self.now_us()))

    # -- retries, failures, cancels ------------------------------------------------------------

    def give_up(self, call: Call, number: int, worker: str = "") -> None:
        """Wait no longer for an attempt that was to stop and has not: it goes on unheard, and its worker is written off."""
        if call.is_done or call.number != number:
            return
        worker = self._session.write_off(call, number) or worker
        how = f"what it does{f' in {worker}' if worker else ''} could not be stopped and goes on unheard"
        self.aftermath.put(lambda: log_warning(call, f"Task run '{call.display_name}' is given up: {how}"))
        started_us = call.started_us or self.now_us()
        frames = frames_of(call, number)
        post_end_of_stop(call, number, started_us=started_us, worker=worker, how=how, frames=frames)

    def retry_delay_seconds(self, call: Call, error: BaseException) -> float | None:
        """How long to wait before the next attempt; ``None`` for no further attempt. Asks user functions."""
        if call.number > call.retries or not isinstance(error, Exception):
            return None
        try:
            if not call.task.wants_retry(call, error):
                return None
            from random import random  # few tasks are tried again

            delays = call.task.retry_delays(call)
            return delays.delay_before_retry(call.number, draw=random())
        except Exception as defect:
            log_defect(f"{call.display_name}: its retry options raised, so it is not tried again", defect)
            return None

    def explain(self, call: Call) -> BaseException:
        """Why a run that raised nothing itself did not complete."""
        message = call.changes[-1][2]
        if call.name is StateName.CANCELLED:
            why = f": {message}" if message else ""
            return TaskCancelled(f"{call.display_name} was cancelled{why}")
        if call.name is StateName.CRASHED:
            crash = TaskCrashed(f"{call.display_name} crashed: {message}")
            crash.__cause__ = self.defect
            return crash
        roots = [self._failed[root] for root in call.roots]
        names = ", ".join(root.display_name for root in roots[:5]) + (", …" if len(roots) > 5 else "")
        error = UpstreamFailedError(
            f"{call.display_name} did not run: {names} did not complete; see the cause of this error"
        )
        causes = [cause for cause in (root.exception() for root in roots) if cause is not None]
        if len(causes) == 1:
            error.__cause__ = causes[0]
        elif causes:
            error.__cause__ = BaseExceptionGroup(f"{len(causes)} upstreams did not complete", causes)
        return error

    def is_live(self, id: int) -> bool:
        """Whether the task run of this id has not ended."""
        return id in self._orchestrator.live_runs

    def failed_run(self, id: int) -> Any:
        """The run of this flow, or the outsider, that ended badly under this id."""
        return self._failed[id]

    def blocks(self, loop: Any) -> bool:
        """Whether task runs of this flow run need that event loop to go on."""
        if self.loop is not None:
            return self.loop is loop
        import sys

        loops = sys.modules.get("headrace.task_runners.loops")
        return loops is not None and loops.is_background_loop(loop)

    def cancel(self, call: Call | None, reason: str = "cancelled on request") -> None:
        """Cancel a task run, or the whole flow run."""
        self.post(CancelRequested(None if call is None else call.id, self.now_us(), reason))

    def leave(self, callback: Callable[[], None]) -> None:
        """The flow run is over: let its workers go, and call back then."""
        self._has_left = True
        self._session.leave(callback)

    def close(self) -> None:
        """Let all go that is still there."""
        if not self._has_left:
            self._session.close()
        self.aftermath.close()

    # -- defects -------------------------------------------------------------------------------

    def crash(self, defect: BaseException) -> None:
        """A defect of the engine, seen outside its own work: whoever drains ends the run."""
        self.defect = self.defect or defect
        self.post(None)

    def _crash(self, defect: BaseException) -> None:
        """A defect of the engine: the run and all that is live in it end Crashed, and every waiter wakes."""
        self.defect = self.defect or defect
        if not self._has_crashed:
            self._has_crashed = True
            self._doomed = self._touched_calls()
        self._crash_doomed()

    def _touched_calls(self) -> dict[int, Call]:
        """The task runs that are live, or were in hand when the defect showed, by id."""
        event, effects = self._event, self._orchestrator.effects
        calls: dict[int, Call] = dict(self._orchestrator.live_runs)  # type: ignore[arg-type]
        for effect in effects:
            run = getattr(effect, "run", None)
            if run is not None:
                calls[run.id] = run
        if isinstance(event, Call | Report | FoundValue):
            calls[event.id] = event.call
        return calls

    def _crash_doomed(self) -> None:
        """Crash them one by one, and then the flow run. Where the stack has no room for that, the next event goes on."""
        while self._doomed:
            call = next(iter(self._doomed.values()))
            try:
                self._crash_call(call)
            except RecursionError:  # whoever posted raises it: that unwinds the stack, and is told by events
                raise
            except Exception as error:  # of one who waits: the others wake all the same
                log_defect(f"somebody who waited for {call.display_name} could not be woken", error)
            del self._doomed[call.id]
        at_us = self.now_us()
        before = self.flow_run.changes or ((StateName.PENDING, at_us, None),)
        changes = (*before, (StateName.CRASHED, max(at_us, before[-1][1]), self._crash_reason()))
        self.end = self.end or FlowEnd(changes, (), ())
        self.ended.complete()

    def _crash_reason(self) -> str:
        assert self.defect is not None
        if isinstance(self.defect, TaskRunnerError | FlowRunLost):
            return message_of(self.defect)
        return f"a defect of Headrace: {describe(self.defect)}"

    def _crash_call(self, call: Call) -> None:
        """End a call, or see to it that whoever waits for one that has ended knows."""
        if not call.is_done:
            self._mark_crashed(call)
        call.call_back()
        if call.lane is not None:
            call.lane.put(None)

    def _mark_crashed(self, call: Call) -> None:
        if call.name is not StateName.CRASHED:  # a second try
            call.crash(self.now_us(), self._crash_reason())
        call.roots = (call.id,)
        call.error = None
        self._failed[call.id] = call
        call.is_done = True
        try:
            self._remember(call.as_fact())
            state = call.state
            # Not as a crash of its own: of all of them the flow run tells at once.
            self.aftermath.put(lambda: log_task_state(call, state))
            self._put_off_hooks(call, state)
        except Exception as defect:
            log_defect(f"{call.display_name} crashed, and the history was not told", defect)

    def _refuse(self, event: Any) -> None:
        assert self.defect is not None
        if self._doomed or not self._has_crashed:
            self._crash(self.defect)
        if isinstance(event, Call):
            self._crash_call(event)


def value_of(future: FutureLike, is_tolerated: bool) -> Any:  # noqa: FBT001 - as ``substitute`` calls it
    """What a task receives in the place of a future: its value, or its exception where that is allowed."""
    source: Any = future._source  # type: ignore[attr-defined]
    if source.has_completed:
        return source.value
    error = source.exception()
    if error is None:
        return source.value
    if is_tolerated:
        source.mark_retrieved()
        return error
    raise error


def upstream_fact(future: FutureLike, driver: Driver) -> int | str:
    """What rows of that flow run call the run of a future: its id, or where it is if it belongs to another."""
    source: Any = future._source  # type: ignore[attr-defined]
    if not isinstance(source, Call):
        return str(source.flow_run_id)
    return source.id if source.driver is driver else f"{source.driver.flow_run_id}/{source.id}"
