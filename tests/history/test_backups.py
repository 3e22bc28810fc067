"""A copy is whole while others write; a restore changes nothing unless all is well."""

from __future__ import annotations

import re
import sqlite3
import stat
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from headrace.errors import HistoryError, HistoryUnavailableError, HistoryVersionError, NotAHistoryError
from headrace.history import History
from headrace.history.backups import back_up, restore
from headrace.history.reader import Reader
from tests.history.conftest import Query
from tests.history.test_processes import finish, start
from tests.history.test_pruning import WRITE_UNTIL_TOLD

if TYPE_CHECKING:
    from tests.facts import Facts


@pytest.fixture
def copy(tmp_path: Path) -> str:
    return str(tmp_path / "copy.db")


def record(path: str, facts: Facts, *, tasks: int = 3) -> None:
    history = History.open(path)
    history.record(facts.flow())
    for number in range(1, tasks + 1):
        history.record(facts.task(number))
    history.close()


def names_in(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


def test_the_copy_is_a_history_of_its_own(path: str, copy: str, facts: Facts, tmp_path: Path) -> None:
    record(path, facts)
    size = back_up(path, copy)

    assert size == Path(copy).stat().st_size
    assert stat.S_IMODE(Path(copy).stat().st_mode) == 0o600
    assert names_in(tmp_path) - {"history.db-wal", "history.db-shm"} == {
        "history.db",
        "history.db.lock",
        "copy.db",
    }
    with History.open(copy).reader() as reader:
        assert [run.id for run in reader.list_runs()] == ["run-1"]
        assert len(list(reader.task_runs(reader.get_run("run-1")))) == 3


def test_what_is_only_in_the_log_so_far_is_copied_too(
    path: str, copy: str, history: History, facts: Facts
) -> None:
    history.record(facts.flow())
    history.flush()
    back_up(path, copy)

    assert Query(copy)("SELECT id FROM flow_runs") == [("run-1",)]


def test_a_file_that_is_there_is_not_overwritten(path: str, copy: str, facts: Facts) -> None:
    record(path, facts)
    Path(copy).write_text("mine")

    with pytest.raises(HistoryUnavailableError, match=r"There is a file .*copy\.db already"):
        back_up(path, copy)
    assert Path(copy).read_text() == "mine"


def test_a_folder_that_is_not_there_is_one_clear_error(path: str, tmp_path: Path, facts: Facts) -> None:
    record(path, facts)

    with pytest.raises(HistoryUnavailableError, match=r"There is no folder .*nowhere for the copy"):
        back_up(path, str(tmp_path / "nowhere" / "copy.db"))


def test_a_damaged_history_is_not_copied(path: str, copy: str, facts: Facts, tmp_path: Path) -> None:
    record(path, facts, tasks=500)
    damage(path)

    with pytest.raises(HistoryUnavailableError, match=rf"The history {re.escape(path)} is damaged"):
        back_up(path, copy)
    assert not [name for name in names_in(tmp_path) if "copy" in name]


def damage(path: str) -> None:
    size = Path(path).stat().st_size
    with Path(path).open("r+b") as file:
        file.seek(size // 2)
        file.write(b"\xff" * (size // 4))


def test_a_copy_made_while_a_process_writes_is_whole(path: str, copy: str, facts: Facts) -> None:
    record(path, facts, tasks=2000)
    writer = start(WRITE_UNTIL_TOLD, path, stdin=subprocess.PIPE)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "ready\n"
    copies = [f"{copy}-{number}" for number in range(10)]
    for name in copies:
        back_up(path, name)
    assert writer.stdin is not None
    writer.stdin.write("stop\n")
    finish(writer)

    for name in copies:
        query = Query(name)
        assert query("PRAGMA integrity_check") == [("ok",)]
        assert query("SELECT count(*) FROM task_runs WHERE flow_run = 1") == [(2000,)]
        without_task_run = (
            "SELECT count(*) FROM flow_runs WHERE state = 'Completed' "
            "AND key NOT IN (SELECT flow_run FROM task_runs)"
        )
        assert query(without_task_run) == [(0,)]


def test_a_restore_brings_the_copy_back_and_keeps_what_was_there(
    path: str, copy: str, facts: Facts, make_facts: type[Facts], query: Query
) -> None:
    record(path, facts)
    back_up(path, copy)
    record(path, make_facts("run-2"))
    restoration = restore(copy, path)

    assert query("SELECT id FROM flow_runs") == [("run-1",)]
    assert restoration.aside is not None
    assert Query(restoration.aside)("SELECT id FROM flow_runs ORDER BY id") == [("run-1",), ("run-2",)]
    assert query("PRAGMA journal_mode") == [("wal",)]
    record(path, make_facts("run-3"))
    assert query("SELECT id FROM flow_runs ORDER BY id") == [("run-1",), ("run-3",)]


def test_what_was_set_aside_can_be_restored_in_turn(
    path: str, copy: str, facts: Facts, make_facts: type[Facts], query: Query
) -> None:
    record(path, facts)
    back_up(path, copy)
    record(path, make_facts("run-2"))
    aside = restore(copy, path).aside
    assert aside is not None
    restore(aside, path)

    assert query("SELECT count(*) FROM flow_runs") == [(2,)]


def test_where_there_was_no_history_there_is_one_now(
    path: str, copy: str, facts: Facts, tmp_path: Path
) -> None:
    record(path, facts)
    back_up(path, copy)
    place = str(tmp_path / "new" / "history.db")

    assert restore(copy, place).aside is None
    assert Query(place)("SELECT id FROM flow_runs") == [("run-1",)]


def test_while_a_process_uses_the_history_nothing_is_restored(path: str, copy: str, facts: Facts) -> None:
    record(path, facts)
    back_up(path, copy)
    user = start(
        "history = History.open(sys.argv[1]); print('ready', flush=True); sys.stdin.readline()",
        path,
        stdin=subprocess.PIPE,
    )
    assert user.stdout is not None
    assert user.stdout.readline() == "ready\n"
    before = Path(path).stat().st_ino

    with pytest.raises(HistoryUnavailableError, match="A live process uses the history"):
        restore(copy, path)
    assert Path(path).stat().st_ino == before
    user.communicate("\n", timeout=20)
    restore(copy, path)
    assert Path(path).stat().st_ino != before


def test_a_damaged_history_can_be_replaced(path: str, copy: str, facts: Facts, query: Query) -> None:
    record(path, facts, tasks=500)
    back_up(path, copy)
    for suffix in ("-wal", "-shm"):
        Path(path + suffix).unlink(missing_ok=True)
    Path(path).write_bytes(b"\xff" * 4096 + Path(path).read_bytes()[4096:])
    Path(path + "-wal").write_bytes(b"a log that fits no other database")
    restoration = restore(copy, path)

    assert query("SELECT count(*) FROM task_runs") == [(500,)]
    assert restoration.aside is not None
    assert Path(restoration.aside).read_bytes()[:2] == b"\xff\xff"
    assert Path(restoration.aside + "-wal").read_bytes().startswith(b"a log")


def a_text(file: Path) -> None:
    file.write_text("no database " * 500)


def another_database(file: Path) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE t (x)")
    connection.close()


def a_damaged_copy(file: Path) -> None:
    damage(str(file))


def a_part_of_a_copy(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def nothing(file: Path) -> None:
    file.unlink()


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (a_text, NotAHistoryError),
        (another_database, NotAHistoryError),
        (a_damaged_copy, HistoryUnavailableError),
        (a_part_of_a_copy, HistoryUnavailableError),
        (nothing, HistoryUnavailableError),
    ],
)
def test_what_is_no_sound_history_is_not_restored(
    spoil: Any, error: type[HistoryError], path: str, copy: str, facts: Facts, query: Query, tmp_path: Path
) -> None:
    record(path, facts, tasks=500)
    back_up(path, copy)
    if spoil in (a_text, another_database):
        Path(copy).unlink()
    spoil(Path(copy))

    with pytest.raises(error, match=re.escape(copy)) as raised:
        restore(copy, path)
    message = str(raised.value)  # which is no advice about the history in use
    assert "HEADRACE_DATABASE" not in message
    assert "Move it away" not in message
    assert query("SELECT count(*) FROM task_runs") == [(500,)]
    assert not names_in(tmp_path) - {
        "history.db",
        "history.db-wal",
        "history.db-shm",
        "history.db.lock",
        "copy.db",
    }


def test_a_restore_leaves_two_whole_files_and_nothing_beside_them(
    path: str, copy: str, facts: Facts, tmp_path: Path
) -> None:
    record(path, facts)
    back_up(path, copy)
    Reader.open(path).close()  # who only looks leaves an empty log
    restoration = restore(copy, path)

    assert restoration.aside is not None
    assert names_in(tmp_path) == {"history.db", "history.db.lock", "copy.db", Path(restoration.aside).name}


def test_a_backup_of_a_newer_version_is_not_restored(path: str, copy: str, facts: Facts) -> None:
    record(path, facts)
    back_up(path, copy)
    with sqlite3.connect(copy) as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()

    with pytest.raises(HistoryVersionError, match=r"A newer Headrace made .*Upgrade Headrace\.$"):
        restore(copy, path)


def test_a_history_is_not_restored_from_itself(path: str, facts: Facts) -> None:
    record(path, facts)

    with pytest.raises(HistoryUnavailableError, match="is the history in use"):
        restore(path, path)


def test_a_history_in_memory_is_neither_copied_nor_replaced(copy: str) -> None:
    with pytest.raises(HistoryUnavailableError):
        back_up(":memory:", copy)
    with pytest.raises(HistoryUnavailableError):
        restore(copy, ":memory:")
