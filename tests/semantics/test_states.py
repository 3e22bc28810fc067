"""States: the table of types and names, rules S1 and S2."""

from __future__ import annotations

import asyncio
import contextvars
import sqlite3
import threading
from contextlib import closing
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from headrace import State, StateType, flow, get_run_context, task
from headrace.engine import orchestrator, task_run
from headrace.engine.orchestrator import Orchestrator
from headrace.engine.states import TRANSITIONS, TYPE_OF, StateName
from headrace.engine.task_run import IllegalTransitionError
from headrace.errors import FlowRunCancelled, FlowRunCrashed
from headrace.history import History, use_history
from headrace.task_runners import ConcurrentTaskRunner, SequentialTaskRunner
from headrace.testing import ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from headrace import TaskFuture
    from headrace.task_runners import TaskRunner
    from tests.semantics.conftest import Story, Way

DEADLINE_SECONDS = 20

TABLE = {
    "SCHEDULED": ["Scheduled", "AwaitingRetry"],
    "PENDING": ["Pending", "AwaitingSlot"],
    "RUNNING": ["Running", "Retrying"],
    "PAUSED": ["Paused"],
    "CANCELLING": ["Cancelling"],
    "COMPLETED": ["Completed", "Cached", "Replayed"],
    "FAILED": ["Failed", "TimedOut", "UpstreamFailed"],
    "CRASHED": ["Crashed"],
    "CANCELLED": ["Cancelled"],
}
TERMINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
OF_LATER_VERSIONS = {"Scheduled", "Paused", "Cached", "Replayed", "TimedOut"}


@task
def double(x: int) -> int:
    return 2 * x


@task
def fail(message: str) -> int:
    raise ValueError(message)


# -- the table -----------------------------------------------------------------------------------


def test_the_table_has_these_types_and_names_and_no_others() -> None:
    names_by_type: dict[str, list[str]] = {state_type.value: [] for state_type in StateType}
    for name, state_type in TYPE_OF.items():
        names_by_type[state_type.value].append(name.value)

    assert names_by_type == TABLE


def test_a_state_tells_its_name_its_type_and_whether_it_is_final() -> None:
    for state_type, names in TABLE.items():
        for name in names:
            state = State(StateName(name), 5, "a reason")
            assert (state.type.value, state.is_terminal) == (state_type, state_type in TERMINAL)
            assert (str(state), state.at_us) == (f"{name}: a reason", 5)


def test_types_and_names_are_the_texts_that_people_read() -> None:
    assert {"CRASHED", "UpstreamFailed"} == {StateType.CRASHED, StateName.UPSTREAM_FAILED}
    assert f"{StateType.PENDING} {StateName.AWAITING_SLOT}" == "PENDING AwaitingSlot"


# -- S1: one table of changes --------------------------------------------------------------------


@pytest.fixture
def crash(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Makes the engine fail at the next task call: that alone crashes a run in its own process."""

    def defect(*_: Any) -> None:
        raise RuntimeError("a defect")

    def arm() -> None:
        monkeypatch.setattr(Orchestrator, "_on_submitted", defect)
        monkeypatch.setattr(Orchestrator, "handle", defect)

    return arm


def reach_states_by_running(crash: Callable[[], None]) -> None:
    """Flows that come by every state there is in this version."""
    fail_and_let_downstreams_fail()
    wait_for_a_retry_and_for_a_slot()
    cancel_a_task_run()
    cancel_a_flow_run()

    @flow
    def crashing() -> None:
        crash()
        double(1)

    with pytest.raises(FlowRunCrashed):
        crashing()


def fail_and_let_downstreams_fail() -> None:
    @flow
    def failing() -> BaseException | None:
        return double(fail("no")).exception()

    assert failing() is not None


def wait_for_a_retry_and_for_a_slot() -> None:
    holds, release = threading.Event(), threading.Event()

    @task(retries=1, retry_delay_seconds=60)
    def fail_once() -> int:
        if get_run_context().attempt == 1:
            raise ValueError("once")
        return 1

    @task
    def hold() -> bool:
        holds.set()
        return release.wait(DEADLINE_SECONDS)

    with ManualClock() as clock:

        @flow(task_runner=ConcurrentTaskRunner(max_workers=1))
        def waiting() -> list[Any]:
            retried = fail_once()
            clock.wait_until_pending()
            holding = hold()
            assert holds.wait(DEADLINE_SECONDS)
            clock.advance(60)
            release.set()
            return [retried.result(DEADLINE_SECONDS), holding.result(DEADLINE_SECONDS)]

        assert waiting() == [1, True]


def cancel_a_task_run() -> None:
    is_running = threading.Event()

    @task(on_running=lambda *_: is_running.set())
    async def last_forever() -> None:
        await asyncio.Event().wait()

    @flow
    def cancelling() -> State | None:
        future = last_forever()
        assert is_running.wait(DEADLINE_SECONDS)
        assert future.cancel()
        return future.wait(DEADLINE_SECONDS)

    state = cancelling()
    assert state is not None
    assert state.name == "Cancelled"


def cancel_a_flow_run() -> None:
    has_begun, release = threading.Event(), threading.Event()

    @flow
    def stopped() -> None:
        has_begun.set()
        release.wait(DEADLINE_SECONDS)

    future = stopped.submit()
    assert has_begun.wait(DEADLINE_SECONDS)
    assert future.cancel()
    release.set()
    assert isinstance(future.exception(DEADLINE_SECONDS), FlowRunCancelled)


def paths(story: Story, history: History) -> Iterator[list[str]]:
    """The states of every run there is, in order."""
    reader = history.reader()
    for run in story.flow_runs():
        yield [state.name for state in run.states]
        for each in reader.task_runs(run):
            yield [state.name for state in each.states]


def test_s1_real_flows_reach_every_state_of_this_version(
    story: Story, history: History, crash: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    reach_states_by_running(crash)
    monkeypatch.undo()

    reached = {name for path in paths(story, history) for name in path}

    assert reached == {name.value for name in StateName} - OF_LATER_VERSIONS


def test_s1_whatever_a_run_goes_through_is_in_the_table(
    story: Story, history: History, crash: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    reach_states_by_running(crash)
    monkeypatch.undo()

    for path in paths(story, history):
        assert path[0] == "Pending"
        for before, after in pairwise(path):
            assert StateName(after) in TRANSITIONS[StateName(before)], path
        assert not TRANSITIONS[StateName(path[-1])], path


def test_s1_a_run_waits_for_its_retry_and_then_for_a_slot(story: Story) -> None:
    wait_for_a_retry_and_for_a_slot()

    assert story.path("fail_once-0") == [
        "Pending", "Running", "AwaitingRetry", "AwaitingSlot", "Retrying", "Completed",
    ]  # fmt: skip


def test_s1_the_history_shows_a_state_under_the_type_of_the_table(story: Story) -> None:
    fail_and_let_downstreams_fail()
    cancel_a_task_run()

    for run in story.flow_runs():
        assert run.state in TABLE[run.state_type]
    assert {run.state: run.state_type for run in story.task_runs("failing").values()} == {
        "Failed": "FAILED", "UpstreamFailed": "FAILED",
    }  # fmt: skip
    assert story.flow_run("cancelling").task_runs == {"CANCELLED": 1}


@pytest.mark.parametrize("before", list(StateName))
def test_s1_the_engine_asserts_the_table(before: StateName) -> None:
    for after in StateName:
        run = task_run.TaskRun(7, at_us=0)
        run.name = before
        if after in TRANSITIONS[before]:
            run.change(after, 1)
            continue
        with pytest.raises(AssertionError, match=f"task run 7: {after} may not follow {before}"):
            run.change(after, 1)
        assert run.name is before


def without(name: StateName) -> dict[StateName, frozenset[StateName]]:
    """A table in which nothing leads to that state."""
    return {before: after - {name} for before, after in TRANSITIONS.items()}


def test_s1_an_illegal_change_of_a_task_run_is_a_defect_that_ends_the_flow_run(
    way: Way, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task_run, "TRANSITIONS", without(StateName.FAILED))

    with pytest.raises(FlowRunCrashed) as caught:
        way.run(lambda: fail("no").exception())

    assert isinstance(caught.value.__cause__, IllegalTransitionError)
    assert "Failed may not follow Running" in str(caught.value.__cause__)
    assert story.flow_run().state == "Crashed"
    assert set(story.states().values()) == {"Crashed"}


def test_s1_an_illegal_change_of_a_flow_run_is_a_defect_that_ends_it(
    way: Way, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orchestrator, "TRANSITIONS", without(StateName.COMPLETED))

    with pytest.raises(FlowRunCrashed) as caught:
        way.run(lambda: 1)

    assert "flow run: Completed may not follow Running" in str(caught.value.__cause__)
    assert story.flow_run().state == "Crashed"


# -- S1, S2: the history enforces it -------------------------------------------------------------


def leads_to(before: StateName) -> set[StateName]:
    """What may come after a state, sooner or later: a row need not show every state in between."""
    found: set[StateName] = set()
    new = {before}
    while new:
        new = {after for name in new for after in TRANSITIONS[name]} - found
        found |= new
    return found


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A connection to a history's file on which one flow ran one task."""
    path = str(tmp_path / "history.db")
    with closing(History.open(path)) as history, use_history(history):

        @flow
        def once() -> int:
            return double(1).result()

        assert once() == 2
        assert history.flush(DEADLINE_SECONDS)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def put_in(connection: sqlite3.Connection, table: str, name: StateName) -> None:
    """Bring the row into a state, by way of the next epoch."""
    connection.execute(f"UPDATE {table} SET state = ?, epoch = epoch + 1", (name.value,))


def state_in(connection: sqlite3.Connection, table: str) -> str:
    row = connection.execute(f"SELECT state FROM {table}").fetchone()
    assert isinstance(row[0], str)
    return row[0]


@pytest.mark.parametrize("table", ["flow_runs", "task_runs"])
def test_s1_the_history_refuses_a_change_that_the_table_does_not_have(
    database: sqlite3.Connection, table: str
) -> None:
    for before in StateName:
        for after in StateName:
            put_in(database, table, before)
            if after is before or after in leads_to(before):
                database.execute(f"UPDATE {table} SET state = ?", (after.value,))
                assert state_in(database, table) == after.value
                continue
            with pytest.raises(sqlite3.IntegrityError, match="run cannot leave that state for this one"):
                database.execute(f"UPDATE {table} SET state = ?", (after.value,))
            assert state_in(database, table) == before.value


@pytest.mark.parametrize("table", ["flow_runs", "task_runs"])
def test_s1_the_history_refuses_a_state_that_is_none(database: sqlite3.Connection, table: str) -> None:
    for change in ("state = 'Done'", "state = 'Done', epoch = epoch + 1", "state = 'COMPLETED'"):
        with pytest.raises(sqlite3.IntegrityError):
            database.execute(f"UPDATE {table} SET {change}")
    assert state_in(database, table) == "Completed"


@pytest.mark.parametrize("table", ["flow_runs", "task_runs"])
def test_s2_only_the_next_epoch_leads_out_of_a_terminal_state(
    database: sqlite3.Connection, table: str
) -> None:
    for final in (name for name in StateName if name.type.is_terminal):
        for after in (name for name in StateName if name is not final):
            put_in(database, table, final)
            with pytest.raises(sqlite3.IntegrityError, match="cannot leave"):
                database.execute(f"UPDATE {table} SET state = ?", (after.value,))
            with pytest.raises(sqlite3.IntegrityError, match="cannot leave"):
                database.execute(f"UPDATE {table} SET state = ?, epoch = epoch - 1", (after.value,))
            database.execute(f"UPDATE {table} SET state = ?, epoch = epoch + 1", (after.value,))
            assert state_in(database, table) == after.value


def test_s2_what_comes_late_does_not_overwrite_how_a_run_ended(
    story: Story, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    record = history.record

    def listen(fact: Any) -> None:
        told.append(fact)
        record(fact)

    monkeypatch.setattr(history, "record", listen)

    cancel_a_task_run()
    before = (story.flow_run(), story.task_runs())
    for fact in [fact for fact in told if hasattr(fact, "states")][:-1]:
        record(fact)

    assert (story.flow_run(), story.task_runs()) == before
    assert set(story.states().values()) == {"Cancelled"}


# -- S2: a terminal state is final ---------------------------------------------------------------


def cancel_what_has_ended(futures: list[TaskFuture[int]]) -> list[str]:
    before = [future.state for future in futures]
    assert [future.cancel() for future in futures] == [False] * len(futures)
    assert [future.state for future in futures] == before
    assert [future.wait(0) for future in futures] == before
    return [state.name for state in before]


@pytest.mark.parametrize("runner", [SequentialTaskRunner(), ConcurrentTaskRunner()], ids=repr)
def test_s2_a_task_run_that_has_ended_cannot_be_cancelled(story: Story, runner: TaskRunner) -> None:
    @flow(task_runner=runner)
    def ending() -> list[str]:
        futures = [double(1), fail("no")]
        assert futures[0].result() == 2
        assert isinstance(futures[1].exception(), ValueError)
        return cancel_what_has_ended(futures)

    @flow(task_runner=runner)
    async def ending_on_a_loop() -> list[str]:
        futures = [double(1), fail("no")]
        await asyncio.gather(*futures, return_exceptions=True)
        return cancel_what_has_ended(futures)

    for names in (ending(), asyncio.run(ending_on_a_loop())):
        assert names == ["Completed", "Failed"]
        assert story.states() == {"double-0": "Completed", "fail-0": "Failed"}


def test_s2_what_a_cancelled_function_still_does_changes_nothing(story: Story) -> None:
    has_begun, release, is_over = threading.Event(), threading.Event(), threading.Event()

    @task
    def cannot_be_stopped() -> int:
        has_begun.set()
        try:
            release.wait(DEADLINE_SECONDS)
        finally:
            is_over.set()
        return 1

    @flow
    def cancelling() -> list[State | None]:
        future = cannot_be_stopped()
        assert has_begun.wait(DEADLINE_SECONDS)
        assert future.cancel()
        states = [future.wait(DEADLINE_SECONDS)]
        release.set()
        assert is_over.wait(DEADLINE_SECONDS)
        double(1).result()
        assert not future.cancel()
        return [*states, future.state]

    first, last = cancelling()

    assert first == last
    assert last is not None
    assert last.name == "Cancelled"
    assert story.states()["cannot_be_stopped-0"] == "Cancelled"


def test_s2_a_timer_that_fires_late_wakes_nothing(story: Story) -> None:
    attempts: list[int] = []

    @task(retries=3, retry_delay_seconds=60)
    def failing() -> None:
        attempts.append(1)
        raise ValueError("again")

    with ManualClock() as clock:

        @flow
        def cancelling() -> State | None:
            future = failing()
            clock.wait_until_pending()
            assert future.cancel()
            clock.advance(600)
            return future.wait(DEADLINE_SECONDS)

        state = cancelling()

    assert state is not None
    assert (state.name, attempts) == ("Cancelled", [1])
    assert story.path("failing-0") == ["Pending", "Running", "AwaitingRetry", "Cancelled"]


def test_s2_an_ended_flow_run_is_not_changed_by_what_is_called_in_its_name(story: Story) -> None:
    contexts: list[contextvars.Context] = []

    @flow
    def leaking() -> int:
        contexts.append(contextvars.copy_context())
        return 1

    assert leaking() == 1
    before = story.flow_run()
    late = contexts[0].run(lambda: double(1))

    state = late.wait(DEADLINE_SECONDS)
    assert state is not None
    assert str(state) == "Cancelled: the flow run has ended"
    after = story.flow_run()
    assert (after.state, after.states, after.ended_us) == ("Completed", before.states, before.ended_us)


def test_s2_an_ended_flow_run_cannot_be_cancelled(story: Story) -> None:
    @flow
    def ending() -> int:
        return 1

    future = ending.submit()
    assert future.result(DEADLINE_SECONDS) == 1
    before = future.state

    assert not future.cancel()
    assert future.state == before
    assert [state.name for state in story.flow_run().states] == ["Pending", "Running", "Completed"]


def test_s2_the_future_of_a_flow_run_gives_its_value_when_the_run_has_ended_and_not_before() -> None:
    is_in_hook, release = threading.Event(), threading.Event()

    def hook(*_: Any) -> None:
        is_in_hook.set()
        release.wait(DEADLINE_SECONDS)

    @flow(on_completion=hook)
    def ending() -> int:
        return 1

    future = ending.submit()
    assert is_in_hook.wait(DEADLINE_SECONDS)
    try:
        with pytest.raises(TimeoutError):
            future.result(timeout=0)
        assert not future.done()
    finally:
        release.set()
    assert future.result(DEADLINE_SECONDS) == 1
