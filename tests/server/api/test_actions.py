"""Actions by the API: on runs that were recorded, in processes that were started for it."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from headrace import settings
from headrace.engine.states import StateName
from headrace.server.api import actions
from headrace.server.launches import Launches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from headrace.history import History

    Start = Callable[..., subprocess.Popen[str]]

FLOWS = """
import sys
from enum import Enum
from pathlib import Path
from pydantic import SecretStr
from headrace import allow_failure, flow, pause, task

class Size(Enum):
    SMALL = "s"
    LARGE = "l"

@task
def fetch(number):
    return number

@task
def check(total):
    if not Path("repaired").exists():
        raise ConnectionError("the database is away")
    return total

@flow
def totals(upto: int = 3, *, size: Size = Size.SMALL, where: Path = Path("x")):
    total = check(sum(fetch.map(range(upto)).result())).result()
    print("total", total, size, where)
    return total

@flow
def guarded(token: SecretStr, note=None):
    print("token", token.get_secret_value(), note)
    check(1).result()

@flow
def tolerant():
    check(allow_failure(check(1))).exception()
    return 7

@flow
def waits():
    return pause("go on?", type=bool)

if __name__ == "__main__":
    name, *values = sys.argv[1:]
    globals()[name](*values)
"""
DEADLINE_SECONDS = 40.0


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder with flows, whose history is that of ``api``."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "flows.py").write_text(FLOWS, "utf-8")
    monkeypatch.setenv("HEADRACE_DATABASE", str(tmp_path / "history.db"))
    return folder


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    """Starts ``python flows.py FLOW``."""
    started: list[subprocess.Popen[str]] = []

    def go(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "flows.py", *arguments],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield go
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture(autouse=True)
def _what_was_launched_ends_with_the_test(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    started = Launches()
    monkeypatch.setattr(actions, "LAUNCHES", started)
    yield
    for launched in started._started.values():
        launched.close()


@pytest.fixture
def ran(start: Start, api: Any) -> Callable[..., str]:
    """Runs a flow to its end; the id of the run."""

    def go(*arguments: str) -> str:
        start(*arguments).wait(DEADLINE_SECONDS)
        return str(api.get("/api/runs")["items"][0]["id"])

    return go


def ended(api: Any, launch: Any) -> Any:
    """The launch once its process is gone."""
    end = time.monotonic() + DEADLINE_SECONDS
    while launch["state"] == "running":
        assert time.monotonic() < end, launch
        launch = api.get(f"/api/launches/{launch['id']}")
    return launch


def wait_until(holds: Callable[[], object], process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + DEADLINE_SECONDS
    while not holds():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < end


# Cancel, delete, answer ------------------------------------------------------------------------------


@pytest.fixture
def paused(start: Start, api: Any) -> tuple[subprocess.Popen[str], str]:
    """A process with a run that waits for an answer, and the id of the run."""
    process = start("waits")
    wait_until(lambda: api.get("/api/runs")["items"], process)
    run_id = api.get("/api/runs")["items"][0]["id"]
    wait_until(lambda: api.get(f"/api/runs/{run_id}")["questions"], process)
    return process, run_id


def test_a_cancelled_run_ends_with_its_process_and_says_why(
    paused: tuple[subprocess.Popen[str], str], api: Any
) -> None:
    process, run_id = paused

    told = api.post("/api/runs/cancel", {"ids": [run_id], "reason": "not now"})

    assert told == {"asked": [run_id], "ended": []}
    process.wait(DEADLINE_SECONDS)
    run = api.get(f"/api/runs/{run_id}")
    assert (run["state"], run["reason"]) == ("Cancelled", "not now")
    assert api.post("/api/runs/cancel", {"ids": [run_id]}) == {"asked": [], "ended": [run_id]}


def test_an_answer_lets_the_run_go_on(paused: tuple[subprocess.Popen[str], str], api: Any) -> None:
    process, run_id = paused
    answer = {"prompt": "go on?", "occurrence": api.get(f"/api/runs/{run_id}")["questions"][0]["occurrence"]}

    assert api.refused(f"/api/runs/{run_id}/answer", {**answer, "value": "perhaps"})[0] == 422
    assert api.refused(f"/api/runs/{run_id}/answer", {**answer, "prompt": "?", "value": True})[0] == 409
    assert api.post(f"/api/runs/{run_id}/answer", {**answer, "value": "yes"}) == {}

    assert process.wait(DEADLINE_SECONDS) == 0
    assert api.get(f"/api/runs/{run_id}")["result_preview"] == "true"


def test_what_has_not_ended_is_deleted_only_if_that_is_said(
    api: Any, history: History, make_facts: Any
) -> None:
    for number, state in enumerate([StateName.COMPLETED, StateName.RUNNING]):
        history.record(
            make_facts(f"run-{number}").flow(StateName.PENDING, StateName.RUNNING, *[state] * (1 - number))
        )
    history.flush()

    told = api.post("/api/runs/delete", {"ids": ["run-0", "run-1", "nobody"]})

    assert told == {"deleted": ["run-0"], "unfinished": ["run-1"]}
    told = api.post("/api/runs/delete", {"ids": ["run-1"], "include_unfinished": True})
    assert told == {"deleted": ["run-1"], "unfinished": []}
    assert api.get("/api/runs")["items"] == []


# Resume -------------------------------------------------------------------------------------------------


def test_a_failed_run_goes_on_in_a_process_of_its_own(
    ran: Callable[..., str], folder: Path, api: Any
) -> None:
    run_id = ran("totals")
    (folder / "repaired").touch()

    launch = api.post(f"/api/runs/{run_id}/retry-failed", {})
    assert (launch["run"], launch["kind"]) == (run_id, "resume")

    launch = ended(api, launch)
    assert (launch["exit_code"], launch["output"]) == (0, "total 3 Size.SMALL x\n")
    run = api.get(f"/api/runs/{run_id}")
    assert (run["state"], run["epoch"]) == ("Completed", 2)


def test_a_resume_runs_again_what_is_named(ran: Callable[..., str], folder: Path, api: Any) -> None:
    (folder / "repaired").touch()
    run_id = ran("totals")

    assert "there is nothing to resume" in api.refused(f"/api/runs/{run_id}/resume", {})[1]
    assert "nothing to try again" in api.refused(f"/api/runs/{run_id}/retry-failed", {})[1]
    assert "no task run 'nobody'" in api.refused(f"/api/runs/{run_id}/resume", {"rerun": ["nobody"]})[1]
    launch = ended(api, api.post(f"/api/runs/{run_id}/resume", {"rerun": ["fetch[1]"]}))

    assert launch["exit_code"] == 0, launch
    with closing(sqlite3.connect(settings.database())) as database:
        states = database.execute("SELECT task || task_index, state FROM task_runs ORDER BY 1").fetchall()
    assert states == [
        ("check0", "Replayed"),
        ("fetch0", "Replayed"),
        ("fetch1", "Completed"),
        ("fetch2", "Replayed"),
    ]


def test_failures_that_the_flow_tolerated_are_tried_again_too(
    ran: Callable[..., str], folder: Path, api: Any
) -> None:
    run_id = ran("tolerant")
    assert api.get(f"/api/runs/{run_id}")["state"] == "Completed"
    (folder / "repaired").touch()

    assert ended(api, api.post(f"/api/runs/{run_id}/retry-failed", {}))["exit_code"] == 0
    assert api.get(f"/api/runs/{run_id}")["task_runs"] == {"COMPLETED": 2}


def test_a_run_that_is_under_way_is_not_resumed(paused: tuple[object, str], api: Any) -> None:
    status, detail = api.refused(f"/api/runs/{paused[1]}/resume", {})

    assert (status, "is under way" in detail) == (409, True)


# Run again ----------------------------------------------------------------------------------------------


def test_the_form_has_what_the_run_was_given(ran: Callable[..., str], api: Any) -> None:
    form = api.get(f"/api/runs/{ran('totals', '4')}/form")

    assert (form["flow"], form["can_run"], form["why_not"]) == ("totals", True, None)
    fields = {field["name"]: field for field in form["fields"]}
    assert fields["upto"] | {"kind": "integer", "value": '"4"', "default": "3"} == fields["upto"]
    assert fields["size"] | {"kind": "choice", "value": '"s"', "choices": ['"s"', '"l"']} == fields["size"]
    assert fields["where"] | {"kind": "text", "value": '"x"', "annotation": "pathlib.Path"} == fields["where"]


def test_a_flow_runs_again_with_edited_parameters(ran: Callable[..., str], folder: Path, api: Any) -> None:
    (folder / "repaired").touch()
    run_id = ran("totals")
    given = {"upto": 5, "size": "l", "where": "elsewhere"}

    launch = ended(api, api.post(f"/api/runs/{run_id}/run-again", {"parameters": given}))

    assert (launch["exit_code"], launch["output"]) == (0, "total 10 Size.LARGE elsewhere\n")
    again = api.get(f"/api/runs/{launch['run']}")
    assert again["id"] != run_id
    assert json.loads(again["parameters"])["upto"] == 5
    assert again["provenance"]["folder"] == str(folder)


def test_a_secret_is_asked_for_and_reaches_the_flow_by_no_list_of_processes(
    ran: Callable[..., str], folder: Path, api: Any
) -> None:
    (folder / "repaired").touch()
    run_id = ran("guarded", "swordfish")
    token, note = api.get(f"/api/runs/{run_id}/form")["fields"]
    assert (token["kind"], token["is_required"], token["value"]) == ("secret", True, None)
    assert (note["kind"], note["is_required"], note["value"]) == ("json", False, "null")

    assert api.refused(f"/api/runs/{run_id}/run-again", {}) == (422, "token is missing.")
    given = {"token": "perch", "note": "<script>"}
    launch = ended(api, api.post(f"/api/runs/{run_id}/run-again", {"parameters": given}))

    assert launch["output"] == "token perch <script>\n"
    arguments = api.get(f"/api/runs/{launch['run']}")["provenance"]["arguments"]
    assert "perch" not in " ".join(arguments)


def test_a_resume_is_given_the_secret_once_more(ran: Callable[..., str], folder: Path, api: Any) -> None:
    run_id = ran("guarded", "swordfish")
    (folder / "repaired").touch()

    launch = ended(api, api.post(f"/api/runs/{run_id}/resume", {}))
    assert (launch["exit_code"], "without token" in launch["output"]) == (1, True)
    launch = ended(api, api.post(f"/api/runs/{run_id}/resume", {"parameters": {"token": "swordfish"}}))
    assert (launch["exit_code"], launch["output"]) == (0, "token swordfish None\n")


# What cannot be done is one problem ------------------------------------------------------------------


def changed(run_id: str, **members: object) -> None:
    """Has the history say something else of where the run came from."""
    with closing(sqlite3.connect(settings.database())) as database, database:
        text = database.execute("SELECT provenance FROM flow_runs WHERE id = ?", (run_id,)).fetchone()[0]
        told = json.dumps(json.loads(text) | members)
        database.execute("UPDATE flow_runs SET provenance = ? WHERE id = ?", (told, run_id))


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"interpreter": "/nowhere/python"}, "/nowhere/python, does not exist any more"),
        ({"interpreter": ""}, "did not keep which Python ran it"),
        ({"folder": "/nowhere"}, "/nowhere, does not exist any more"),
        ({"host": "elsewhere"}, "ran on elsewhere, and this is"),
        ({"entry_point": "gone.py:totals"}, "gone.py, where the flow of"),
        ({"entry_point": "<stdin>:totals"}, "was not defined in a file"),
        ({"signature": None}, "did not keep which parameters its flow takes"),
    ],
)
def test_what_is_in_the_way_of_a_new_run_is_told_by_form_and_problem(
    members: dict[str, object], said: str, ran: Callable[..., str], api: Any
) -> None:
    run_id = ran("totals")
    changed(run_id, **members)

    form = api.get(f"/api/runs/{run_id}/form")
    status, detail = api.refused(f"/api/runs/{run_id}/run-again", {})

    assert form["can_run"] is False
    assert said in form["why_not"]
    assert (status, said in detail) == (409, True)


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("cancel", {"ids": 3}, "ids: "),
        ("cancel", {}, "ids: "),
        ("cancel", {"ids": ["\ud800"]}, "no JSON in UTF-8"),
        ("totals/run-again", {"parameters": []}, "parameters: "),
        ("totals/run-again", {"parameters": {"x": 1}}, "x is no parameter of the flow"),
        ("totals/resume", {"rerun": [1]}, "rerun.0: "),
        ("totals/answer", {"prompt": "?"}, "occurrence: "),
    ],
)
def test_a_body_that_does_not_fit_is_refused(
    path: str, body: object, said: str, ran: Callable[..., str], api: Any
) -> None:
    status, detail = api.refused(f"/api/runs/{path.replace('totals', ran('totals'))}", body)

    assert (status, said in detail) == (422, True), detail


def test_nobody_is_asked_about_a_run_or_a_launch_that_is_not_there(history: History, api: Any) -> None:
    assert api.refused("/api/runs/cancel", {"ids": ["nobody"]})[0] == 404
    assert api.refused("/api/runs/nobody/resume", {})[0] == 404
    assert api.problem("/api/launches/99999")[0] == 404
