"""A flow is killed half way, as `kill -9` does it, and resumed: what had completed is not executed again.

The flow runs in a process of its own, which is killed once the history shows half of its tasks as completed. Then this
process goes on with it.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter

from headrace import flow, task
from headrace.history import default_history

CITIES = ["Bergen", "Cork", "Faro", "Graz", "Lyon", "Oslo", "Porto", "Rome", "Turku", "Wien"]
SECONDS_FOR_HALF = 120


@task
def measure(city: str) -> float:
    time.sleep(0.2)  # a service somewhere
    return 10 + len(city) / 2


@task
def higher(highest: float, reading: float) -> float:
    return max(highest, reading)


@flow
def highest_reading(cities: list[str]) -> float:
    highest: float = 0
    for city in cities:  # one after the other
        highest = higher(highest, measure(city)).result()
    return highest


def states_of(flow_run_id: str) -> Counter[str]:
    """How many of its task runs are in which state."""
    with default_history().reader() as reader:
        return Counter(task_run.state for task_run in reader.task_runs(reader.get_run(flow_run_id)))


def newest_run() -> str | None:
    """The id of the newest run of the flow."""
    with default_history().reader() as reader:
        return next((run.id for run in reader.list_runs(1, flow=highest_reading.name)), None)


def run_and_kill() -> str:
    """Starts the flow elsewhere, and kills that process half way: the id of the run."""
    earlier = newest_run()
    process = subprocess.Popen([sys.executable, __file__, "run"])
    deadline = time.monotonic() + SECONDS_FOR_HALF
    try:
        while time.monotonic() < deadline and process.poll() is None:
            flow_run = newest_run()
            if flow_run not in (None, earlier) and states_of(flow_run)["Completed"] >= len(CITIES):
                return flow_run
            time.sleep(0.02)
    finally:
        process.kill()
        process.wait()
    raise SystemExit("The flow did not get half way.")


def main() -> None:
    flow_run = run_and_kill()
    print(f"Killed the process of the flow; {states_of(flow_run)['Completed']} task runs had completed.")

    result = highest_reading.resume(flow_run)

    states = states_of(flow_run)
    print(
        f"Resumed it: {states['Replayed']} were replayed, {states['Completed']} ran. It gave {result} degrees."
    )
    print(f"The run:    headrace runs show {flow_run}")


if __name__ == "__main__":
    if sys.argv[1:] == ["run"]:
        highest_reading(CITIES)
    else:
        main()
