"""`headrace runs list`: which runs, and how they read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from headrace import flow, tags, task
from headrace.cli.lines import plain
from headrace.cli.runs_list import table
from headrace.cli.signs import UNICODE
from headrace.history.reader import RunSummary

if TYPE_CHECKING:
    from headrace.history import History
    from tests.cli.conftest import Invoke

pytestmark = pytest.mark.usefixtures("history")


@task
def double(x: int) -> int:
    if x < 0:
        raise ValueError("negative")
    return 2 * x


@flow
def good(count: int) -> Any:
    return double.map(range(count))


@flow
def bad() -> None:
    double(-1)


@flow(flow_run_name="\x1b[31mred\nname")
def hostile() -> None:
    pass


@flow
def outer() -> Any:
    return good(1)


def listed(invoke: Invoke, *arguments: str) -> list[dict[str, Any]]:
    result = invoke("runs", "list", "--json", *arguments)
    assert result.exit_code == 0, result.output
    return list(json.loads(result.stdout))


@pytest.fixture
def three_runs(history: History) -> None:
    good(2)
    with pytest.raises(ExceptionGroup):
        bad()
    with tags("nightly"):
        good(3)


@pytest.mark.usefixtures("three_runs")
def test_json_is_one_array_newest_first(invoke: Invoke) -> None:
    runs = listed(invoke)

    assert [(run["flow"], run["state"], run["state_type"]) for run in runs] == [
        ("good", "Completed", "COMPLETED"),
        ("bad", "Failed", "FAILED"),
        ("good", "Completed", "COMPLETED"),
    ]
    assert [run["task_runs"]["COMPLETED"] for run in runs] == [3, 0, 2]
    assert [run["task_runs"]["FAILED"] for run in runs] == [0, 1, 0]
    assert {"id", "name", "flow", "state", "state_type", "created", "started", "ended", "task_runs"} <= set(
        runs[0]
    )
    assert runs[0]["created"] <= runs[0]["started"] <= runs[0]["ended"]
    assert runs[0]["ended"].endswith("Z")


@pytest.mark.usefixtures("three_runs")
@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        (["--state", "failed"], 1),
        (["--state", "COMPLETED"], 2),
        (["--state", "crashed"], 0),
        (["--flow", "good"], 2),
        (["--flow", "goo"], 0),
        (["--tag", "nightly"], 1),
        (["--since", "1h"], 3),
        (["--since", "2099-01-01"], 0),
        (["--before", "1h"], 0),
        (["--before", "2099-01-01", "--limit", "2"], 2),
        (["--limit", "1"], 1),
        (["--limit", "0"], 3),
        (["good"], 2),
    ],
)
def test_filters(arguments: list[str], count: int, invoke: Invoke) -> None:
    assert len(listed(invoke, *arguments)) == count


def test_zero_lists_more_than_the_default(invoke: Invoke) -> None:
    for _ in range(22):
        good(0)

    assert len(listed(invoke)) == 20
    assert len(listed(invoke, "--limit", "0")) == 22


def test_subflows_can_be_left_out(invoke: Invoke) -> None:
    outer()

    assert [run["flow"] for run in listed(invoke)] == ["good", "outer"]
    assert [run["flow"] for run in listed(invoke, "--no-subflows")] == ["outer"]


@pytest.mark.usefixtures("three_runs")
def test_the_table_has_a_line_a_run(invoke: Invoke) -> None:
    heading, *lines = invoke("runs", "list").stdout.splitlines()

    assert heading.split() == ["ID", "NAME", "FLOW", "STATE", "STARTED", "TOOK", "TASK", "RUNS"]
    assert ["good" in line and "✓ Completed" in line for line in lines] == [True, False, True]
    assert lines[1].endswith("✗ 1  1 task run failed")


def test_names_cannot_steer_the_terminal(invoke: Invoke) -> None:
    hostile()

    assert r"\x1b[31mred\nname" in invoke("runs", "list").stdout
    assert "\x1b" not in invoke("runs", "list", "--json").stdout


def test_nothing_to_list_is_said_on_stderr(invoke: Invoke) -> None:
    result = invoke("runs", "list")

    assert result.stdout == ""
    assert "No runs yet" in result.stderr
    assert "No run is like that" in invoke("runs", "list", "--flow", "x").stderr


def test_no_history_is_an_empty_list(invoke: Invoke, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_DATABASE", str(tmp_path / "none.db"))

    assert listed(invoke) == []
    assert not (tmp_path / "none.db").exists()


def test_an_empty_file_is_an_empty_list(
    invoke: Invoke, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADRACE_DATABASE", str(tmp_path / "empty.db"))
    (tmp_path / "empty.db").touch()

    assert listed(invoke) == []
    assert "No runs yet" in invoke("runs", "list").stderr
    assert "it is made when the first flow runs" in invoke("runs", "show").stderr


def test_an_in_memory_history_cannot_be_listed(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_DATABASE", ":memory:")

    result = invoke("runs", "list")

    assert result.exit_code == 1
    assert "Set it to a file" in result.stderr


def test_a_run_under_way_is_listed_with_what_is_known(history: History, invoke: Invoke) -> None:
    @flow
    def looks() -> list[dict[str, Any]]:
        history.flush()
        return listed(invoke)

    (run,) = looks()

    assert (run["state"], run["ended"]) == ("Running", None)


def summary(**changes: Any) -> RunSummary:
    run = RunSummary(
        "0193a1b2-c3d4-7000-8000-000000000001", "flow", "a_flow_with_quite_a_long_name", "brisk-kingfisher",
        "Completed", "COMPLETED", 0, 0, 5_000_000, (), None, {"COMPLETED": 10_000, "FAILED": 3},
    )  # fmt: skip
    return run._replace(**changes)


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_fits(width: int) -> None:
    lines = table(
        [summary(), summary(id="0193a1b2-dddd-7000-8000-000000000002")],
        UNICODE,
        now_us=6_000_000,
        width=width,
        waits={},
    )

    assert all(len(plain(line)) <= width for line in lines)
    assert plain(lines[1]).endswith("✓ 10,000 ✗ 3")


def headings(width: int, *runs: RunSummary) -> list[str]:
    heading, *lines = table(runs, UNICODE, now_us=6_000_000, width=width, waits={})
    assert all(len(plain(line)) <= width for line in lines)
    return plain(heading).split()


def test_where_there_is_little_room_a_run_has_a_name_or_an_id_and_not_both() -> None:
    twin = summary(id="0193a1b2-dddd-7000-8000-000000000002")

    assert headings(120, summary())[:2] == ["ID", "NAME"]
    assert headings(80, summary(), twin._replace(name="calm-heron"))[:2] == ["NAME", "FLOW"]
    assert headings(80, summary(), twin)[:2] == ["ID", "FLOW"]  # the names do not tell them apart


def test_in_a_narrow_terminal_state_and_counts_are_left() -> None:
    _, line = table([summary()], UNICODE, now_us=6_000_000, width=36, waits={})

    assert len(plain(line)) <= 36
    assert "✓ " in plain(line)
    assert plain(line).endswith("✓ 10,000 ✗ 3")


def test_ids_are_as_long_as_they_must_be_to_differ() -> None:
    first, second = summary(), summary(id="0193a1b2-c3d4-7000-9000-000000000002")
    _, *lines = table([first, second], UNICODE, now_us=0, width=120, waits={})

    shown = [plain(line).split()[0] for line in lines]
    assert shown[0] != shown[1]
    assert first.id.startswith(shown[0])


def test_without_a_width_nothing_is_cut() -> None:
    _, line = table([summary()], UNICODE, now_us=0, width=None, waits={})

    assert summary().id in plain(line)
    assert summary().flow in plain(line)


def test_one_phrase_says_why_a_run_does_not_run(history: History, invoke: Invoke) -> None:
    @flow
    def fails() -> None:
        raise OSError("no route; try later")

    @flow
    def completes() -> None: ...

    with pytest.raises(OSError, match="no route"):
        fails()
    completes()
    lines = invoke("runs", "list").stdout.splitlines()
    assert lines[1].rstrip().endswith("s")  # what it took is the last that there is to tell
    assert lines[2].rstrip().endswith("OSError: no route")
    reasons = [run["reason"] for run in json.loads(invoke("runs", "list", "--json").stdout)]
    assert reasons == [None, "OSError: no route; try later"]
