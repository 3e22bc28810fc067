"""A called task: the engine's record of the run, and all that is needed to execute it.

The driver makes one for each task run; task runners execute it; its future is a handle on it; the history
reads it when it has ended. One object passes through all four.
"""

from __future__ import annotations

import sys
from contextvars import Context
from functools import partial
from typing import TYPE_CHECKING, Any

from headrace.completion import Completion
from headrace.engine.events import AttemptFinished, FailureRetrieved, ValueFound
from headrace.engine.states import State, StateName
from headrace.engine.task_run import PENDING, WAITING, TaskRun
from headrace.history.facts import AttemptFact, ReplayFact, TaskRunFact, plain_fact

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from queue import SimpleQueue
    from types import TracebackType
    from typing import Protocol

    from headrace.engine.events import Ending
    from headrace.engine.policies import RetryPolicy
    from headrace.history import History
    from headrace.history.cache import CachedValue
    from headrace.history.facts import CacheFact, Failure, PlainTaskRunFact, StoredResult
    from headrace.history.keeping import Keeping
    from headrace.history.serializers import Serializer

    class TaskDefinition(Protocol):
        """What a task run needs to know of its task."""

        name: str
        fn: Callable[..., Any]
        is_async: bool
        has_hooks: bool
        hooks: Any
        needs_admission: bool
        tags: tuple[str, ...]
        retry_policy: RetryPolicy
        asks_before_retry: bool
        timeout_seconds: float | None
        persist_result: bool | None
        result_serializer: Serializer | None
        keeps_otherwise: bool
        log_prints: bool | None
        task_run_name: Any
        caching: Any

        @property
        def argument_names(self) -> Sequence[str]:
            """The names of the function's positional parameters."""

        def name_run(self, call: Call, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
            """The name of this run, if the task has one to give."""

        def cache_key(self, call: Call, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
            """What the call has in common with those that may be given its value; ``None`` if it is not cached."""

        def wants_retry(self, call: Call, error: BaseException) -> bool:
            """Whether this failure is worth another attempt."""

        def retry_delays(self, call: Call) -> RetryPolicy:
            """The policy that gives the delay before the next attempt."""

        def for_workers(self) -> TaskDefinition:
            """A copy without what the flow's process decides."""

        def open_children(self, outpost: Any) -> Any:
            """Who decides about the tasks that an attempt calls on a remote worker."""

    class FlowRunOfCall(Protocol):
        """What a call asks of the driver of its flow run."""

        flow_run_id: str
        history: History

        @property
        def flow_run(self) -> Any:
            """The flow run itself."""

        def post(self, event: Any) -> None:
            """Tell the orchestrator what happened."""

        def now_us(self) -> int:
            """Microseconds since the Unix epoch."""

        def resolve(self, call: Call) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
            """The call's arguments, each future replaced by its value."""

        def retry_delay_seconds(self, call: Call, error: BaseException) -> float | None:
            """How long to wait before the next attempt; ``None`` for no further attempt."""

        def note_key(self, call: Call) -> None:
            """Work out what a resume is to know the call by."""

        def is_live(self, id: int) -> bool:
            """Whether the task run of this id has not ended."""

        def failed_run(self, id: int) -> Any:
            """The run that ended badly under this id."""

        def is_within(self, call: Call, caller: Call) -> bool:
            """Whether that task run called it, or called who did."""

        def callers_of(self, call: Call) -> Iterator[Call]:
            """The task run that called it, the one that called that, and so on."""

        def slot_holder(self, call: Call) -> Call | None:
            """The task run whose slot the call uses."""

        def explain(self, call: Call) -> BaseException:
            """Why a run that raised nothing itself did not complete."""

        def blocks(self, loop: Any) -> bool:
            """Whether task runs of this flow run need that event loop to go on."""

        def cancel(self, call: Call) -> None:
            """Cancel the task run."""

        def give_up(self, call: Call, number: int, worker: str = "") -> None:
            """Wait no longer for an attempt that was to stop."""

        def crash(self, defect: BaseException) -> None:
            """End the flow run, for a defect of the engine."""


NO_CONTEXT = Context()
"""In the place of a call's context once the run has ended. Nothing may run in it: it is one for all threads."""


class Report(AttemptFinished):
    """The end of an attempt, with what it gave."""

    __slots__ = ("call", "error", "stored", "value", "worker")

    def __init__(
        self,
        call: Call,
        number: int,
        started_us: int,
        ended_us: int,
        ending: Ending,
        value: Any,
        stored: StoredResult | None,
        worker: str,
        error: BaseException | None = None,
        reason: str | None = None,
        retry_delay_seconds: float | None = None,
    ) -> None:
        self.call = call
        self.id = call.id
        self.number = number
        self.started_us = started_us
        self.ended_us = ended_us
        self.ending = ending
        self.reason = reason
        self.retry_delay_seconds = retry_delay_seconds
        self.value = value
        self.stored = stored
        self.worker = worker
        self.error = error


class FoundValue(ValueFound):
    """The value of a run that need not be executed, and what the history has of it."""

    __slots__ = ("call", "error", "stored", "value", "worker")

    def __init__(
        self,
        call: Call,
        at_us: int,
        value: Any,
        stored: StoredResult,
        reason: str,
        name: StateName = StateName.CACHED,
    ) -> None:
        self.id = call.id
        self.at_us = at_us
        self.name = name
        self.reason = reason
        self.call = call
        self.value = value
        self.stored = stored
        self.worker = ""
        self.error = None


# Both steps of `Report(...)`, to be taken one by one: a class that is called enters the interpreter anew.
new_report: Callable[[], Report] = partial(object.__new__, Report)
fill_report = Report.__init__


class Call(Completion, TaskRun):
    """One call of a task.

    ``lane`` is there when the caller itself executes the attempts: it takes them from that queue, and
    ``None`` says that the run has ended. ``started_us`` is set by whoever begins an attempt,
    ``is_withdrawn`` by the driver to take it back; each looks at the other's mark after setting its own.
    ``keeping`` says how the result is kept, if that is not the usual way. ``is_told_plainly``: should it just complete,
    the short form of a fact has room for all there is to tell. ``call_key`` is what a resume knows it by, where its row
    does not tell that.
    """

    __slots__ = (
        "_callbacks",
        "announces_start",
        "args",
        "asyncio_task",
        "attempts",
        "cache",
        "call_key",
        "context",
        "driver",
        "error",
        "fact_upstreams",
        "failure",
        "has_completed",
        "index",
        "is_done",
        "is_retrieved",
        "is_told_plainly",
        "is_withdrawn",
        "keeping",
        "kwargs",
        "lane",
        "parameters",
        "parent",
        "run_name",
        "started_us",
        "tags",
        "task",
        "traceback",
        "value",
    )

    def __init__(
        self,
        driver: FlowRunOfCall,
        task: TaskDefinition,
        id: int,
        index: int,
        at_us: int,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        context: Context,
    ) -> None:
        # What TaskRun.__init__ does for a run without options, without the price of calling it.
        self.id = id
        self.submitted_us = at_us
        self.retries = 0
        self.upstreams = ()
        self.tolerated = ()
        self.needs_slot = True
        self.holds_slot = False
        self.is_noticed = False
        self.is_cancelled = False
        self.is_timed_out = False
        self.timeout_seconds = None
        self.waits = 0
        self.number = 0
        self.phase = WAITING
        self.name = PENDING
        self.roots = ()
        self.report = None
        self._story = None
        # What it adds.
        self.driver = driver
        self.task = task
        self.index = index
        self.args = args
        self.kwargs = kwargs
        self.context = context
        self.tags: tuple[str, ...] = ()
        self.parent: int | None = None
        self.run_name: str | None = None
        self.fact_upstreams: tuple[int | str, ...] = ()
        self.lane: SimpleQueue[Call | None] | None = None
        self.is_told_plainly = True
        self.cache: CacheFact | None = None
        self.announces_start = False
        self.started_us: int | None = None
        self.is_withdrawn = False
        self.keeping: Keeping | None = None
        # How it ends.
        self.is_done = False
        self.has_completed = False
        self.is_retrieved = False
        self.error: BaseException | None = None
        self.traceback: TracebackType | None = None
        self.failure: Failure | None = None
        self.parameters: str | None = None
        self.call_key: str | None = None
        self.attempts: tuple[AttemptFact, ...] = ()
        self._callbacks = None

    # What TaskRun knows as the bare event is the whole report here.
    report: Report | FoundValue | None
    value: Any
    asyncio_task: asyncio.Task[None] | None

    @property
    def is_readmitted(self) -> bool:
        """Whether its tags may have limits, which each of its attempts is to keep to."""
        return bool(self.tags) and not self.driver.flow_run.is_on_worker

    @property
    def is_elsewhere(self) -> bool:
        """Whether asking for the value means to wait for it: see ``FarCall``."""
        return False

    @property
    def call(self) -> Call:
        """A call is the scope of the code that it runs."""
        return self

    @property
    def flow_run_id(self) -> str:
        """The flow run it belongs to."""
        return self.driver.flow_run_id

    @property
    def display_name(self) -> str:
        """The task run's own name, or ``task-index``."""
        return self.run_name or f"{self.task.name}-{self.index}"

    @property
    def logs_prints(self) -> bool:
        """Whether what it prints is kept: its task says so, or else its flow."""
        of_task = self.task.log_prints
        return self.driver.flow_run.logs_prints if of_task is None else of_task

    @property
    def state(self) -> State:
        """Where the run stands."""
        return State(*self.changes[-1])

    def mark_retrieved(self) -> None:
        """Somebody looks at how it failed."""
        self.is_retrieved = True
        self.driver.post(FailureRetrieved(self.id))
        for root in self.roots:
            if root < 0:  # of another flow run, which is to know of it, too
                self.driver.failed_run(root).mark_retrieved()

    def exception(self) -> BaseException | None:
        """What its future raises, once it has ended."""
        if not self.roots:
            return None
        if self.error is None:
            self.error = self.driver.explain(self)
        return self.error

    def as_fact(self) -> TaskRunFact | PlainTaskRunFact:
        """What the history is to know of it now."""
        report = self.report
        if report is None or self._story is not None or not self.is_told_plainly:
            return self.as_full_fact()
        return plain_fact((
            self.driver.flow_run_id, self.id, self.task.name, self.index, self.submitted_us,
            report.started_us, report.ended_us,  # type: ignore[union-attr]  # a value that was found has a story
             self.fact_upstreams, self.parameters, report.worker, report.stored,
        ))  # fmt: skip

    def as_full_fact(self) -> TaskRunFact:
        """The same in the long form, which has room for everything."""
        changes = tuple(self.changes)
        report = self.report
        return TaskRunFact(
            self.driver.flow_run_id,
            self.id,
            self.parent,
            self.task.name,
            self.index,
            self.run_name,
            self.tags,
            changes,
            self.attempts[0].started_us if self.attempts else self.started_us,
            changes[-1][1] if self.is_done else None,
            self.number,
            self._all_attempts(changes[-1][1]),
            self.fact_upstreams,
            self.parameters,
            None if report is None else report.worker,
            None if report is None else report.stored,
            self.failure,
            self.call_key,
            cache=None if self.cache is None else self.cache_fact(),
        )

    def cache_fact(self) -> CacheFact:
        """How it went by the cache: its value counts from its end on, for as long as its task says."""
        assert self.cache is not None
        expiration_us = self.task.caching.expiration_us
        if expiration_us is None or self.cache.source is not None or not self.is_done:
            return self.cache
        return self.cache._replace(expires_us=self.changes[-1][1] + expiration_us)

    def value_of(self, found: CachedValue) -> Any:
        """A value from the cache, in the form in which a call of this kind holds its own. Raises whatever making it raises."""
        main = sys.modules.get(self.task.fn.__module__)
        return found.load(main=main, serializer=None if self.keeping is None else self.keeping.serializer)

    def _all_attempts(self, ended_us: int) -> tuple[AttemptFact, ...]:
        """The attempts that failed, and the one that then did not."""
        report = self.report
        if not isinstance(report, Report) or not self.attempts or not self.has_completed:
            return self.attempts
        return (*self.attempts, AttemptFact(self.number, report.started_us, ended_us, report.worker, None))


new_call: Callable[[], Call] = partial(object.__new__, Call)
fill_call = Call.__init__


class Far:
    """Stands for a value that is elsewhere, or still pickled, until somebody asks for it."""

    __slots__ = ()

    is_near = True
    """Whether to get it takes no time that is worth an await."""

    def fetch(self, call: Call) -> Any:
        """The value; waits for it."""
        raise NotImplementedError


class FarCall(Call):
    """A call whose value may be ``Far``."""

    __slots__ = ("_held",)

    _held: Any

    @property
    def is_elsewhere(self) -> bool:
        """Whether asking for the value means to wait for it."""
        return self.has_completed and isinstance(self._held, Far) and not self._held.is_near

    @property
    def value(self) -> Any:
        """What the run returned."""
        held = self._held
        if isinstance(held, Far):
            held = self._held = held.fetch(self)
        return held

    @value.setter
    def value(self, held: Any) -> None:
        self._held = held

    def as_fact(self) -> TaskRunFact | PlainTaskRunFact | ReplayFact:  # type: ignore[override]  # one kind more
        """What the history is to know of it now; of one that was replayed, all the rest is there."""
        if self.name is StateName.REPLAYED:
            return ReplayFact(self.flow_run_id, self.id, self.submitted_us)
        return super().as_fact()


new_far_call: Callable[[], FarCall] = partial(object.__new__, FarCall)
