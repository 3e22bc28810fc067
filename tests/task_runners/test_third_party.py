"""A task runner that another distribution brings: it is found by its name, and passes the conformance suite."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from headrace import flow, task
from headrace.errors import TaskRunnerNotFoundError
from headrace.task_runners import ConcurrentTaskRunner, SequentialTaskRunner, TaskRunner, available, load
from headrace.testing import TaskRunnerConformance

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MODULE = '''
"""A task runner that gives each attempt of a sync task a thread of its own."""

import threading

from headrace.task_runners import Capability, TaskRunner
from headrace.task_runners.execution import execute
from headrace.task_runners.local import LocalSession


class FreshThreadTaskRunner(TaskRunner):
    name = "fresh-thread"
    capabilities = frozenset({Capability.OVERLAPS, Capability.SHARES_MEMORY})

    def open(self, flow_run_id, loop):
        return FreshThreadSession(loop)


class FreshThreadSession(LocalSession):
    def start(self, call):
        if call.task.is_async:
            super().start(call)
        else:
            threading.Thread(target=execute, args=(call,), name="fresh", daemon=True).start()
'''


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of installed distributions."""
    folder = tmp_path_factory.mktemp("site-packages")
    install(folder, "headrace-fresh-thread", "fresh-thread", "headrace_fresh_thread:FreshThreadTaskRunner")
    (folder / "headrace_fresh_thread.py").write_text(MODULE, "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield folder
        sys.modules.pop("headrace_fresh_thread", None)


def install(folder: Path, distribution: str, name: str, value: str) -> None:
    """What an installer leaves behind of a distribution that brings a task runner."""
    info = folder / f"{distribution.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n", "utf-8")
    (info / "entry_points.txt").write_text(f"[headrace.task_runners]\n{name} = {value}\n", "utf-8")


@pytest.mark.usefixtures("site")
class TestFreshThreadTaskRunner(TaskRunnerConformance):
    def make_runner(self) -> TaskRunner:
        return load("fresh-thread")()


def test_headraces_own_runners_are_there() -> None:
    assert load("concurrent") is ConcurrentTaskRunner
    assert load("sequential") is SequentialTaskRunner
    assert available()[0] == "concurrent"
    assert "sequential" in available()


def test_a_runner_of_another_distribution_is_listed_but_not_imported(site: Path) -> None:
    sys.modules.pop("headrace_fresh_thread", None)

    assert "fresh-thread" in available()
    assert "headrace_fresh_thread" not in sys.modules


@pytest.mark.usefixtures("site")
def test_a_flow_runs_with_a_runner_of_another_distribution() -> None:
    @task
    def double(number: int) -> int:
        return 2 * number

    @flow(task_runner=load("fresh-thread")())
    def doubled() -> list[int]:
        return double.map([1, 2, 3]).result()

    assert doubled() == [2, 4, 6]


def test_an_unknown_name_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(TaskRunnerNotFoundError, match=r"'marathon'.*concurrent.*sequential"):
        load("marathon")


def test_a_runner_that_cannot_be_imported_is_an_error_that_names_its_distribution(site: Path) -> None:
    install(site, "headrace-lost", "lost", "headrace_lost:LostTaskRunner")

    with pytest.raises(TaskRunnerNotFoundError, match=r"'lost' of headrace-lost.*headrace_lost") as caught:
        load("lost")
    assert isinstance(caught.value.__cause__, ImportError)


def test_what_is_no_task_runner_is_an_error_that_says_so(site: Path) -> None:
    install(site, "headrace-odd", "odd", "json:JSONDecoder")

    with pytest.raises(TaskRunnerNotFoundError, match=r"'odd' of headrace-odd.*no subclass of"):
        load("odd")


def test_two_runners_of_one_name_are_an_error_that_names_both_distributions(site: Path) -> None:
    install(site, "headrace-twin-a", "twin", "twin_a:TaskRunner")
    install(site, "headrace-twin-b", "twin", "twin_b:TaskRunner")

    with pytest.raises(TaskRunnerNotFoundError, match=r"headrace-twin-a.*headrace-twin-b"):
        load("twin")


def test_another_distribution_cannot_replace_a_runner_of_headrace(site: Path) -> None:
    install(site, "headrace-impostor", "sequential", "json:JSONDecoder")

    assert load("sequential") is SequentialTaskRunner
