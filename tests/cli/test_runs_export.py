"""`headrace runs export`: where the file goes, and what is never replaced by it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from headrace.engine.states import StateName
from tests.facts import Facts

if TYPE_CHECKING:
    from headrace.history import History
    from tests.cli.conftest import Invoke


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def record(history: History) -> Any:
    def record(name: str) -> None:
        facts = Facts("01a208e3-9a37-7b08-aa92-3e49ec4314b6")
        history.record(facts.flow(StateName.PENDING, StateName.RUNNING, StateName.COMPLETED, name=name))
        history.flush()

    return record


def test_the_file_is_called_as_the_run_is(record: Any, invoke: Invoke) -> None:
    record("brisk-otter")

    done = invoke("runs", "export")

    assert done.exit_code == 0
    assert done.stdout.startswith("Wrote brisk-otter to brisk-otter-01a208e3-9a37.html (")
    assert Path("brisk-otter-01a208e3-9a37.html").read_text("utf-8").startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("../../etc/passwd", "etc-passwd"),
        ("a/b\\c:d", "a-b-c-d"),
        ("…", "run"),
        ("x" * 300, "x" * 60),
        (".hidden", "hidden"),
    ],
)
def test_no_name_leads_out_of_the_folder(name: str, file: str, record: Any, invoke: Invoke) -> None:
    record(name)

    assert invoke("runs", "export", "latest").exit_code == 0

    assert [path.name for path in Path().iterdir()] == [f"{file}-01a208e3-9a37.html"]


def test_a_file_that_is_there_is_replaced_only_by_force(record: Any, invoke: Invoke) -> None:
    record("otter")
    Path("mine.html").write_text("mine")

    refused = invoke("runs", "export", "otter", "-o", "mine.html")

    assert (refused.exit_code, "mine.html already" in refused.stderr) == (1, True)
    assert Path("mine.html").read_text() == "mine"
    assert invoke("runs", "export", "otter", "-o", "mine.html", "--force").exit_code == 0
    assert Path("mine.html").read_text("utf-8").startswith("<!doctype html>")


def test_a_folder_gets_a_file_that_is_called_as_the_run_is(record: Any, invoke: Invoke) -> None:
    record("otter")
    Path("reports").mkdir()

    assert invoke("runs", "export", "otter", "-o", "reports").exit_code == 0
    assert [path.name for path in Path("reports").iterdir()] == ["otter-01a208e3-9a37.html"]


def test_the_standard_output_takes_it_too(record: Any, invoke: Invoke) -> None:
    record("otter")

    done = invoke("runs", "export", "otter", "-o", "-")

    assert done.stdout.startswith("<!doctype html>")
    assert [path.name for path in Path().iterdir()] == []


def test_a_file_that_cannot_be_written_is_one_line(record: Any, invoke: Invoke) -> None:
    record("otter")

    done = invoke("runs", "export", "otter", "-o", "nowhere/x.html")

    assert done.exit_code == 1
    assert done.stderr == "headrace: nowhere/x.html cannot be written: No such file or directory.\n"
