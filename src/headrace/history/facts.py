"""Facts: what the driver tells the history. Immutable, complete, cheap to make.

A task run's fact always carries everything known about it, its whole list of states included, so the
later of two facts of one run replaces the earlier. Times are microseconds since the Unix epoch.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from headrace.engine.states import StateName

if TYPE_CHECKING:
    from collections.abc import Callable

    from headrace.engine.states import Change, State
    from headrace.history.keeping import Keeping


PICKLE = "pickle"
"""The serializer of what is kept plainly."""


class Kept(NamedTuple):
    """How a result is kept if not simply as its pickle beside the run.

    ``content`` is what another serializer made, for the database; ``key`` that of a file of ``size`` bytes. ``overflow``
    takes what the database has no room for.
    """

    serializer: str = PICKLE
    content: bytes | None = None
    key: str | None = None
    size: int = 0
    overflow: Keeping | None = None


class StoredResult(NamedTuple):
    """A result as the history keeps it: the pickle, or ``kept`` another way; a preview; the reason why it is not stored."""

    pickled: bytes | None
    preview: str | None
    note: str | None = None
    kept: Kept | None = None

    @property
    def content(self) -> bytes | None:
        """What is to be stored in the database, if anything."""
        if self.pickled is not None or self.kept is None:
            return self.pickled
        return self.kept.content


class Failure(NamedTuple):
    """An exception as the history keeps it: bounded text, never the object."""

    type: str
    message: str
    traceback: str


class AttemptFact(NamedTuple):
    """One attempt of a task run. Kept for each attempt as soon as a run has failed once."""

    number: int
    started_us: int
    ended_us: int
    worker: str
    failure: Failure | None


class CacheFact(NamedTuple):
    """How a task run went by the cache: by what key, until when its value counts, and which run gave it if not this one.

    ``source`` is ``"<flow run id>/<task run id>"``.
    """

    key: str
    expires_us: int | None = None
    source: str | None = None
    refreshes: bool = False
    """Whether what others remember under the key counts no more."""


class TaskRunFact(NamedTuple):
    """All that is known of one task run. ``id`` counts from 1 inside its flow run.

    ``index`` counts the runs of one task inside a flow run from 0: the run is called ``task-index``
    unless it has a ``name`` of its own. ``upstreams`` are ids of the same flow run, or
    ``"<flow run id>/<task run id>"`` for a run of another. ``parent`` is the task run that called it. ``call_key`` is
    what a resume knows the call by, where the rest does not say it.
    """

    flow_run_id: str
    id: int
    parent: int | None
    task: str
    index: int  # type: ignore[assignment]  # hides tuple.index(), which nobody needs of a fact
    name: str | None
    tags: tuple[str, ...]
    states: tuple[Change, ...]
    started_us: int | None
    ended_us: int | None
    attempt_count: int
    attempts: tuple[AttemptFact, ...]
    upstreams: tuple[int | str, ...]
    parameters: str | None
    worker: str | None
    result: StoredResult | None
    failure: Failure | None
    call_key: str | None = None
    cache: CacheFact | None = None


class PlainTaskRunFact(NamedTuple):
    """A task run that went Pending, Running, Completed at its first attempt, and nothing out of the way.

    Most do: they are told in this short form. ``plain_fact`` makes one in half the time of calling the class.
    """

    flow_run_id: str
    id: int
    task: str
    index: int  # type: ignore[assignment]  # hides tuple.index(), which nobody needs of a fact
    submitted_us: int
    started_us: int
    ended_us: int
    upstreams: tuple[int | str, ...]
    parameters: str | None
    worker: str
    result: StoredResult

    def in_full(self) -> TaskRunFact:
        """The same in the long form."""
        changes = (
            (StateName.PENDING, self.submitted_us, None),
            (StateName.RUNNING, self.started_us, None),
            (StateName.COMPLETED, self.ended_us, None),
        )
        return TaskRunFact(
            self.flow_run_id, self.id, None, self.task, self.index, None, (), changes, self.started_us,
            self.ended_us, 1, (), self.upstreams, self.parameters, self.worker, self.result, None,
        )  # fmt: skip


plain_fact = partial(tuple.__new__, PlainTaskRunFact)


class ReplayFact(NamedTuple):
    """A task run that completed in an earlier epoch gave its value in this one. All else of it is in the history."""

    flow_run_id: str
    id: int
    at_us: int


class TaskCodeFact(NamedTuple):
    """The code that a task of the flow run has. The writer works out its digest."""

    flow_run_id: str
    task: str
    function: Callable[..., Any]


class FlowRunFact(NamedTuple):
    """All that is known of one flow run. ``kind`` is ``"flow"``, or ``"task"`` for a task called outside a flow.

    ``parent`` is ``"<flow run id>"`` or ``"<flow run id>/<task run id>"``: who called this subflow.
    ``provenance`` is a JSON object (entry point, arguments, Git commit, versions, host, user, pid). ``epoch`` counts
    the claims of the run. ``arguments`` is what a resume calls the flow with again.
    """

    id: str
    kind: str
    flow: str
    name: str
    version: str | None
    tags: tuple[str, ...]
    states: tuple[State, ...]
    started_us: int | None
    ended_us: int | None
    parent: str | None
    task_runner: str
    parameters: str | None
    result: StoredResult | None
    failure: Failure | None
    provenance: str | None
    epoch: int = 1
    run_key: str | None = None
    call_key: str | None = None
    arguments: StoredResult | None = None


class LogFact(NamedTuple):
    """One log line or print of a run. ``task_run`` is ``None`` for the flow's own."""

    flow_run_id: str
    task_run: int | None
    at_us: int
    level: int
    logger: str
    message: str


SLEEP = "sleep"
PAUSE = "pause"


class WaitFact(NamedTuple):
    """A sleep or a pause of a flow's function: which one, until when, what is asked, what was answered (JSON)."""

    flow_run_id: str
    kind: str
    name: str
    occurrence: int
    until_us: int | None = None
    question: str | None = None
    answer: str | None = None
    is_over: bool = False


Fact = PlainTaskRunFact | TaskRunFact | ReplayFact | TaskCodeFact | FlowRunFact | LogFact | WaitFact
