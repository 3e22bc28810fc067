"""The suite itself: it leaves out nothing silently, and it tells a runner that does not conform."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest

from headrace.task_runners import Capability
from headrace.testing import TaskRunnerConformance

if TYPE_CHECKING:
    from collections.abc import Iterator

MODULE = """
from headrace.task_runners import Capability, ConcurrentTaskRunner, SequentialTaskRunner
from headrace.testing import TaskRunnerConformance
{runner}

class TestIt(TaskRunnerConformance):
    def make_runner(self):
        return Runner()
"""

LOSES_FAILURES = """
from headrace.engine.events import Ending
from headrace.task_runners.local import LocalSession
from headrace.task_runners import execution

class Lossy(LocalSession):
    def start(self, call):
        fn = call.task.fn
        def quiet(*args, **kwargs):
            try:
                return fn(*args, **kwargs)
            except Exception:
                return None
        call.task = call.task.with_options()
        call.task.fn = quiet
        super().start(call)

class Runner(ConcurrentTaskRunner):
    def open(self, flow_run_id, loop):
        return Lossy(loop)
"""

CLAIMS_TO_OVERLAP = """
class Runner(SequentialTaskRunner):
    capabilities = frozenset({Capability.OVERLAPS, Capability.SHARES_MEMORY})
    executes_in_caller = False
"""


def cases() -> Iterator[tuple[str, Any]]:
    for name in dir(TaskRunnerConformance):
        if name.startswith("test_"):
            yield name, getattr(TaskRunnerConformance, name)


@pytest.mark.parametrize("capability", Capability)
def test_what_a_runner_may_leave_out_has_a_case_for_what_a_user_gets_instead(capability: Capability) -> None:
    marks: dict[str, list[str]] = defaultdict(list)
    for name, case in cases():
        for mark in ("needs", "lacks"):
            if getattr(case, mark, None) is capability:
                marks[mark].append(name)

    assert marks["needs"]
    assert marks["lacks"]


def test_a_subclass_must_say_which_runner(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        "from headrace.testing import TaskRunnerConformance\nclass TestIt(TaskRunnerConformance): ..."
    )

    result = pytester.runpytest("-k", "test_submit_is_the_same_call")

    result.stdout.fnmatch_lines(["*NotImplementedError: TestIt must define make_runner()"])


@pytest.mark.parametrize(
    ("runner", "case"),
    [
        (LOSES_FAILURES, "test_result_raises_the_exception_of_the_task and sync_task and not async_task"),
        (CLAIMS_TO_OVERLAP, "test_blocking_on_the_loop"),
    ],
    ids=["loses_failures", "conforms"],
)
def test_a_runner_that_does_not_conform_fails_the_case_that_says_so(
    pytester: pytest.Pytester, runner: str, case: str
) -> None:
    pytester.makepyfile(MODULE.format(runner=runner))

    result = pytester.runpytest("-k", case)

    expected = {"failed": 1} if runner == LOSES_FAILURES else {"passed": 2}
    assert {name: result.parseoutcomes().get(name, 0) for name in expected} == expected
