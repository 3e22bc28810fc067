"""`headrace cache`: listed by task, cleared as a whole, by task and by age."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from headrace import INPUTS, task
from headrace.history import use_history

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headrace import Task
    from headrace.history import History
    from tests.cli.conftest import Invoke

calls: list[Any] = []


@task(cache_policy=INPUTS)
def load(x: int) -> str:
    calls.append(x)
    return "v" * x


@task(cache_policy=INPUTS, cache_expiration=1e-6)
def brief(x: int) -> int:
    return x


@pytest.fixture
def cached(history: History, monkeypatch: pytest.MonkeyPatch) -> Iterator[Task[..., Any]]:
    """Two values of one task, and one of another, which has expired. Each call looks whether somebody has cleared."""
    monkeypatch.setattr("headrace.history.cache._LOOK_AGAIN_SECONDS", 0.0)
    calls.clear()
    with use_history(history):
        for future in (load(1), load(2), load(2), brief(1)):
            future.result()
        history.flush()
        yield load
        history.flush()


def listed(invoke: Invoke, *options: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(invoke("cache", "list", "--json", *options).stdout)
    return found


@pytest.mark.usefixtures("cached")
def test_what_is_cached_is_listed_by_task(invoke: Invoke) -> None:
    heading, *rows = invoke("cache", "list").stdout.splitlines()
    assert heading.split() == ["TASK", "VALUES", "SIZE", "EXPIRED", "LATEST"]
    assert [row.split()[:2] for row in rows] == [["brief", "1"], ["load", "2"]]
    assert [(row["task"], row["values"], row["expired"]) for row in listed(invoke)] == [
        ("brief", 1, 1),
        ("load", 2, 0),
    ]
    [of_load] = listed(invoke, "--task", "load")
    assert of_load["values"] == 2
    assert of_load["bytes"] > 2
    assert of_load["first_at"] <= of_load["latest_at"]


def test_a_value_that_was_cleared_is_computed_anew_in_processes_that_know_it(
    cached: Task[..., Any], invoke: Invoke
) -> None:
    assert cached(1).result() == "v"
    assert calls == [1, 2]
    assert invoke("cache", "clear", "--task", "load", "--yes").stdout == "Cleared 2 values.\n"
    assert cached(1).result() == "v"
    assert calls == [1, 2, 1]
    cached(2).result()
    assert calls == [1, 2, 1, 2]


@pytest.mark.usefixtures("cached")
def test_values_are_cleared_by_age(invoke: Invoke) -> None:
    assert json.loads(invoke("cache", "clear", "--older-than", "1h", "--yes", "--json").stdout) == {
        "cleared": 0
    }
    assert json.loads(invoke("cache", "clear", "--older-than", "0s", "--yes", "--json").stdout) == {
        "cleared": 3
    }
    assert invoke("cache", "list").stderr == "Nothing is cached.\n"


@pytest.mark.usefixtures("cached")
def test_nothing_is_cleared_without_a_question(invoke: Invoke) -> None:
    refused = invoke("cache", "clear")
    assert refused.exit_code == 2
    assert "add --yes" in refused.stderr
    assert len(listed(invoke)) == 2


@pytest.mark.usefixtures("history")
@pytest.mark.usefixtures("cached")
def test_as_many_values_are_cleared_as_were_listed(history: History, invoke: Invoke) -> None:
    @task(cache_policy=INPUTS)
    def lock(x: int) -> Any:  # what cannot be stored is no value
        return threading.Lock()

    lock(1).result()
    history.flush()

    count = sum(summary["values"] for summary in listed(invoke))
    assert invoke("cache", "clear", "--yes").stdout == f"Cleared {count} values.\n"
    assert listed(invoke) == []


def test_where_nothing_is_cached_nothing_is_cleared(invoke: Invoke) -> None:
    done = invoke("cache", "clear")
    assert (done.stdout, done.stderr) == ("", "Nothing like that is cached.\n")
    assert invoke("cache", "list", "--json").stdout == "[]\n"


@pytest.mark.usefixtures("cached")
def test_the_runs_keep_their_results(invoke: Invoke, history: History) -> None:
    invoke("cache", "clear", "--yes")
    reader = history.reader()
    stored = [
        value.load()
        for summary in reader.list_runs(0)
        for value in reader.results(reader.get_run(summary.id)).values()
    ]
    assert sorted(map(str, stored)) == ["1", "v", "vv", "vv"]
    reader.close()


def test_a_history_in_memory_has_none_to_show(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_DATABASE", ":memory:")
    for command in ("list", "clear"):
        done = invoke("cache", command)
        assert done.exit_code == 1
        assert "kept in the history" in done.stderr
