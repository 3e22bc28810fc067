"""One run of a flow, from its call to its value.

``FlowRun.life`` is a generator that tells the whole story once. Where it has to wait, or to call the flow's
function, it yields; ``conduct_sync`` blocks there, ``async_conduct.conduct_async`` awaits. A script pays for all that is
here at every start: what only some runs need has files of its own, imported where it is needed.
"""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any

from headrace.clock import current_clock, system_clock
from headrace.completion import Completion, Gate, Milestone
from headrace.context import current_scope, current_tags
from headrace.dependencies import find_futures, needs_search, substitute
from headrace.driver import Driver, value_of
from headrace.engine.events import CancelRequested, Ending, FailureRetrieved, FlowStarted, FunctionEnded
from headrace.engine.policies import FLOW_GRACE_SECONDS
from headrace.engine.states import State, StateName, StateType
from headrace.errors import (
    FlowRunCancelled,
    FlowRunLost,
    RunInterrupted,
    RunUnderWayError,
    SubflowElsewhereError,
    TaskCancelled,
)
from headrace.history import default_history
from headrace.history.facts import FlowRunFact
from headrace.history.results import TOO_LARGE, dump_result
from headrace.interrupts import (
    Terminated,
    calls_user_code,
    deliver,
    exit_of,
    guarded,
    noted,
    shielded,
    watching,
)
from headrace.kept_arguments import arguments_to_keep
from headrace.logging import capture, log_defect, logger, print_capture
from headrace.naming import new_flow_run_id, new_flow_run_name, render_run_name
from headrace.previews import MAX_CHARACTERS, preview_arguments, says_all
from headrace.provenance import Provenance, module_of
from headrace.run_context import FlowRunContext
from headrace.stack_room import require_stack_room
from headrace.steps import Invoke, Until
from headrace.thread_marks import own_mark
from headrace.tracebacks import describe, failure_of, strip_engine_frames

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable, Generator, Iterator
    from types import TracebackType

    from headrace.engine.states import Change
    from headrace.epochs import Epochs
    from headrace.flow_waits import FlowWaits
    from headrace.flows import Flow
    from headrace.history import History
    from headrace.history.facts import StoredResult
    from headrace.history.keeping import Keeping
    from headrace.resuming import Resumption
    from headrace.steps import Step
    from headrace.task_runners.call import Call


class FlowRun(Completion):
    """One run of a flow. It is the scope of the flow's code, and what a ``FlowRunFuture`` stands for."""

    is_done = False
    _callbacks = None
    value: Any = None
    error: BaseException | None = None
    traceback: TracebackType | None = None
    roots: tuple[int, ...] = ()
    is_on_worker = False
    is_elsewhere = False
    is_given_up = False
    """Whether the function was to stop, and goes on unheard."""

    def __init__(
        self,
        flow: Flow[Any, Any],
        arguments: dict[str, Any],
        *,
        resumption: Resumption | None = None,
        run_key: str | None = None,
    ) -> None:
        """``resumption`` goes on with an earlier run; ``run_key`` is the idempotency key of this one."""
        require_stack_room()
        self.flow = flow
        self.call: Call | None = None
        self.flow_name = flow.name
        self.flow_run_id = new_flow_run_id() if resumption is None else resumption.flow_run_id
        self.run_key = run_key
        self.name = ""
        self.logs_prints = flow.log_prints
        self.logs_failures = flow.kind == "flow"  # a lone task's is logged if nobody retrieves it
        self.tags = tuple(dict.fromkeys((*flow.tags, *current_tags.get())))
        self.changes: tuple[Change, ...] = ()
        self.driver: Driver = None  # type: ignore[assignment]  # set when the run begins
        self.keeping: Keeping | None = None
        self._arguments = arguments
        self._parent: Any = current_scope.get()
        _refuse_subflow(self.flow_name, self._parent)
        self.recorded_parent = _parent_text(self._parent)
        self._kept_arguments: StoredResult | None = None
        self._epochs: Epochs | None = None
        if self._parent is not None or resumption is not None or flow.retry_policy.retries:
            self._epochs = self._count_epochs(resumption)
        self._returned: tuple[int, ...] = ()
        self._returned_tolerated: tuple[int, ...] = ()
        self._parameters_preview: str | None = None
        self._provenance: Provenance | None = None
        self._owner: tuple[Driver, int] | None = None
        self._home_loop: Any = None
        self.subflows: dict[FlowRun, None] = {}
        self._unawaited_maps: dict[object, str] = {}
        self._loss: FlowRunLost | None = None
        self._is_cancelled = False
        self._cut = Milestone()
        self._is_interrupted = False
        self._is_stopping = False
        self._reason = ""
        self._interrupt_function: Callable[[], None] | None = None
        self._waits: FlowWaits | None = None
        self._rest = threading.Lock()
        """Held by who lives the rest of the run, once its function has ended or is given up."""

    # -- its story -----------------------------------------------------------------------------

    def life(self, loop: AbstractEventLoop | None) -> Generator[Step, Any, tuple[Any, BaseException | None]]:
        """From the call to the value or what is to be raised: what happens in a flow run, in order."""
        try:
            arguments = yield from self._wait_for_arguments(loop)
            if self._epochs is not None:
                if self._epochs.give_again():
                    return self.value, None
                arguments = self._epochs.take_up(arguments)
            with capture:
                shown = self._introduce(arguments)
                yield from self._keep_arguments(shown, loop)
                self._take_key()
                while True:
                    self._begin(loop)
                    ending, value, error = yield from self._call_function()
                    interrupt = yield from self._wait_for_task_runs(ending, error)
                    value, error = self._conclude(value, error, interrupt)
                    if error is None or self._epochs is None or not self._epochs.may_go_on(error):
                        break
                    error = yield from self._epochs.go_on(error)
                    if error is not None:
                        break
                yield from self._follow_up(value, error)
            if self._loss is not None and error is None:
                value, error = None, self._loss
        except BaseException as defect:
            self.error = self.error or defect
            if not self.changes:  # it never began
                self.changes = ((StateName.UPSTREAM_FAILED, current_clock().now_us(), describe(defect)),)
            raise
        finally:
            if self.driver is not None:
                self.driver.history.dismiss(self)
                self.driver.close()
            self.traceback = self.error.__traceback__ if self.error is not None else None
            if self.error is not None and self.is_being_retrieved:
                self.mark_retrieved()
            self.complete()
        return value, error  # not raised here: a generator cannot raise a StopIteration

    def _wait_for_arguments(self, loop: AbstractEventLoop | None) -> Generator[Step, Any, dict[str, Any]]:
        """Futures among the arguments are upstreams of the flow: it begins when they are done, or when it is cancelled."""
        arguments = self._arguments
        if not needs_search(arguments.values()):
            return arguments
        found = find_futures(*arguments.values())
        for future in (*found.strict, *found.tolerated):
            source: Any = future._source  # type: ignore[attr-defined]
            if not source.is_done:
                if loop is None:
                    future._refuse_deadlock()  # type: ignore[attr-defined]
                yield self.until(source)
            if self._is_cancelled:
                return arguments  # the function will not be called
            if source.exception() is not None:
                source.mark_retrieved()  # by whoever gets it: the caller its exception, the flow an allowed one
        return {name: substitute(value, value_of) for name, value in arguments.items()}

    def _introduce(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """What is known of the run before it begins; gives the arguments as they may be shown."""
        flow = self.flow
        self._arguments = arguments
        if self.logs_prints:
            print_capture.install()
        self.keeping = keeping_of(flow, default_history())
        shown = flow.parameters.masked(arguments) if arguments else arguments
        self.name = self.name or _run_name(flow.flow_run_name, shown)
        module = module_of(flow.__module__)
        if not arguments:
            self._provenance = Provenance(*flow.anatomy.place, module=module)
            return shown
        preview = self._parameters_preview = preview_arguments((), (), shown)
        self._provenance = Provenance(
            *flow.anatomy.place,
            module=module,
            signature=flow.parameters.recorded(),
            not_whole=_not_whole(arguments, shown, preview, takes_any=flow.anatomy.takes_any),
        )
        return shown

    def _keep_arguments(
        self, shown: dict[str, Any], loop: AbstractEventLoop | None
    ) -> Generator[Step, Any, None]:
        """A resume calls the flow with them again. Those that the history has no room for are kept as large results are."""
        if not self._arguments:
            return
        assert self._parameters_preview is not None
        kept = arguments_to_keep(self.flow, self._arguments, shown, self._parameters_preview)
        self._kept_arguments = dump_result(kept)
        if self._kept_arguments.note == TOO_LARGE and self.keeping is not None and self.keeping.persists:
            pickling = self.keeping._replace(serializer=None)
            self._kept_arguments, cut = yield from _keep_in_file(pickling, kept, loop)
            if cut is not None:
                raise cut

    def _take_key(self) -> None:
        """Of several that want to be the run of a key, one is."""
        if self.run_key is None:
            return
        self.changes = ((StateName.PENDING, current_clock().now_us(), None),)
        other = default_history().start_with_key(self.as_fact(None))
        if other is not None:
            self.changes = ()
            raise RunUnderWayError(
                f"Flow run {other} of {self.flow_name!r} has the key {self.run_key!r} already: it is not doubled."
            )

    def _begin(self, loop: AbstractEventLoop | None) -> None:
        """From here on the run, or its next attempt, exists, and the history knows it."""
        flow, epochs, history = self.flow, self._epochs, default_history()
        if epochs is not None and epochs.is_retry:
            self._returned = self._returned_tolerated = ()
            self._is_stopping = False
            self._rest = threading.Lock()
        self.driver = Driver(
            flow_run=self,
            runner=flow.task_runner,
            history=history,
            clock=current_clock(),
            loop=loop,
            is_inline=loop is None and flow.task_runner.executes_in_caller,
            memory=None if epochs is None else epochs.memory,
            is_retry=epochs is not None and epochs.is_retry,
            timeout_seconds=flow.timeout_seconds,
        )
        history.attend(self)
        self.driver.post(FlowStarted(self.driver.now_us()))
        if self._is_cancelled:  # before there was a driver to tell
            self.driver.cancel(None, self._reason)
        self._put_off_hooks(StateType.RUNNING)
        how = "began" if self.epoch == 1 else f"goes on (epoch {self.epoch})"
        logger.info("Flow run '%s' of flow '%s' %s", self.name, self.flow_name, how)

    def _call_function(self) -> Generator[Step, Any, tuple[Ending, Any, BaseException | None]]:
        """Check the parameters and call the function: how it ended, its value, what it raised."""
        try:
            if self._is_cancelled:
                raise FlowRunCancelled(f"flow run {self.name!r} was cancelled before its function was called")
            arguments = self._arguments
            if self.flow.validate_parameters and arguments:
                arguments = self._arguments = self.flow.parameters.check(arguments, flow_name=self.flow_name)
            value = yield Invoke(*self.flow.parameters.unbind(arguments))
            self._note_returned(value)
        except BaseException as error:
            strip_engine_frames(error)
            is_to_stop = self._is_cancelled or self._is_interrupted or self._is_stopping
            if is_to_stop and isinstance(error, RunInterrupted | TaskCancelled | FlowRunCancelled):
                return Ending.CANCELLED, None, error  # perhaps it asked for a run that was cancelled with it
            return ending_of(error), None, error
        return Ending.RETURNED, value, None

    def _note_returned(self, value: Any) -> None:
        """Find the runs whose futures are in the function's value."""
        if not needs_search((value,)):
            return
        driver = self.driver
        found = find_futures(value)
        blocks = driver.loop is None
        returned = tuple(driver.id_of(future, blocks=blocks) for future in found.strict)
        tolerated = tuple(driver.id_of(future, blocks=blocks) for future in found.tolerated)
        self._returned, self._returned_tolerated = returned, tolerated

    def _wait_for_task_runs(
        self, ending: Ending, error: BaseException | None
    ) -> Generator[Step, Any, BaseException | None]:
        """The function has ended; wait for what it started. What interrupted the waiting, if anything did."""
        driver = self.driver
        reason = None if error is None else describe(error)
        driver.post(FunctionEnded(driver.now_us(), ending, reason, self._returned, self._returned_tolerated))
        interrupt: BaseException | None = None
        while not driver.ended.is_done:
            try:
                yield Until(driver.ended.add_done_callback)
            except BaseException as cut:
                if interrupt is not None or ending is Ending.CANCELLED:
                    raise
                interrupt = cut
                driver.post(CancelRequested(None, driver.now_us(), _reason_of(cut)))
        return interrupt

    def _conclude(
        self, value: Any, error: BaseException | None, interrupt: BaseException | None
    ) -> tuple[Any, BaseException | None]:
        """What the call gives, or what it raises."""
        end = self.driver.end
        assert end is not None
        self.changes = end.changes
        if error is None and interrupt is None and self.state.type is StateType.COMPLETED:
            return self._resolve(value)
        from headrace.flow_failures import error_of  # most runs give a value

        return None, error_of(self, end, error, interrupt)

    def _resolve(self, value: Any) -> tuple[Any, BaseException | None]:
        """The function's value, futures inside it replaced by theirs."""
        try:
            return substitute(value, value_of), None
        except Exception as error:
            failed = (StateName.FAILED, self.changes[-1][1], describe(error))
            self.changes = (*self.changes[:-1], failed)
            return None, error

    def _follow_up(self, value: Any, error: BaseException | None) -> Generator[Step, Any, None]:
        """Tell the person, the hooks and the history, and wait until the last has it on disk."""
        has_completed = self.state.type is StateType.COMPLETED  # `sys.exit(0)`, too
        self.value, self.error = value, None if has_completed else error
        if has_completed and self._unawaited_maps:
            self._warn_of_unawaited_maps()
        self._log_end()
        self._put_off_hooks(self.state.type)
        marker = self.driver.aftermath.put_marker()
        cut: BaseException | None = None
        if marker is not None:
            try:
                yield Until(marker.add_done_callback)
            except BaseException as interrupt:  # the end is recorded all the same
                cut = interrupt
        history = self.driver.history
        stored, cut_later = yield from self._keep(value)
        cut = cut or cut_later
        history.record(self.as_fact(stored if self.error is None else None))
        yield Until(history.when_flushed)
        if self._loss is not None:  # the end was refused
            self.value, self.error = None, self.error or self._loss
        yield Until(self.driver.leave)
        if cut is not None:
            raise cut

    def _keep(self, value: Any) -> Generator[Step, Any, tuple[StoredResult | None, BaseException | None]]:
        """What the history is to have of the value, and what interrupted the writing of it, if anything did."""
        keeping = self.keeping
        if self.error is not None:
            return None, None
        if keeping is None:
            return dump_result(value), None
        stored = keeping.keep_beside(value)
        if stored is not None:
            return stored, None
        return (yield from _keep_in_file(keeping, value, self.driver.loop))

    # -- what others ask of it -----------------------------------------------------------------

    @property
    def is_cancelled(self) -> bool:
        """Whether somebody wants it cancelled."""
        return self._is_cancelled

    @property
    def is_interrupted(self) -> bool:
        """Whether a Ctrl-C was raised in its thread."""
        return self._is_interrupted

    @property
    def epoch(self) -> int:
        """How often the run has been claimed: each resume, and each retry of the flow, is one claim more."""
        return 1 if self._epochs is None else self._epochs.number

    @property
    def outcome(self) -> tuple[Any, BaseException | None]:
        """What the run gave, or what it raised, once it has ended."""
        return self.value, self.error

    @property
    def state(self) -> State:
        """Where the run stands."""
        return State(*self.changes[-1]) if self.changes else State(StateName.PENDING, 0)

    @property
    def has_completed(self) -> bool:
        """Whether there is a value to give: not before hooks and history have seen the end."""
        return self.is_done and self.error is None

    @property
    def display_name(self) -> str:
        """What a person calls the run."""
        return self.name or self.flow_name

    @property
    def context(self) -> FlowRunContext:
        """What the run's own code can know of it."""
        return FlowRunContext(self.flow_run_id, self.flow_name, self.name, self.tags, dict(self._arguments))

    def exception(self) -> BaseException | None:
        """What the run raised, once it has ended."""
        return self.error

    def mark_retrieved(self) -> None:
        """Somebody looks at how it failed."""
        if self._owner is not None:
            driver, id = self._owner
            driver.post(FailureRetrieved(id))

    def be_owned_by(self, driver: Driver) -> None:
        """The flow of that driver waits for this run, and takes it along when it is cancelled."""
        self._owner = (driver, driver.join(self, owned=True))
        subflows = driver.flow_run.subflows
        subflows[self] = None
        self.add_done_callback(lambda: subflows.pop(self, None))

    def _count_epochs(self, resumption: Resumption | None) -> Epochs:
        from headrace.epochs import Epochs  # few runs need them

        epochs = Epochs(self, resumption)
        if self._parent is not None and self.recorded_parent is not None:
            if self._parent.call is not None:
                self._parent.driver.tell_of_caller(self._parent.call)
            epochs.take_place_in(self._parent.driver, self.recorded_parent, self._arguments)
        return epochs

    def needs(self, loop: Any) -> bool:
        """Whether the run needs that event loop to go on."""
        driver: Driver | None = self.driver
        return loop is self._home_loop or (driver is not None and driver.blocks(loop))

    def cancel(self, reason: str = "cancelled on request") -> None:
        """Let nothing more start, and have all that runs stop: task runs, subflows, the function."""
        self._is_cancelled, self._reason = True, reason
        if self.driver is not None:
            self.driver.cancel(None, reason)
        elif self._interrupt_function is not None:
            self._interrupt_function()
        self._cut.complete()

    def until(self, completion: Completion) -> Until:
        """Wait until that has ended, or the run is cancelled, whichever comes first."""
        return Until(partial(_call_back_at_either, completion, self._cut))

    def stop(self, reason: str) -> None:
        """Have the function stop if it has not ended, and the subflows. Called within a drain: it blocks on nothing."""
        self.driver.ended.add_done_callback(self._see_to_the_rest)
        self._stop_code(reason)

    def _stop_code(self, reason: str) -> None:
        self._is_stopping = True
        for subflow in list(self.subflows):
            subflow.cancel(reason)
        interrupt_function = self._interrupt_function
        if interrupt_function is not None and not self._is_interrupted:  # it was told by the Ctrl-C
            interrupt_function()

    def interrupt_function_by(self, interrupt: Callable[[], None]) -> None:
        """The function is about to be called. Looks who wants it to stop after leaving the mark by which they find it."""
        self._interrupt_function = interrupt
        if self._is_stopping:
            interrupt()

    def begin_life(self, loop: AbstractEventLoop | None) -> Generator[Step, Any, Any]:
        """Its story, told once."""
        self.begun_life = self.life(loop)
        return self.begun_life

    @contextmanager
    def as_part_of_its_parent(self) -> Iterator[None]:
        """Whoever stops the run that called this one, stops this one, too."""
        subflows = None if self._parent is None else self._parent.driver.flow_run.subflows
        if subflows is None:
            yield
            return
        subflows[self] = None
        try:
            yield
        finally:
            subflows.pop(self, None)

    @property
    def is_over(self) -> Callable[[], bool]:
        """Tells whether the function, as it is called now, has ended or is given up; not of a later call."""
        return self._rest.locked

    def begin_rest(self) -> bool:
        """The function has ended, or is given up: whether the caller is the one to live the rest of the run."""
        return self._rest.acquire(False)

    def _see_to_the_rest(self) -> None:
        """Nobody does if the function was given up: it holds the thread, or the asyncio task, that would."""
        if not self._rest.locked():
            system_clock.call_soon(
                lambda: threading.Thread(target=_live_rest, args=(self,), daemon=True).start()
            )

    def note_request(self, kind: str, value: str | None) -> None:
        """Another process asks for something. Called by the history's own thread, and never blocks."""
        if kind == "cancel":
            self.cancel(value or "cancelled by another process")
        elif kind == "answer" and value is not None and self._waits is not None:
            self._waits.note_answer(value)

    def answer(self, value: Any, prompt: str | None) -> None:
        """Answer the question for which its function waits. Raises ``LookupError`` and ``ValueError``."""
        if self.is_done or self._waits is None:
            raise LookupError(f"flow run {self.display_name!r} does not wait for an answer")
        self._waits.answer(value, prompt)

    @property
    def waits(self) -> FlowWaits:
        """What its function waits for, in its present epoch. Asked for by that function alone."""
        from headrace.flow_waits import FlowWaits  # few flows sleep or ask

        if self._waits is None or self._waits.driver is not self.driver:
            self._waits = FlowWaits(self)
        return self._waits

    def note_loss(self, reason: str) -> None:
        """Another process owns the run now: the history refuses what is done here."""
        lost = FlowRunLost(
            f"flow run {self.name!r} is no longer this process's: {reason}. What it still does here is not recorded."
        )
        self._loss = lost
        logger.error("%s", lost)
        self.driver.crash(lost)
        self._stop_code("another process has the run")

    def note_interrupt(self) -> None:
        """A Ctrl-C is raised in this thread. Only leaves marks: it may be called between any two instructions."""
        self._is_interrupted = True
        if self.driver is not None:
            self.driver.expect_cancel()

    # -- what is told --------------------------------------------------------------------------

    def record_changes(self, changes: tuple[Change, ...]) -> None:
        """Tell the history where the run stands."""
        self.changes = changes
        self.driver.history.record(self.as_fact(None))

    def as_fact(self, result: StoredResult | None) -> FlowRunFact:
        """What the history is to know of it now."""
        changes = self.changes
        started = next(
            (at_us for name, at_us, _ in changes if name in (StateName.RUNNING, StateName.RETRYING)), None
        )
        has_ended = State(*changes[-1]).is_terminal
        return FlowRunFact(
            self.flow_run_id,
            self.flow.kind,
            self.flow_name,
            self.name,
            self.flow.version,
            self.tags,
            tuple(State(*change) for change in changes),
            started,
            changes[-1][1] if has_ended else None,
            self.recorded_parent,
            self.flow.task_runner.name,
            self._parameters_preview,
            result,
            failure_of(self.error) if self.error is not None and has_ended else None,
            self._provenance_text(has_ended=has_ended),
            self.epoch,
            self.run_key,
            None if self._epochs is None else self._epochs.call_key,
            self._kept_arguments,
        )

    def _provenance_text(self, *, has_ended: bool) -> str | None:
        if self._provenance is None:
            return None
        return self._provenance.finish() if has_ended else self._provenance.text()

    def note_dashboard(self, url: str) -> None:
        """The cluster on which the tasks run shows what it does there: log that, and keep it with the run."""
        if self._provenance is not None:
            self._provenance.dashboard = url
        context = copy_context()
        context.run(current_scope.set, self)
        context.run(logger.info, "Flow run '%s' runs on a cluster with a dashboard at %s", self.name, url)

    def _put_off_hooks(self, state_type: StateType) -> None:
        for hook in self.flow.hooks.of(state_type):
            self.driver.aftermath.put_hook(hook, self.flow, self.context, self.state)

    def note_unawaited_map(self, task_name: str) -> Callable[[], object]:
        """A map has to be awaited before it calls anything; what is given is called when it is."""
        key = object()
        self._unawaited_maps[key] = task_name
        return partial(self._unawaited_maps.pop, key, None)

    def _warn_of_unawaited_maps(self) -> None:
        token = current_scope.set(self)  # the line is kept under this run
        try:
            for name in dict.fromkeys(self._unawaited_maps.values()):
                logger.warning(
                    "%s.map(...) was never awaited, so it called nothing: write `await %s.map(...)`",
                    name,
                    name,
                )
        finally:
            current_scope.reset(token)

    def _log_end(self) -> None:
        seconds = (self.changes[-1][1] - self.changes[0][1]) / 1e6
        message = "Flow run '%s' of flow '%s' ended %s after %.3g s"
        if self.state.type is StateType.COMPLETED:
            logger.info(message, self.name, self.flow_name, self.state, seconds)
        else:
            logger.error(message, self.name, self.flow_name, self.state, seconds)


class _Writing(Milestone):
    """A thread that writes a value of an async flow into a file: its loop goes on meanwhile."""

    __slots__ = ("stored",)

    def __init__(self, keeping: Keeping, value: Any) -> None:
        super().__init__()
        self.stored: StoredResult | None = None
        threading.Thread(target=self._write, args=(keeping, value), name="headrace-result").start()

    def _write(self, keeping: Keeping, value: Any) -> None:
        try:
            self.stored = keeping.keep_in_file(value)
        finally:
            self.complete()


def _keep_in_file(
    keeping: Keeping, value: Any, loop: AbstractEventLoop | None
) -> Generator[Step, Any, tuple[StoredResult | None, BaseException | None]]:
    """What the history is to have of the value, once it is in a file; and what interrupted the writing, if anything did."""
    if loop is None:
        return keeping.keep_in_file(value), None
    writing = _Writing(keeping, value)
    cut: BaseException | None = None
    while not writing.is_done:
        try:
            yield Until(writing.add_done_callback)
        except BaseException as interrupt:  # what has been computed is not to be lost for it
            cut = interrupt
    return writing.stored, cut


def keeping_of(flow: Flow[Any, Any], history: History) -> Keeping | None:
    """How the flow's results are kept; ``None`` for the usual way."""
    if flow.persist_result is None and flow.result_serializer is None and not history.persists_results:
        return None
    from headrace.history.keeping import Keeping  # few flows need it

    return Keeping(persists=history.persists_results or None).narrowed(flow, history.result_place)


# -- conducting it -------------------------------------------------------------------------------


def conduct_sync(run: FlowRun) -> Any:
    """Live a flow run in this thread, blocking where it waits."""
    with guarded() as is_outermost:
        value, error = _conduct(run)
    if noted.is_set:
        deliver()
    if is_outermost and isinstance(error, Terminated):
        error = exit_of(error)
    return outcome_of(value, error)  # raised here and not further in: so few frames of ours are in the way


@shielded
def _conduct(run: FlowRun) -> tuple[Any, BaseException | None]:
    with run.as_part_of_its_parent():
        if threading.get_ident() != threading.main_thread().ident:
            return _live(run)
        with watching(run.note_interrupt):
            return _live(run)


def _live(run: FlowRun) -> tuple[Any, BaseException | None]:
    """From the beginning to the end; if the function is given up, somebody else lives the rest."""
    life = run.begin_life(None)
    mark = own_mark()
    around = mark.run, mark.number
    try:
        step = next(life)
        while True:
            error, answer = _take_sync(run, step)
            if isinstance(step, Invoke) and not run.begin_rest():
                run.block()
                return run.outcome
            step = life.send(answer) if error is None else life.throw(error)
    except StopIteration as end:
        outcome: tuple[Any, BaseException | None] = end.value
        return outcome
    finally:
        mark.run, mark.number = around


def _live_rest(run: FlowRun) -> None:
    """From the end of a function that is given up."""
    if not run.begin_rest():
        return
    run.is_given_up = True
    life = run.begun_life
    try:
        step = life.throw(RunInterrupted())
        while True:
            error, answer = _take_sync(run, step)
            step = life.send(answer) if error is None else life.throw(error)
    except BaseException:  # its end, or what has been told: it is the future's to raise
        return


def _take_sync(run: FlowRun, step: Step) -> tuple[BaseException | None, Any]:
    """What the step raised, or gave.

    The scope is put back here: in the function that calls user code, a Ctrl-C could come just before.
    """
    around = current_scope.get()
    try:
        return None, _take_step(run, step)
    except BaseException as error:
        return error, None
    finally:
        current_scope.set(around)


@calls_user_code
def _take_step(run: FlowRun, step: Step) -> Any:
    if noted.is_set:
        deliver()
    match step:
        case Invoke(args, kwargs):
            current_scope.set(run)
            mark = own_mark()
            run.interrupt_function_by(partial(_pursue, run))
            try:
                mark.number = 0
                mark.run = run
                return run.flow.fn(*args, **kwargs)
            finally:  # to take off the mark is the first thing: see `thread_marks`
                mark.run = None
                if mark.is_targeted:
                    mark.absorb()
        case Until(register):
            gate = Gate(retrieves=True)
            register(gate)
            gate.wait(None)
            return None


def _pursue(run: FlowRun) -> None:
    """Interrupt the function of a sync flow, in its own code."""
    from headrace.pursuit import Pursuit  # few are stopped

    Pursuit(run, 0, is_over=run.is_over, give_up=lambda: None, patience_seconds=FLOW_GRACE_SECONDS).begin()


def outcome_of(value: Any, error: BaseException | None) -> Any:
    """Gives or raises what came of a run."""
    try:
        if error is not None:
            raise error
        return value
    finally:
        del error  # no cycle of it and its traceback


# -- small matters --------------------------------------------------------------------------------


def _call_back_at_either(one: Completion, other: Completion, callback: Callable[[], None]) -> None:
    one.add_done_callback(callback)
    other.add_done_callback(callback)


def _refuse_subflow(flow_name: str, scope: Any) -> None:
    """Raise ``SubflowElsewhereError`` if this code belongs to a task that a remote worker executes.

    Raises ``MissingMainGuardError`` if it is a module that such a worker imports.
    """
    guard = sys.modules.get("headrace.task_runners.errand_reading")
    if guard is not None:  # workers have it loaded
        guard.refuse_flow_of_imported_module(flow_name)
    if scope is not None and scope.driver.flow_run.is_on_worker:
        raise SubflowElsewhereError(
            f"flow {flow_name!r} was called inside task run {scope.call.display_name!r}, which a remote worker"
            f" executes: call the flow from flow {scope.driver.flow_run.flow_name!r} itself, or make it a task"
        )


def ending_of(error: BaseException) -> Ending:
    """How a function ended that raised this."""
    if isinstance(error, SystemExit) and not error.code:
        return Ending.RETURNED
    asyncio = sys.modules.get("asyncio")
    if isinstance(error, KeyboardInterrupt | RunInterrupted) or (
        # Without the name, another thread is just importing it: nobody can have raised that.
        asyncio is not None and isinstance(error, getattr(asyncio, "CancelledError", ()))
    ):
        return Ending.CANCELLED
    return Ending.RAISED


def _reason_of(cut: BaseException) -> str:
    return "interrupted" if isinstance(cut, KeyboardInterrupt) else describe(cut)


def _not_whole(
    arguments: dict[str, Any], shown: dict[str, Any], preview: str, *, takes_any: bool
) -> list[str]:
    """The names of the arguments that the preview does not tell wholly: nobody can give them again who knows only that."""
    if len(preview) >= MAX_CHARACTERS:
        return list(arguments)
    return [
        name
        for name, value in arguments.items()
        if shown[name] is not value
        # What `*args` holds is a tuple, and given as a list.
        or not says_all(name, list(value) if takes_any and type(value) is tuple else value)
    ]


def _run_name(option: Any, arguments: dict[str, Any]) -> str:
    if option is None:
        return new_flow_run_name()
    try:
        return render_run_name(option, arguments)
    except Exception as error:
        log_defect("flow_run_name raised, so the run is given a name by chance", error)
        return new_flow_run_name()


def _parent_text(parent: Any) -> str | None:
    if parent is None:
        return None
    call = parent.call
    return str(parent.flow_run_id) if call is None else f"{parent.flow_run_id}/{call.id}"
