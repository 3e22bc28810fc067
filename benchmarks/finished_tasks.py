"""What a finished task run whose future was dropped still costs in memory while its flow run goes on.

A process of its own runs one flow. It calls no-op tasks in lots of 1,000, collects the futures of a lot and drops them.
After a tenth of the tasks (threads, SQLite's page cache and the allocator's pools are there then), and again after
the rest, all is committed, garbage is collected, and memory is read. The figure is the difference a task.

- *resident*: the process's resident set, so that SQLite and the allocator count, too;
- *traced*: what ``tracemalloc`` counts: Python's own objects, exact, without the allocator's slack. With fewer tasks,
  because tracing is slow.
"""

from __future__ import annotations

import gc
import sys
import tracemalloc
from typing import TYPE_CHECKING

import psutil

from benchmarks.fan_out import no_op_task
from benchmarks.measuring import Row, Session, run_python
from headrace import flow
from headrace.history import default_history

if TYPE_CHECKING:
    from collections.abc import Callable

LOT = 1_000
BYTES_ALLOWED = 1_000


def measure(session: Session) -> list[Row]:
    return [
        measure_one(session, "resident", session.size(100_000, 2_000)),
        measure_one(session, "traced", session.size(20_000, 2_000)),
    ]


def measure_one(session: Session, kind: str, count: int) -> Row:
    def ours() -> dict[str, float]:
        return {"bytes": float(run_python("-m", "benchmarks.finished_tasks", kind, str(count)))}

    samples = session.take_turns(ours, rounds=3)
    return Row(
        what=f"memory of a finished task, {kind}, {count:,} tasks",
        unit="bytes",
        ours=samples["bytes"],
        ours_allowed=BYTES_ALLOWED,
    )


# In the process of its own -------------------------------------------------------------------------


def resident() -> int:
    return int(psutil.Process().memory_info().rss)


def traced() -> int:
    return tracemalloc.get_traced_memory()[0]


@flow
def bytes_a_task(count: int, read_memory: Callable[[], int]) -> float:
    finish_tasks(count // 10)
    before = read_settled(read_memory)
    finish_tasks(count)
    return (read_settled(read_memory) - before) / count


def finish_tasks(count: int) -> None:
    for start in range(0, count, LOT):
        for future in [no_op_task() for _ in range(min(LOT, count - start))]:
            future.result()


def read_settled(read_memory: Callable[[], int]) -> int:
    default_history().flush()
    gc.collect()
    return read_memory()


if __name__ == "__main__":
    if sys.argv[1] == "traced":
        tracemalloc.start()
    print(bytes_a_task(int(sys.argv[2]), {"resident": resident, "traced": traced}[sys.argv[1]]))
