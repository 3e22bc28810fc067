"""`headrace runs show`: the picture of a run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from headrace import flow, task
from headrace.cli.lines import plain
from headrace.cli.run_rows import SLICES, Doing, Row, Segment, Span
from headrace.cli.signs import ASCII, UNICODE
from headrace.cli.timeline import bar, draw
from headrace.context import current_scope
from headrace.testing import ManualClock

if TYPE_CHECKING:
    from headrace.history import History
    from tests.cli.conftest import Invoke

pytestmark = pytest.mark.usefixtures("history")


@task
def double(x: int) -> int:
    if x == 13:
        raise ValueError("thirteen \x1b[2J\nis unlucky")
    return 2 * x


@task
def total(numbers: list[int]) -> int:
    return sum(numbers)


@task
def unstable(attempts: list[int]) -> int:
    attempts.append(1)
    if len(attempts) < 3:
        raise ConnectionError(f"attempt {len(attempts)} was refused")
    return len(attempts)


@task
def calls_tasks(x: int) -> int:
    return double(x).result() + double(x + 1).result()


@flow
def small(x: int, note: str = "none") -> Any:
    return total([double(x), double(x + 1)])


@flow
def outer() -> Any:
    first = double(1)
    small(2)
    return total([first])


def show(invoke: Invoke, *arguments: str, width: int = 100) -> list[str]:
    result = invoke("runs", "show", *arguments, env={"COLUMNS": str(width)})
    assert result.exit_code == 0, result.output
    return list(result.stdout.splitlines())


def rows(lines: list[str]) -> list[str]:
    """The rows of the timeline."""
    start = next(number for number, line in enumerate(lines) if "TASK RUN" in line)
    return [
        line
        for line in lines[start + 1 :][: ([*lines[start:], ""].index("") - 1)]
        if line.split()[0].isdigit()
    ]


def test_the_header_says_what_the_run_was(invoke: Invoke) -> None:
    small(1, note="hello")
    lines = show(invoke)
    text = "\n".join(lines)

    assert lines[0].startswith("✓ ")
    assert "flow small" in lines[0]
    assert "completed in " in lines[0]
    assert 'parameters  x=1, note="hello"' in text
    assert f"pid {os.getpid()}" in text
    assert "test_runs_show.py:small" in text


def test_the_header_has_the_dashboard_of_a_cluster(invoke: Invoke) -> None:
    link = "http://127.0.0.1:8787/status"

    @flow
    def on_cluster() -> None:
        current_scope.get().note_dashboard(link)  # type: ignore[union-attr]  # as the session of a cluster does

    small(1)
    assert not [line for line in show(invoke) if "dashboard" in line]

    on_cluster()
    assert f"  dashboard   {link}" in show(invoke)
    assert json.loads(invoke("runs", "show", "--json").stdout)["provenance"]["dashboard"] == link


def test_each_task_run_is_a_row_with_its_state_upstreams_and_bar(invoke: Invoke) -> None:
    small(1)
    first, second, third = rows(show(invoke))

    assert first.split()[:3] == ["1", "double-0", "✓"]
    assert second.split()[:3] == ["2", "double-1", "✓"]
    assert third.split()[1:3] == ["total-0", "✓"]
    assert "1-2" in third.split()
    assert all("━" in row for row in (first, second, third))


def test_many_runs_of_a_task_are_one_row_with_counts(invoke: Invoke) -> None:
    @flow
    def many() -> None:
        total(double.map(range(200)))

    with pytest.raises(ExceptionGroup):
        many()
    lines = show(invoke)
    table = rows(lines)

    assert [row.split()[1] for row in table] == ["double", "total-0"]
    assert "×200" in table[0]
    assert "✓ 199 ✗ 1" in table[0]
    assert "⊘ upstream failed" in table[1]
    assert any("⊘ did not start, for an upstream failed: total-0" in line for line in lines)


def test_a_task_can_be_taken_apart(invoke: Invoke) -> None:
    @flow
    def many() -> None:
        double.map(range(100, 140))

    many()

    assert len(rows(show(invoke))) == 1
    assert len(rows(show(invoke, "--task", "double"))) == 40
    assert "No task 'nope' ran" in invoke("runs", "show", "--task", "nope").stderr


def test_the_task_runs_in_one_state_can_be_drawn_alone(invoke: Invoke) -> None:
    @flow
    def many() -> None:
        total(double.map(range(300)))

    with pytest.raises(ExceptionGroup):
        many()

    assert [row.split()[1] for row in rows(show(invoke, "--state", "failed"))] == ["double-13", "total-0"]
    assert [row.split()[1] for row in rows(show(invoke, "--state", "upstreamfailed"))] == ["total-0"]
    assert len(rows(show(invoke, "--state", "completed"))) == 200
    assert "and 99 more rows: --json has all" in show(invoke, "--state", "completed")
    assert "No task run is crashed." in show(invoke, "--state", "crashed")
    listed = json.loads(invoke("runs", "show", "--json", "--state", "failed", "--task", "double").stdout)
    assert [task_run["name"] for task_run in listed["task_runs_list"]] == ["double-13"]


def test_a_failure_has_its_message_and_the_last_lines_of_its_traceback(invoke: Invoke) -> None:
    @flow
    def failing() -> None:
        double(13)

    with pytest.raises(ExceptionGroup):
        failing()
    text = "\n".join(show(invoke))

    assert "✗ double-0 failed" in text
    assert r"ValueError: thirteen \x1b[2J is unlucky" in text
    assert "in double" in text
    assert "raise ValueError(" in text
    assert '{"x": 13}' in text
    assert "\x1b" not in text


def test_failures_alike_are_told_once(invoke: Invoke) -> None:
    @flow
    def failing() -> None:
        [double(13) for _ in range(9)]

    with pytest.raises(ExceptionGroup):
        failing()
    text = "\n".join(show(invoke))

    assert text.count("ValueError: thirteen") == 1
    assert "and so did double-1, double-2, double-3, double-4 and 4 more" in text


def test_what_the_flow_itself_raised_is_told(invoke: Invoke) -> None:
    @flow
    def failing() -> None:
        raise RuntimeError("by itself")

    with pytest.raises(RuntimeError):
        failing()
    text = "\n".join(show(invoke))

    assert "✗ failing itself raised" in text
    assert "RuntimeError: by itself" in text


def test_attempts_and_the_waits_between_them_are_seen(invoke: Invoke) -> None:
    @flow
    def patient() -> Any:
        return unstable.with_options(retries=2, retry_delay_seconds=20)([])

    with ManualClock(automatic=True):
        patient()
    lines = show(invoke)
    (row,) = rows(lines)

    assert "3 attempts" in row
    assert row.index("×") < row.index("┄") < row.index("━")
    assert "↻ unstable-0 completed at attempt 3" in lines
    assert any("attempt 2 failed after " in line and "attempt 2 was refused" in line for line in lines)


def test_subflows_and_child_runs_stand_within_theirs(invoke: Invoke) -> None:
    outer()
    table = rows(show(invoke))

    assert [row.split()[1] for row in table] == ["double-0", "small", "├─", "├─", "└─", "total-0"]

    @flow
    def nested() -> Any:
        return calls_tasks(1)

    nested()
    assert [row[2:].split()[0:2] for row in rows(show(invoke))] == [
        ["calls_tasks-0", "✓"],
        ["├─", "double-0"],
        ["└─", "double-1"],
    ]


def test_many_subflows_are_one_row_and_the_failed_one_is_named(invoke: Invoke) -> None:
    @flow
    def calls(x: int) -> None:
        if x == 3:
            raise KeyError("three")

    @flow
    def many() -> None:
        for x in range(8):
            try:
                calls(x)
            except KeyError:
                continue

    many()
    lines = show(invoke)

    assert "×8" in rows(lines)[0]
    assert "✓ 7 ✗ 1" in rows(lines)[0]
    assert any("✗ flow calls failed: headrace runs show " in line for line in lines)


def test_a_subflow_says_who_called_it(invoke: Invoke) -> None:
    outer()
    (child,) = json.loads(invoke("runs", "show", "--json").stdout)["subflows"]

    text = "\n".join(show(invoke, child["id"]))
    assert "called by" in text


@pytest.mark.parametrize("width", [36, 60, 80, 120])
def test_nothing_is_wider_than_the_terminal(width: int, invoke: Invoke) -> None:
    outer()
    small(1, note="long " * 60)

    drawing = [
        line for line in show(invoke, width=width) if "headrace runs" not in line
    ]  # that is to be copied
    assert all(len(line) <= width for line in drawing)


def test_runs_are_found_by_id_beginning_and_name(invoke: Invoke) -> None:
    small(1)
    run = json.loads(invoke("runs", "list", "--json").stdout)[0]
    outer()

    for name in (run["id"], run["id"][:18], run["name"]):
        assert json.loads(invoke("runs", "show", name, "--json").stdout)["id"] == run["id"]
    for latest in ([], ["latest"]):
        assert json.loads(invoke("runs", "show", *latest, "--json").stdout)["flow"] == "outer"


def test_an_unknown_run_is_one_line(invoke: Invoke) -> None:
    small(1)
    result = invoke("runs", "show", "nope\x1b[31m")

    assert result.exit_code == 1
    assert result.stderr.startswith("headrace: ")
    assert result.stderr.count("\n") == 1
    assert "\x1b" not in result.stderr


def test_no_run_at_all_is_one_line(invoke: Invoke) -> None:
    assert "has no runs yet" in invoke("runs", "show").stderr


def test_json_has_everything(invoke: Invoke) -> None:
    @flow
    def patient(x: int) -> Any:
        return unstable.with_options(retries=2)([]), double(x)

    patient(4)
    run = json.loads(invoke("runs", "show", "--json").stdout)

    assert run["parameters"] == {"x": 4}
    assert run["provenance"]["pid"] == os.getpid()
    unstable_run, double_run = run["task_runs_list"]
    assert [attempt["number"] for attempt in unstable_run["attempts"]] == [1, 2, 3]
    assert unstable_run["attempts"][2]["failure"] is None
    assert unstable_run["attempts"][0]["failure"]["type"] == "ConnectionError"
    assert [state["name"] for state in double_run["states"]] == ["Pending", "Running", "Completed"]
    assert double_run["result"] == 8


def test_numbers_that_json_has_not_are_texts(invoke: Invoke) -> None:
    @flow
    def undefined(x: float) -> list[float]:
        return [x, float("inf")]

    undefined(float("nan"))

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is no JSON")

    run = json.loads(invoke("runs", "show", "--json").stdout, parse_constant=refuse)
    assert run["flow"] == "undefined"


def test_a_run_whose_process_was_killed_says_so(tmp_path: Any, invoke: Invoke) -> None:
    program = """
import os, threading
from headrace import flow, task
from headrace.history import default_history

begun = threading.Event()

@task
def waits():
    begun.set()
    threading.Event().wait()

@flow
def killed():
    waits()
    begun.wait()
    with default_history().reader() as reader:
        while not any(run.task_runs.get("RUNNING") for run in reader.list_runs()):
            default_history().flush()
    os.kill(os.getpid(), 9)

killed()
"""
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, timeout=50, check=False)

    lines = show(invoke)
    assert lines[0].startswith("! ")
    took = lines[0].partition("crashed, last known alive after ")[2]
    assert took
    assert any(f"is gone, last known alive after {took}" in line for line in lines)
    assert f"  {took}  " in invoke("runs", "list").stdout
    for state, count in (("crashed", 1), ("running", 0)):
        assert len(json.loads(invoke("runs", "list", "--state", state, "--json").stdout)) == count
    assert rows(lines)[0].split()[1:4] == ["waits-0", "!", "crashed"]
    (run,) = json.loads(invoke("runs", "list", "--json").stdout)
    assert (run["state"], run["task_runs"]["RUNNING"], run["task_runs"]["CRASHED"]) == ("Crashed", 0, 1)
    assert invoke("runs", "delete", run["id"], "--yes").exit_code == 0


def test_a_run_under_way_is_drawn_up_to_now(history: History, invoke: Invoke) -> None:
    @flow
    def looks() -> list[str]:
        history.flush()
        return show(invoke)

    assert looks()[0].startswith("▸ ")
    assert "running for" in looks()[0]


# Bars -----------------------------------------------------------------------------------------------


def row(*segments: Segment, activity: list[int] | None = None, **options: Any) -> Row:
    return Row("work", 0, Counter({"Completed": 1}), segments=segments, activity=activity, **options)


def drawn(one: Row, glyphs: Any = UNICODE) -> str:
    return plain(bar(one, Span(0, 100), glyphs, 10))


def test_a_bar_stands_where_its_run_ran() -> None:
    assert drawn(row(Segment(0, 100, Doing.RAN))) == "━" * 10
    assert drawn(row(Segment(50, 79, Doing.RAN))) == "     ━━━"


def test_a_run_too_short_to_see_is_seen() -> None:
    assert drawn(row(Segment(100, 100, Doing.RAN))) == "         ━"


def test_failed_attempts_and_waits_look_different() -> None:
    segments = [Segment(0, 19, Doing.FAILED), Segment(20, 59, Doing.WAITED), Segment(60, 99, Doing.RAN)]

    assert drawn(row(*segments)) == "××┄┄┄┄━━━━"
    assert drawn(row(*segments), ASCII) == "xx....===="


def test_a_group_shows_how_many_ran_at_once() -> None:
    activity = [0] * (SLICES // 2) + [8] * (SLICES // 4) + [1] * (SLICES // 4)

    assert drawn(row(activity=activity)) == "     ███▁▁"


def test_a_name_that_is_cut_still_says_how_many_they_are() -> None:
    many = Row("a_task_with_a_long_name", 0, Counter({"Completed": 10_000}), activity=[1] * SLICES)
    _, line, *_ = draw([many], Span(0, 100), UNICODE, 40)

    assert "… ×10,000" in plain(line)


def test_rows_that_are_too_many_are_counted() -> None:
    lines = draw([row(number=number) for number in range(1, 251)], Span(0, 100), UNICODE, 80)

    assert any("and 50 more rows" in plain(line) for line in lines)


# -- how results are stored ------------------------------------------------------------------------


@task
def make_bytes(size: int) -> bytes:
    return bytes(size)


@flow
def keeps_results() -> Any:
    make_bytes.with_options(name="plain")(5)
    make_bytes.with_options(name="given up").map([2_000_000, 3_000_000])
    make_bytes.with_options(name="unwanted", persist_result=False)(1)
    double.with_options(name="as json", result_serializer="json")(6)
    return make_bytes.with_options(name="kept", persist_result=True)(2_000_000)


def test_how_results_are_stored_is_told_unless_they_are_simply_with_their_runs(invoke: Invoke) -> None:
    keeps_results.with_options(persist_result=True)()
    told = show(invoke, width=140)

    assert "given up: 2 results in files, 5.0 MB of pickle" in told
    assert "unwanted: 1 result not stored: persist_result=False" in told
    assert "as json: 1 result in the history, 2 bytes of json" in told
    assert "kept: 1 result in a file, 2.0 MB of pickle" in told
    assert not [line for line in told if line.startswith("plain:")]
    [stored] = [line for line in told if line.startswith("  stored")]
    assert "2.0 MB of pickle, in /" in stored

    whole = json.loads(invoke("runs", "show", "--json").stdout)
    assert Path(whole["result_storage"]["file"]).stat().st_size == whole["result_storage"]["bytes"]
    storage = {each["name"]: each["result_storage"] for each in whole["task_runs_list"]}
    assert storage["plain-0"] == {"serializer": "pickle", "bytes": 20, "file": None}
    assert storage["unwanted-0"] is None
    assert storage["kept-0"]["file"] == whole["result_storage"]["file"]


def test_results_that_are_not_stored_say_why(invoke: Invoke) -> None:
    keeps_results()
    told = show(invoke, width=140)
    assert (
        "given up: 2 results not stored: larger than 1,048,576 bytes (persist_result=True would keep it in a file)"
        in told
    )
