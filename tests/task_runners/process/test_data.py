"""What tasks in worker processes take and give: large values in shared memory, and all that can be pickled."""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import pytest

from headrace import allow_failure, flow, quote, task
from headrace.errors import TaskRunError
from headrace.history.keeping import ResultPlace
from headrace.task_runners.process_channel import Channel
from headrace.task_runners.process_memory import gather, load_value, store_value
from tests.task_runners.process.arrays import (
    LARGE,
    count_descriptors,
    ones,
    overwrite,
    pair,
    total,
    total_of,
    unpicklable,
)

if TYPE_CHECKING:
    from pathlib import Path

    from headrace.task_runners import ProcessTaskRunner
    from headrace.testing import RecordedHistory

pytestmark = pytest.mark.usefixtures("history")


def test_a_large_array_is_mapped_and_each_task_may_write_to_its_own(runner: ProcessTaskRunner) -> None:
    @flow(task_runner=runner)
    def writing() -> Any:
        array = ones(LARGE)
        overwritten = [overwrite(array, number) for number in range(2, 6)]
        assert [future.result() for future in overwritten] == [(1, False)] * 4
        return array

    array = writing()

    assert int(array.sum()) == LARGE
    array[0] = 7  # what comes here can be written to as well
    assert not array.flags.owndata


def test_arrays_go_along_wherever_they_are_in_a_value(runner: ProcessTaskRunner) -> None:
    @flow(task_runner=runner)
    def deep() -> int:
        return total(pair(ones(LARGE))).result()

    assert deep() == LARGE + LARGE // 2 + LARGE


def test_a_large_argument_is_written_once_for_all_calls_that_share_its_quote(
    runner: ProcessTaskRunner,
) -> None:
    array = np.full(LARGE, 3, dtype=np.uint8)

    @flow(task_runner=runner)
    def shared() -> list[Any]:
        shared_array = quote(array)
        return [overwrite(shared_array, number).result() for number in range(4)]

    assert shared() == [(3, False)] * 4
    assert int(array[0]) == 3


def test_a_large_value_is_to_be_had_after_the_flow_run(runner: ProcessTaskRunner) -> None:
    @flow(task_runner=runner)
    def leaving() -> None:
        futures.append(ones(LARGE))
        futures[0].wait()

    futures: list[Any] = []
    leaving()

    assert int(futures[0].result().sum()) == LARGE


def test_memory_is_given_back_with_the_last_who_knows_the_value(runner: ProcessTaskRunner) -> None:
    @flow(task_runner=runner)
    def passing() -> tuple[int, int]:
        before = psutil.Process().num_fds()
        of_worker = count_descriptors().result()
        for _ in range(20):
            overwrite(ones(LARGE), 1).result()
        assert psutil.Process().num_fds() < before + 15
        return of_worker, count_descriptors().result()

    before, after = passing()
    assert after <= before + 2


def test_more_large_upstreams_than_fit_into_a_message_go_along(runner: ProcessTaskRunner) -> None:
    @flow(task_runner=runner)
    def gathering() -> int:
        value = ones(1_100_000)
        value.wait()
        return total_of([value, *[ones(1_100_000) for _ in range(210)]]).result()

    assert gathering() == 211


def test_as_many_large_values_are_held_as_the_system_allows_not_the_shell(runner: ProcessTaskRunner) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (150, hard))
    try:

        @flow(task_runner=runner)
        def holding() -> int:
            return sum(int(future.result()[0]) for future in [ones(1_100_000) for _ in range(200)])

        assert holding() == 200
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_large_value_that_cannot_be_pickled_fails_its_task_run(
    runner: ProcessTaskRunner, history: RecordedHistory
) -> None:
    @flow(task_runner=runner)
    def refused() -> str:
        failed = unpicklable()
        error = failed.exception()
        assert isinstance(error, TaskRunError)
        return f"{error} / {allow_failure(failed)}"

    assert "it stays where it is" in refused()
    assert history.run().task_runs[0].state == "Failed"


def test_arguments_of_any_size_go_to_a_worker(runner: ProcessTaskRunner) -> None:
    nested = {"numbers": [*range(100_000)], "text": "é" * 200_000}

    @flow(task_runner=runner)
    def large_errands() -> bool:
        return all(task(lambda value: value)(nested).result() == nested for _ in range(3))

    assert large_errands()


# -- the parts by themselves -----------------------------------------------------------------------


def test_values_lie_in_memory_one_behind_the_other() -> None:
    memories = [store_value({"array": np.full(100_000, number), "n": number}) for number in range(3)]
    gathered, spans_in_order = gather(memories)

    for number, spans in enumerate(spans_in_order):
        value = load_value(gathered, spans)
        assert value["n"] == number
        assert value["array"].sum() == 100_000 * number


def test_a_message_that_nobody_has_taken_can_be_taken_back_whole() -> None:
    ours, theirs = Channel.pair()
    for content in ("first", "x" * 1_000_000, "last"):
        ours.send(content, [store_value(1)])
    received = [theirs.receive(waits=False) for _ in range(3)]
    ours.hang_up()

    assert [message.content[:5] for message in received if message] == ["first", "xxxxx", "last"]
    assert all(len(message.memories) == 1 for message in received if message)
    assert theirs.receive() is None
    ours.close()
    theirs.close()


def test_a_worker_writes_the_file_of_a_large_result_itself(
    runner: ProcessTaskRunner, history: RecordedHistory
) -> None:
    @flow(task_runner=runner, persist_result=True)
    def keeping() -> int:
        return total_of([ones(LARGE)]).result()

    assert keeping() == 1
    recorded = history.run()
    made = recorded.task_runs[0]
    assert made.storage is not None
    assert made.storage.key is not None
    assert made.storage.size >= LARGE
    assert int(recorded.stored_value(made.name).sum()) == LARGE


def test_a_worker_that_does_not_find_the_place_of_the_files_says_so(
    runner: ProcessTaskRunner, history: RecordedHistory, tmp_path: Path
) -> None:
    folder = str(tmp_path / "on another machine")
    history.history._result_place = ResultPlace(folder, "", is_durable=False)

    @flow(task_runner=runner)
    def keeping() -> int:
        return total_of([ones.with_options(persist_result=True)(LARGE)]).result()

    assert keeping() == 1
    made = history.run().task_runs[0]
    assert (made.state, made.storage) == ("Completed", None)
    assert made.result_note is not None
    assert made.result_note.startswith(
        f"not stored: {folder} is not there; on another machine, set HEADRACE_RESULTS"
    )
    assert not (tmp_path / "on another machine").exists()
