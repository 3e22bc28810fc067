"""The pytest plugin: two fixtures, at no cost to a session that does not use them."""

from __future__ import annotations

import importlib.metadata
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import RunPython

FLOWS = """
    from headrace import flow, get_run_context, task

    @task(retries=3, retry_delay_seconds=[60, 600, 3600])
    def fetch():
        if get_run_context().attempt < 4:
            raise OSError("not yet")
        return "fetched"

    @flow
    def load():
        return fetch()
"""


@pytest.fixture
def run_session(pytester: pytest.Pytester) -> Callable[..., pytest.RunResult]:
    """A pytest session in which the plugin is loaded, by its entry point or, where there is none, by its name."""
    pytester.makepyfile(my_flows=FLOWS)
    pytester.syspathinsert()
    entries = importlib.metadata.entry_points(group="pytest11", name="headrace")
    option = () if list(entries) else ("-p", "headrace.pytest_plugin")

    def run(**files: str) -> pytest.RunResult:
        pytester.makepyfile(**files)
        return pytester.runpytest_subprocess(*option, "-p", "no:cacheprovider")

    return run


def test_each_test_has_a_history_of_its_own(run_session: Callable[..., pytest.RunResult]) -> None:
    result = run_session(
        test_it="""
            import pytest
            from my_flows import fetch, load

            @pytest.mark.parametrize("count", [1, 2, 3])
            def test_load(count, headrace_history, headrace_clock):
                for _ in range(count):
                    assert load() == "fetched"
                assert len(headrace_history.runs("load")) == count
                assert headrace_clock.delays == (60.0, 600.0, 3600.0) * count

            def test_nothing(headrace_history):
                assert headrace_history.runs() == []
        """
    )

    result.assert_outcomes(passed=4)


def test_retries_are_recorded_at_their_times(run_session: Callable[..., pytest.RunResult]) -> None:
    result = run_session(
        test_it="""
            from my_flows import load

            def test_load(headrace_history, headrace_clock):
                load()
                run = headrace_history.run("load").task_run("fetch-0")
                assert run.attempt_count == 4
                assert run.ended_us - run.submitted_us == 4260 * 1_000_000
        """
    )

    result.assert_outcomes(passed=1)


def test_a_failed_flow_leaves_the_next_test_a_clean_history(
    run_session: Callable[..., pytest.RunResult],
) -> None:
    result = run_session(
        test_it="""
            import pytest
            from headrace import flow

            @flow
            def broken():
                raise LookupError("broken")

            def test_first(headrace_history):
                with pytest.raises(LookupError):
                    broken()
                assert headrace_history.run().state == "Failed"

            def test_second(headrace_history):
                assert headrace_history.runs() == []
        """
    )

    result.assert_outcomes(passed=2)


def test_nothing_is_written_to_the_history_of_the_user(
    run_session: Callable[..., pytest.RunResult], monkeypatch: pytest.MonkeyPatch, pytester: pytest.Pytester
) -> None:
    home = pytester.path / "home"
    monkeypatch.setenv("HEADRACE_HOME", str(home))

    result = run_session(
        test_it="""
            from my_flows import load

            def test_load(headrace_history, headrace_clock):
                load()
        """
    )

    result.assert_outcomes(passed=1)
    assert not home.exists()


def test_the_modules_of_the_engine_are_loaded_as_they_are(
    run_session: Callable[..., pytest.RunResult],
) -> None:
    result = run_session(
        test_it="""
            import sys
            from my_flows import load

            def test_load(headrace_history, headrace_clock):
                load()
                loaded = [module for name, module in sys.modules.items() if name.startswith("headrace.")]
                rewritten = [m.__name__ for m in loaded if "Rewriting" in type(m.__spec__.loader).__name__]
                assert rewritten in ([], ["headrace.pytest_plugin"])
        """
    )

    result.assert_outcomes(passed=1)


def test_the_fixtures_say_what_they_are_for(
    run_session: Callable[..., pytest.RunResult], pytester: pytest.Pytester
) -> None:
    del run_session
    entries = importlib.metadata.entry_points(group="pytest11", name="headrace")
    option = () if list(entries) else ("-p", "headrace.pytest_plugin")

    result = pytester.runpytest_subprocess(*option, "--fixtures")

    result.stdout.fnmatch_lines(
        ["headrace_history*", "*A history in memory*", "headrace_clock*", "*A clock that*"]
    )


def test_loading_the_plugin_loads_nothing_of_the_testing_side(run_python: RunPython) -> None:
    program = """
import sys, pytest
before = set(sys.modules)
import headrace
of_the_package = set(sys.modules)
import headrace.pytest_plugin
print(*sorted(set(sys.modules) - of_the_package))
print(*sorted({"asyncio", "sqlite3", "pydantic", "rich", "click", "cloudpickle"} & (set(sys.modules) - before)))
"""
    loaded, heavy = run_python("-c", program).stdout.split("\n")[:2]

    assert loaded == "headrace.pytest_plugin"
    assert heavy == ""
