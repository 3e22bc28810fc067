"""What a resume makes of a call: replay the run that it had in an earlier epoch, or run it again, and why.

A call is recognised by its task, its parent, its arguments and its occurrence. An upstream among the arguments counts as
the run that it is, not as its value; so a chain is recognised before any of it has been executed. Pure: rows come in from
the history, or calls from the driver; what a code or an argument is called, others have worked out.
"""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING, Any, NamedTuple

from headrace.engine.states import StateName, StateType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

BY_POSITION = "#"
"""The key of arguments that have none: such a call is recognised by its place among its like."""


class PastRun(NamedTuple):
    """A task run of an earlier epoch. ``note`` says why its value is not stored.

    ``key`` is what its arguments are known by; ``None`` for one that had not begun, whose arguments nobody looked at.

    ``held`` leads to the value; ``None`` where there is none. The engine only passes it on.
    """

    id: int
    task: str
    index: int  # type: ignore[assignment]  # hides tuple.index(), which nobody needs of a run
    parent: int | None
    key: str | None
    state: StateName
    upstreams: tuple[int | str, ...] = ()
    held: Any = None
    note: str | None = None

    @property
    def display_name(self) -> str:
        """What the run is called, if it has no name of its own."""
        return f"{self.task}-{self.index}"


class PastSubflow(NamedTuple):
    """A subflow of an earlier epoch; ``parent`` is what its row says of who called it."""

    id: str
    parent: str
    flow: str
    key: str | None
    has_completed: bool


class Replay:
    """The earlier epochs of a flow run, as its calls come in once more.

    ``codes`` tells by which digests the code of each task was known; a task that is not among them counts as unchanged.
    ``is_named`` says which runs a person wants executed again.

    >>> replay = Replay([PastRun(1, "fetch", 0, None, "k", StateName.COMPLETED, held="value")])
    >>> run = replay.recognise("fetch", None, "k")
    >>> run.id, replay.why_again(run, "code")
    (1, None)
    >>> replay.recognise("fetch", None, "k") is None
    True
    """

    def __init__(
        self,
        runs: Iterable[PastRun],
        *,
        codes: Mapping[str, frozenset[str]] | None = None,
        is_named: Callable[[PastRun], bool] = lambda _run: False,
    ) -> None:
        self._codes = codes or {}
        self._is_named = is_named
        self._expected: defaultdict[tuple[str, int | None, str | None], deque[PastRun]] = defaultdict(deque)
        self._again: dict[int | str, str] = {}
        self._named_parents: set[int] = set()
        self.last_id = 0
        """The highest id that was given: new calls get higher ones."""
        for run in runs:
            self._expected[run.task, run.parent, run.key].append(run)
            self.last_id = max(self.last_id, run.id)

    def recognise(self, task: str, parent: int | None, key: str) -> PastRun | None:
        """The run that such a call had; each is recognised once, those that are alike in their order."""
        alike = self._expected.get((task, parent, key)) or self._expected.get((task, parent, None))
        return alike.popleft() if alike else None

    def left(self) -> list[PastRun]:
        """Those that were not recognised (yet)."""
        return sorted((run for alike in self._expected.values() for run in alike), key=lambda run: run.id)

    def why_again(self, run: PastRun, code: str | None) -> str | None:
        """Why the run is executed again; ``None`` if it is replayed. ``code`` is what the task's code is known by now.

        Invariant: asked about upstreams before their downstreams, as calls come in.
        """
        why = self._why_stale(run, code)
        if why is not None:
            self.mark_again(run.id, run.display_name)
            return why
        if run.held is None:  # the same value once more: nothing downstream is touched
            return f"its result was not stored: {run.note}" if run.note else "its result was not stored"
        return None

    def mark_again(self, id: int | str, display_name: str) -> None:
        """This run, or the flow run of this id, is executed again, and may give another value."""
        self._again[id] = display_name

    def is_touched(self, upstreams: Iterable[int | str]) -> bool:
        """Whether one of these may give another value than before."""
        return any(id in self._again for id in upstreams)

    def _why_stale(self, run: PastRun, code: str | None) -> str | None:
        if self._is_named(run):
            self._named_parents.add(run.id)
            return "it was asked for"
        if run.parent in self._named_parents:
            self._named_parents.add(run.id)
            return "the task run that called it was asked for"
        if run.state.type is not StateType.COMPLETED:
            return f"it ended {run.state}" if run.state.type.is_terminal else "it had not ended"
        if code is not None and code not in self._codes.get(run.task, {code}):
            return "its code has changed"
        touched = [self._again[id] for id in run.upstreams if id in self._again]
        if touched:
            more = f" and {len(touched) - 1} more" if len(touched) > 1 else ""
            return f"it depends on {touched[0]}{more}"
        return None
