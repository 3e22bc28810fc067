"""Tasks that wait: how many can do so at once.

*200 tasks of ``sleep(0.1)``.* Ours: the whole call of a flow on the default runner, from no thread to the last commit.
Baseline: ``ThreadPoolExecutor(256)``, created, 200 futures collected, shut down. Both grow their threads on demand.

*1,000 async tasks of ``asyncio.sleep(0.01)``.* Ours: the whole call of an async flow that gathers them, awaited on a
running loop, to the last commit (until the gather ends: in the raw samples). Baseline: ``asyncio.gather`` of the bare coroutines on a running loop. Starting and closing
the loop counts for neither.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

from benchmarks.measuring import Clock, Row, Session, check_recorded, fresh_history
from headrace import flow, task

THREADS_ALLOWED = 256


def sleep(seconds: float) -> None:
    time.sleep(seconds)


async def sleep_async(seconds: float) -> None:
    await asyncio.sleep(seconds)


sleep_task = task(sleep)
sleep_async_task = task(sleep_async)


@flow
def sleep_often(count: int, seconds: float) -> None:
    for future in [sleep_task(seconds) for _ in range(count)]:
        future.result()


def measure(session: Session) -> list[Row]:
    return [measure_threads(session), measure_async(session)]


def measure_threads(session: Session) -> Row:
    count, seconds = session.size(200, 20), 0.1

    def ours() -> dict[str, float]:
        with fresh_history() as path:
            with Clock() as clock:
                sleep_often(count, seconds)
            check_recorded(path, count)
        return {"flow": clock.seconds}

    def baseline() -> dict[str, float]:
        with Clock() as clock, ThreadPoolExecutor(THREADS_ALLOWED) as pool:
            for future in [pool.submit(sleep, seconds) for _ in range(count)]:
                future.result()
        return {"pool": clock.seconds}

    samples = session.take_turns(ours, baseline, rounds=9)
    return Row(
        what=f"{count:,} tasks of sleep({seconds})",
        unit="s",
        ours=samples["flow"],
        baseline=samples["pool"],
        baseline_is=f"pool of {THREADS_ALLOWED}",
        ratio_allowed=1.5,
        ours_allowed=0.25,
    )


def measure_async(session: Session) -> Row:
    count, seconds = session.size(1_000, 20), 0.01
    gathered = Clock()

    @flow
    async def sleep_often_async() -> None:
        with gathered:
            await asyncio.gather(*[sleep_async_task(seconds) for _ in range(count)])

    async def time_flow() -> float:
        with Clock() as clock:
            await sleep_often_async()
        return clock.seconds

    async def time_gather() -> float:
        with Clock() as clock:
            await asyncio.gather(*[sleep_async(seconds) for _ in range(count)])
        return clock.seconds

    def ours() -> dict[str, float]:
        with fresh_history() as path:
            taken = asyncio.run(time_flow())
            check_recorded(path, count)
        return {"flow": taken * 1e3, "gathered_in_flow": gathered.seconds * 1e3}

    def baseline() -> dict[str, float]:
        return {"gather": asyncio.run(time_gather()) * 1e3}

    samples = session.take_turns(ours, baseline, rounds=15)
    return Row(
        what=f"{count:,} async tasks of asyncio.sleep({seconds})",
        unit="ms",
        ours=samples["flow"],
        baseline=samples["gather"],
        baseline_is="bare gather",
        ratio_allowed=2.0,
        others={"gathered_in_flow": samples["gathered_in_flow"]},
    )
