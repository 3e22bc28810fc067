"""Flows cancelled at random moments: each is over in five seconds, leaves nothing behind, and the history agrees."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from headrace import flow, task
from headrace.errors import FlowRunCancelled, TaskCancelled, UpstreamFailedError
from headrace.task_runners import ConcurrentTaskRunner, ProcessTaskRunner, SequentialTaskRunner

if TYPE_CHECKING:
    from collections.abc import Callable

    from headrace import Flow
    from tests.semantics.conftest import Story

LONGEST_SECONDS = 5.0
ON_THE_MACHINE_SECONDS = 2.0
"""What is left to the machine, which other tests keep busy too: the history's last commit, the thread that asks."""

ENDS = {"Completed", "Failed", "Cancelled", "UpstreamFailed"}


@task
def step(number: int, steps: int) -> int:
    for _ in range(steps):
        time.sleep(0.001)
    return number


@task
async def step_on_loop(number: int, steps: int) -> int:
    for _ in range(steps):
        await asyncio.sleep(0.001)
    return number


@task(retries=2, retry_delay_seconds=0.01)
def stumble(number: int) -> int:
    raise ValueError(number)


@task
def call_others(number: int) -> int:
    return step(number, 20).result() + step_on_loop(number, 20).result()


@flow
def inner(seed: int) -> int:
    return sum(future.result() for future in [step(seed, 20), step(seed, 5)])


def body_of(seed: int) -> Callable[[], Any]:
    """A flow of many kinds of calls, which waits, computes and calls others, as the seed has it."""

    def body() -> Any:
        source = random.Random(seed)
        futures: list[Any] = []
        for number in range(source.randrange(2, 12)):
            match source.randrange(6):
                case 0:
                    futures.append(step_on_loop(number, source.randrange(40)))
                case 1:
                    stumble(number).wait(0.02)
                case 2:
                    inner.submit(number)
                case 3:
                    futures.append(call_others(number))
                case 4 if futures:
                    futures.append(step(source.choice(futures), source.randrange(30)))
                case _:
                    futures.append(step(number, source.randrange(60)))
        inner(seed)
        return [future.result() for future in futures]

    return body


def async_body_of(seed: int) -> Callable[[], Any]:
    async def body() -> Any:
        source = random.Random(seed)
        futures = [
            source.choice((step, step_on_loop))(number, source.randrange(60))
            for number in range(source.randrange(2, 12))
        ]
        return await asyncio.gather(*futures)

    return body


RUNNERS: dict[str, Callable[[], Any]] = {
    "concurrent": lambda: ConcurrentTaskRunner(max_workers=4),
    "one_worker": lambda: ConcurrentTaskRunner(max_workers=1),
    "sequential": SequentialTaskRunner,
    "process": lambda: ProcessTaskRunner(max_workers=2),
}


def flow_of(seed: int, runner: str) -> Flow[[], Any]:
    # A flow that is called on a worker elsewhere is refused there: these call none inside a task.
    is_async = runner == "process" or seed % 3 == 0
    body = async_body_of(seed) if is_async else body_of(seed)
    return flow(name=f"flow-{seed}", task_runner=RUNNERS[runner]())(body)


def cancel_at_random(seed: int, runner: str, story: Story) -> str:
    """Run a flow, cancel it at a moment by chance: how it ended."""
    source = random.Random(seed)
    running = flow_of(seed, runner).submit()
    time.sleep(source.random() ** 2 * 0.25)
    began = time.monotonic()
    running.cancel()
    error = running.exception(20)
    lasted = time.monotonic() - began
    assert lasted < LONGEST_SECONDS + ON_THE_MACHINE_SECONDS, f"seed {seed}: it took {lasted:.1f} s"
    assert error is None or isinstance(
        error, FlowRunCancelled | TaskCancelled | UpstreamFailedError | ExceptionGroup
    )
    recorded = story.flow_run(f"flow-{seed}")
    assert recorded.state == running.state.name
    for run in story.flow_runs():
        assert run.ended_us is not None, f"seed {seed}: {run.flow} is {run.state}"
    states = set(story.states(f"flow-{seed}").values())
    assert states <= ENDS, f"seed {seed}: {states}"
    return recorded.state


def check(runner: str, seeds: range, story: Story) -> None:
    children = set(psutil.Process().children(recursive=True))
    ends = [cancel_at_random(seed, runner, story) for seed in seeds]
    assert "Cancelled" in ends
    left = [child for child in psutil.Process().children(recursive=True) if child not in children]
    _, alive = psutil.wait_procs(left, timeout=10)
    assert not [child for child in alive if child.status() != psutil.STATUS_ZOMBIE]
    assert [thread for thread in threading.enumerate() if thread.name.startswith("flow-")] == []


@pytest.mark.parametrize("runner", RUNNERS)
def test_w11_flows_cancelled_at_random_moments_are_over_in_five_seconds_and_leave_nothing(
    runner: str, story: Story
) -> None:
    check(runner, range(15), story)


@pytest.mark.nightly
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("runner", RUNNERS)
def test_w11_very_many_flows_cancelled_at_random_moments_are_over_in_five_seconds(
    runner: str, story: Story
) -> None:
    check(runner, range(1_000, 1_075), story)
