"""Two tasks at the same time: calling a task does not wait for it, so their lines mix."""

import time

from headrace import flow, task
from headrace.task_runners import ConcurrentTaskRunner


@task
def count(name: str, steps: int) -> None:
    for step in range(1, steps + 1):
        time.sleep(0.2)
        print(f"{name} {step} of {steps}")


@flow(task_runner=ConcurrentTaskRunner(max_workers=2))
def race() -> None:
    count("left ", 5)
    count("right", 3)


if __name__ == "__main__":
    race()
