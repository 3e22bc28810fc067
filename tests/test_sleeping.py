"""`sleep`: time passes by the flow's clock, its end is recorded before it begins, and what is over is over."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from headrace import flow, sleep, task
from headrace.history.facts import SLEEP
from headrace.testing import ManualClock, in_memory_history

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headrace.testing import RecordedHistory


@pytest.fixture(autouse=True)
def history() -> Iterator[RecordedHistory]:
    with in_memory_history() as history:
        yield history


@pytest.fixture
def clock() -> Iterator[ManualClock]:
    with ManualClock() as clock:
        yield clock


def test_a_sync_flow_sleeps_by_its_clock(clock: ManualClock) -> None:
    @flow
    def patient() -> str:
        sleep(3600)
        return "rested"

    future = patient.submit()
    clock.wait_until_pending()
    assert clock.pending == (3600.0,)
    clock.advance(3599)
    assert not future.done()
    clock.advance(1)
    assert future.result(timeout=10) == "rested"


def test_an_async_flow_awaits_and_its_loop_goes_on(clock: ManualClock) -> None:
    @flow
    async def patient() -> list[str]:
        async def after(seconds: float, name: str) -> None:
            await sleep(seconds)
            done.append(name)

        done: list[str] = []
        await asyncio.gather(after(20, "second"), after(10, "first"))
        return done

    future = patient.submit()
    clock.wait_until_pending(2)
    clock.advance(10)
    clock.wait_until_pending(1)
    clock.advance(10)
    assert future.result(timeout=10) == ["first", "second"]


def test_several_flows_of_a_process_sleep_at_once(clock: ManualClock) -> None:
    @flow
    def patient(seconds: int) -> int:
        sleep(seconds)
        return seconds

    futures = [patient.submit(seconds) for seconds in (30, 10, 20)]
    clock.wait_until_pending(3)
    clock.advance(30)
    assert [future.result(timeout=10) for future in futures] == [30, 10, 20]


def test_the_end_of_a_sleep_is_recorded_before_it_begins(
    clock: ManualClock, history: RecordedHistory
) -> None:
    @flow
    def patient() -> None:
        sleep(60)

    future = patient.submit()
    clock.wait_until_pending()
    found = history.history.find_wait(future.flow_run_id, SLEEP, "60", 0)
    assert found is not None
    assert found.until_us == clock.now_us() + 60_000_000
    clock.advance(60)
    future.result(timeout=10)


def test_a_sleep_in_a_task_is_a_plain_one(clock: ManualClock) -> None:
    @task
    def rest() -> None:
        sleep(5)

    @task
    async def rest_on_loop() -> None:
        await sleep(5)

    @flow
    def resting() -> None:
        rest()
        rest_on_loop()

    future = resting.submit()
    clock.wait_until_pending(2)
    clock.advance(5)
    future.result(timeout=10)


def test_outside_of_runs_it_is_a_plain_one_too() -> None:
    asyncio.run(_awaited())
    assert repr(sleep(0)) == "<done>"


async def _awaited() -> None:
    await sleep(0.001)


def test_a_sleep_of_nothing_is_over_at_once(clock: ManualClock) -> None:
    @flow
    def brief() -> str:
        sleep(0)
        return "over"

    assert brief() == "over"
    assert clock.pending == ()


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf"), 1e300])
@pytest.mark.parametrize("sleeps", [sleep, flow(sleep)])
def test_time_does_not_go_back_and_ends(sleeps: Any, seconds: float) -> None:
    with pytest.raises(ValueError, match="0 or more, and at most a hundred years"):
        sleeps(seconds)


@pytest.mark.parametrize("seconds", ["a", None, timedelta(seconds=1), 1j])
def test_time_is_a_number(seconds: Any) -> None:
    with pytest.raises(TypeError, match=r"sleep\(.*\): give a number of seconds"):
        sleep(seconds)


@flow
def patient_sync() -> None:
    sleep(3600)


@flow
async def patient_async() -> None:
    await sleep(3600)


@pytest.mark.parametrize("patient", [patient_sync, patient_async])
def test_a_sleep_is_cut_short_by_a_cancel(patient: Any, clock: ManualClock) -> None:
    future = patient.submit()
    clock.wait_until_pending()
    assert future.cancel()
    state: Any = future.wait(timeout=10)
    assert state.name == "Cancelled"


def test_a_sleep_in_a_task_is_cut_short_by_a_cancel_too(clock: ManualClock) -> None:
    @task
    def rest() -> None:
        sleep(3600)

    @flow
    def resting() -> str:
        future = rest()
        clock.wait_until_pending()
        future.cancel()
        state = future.wait(timeout=10)
        assert state is not None
        return state.name

    assert resting() == "Cancelled"
