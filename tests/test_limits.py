"""`concurrency` and `rate_limit`, in tasks and flows, sync and async."""

from __future__ import annotations

import asyncio
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from headrace import concurrency, flow, rate_limit, tags, task
from headrace.errors import TaskFailures, WouldDeadlockError
from headrace.history import History, use_history
from headrace.history.lease_book import set_rate, set_slots
from headrace.task_runners import ConcurrentTaskRunner, SequentialTaskRunner

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def history(tmp_path: Path) -> Iterator[History]:
    history = History.open(str(tmp_path / "history.db"))
    with use_history(history):
        yield history
    history.close()


class Gauge:
    """How many are inside at once, and how many were at most."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.inside = 0
        self.most = 0

    def __enter__(self) -> None:
        with self._lock:
            self.inside += 1
            self.most = max(self.most, self.inside)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self.inside -= 1


@pytest.mark.parametrize("runner", [ConcurrentTaskRunner(), SequentialTaskRunner()])
def test_no_more_tasks_are_in_the_block_than_there_are_slots(runner: Any) -> None:
    gauge = Gauge()

    @task
    def query(number: int) -> int:
        with concurrency("db", 3), gauge:
            return number

    @flow(task_runner=runner)
    def all_of_them() -> list[int]:
        return query.map(range(40)).result()

    assert all_of_them() == list(range(40))
    assert gauge.most <= 3


def test_async_tasks_wait_without_blocking_their_loop() -> None:
    gauge = Gauge()

    @task
    async def query(number: int) -> int:
        async with concurrency("db", 2):
            with gauge:
                await asyncio.sleep(0)
            return number

    @flow
    async def all_of_them() -> list[int]:
        return await asyncio.gather(*[query(number) for number in range(20)])

    assert asyncio.run(all_of_them()) == list(range(20))
    assert 1 <= gauge.most <= 2


def test_a_limit_that_is_set_wins_over_the_programs_number(history: History) -> None:
    set_slots(history.location, "db", 1)
    gauge = Gauge()

    @task
    def query(_number: int) -> None:
        with concurrency("db", 9), gauge:
            pass

    @flow
    def all_of_them() -> None:
        query.map(range(20))

    all_of_them()
    assert gauge.most == 1


def test_a_task_that_waits_lets_another_one_have_its_worker() -> None:
    order: list[str] = []

    @task
    def holder(inside: threading.Event, go_on: threading.Event) -> None:
        with concurrency("db", 1):
            inside.set()
            assert go_on.wait(20)
            order.append("holder")

    @task
    def waiter() -> None:
        with concurrency("db", 1):
            order.append("waiter")

    @task
    def other(go_on: threading.Event) -> None:
        order.append("other")
        go_on.set()

    @flow(task_runner=ConcurrentTaskRunner(max_workers=2))
    def with_two_workers() -> None:
        inside, go_on = threading.Event(), threading.Event()
        holder(inside, go_on)
        assert inside.wait(20)
        waiter()
        other(go_on)

    with_two_workers()
    assert order == ["other", "holder", "waiter"]


def test_a_flow_may_hold_a_slot_and_so_may_code_outside_any() -> None:
    @flow
    def holding() -> str:
        with concurrency("db", 1):
            with (
                pytest.raises(TimeoutError, match="no room within 0 s"),
                concurrency("db", 1, timeout_seconds=0),
            ):
                pass
            return "done"

    assert holding() == "done"
    with concurrency(["db", "api"], 1):
        pass


def test_a_failed_block_is_free_again() -> None:
    for _ in range(3):
        with pytest.raises(ValueError, match="inside"), concurrency("db", 1):
            raise ValueError("inside")


def test_an_async_wait_that_is_cancelled_is_no_longer_in_line() -> None:
    async def main() -> str:
        async with concurrency("db", 1):
            impatient = asyncio.create_task(hold())
            await asyncio.sleep(0)
            impatient.cancel()
            with pytest.raises(asyncio.CancelledError):
                await impatient
        return await asyncio.wait_for(hold(), 10)

    async def hold() -> str:
        async with concurrency("db", 1):
            return "held"

    assert asyncio.run(main()) == "held"


def test_one_object_may_be_entered_by_many() -> None:
    gauge = Gauge()
    limit = concurrency("db", 2)

    @task
    def query(_number: int) -> None:
        with limit, gauge:
            pass

    @flow
    def all_of_them() -> None:
        query.map(range(30))

    all_of_them()
    assert gauge.most <= 2


def test_more_than_there_is_is_an_error_at_once(history: History) -> None:
    with pytest.raises(ValueError, match="more than there is"):
        concurrency("db", 2, occupy=3)
    set_slots(history.location, "db", 2)
    with pytest.raises(ValueError, match="there are 2"), concurrency("db", occupy=3):
        pass


def nested(*names: str | list[str]) -> None:
    with ExitStack() as stack:
        for name in names:
            stack.enter_context(concurrency(name, 2))


def test_who_holds_all_slots_is_told_that_it_would_wait_for_itself() -> None:
    @flow
    def in_the_flow() -> None:
        nested("db", "db", ["mails", "db"])

    @task
    def query() -> None:
        nested("db", "db", "db")

    @flow
    def in_a_task() -> None:
        query().result()

    nested("db", "db")
    asking: list[Any] = [in_the_flow, in_a_task, lambda: nested("db", "db", "db")]
    for asks in asking:
        with pytest.raises(WouldDeadlockError, match=r"Limit db: code that holds 2 of 2 slots"):
            asks()
    nested("db", "db")  # what was held is free again


def test_a_task_that_its_tag_gives_a_slot_would_wait_for_itself(history: History) -> None:
    set_slots(history.location, "db", 1)

    @task(tags=["db"])
    def query() -> None:
        with concurrency("db"):
            pass

    @task(tags=["db"])
    def calls_another() -> None:
        query().result()

    for tagged in (query, calls_another):
        with pytest.raises(WouldDeadlockError, match="a tag of its task"):
            tagged().result()


def test_only_what_the_same_asyncio_task_holds_is_its_own() -> None:
    gauge = Gauge()

    async def query() -> None:
        async with concurrency("db", 1):
            with gauge:
                await asyncio.sleep(0)

    async def query_twice() -> None:
        async with concurrency("db", 1):
            await query()

    async def block() -> None:
        with concurrency("db", 1):
            pass

    @flow
    async def all_of_them() -> None:
        await asyncio.gather(*[query() for _ in range(5)])
        with pytest.raises(WouldDeadlockError):
            await query_twice()
        async with concurrency("db", 1):
            with pytest.raises(WouldDeadlockError):  # it blocks the loop of the task that holds the slot
                await asyncio.create_task(block())

    asyncio.run(all_of_them())
    assert gauge.most == 1

    with concurrency("db", 1), pytest.raises(WouldDeadlockError):
        asyncio.run(query())


def test_what_nobody_limits_or_another_thread_leaves_is_not_ones_own() -> None:
    with concurrency("db"), concurrency("db", 1):  # the first is counted nowhere
        pass
    stack = ExitStack()
    stack.enter_context(concurrency("db", 1))
    leaving = threading.Thread(target=stack.close)
    leaving.start()
    leaving.join()
    with concurrency("db", 1):
        pass


@pytest.mark.parametrize("occupy", [0, -1, True, 1.5])
def test_only_a_whole_number_can_be_occupied(occupy: Any) -> None:
    with pytest.raises(ValueError, match="whole number"):
        concurrency("db", occupy=occupy)
    with pytest.raises(ValueError, match="whole number"):
        rate_limit("db", occupy=occupy)


@pytest.mark.parametrize("names", ["", " ", [], [1], 3, [[]], None])
def test_a_limit_has_a_name(names: Any) -> None:
    with pytest.raises(TypeError, match="give the name of a limit, or a list of names"):
        concurrency(names)
    with pytest.raises(TypeError, match="give the name of a limit, or a list of names"):
        rate_limit(names)


# Rates


def test_no_more_begin_than_the_rate_allows(history: History) -> None:
    set_rate(history.location, "mails", 5, 3_600_000_000)

    @task
    def send() -> None:
        rate_limit("mails", timeout_seconds=0.2)

    @flow
    def all_of_them() -> int:
        sent = [send() for _ in range(8)]
        return sum(future.exception() is None for future in sent)

    assert all_of_them() == 5


def test_async_code_awaits_its_turn(history: History) -> None:
    set_rate(history.location, "mails", 2, 3_600_000_000)

    @flow
    async def main() -> None:
        await rate_limit("mails", occupy=2)
        with pytest.raises(TimeoutError):
            await rate_limit("mails", timeout_seconds=0)

    asyncio.run(main())


def test_without_a_rate_everything_passes_and_awaiting_changes_nothing() -> None:
    async def awaited() -> None:
        await rate_limit("mails")

    passed = rate_limit("mails")
    assert repr(passed) == "<done>"
    asyncio.run(awaited())


def test_a_sync_task_of_an_async_flow_blocks_in_its_own_thread(history: History) -> None:
    set_rate(history.location, "mails", 1, 3_600_000_000)

    @task
    def send() -> None:
        rate_limit("mails", timeout_seconds=0)

    @flow
    async def main() -> None:
        await send()
        await send()

    with pytest.raises((TimeoutError, TaskFailures)):
        asyncio.run(main())


# Tags


@pytest.mark.parametrize("runner", [ConcurrentTaskRunner(), SequentialTaskRunner()])
def test_tasks_keep_to_the_limits_of_their_tags(runner: Any, history: History) -> None:
    set_slots(history.location, "db", 2)
    gauge = Gauge()

    @task(tags=["db", "unlimited"])
    def query(number: int) -> int:
        with gauge:
            return number

    @flow(task_runner=runner)
    def all_of_them() -> list[int]:
        return query.map(range(30)).result()

    assert all_of_them() == list(range(30))
    assert gauge.most <= 2


def test_async_tasks_keep_to_them_too_and_so_do_calls_within_a_block_of_tags(history: History) -> None:
    set_slots(history.location, "db", 1)
    gauge = Gauge()

    @task
    async def query(number: int) -> int:
        with gauge:
            await asyncio.sleep(0)
        return number

    @flow
    async def all_of_them() -> list[int]:
        with tags("db"):
            futures = [query(number) for number in range(10)]
        return await asyncio.gather(*futures)

    assert asyncio.run(all_of_them()) == list(range(10))
    assert gauge.most == 1


def test_one_that_waits_says_for_what_and_holds_no_worker(history: History) -> None:
    set_slots(history.location, "db", 0)

    @task(tags=["db"])
    def query() -> str:
        return "queried"

    @task
    def other() -> str:
        return "other"

    @flow(task_runner=ConcurrentTaskRunner(max_workers=1))
    def both() -> tuple[str, str]:
        future = query()
        wait_for_state(future, "AwaitingSlot")
        assert future.state.message == "waits for limit db"
        value = other().result()
        set_slots(history.location, "db", 1)
        return value, future.result()

    assert both() == ("other", "queried")
    with history.reader() as reader:
        [run, _] = reader.task_runs(reader.get_run(reader.list_runs()[0].id))
    assert [state.name for state in run.states] == ["Pending", "AwaitingSlot", "Running", "Completed"]


def wait_for_state(future: Any, name: str) -> None:
    while future.state.name != name:
        assert future.wait(timeout=0.005) is None


def test_one_that_waits_can_be_cancelled(history: History) -> None:
    set_slots(history.location, "db", 0)

    @task(tags=["db"])
    def query() -> None: ...

    @flow
    def cancelling() -> str:
        future = query()
        wait_for_state(future, "AwaitingSlot")
        future.cancel()
        state = future.wait(timeout=10)
        assert state is not None
        return state.name

    assert cancelling() == "Cancelled"


def test_a_slot_is_free_while_its_run_waits_for_a_retry(history: History) -> None:
    set_slots(history.location, "db", 1)
    order: list[str] = []
    second_has_run = threading.Event()

    @task(tags=["db"], retries=1, retry_delay_seconds=0.01)
    def first() -> None:
        order.append("first")
        if len(order) == 1:
            raise ConnectionError("once more")

    @task(tags=["db"])
    def second() -> None:
        order.append("second")
        second_has_run.set()

    @flow
    def both() -> None:
        first()
        second()

    both()
    assert sorted(order) == ["first", "first", "second"]


def test_a_child_does_not_wait_for_what_its_caller_holds(history: History) -> None:
    set_slots(history.location, "db", 1)

    @task(tags=["db"])
    def inner() -> str:
        return "inner"

    @task(tags=["db"])
    def outer() -> str:
        return inner().result()

    @flow
    def nested() -> str:
        return outer().result()

    assert nested() == "inner"


def test_no_more_tasks_of_a_tag_begin_than_its_rate_allows(history: History) -> None:
    set_rate(history.location, "api", 3, 3_600_000_000)

    @task(tags=["api"])
    def ask() -> None: ...

    @flow
    def asking() -> int:
        futures = [ask() for _ in range(5)]
        done = [future.wait(timeout=10) for future in futures[:3]]
        for future in futures[3:]:
            wait_for_state(future, "AwaitingSlot")
            future.cancel()
        return len([state for state in done if state is not None])

    assert asking() == 3


def test_without_limits_tags_keep_nobody_waiting_and_nothing_is_written(history: History) -> None:
    @task(tags=["db"])
    def query(number: int) -> int:
        return number

    @flow
    def all_of_them() -> list[int]:
        return query.map(range(50)).result()

    assert all_of_them() == list(range(50))
    with history.reader() as reader:
        states = [
            [state.name for state in run.states]
            for run in reader.task_runs(reader.get_run(reader.list_runs()[0].id))
        ]
    assert states == [["Pending", "Running", "Completed"]] * 50
