"""What a flow run remembers of its calls from one epoch to the next: a resume after a crash, or a retry of the flow.

A call comes in, is recognised or not, and is given again what it gave, or executed. ``engine/replay.py`` decides which;
here keys are worked out, and values are had from where they are.
"""

from __future__ import annotations

from collections import defaultdict, deque
from functools import partial
from typing import TYPE_CHECKING, Any

from headrace.call_keys import key_in_row, parameters_of
from headrace.code_digests import code_digest
from headrace.engine.events import Ending
from headrace.engine.replay import PastRun, PastSubflow, Replay
from headrace.errors import ResultError
from headrace.history.facts import PICKLE
from headrace.logging import logger
from headrace.task_runners.call import NO_CONTEXT, Call, Far, Report, fill_call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import ModuleType

    from headrace.task_runners.call import FarCall


class Kept(Far):
    """A value in a file of the history: read when somebody asks for it."""

    __slots__ = ("_load",)

    is_near = False

    def __init__(self, load: Callable[[], Any]) -> None:
        self._load = load

    def fetch(self, call: Call) -> Any:  # noqa: ARG002 - it knows where the value is
        """The value. Raises ``ResultError``."""
        return self._load()


class CallMemory:
    """The calls of earlier epochs, and those of this one for the next.

    ``keeps_calls``: the flow may be retried in this process, so what completes is kept with its value.
    """

    def __init__(
        self,
        replay: Replay,
        *,
        keeps_calls: bool,
        checks_code: bool,
        main: ModuleType | None = None,
        subflows: Iterable[PastSubflow] = (),
    ) -> None:
        self.replay = replay
        self._keeps_calls = keeps_calls
        self._checks_code = checks_code
        self._main = main
        self._calls: list[tuple[Call, str]] = []
        self._subflows: defaultdict[tuple[str, str, str | None], deque[PastSubflow]] = defaultdict(deque)
        for subflow in subflows:
            self._subflows[subflow.parent, subflow.flow, subflow.key].append(subflow)

    @property
    def first_free_id(self) -> int:
        """The id of the first call that is new."""
        return self.replay.last_id + 1

    def recognise(self, call: Call, parent: Call | None) -> FarCall | None:
        """The call as it completed in an earlier epoch; ``None`` if it is to be executed (again)."""
        call.parameters = parameters_of(call)
        call.driver.note_key(call)
        key = call.call_key or key_in_row(call)
        past = self.replay.recognise(call.task.name, None if parent is None else parent.id, key)
        replayed = None if past is None else self._give_again(call, past)
        if self._keeps_calls:
            self._calls.append((replayed or call, key))
        return replayed

    def recognise_subflow(
        self, parent: str, flow: str, key: str, upstreams: Iterable[int | str]
    ) -> PastSubflow | None:
        """The run that a call of a flow had in an earlier epoch. It is not complete if something it was given may differ."""
        alike = self._subflows.get((parent, flow, key))
        if not alike:
            return None
        past = alike.popleft()
        if past.has_completed and not self.replay.is_touched(upstreams):
            return past
        self.replay.mark_again(past.id, flow)
        return past._replace(has_completed=False)

    def next_epoch(self, subflows: Iterable[PastSubflow]) -> CallMemory:
        """What the flow's next attempt in this process remembers."""
        runs = [_past_run(call, key) for call, key in self._calls]
        replay = Replay([*runs, *self.replay.left()])
        return CallMemory(replay, keeps_calls=True, checks_code=False, subflows=subflows)

    def _give_again(self, call: Call, past: PastRun) -> FarCall | None:
        call.id, call.index = past.id, past.index
        why = self.replay.why_again(past, self._code_of(call))
        if why is None:
            try:
                return _replayed(call, self._value_of(call, past))
            except ResultError as error:
                why = str(error)
        logger.debug("Task run %s runs again: %s", call.display_name, why)
        return None

    def _value_of(self, call: Call, past: PastRun) -> Any:
        """The value, or what stands for one in a file. Raises ``ResultError``."""
        held = past.held
        if isinstance(held, Call):
            return held.value
        driver: Any = call.driver
        serializer = None if held.serializer == PICKLE else driver.keeping_of(call.task).serializer
        load = partial(held.load, main=self._main, serializer=serializer)
        return load() if held.key is None or not held.is_there() else Kept(load)

    def _code_of(self, call: Call) -> str | None:
        if not self._checks_code:
            return None
        return code_digest(call.task.fn)


def _replayed(call: Call, value: Any) -> FarCall:
    """A call in the place of the one that was made, which ends without an attempt."""
    driver: Any = call.driver
    again: FarCall = driver.new_far_call()
    fill_call(again, driver, call.task, call.id, call.index, call.submitted_us, (), {}, NO_CONTEXT)
    again.asyncio_task = None
    again.report = Report(again, 0, call.submitted_us, call.submitted_us, Ending.RETURNED, value, None, "")
    return again


def _past_run(call: Call, key: str) -> PastRun:
    held = call if call.has_completed else None
    return PastRun(
        call.id, call.task.name, call.index, call.parent, key, call.name, call.fact_upstreams, held
    )
