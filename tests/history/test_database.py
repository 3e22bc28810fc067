"""Opening a database: made, recognised, brought up to date, or refused with one clear message."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from headrace.engine.states import TRANSITIONS, StateName
from headrace.errors import HistoryUnavailableError, HistoryVersionError, NotAHistoryError
from headrace.history import History, Reader, database, schema
from headrace.history.database import (
    APPLICATION_ID,
    SCHEMA_VERSION,
    file_system_type,
    open_database,
    open_for_reading,
    resolve,
)
from headrace.history.schema import reachable

if TYPE_CHECKING:
    from collections.abc import Iterator

MIGRATIONS = Path(schema.__file__).parent / "migrations"


def bytes_in(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_a_new_history_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "home" / "deeper" / "history.db"
    old = os.umask(0)
    try:
        database = open_database(str(path))
    finally:
        os.umask(old)
    try:
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
        assert set(modes.values()) == {0o600}, modes
    finally:
        database.close()


def test_a_new_history_says_whose_it_is_and_of_which_version(path: str, query: Any) -> None:
    open_database(path).close()
    assert query("PRAGMA application_id") == [(APPLICATION_ID,)]
    assert query("PRAGMA user_version") == [(SCHEMA_VERSION,)]
    assert query("PRAGMA journal_mode") == [("wal",)]
    assert query("PRAGMA quick_check") == [("ok",)]


def test_the_schema_version_counts_the_migrations() -> None:
    names = sorted(file.name for file in MIGRATIONS.glob("*.sql"))
    assert len({name[:4] for name in names}) == len(names) == SCHEMA_VERSION


def test_an_open_connection_is_set_up_for_its_one_writer(path: str) -> None:
    database = open_database(path)
    durable = open_database(path, is_durable=True)
    try:
        pragmas = ("synchronous", "wal_autocheckpoint", "mmap_size")
        assert [database.connection.execute(f"PRAGMA {name}").fetchone()[0] for name in pragmas] == [1, 0, 0]
        assert durable.connection.execute("PRAGMA synchronous").fetchone() == (2,)
    finally:
        database.close()
        durable.close()


def test_an_empty_file_becomes_a_history(path: str, query: Any) -> None:
    Path(path).touch()
    open_database(path).close()
    assert query("PRAGMA user_version") == [(SCHEMA_VERSION,)]


def test_a_link_leads_to_the_file_and_its_lock(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    link = tmp_path / "history.db"
    link.symlink_to(tmp_path / "disk" / "real.db")
    assert resolve(str(link)) == str(tmp_path / "disk" / "real.db")
    open_database(str(link)).close()
    assert {file.name for file in (tmp_path / "disk").iterdir()} >= {"real.db", "real.db.lock"}
    assert link.is_symlink()


@pytest.mark.parametrize("name", ["100%.db", "a?b#c.db", "with space.db", "größe.db"])
def test_any_file_name_will_do(tmp_path: Path, name: str) -> None:
    open_database(str(tmp_path / name)).close()
    assert (tmp_path / name).stat().st_size > 0


def test_a_draft_that_a_killed_process_left_is_no_obstacle(path: str) -> None:
    Path(path + ".new").write_bytes(b"half a database")
    open_database(path).close()
    assert not Path(path + ".new").exists()


def test_an_in_memory_history_opens_in_milliseconds() -> None:
    def seconds() -> float:
        started = time.perf_counter()
        open_database(":memory:").close()
        return time.perf_counter() - started

    assert min(seconds() for _ in range(5)) < 0.05


# Migrations


def make_version_1(path: str) -> None:
    """A database as the first schema made it: its migration alone, and rows in every table."""
    connection = sqlite3.connect(path)
    connection.executescript((MIGRATIONS / "0001_runs.sql").read_text())
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute("PRAGMA user_version = 1")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(
        "INSERT INTO flow_runs (id, kind, flow, name, state, states, created_us, task_runner) "
        """VALUES ('old', 'flow', 'f', 'old-owl', 'Completed', '[["Completed",7]]', 7, 'SequentialTaskRunner')"""
    )
    connection.execute(
        "INSERT INTO task_runs (key, task, task_index, state, submitted_us, started_us, ended_us) "
        "VALUES ((1 << 32) | 1, 't', 0, 'Completed', 7, 8, 9)"
    )
    connection.execute(
        "INSERT INTO logs (flow_run, at_us, level, logger, message) VALUES (1, 7, 20, 'l', 'hello')"
    )
    connection.commit()
    connection.close()


def test_a_history_of_version_1_is_brought_up_to_date_and_keeps_its_runs(path: str, query: Any) -> None:
    make_version_1(path)
    open_database(path).close()
    assert query("PRAGMA user_version") == [(SCHEMA_VERSION,)]
    with Reader.open(path) as reader:
        run = reader.get_run("old")
        assert run.name == "old-owl"
        assert [state.name for state in next(reader.task_runs(run)).states] == [
            "Pending",
            "Running",
            "Completed",
        ]
        assert [line.message for line in reader.logs(run)] == ["hello"]
    with pytest.raises(sqlite3.IntegrityError, match="flow run cannot leave"):
        query("UPDATE flow_runs SET state = 'Running'")


def test_a_migration_that_fails_leaves_the_version_before_it(
    path: str, query: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    make_version_1(path)
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0001_runs.sql").write_text("CREATE TABLE never_again (x);")
    (folder / "0002_broken.sql").write_text("CREATE TABLE half (x); CREATE TABLE flow_runs (x);")
    monkeypatch.setattr(schema, "_MIGRATIONS_FOLDER", str(folder))
    with pytest.raises(HistoryUnavailableError, match="already exists"):
        open_database(path)
    assert query("PRAGMA user_version") == [(1,)]
    assert query("SELECT name FROM sqlite_schema WHERE name IN ('half', 'never_again')") == []


def test_the_reader_takes_a_history_of_an_older_version_as_it_is(path: str) -> None:
    make_version_1(path)
    with Reader.open(path) as reader:
        assert [run.id for run in reader.list_runs()] == ["old"]


# Refusals


def test_a_newer_history_is_refused_and_not_touched(tmp_path: Path, path: str, query: Any) -> None:
    open_database(path).close()
    query("PRAGMA user_version = 99")
    before = bytes_in(tmp_path)
    for open_it in (open_database, open_for_reading):
        with pytest.raises(HistoryVersionError, match=r"newer Headrace wrote .*version 99.*Upgrade"):
            open_it(path)
    assert Path(path).read_bytes() == before["history.db"]


def test_a_newer_history_that_another_process_has_just_written_is_not_touched(path: str, query: Any) -> None:
    """Its version is in the log only, and closing our connection must not move that into the file."""
    open_database(path).close()
    newer = sqlite3.connect(path)
    newer.execute("PRAGMA wal_autocheckpoint = 0")
    newer.execute("PRAGMA user_version = 99")
    copy = {name: Path(path + name).read_bytes() for name in ("", "-wal")}
    newer.close()
    for name, content in copy.items():
        Path(path + name).write_bytes(content)
    with pytest.raises(HistoryVersionError):
        open_database(path)
    assert {name: Path(path + name).read_bytes() for name in copy} == copy


@pytest.mark.parametrize(
    "content",
    [
        b"no database at all, but long enough to look at" * 100,
        b"short",
        b"SQLite format 3\0" + b"\xff" * 4096,
    ],
    ids=["text", "short", "damaged header"],
)
def test_a_file_that_is_no_database_is_refused_and_not_touched(
    tmp_path: Path, path: str, content: bytes
) -> None:
    Path(path).write_bytes(content)
    for open_it in (open_database, open_for_reading):
        with pytest.raises(
            NotAHistoryError, match=r"is not a database.*Nothing was changed.*HEADRACE_DATABASE"
        ):
            open_it(path)
    assert bytes_in(tmp_path) == {"history.db": content}


def test_a_folder_is_no_file_for_a_history(tmp_path: Path) -> None:
    for open_it in (open_database, open_for_reading):
        with pytest.raises(NotAHistoryError, match=r"is a folder.*HEADRACE_DATABASE"):
            open_it(str(tmp_path))
    assert bytes_in(tmp_path) == {}


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_a_database_of_another_program_is_refused_and_not_touched(
    tmp_path: Path, path: str, mode: str
) -> None:
    other = sqlite3.connect(path)
    other.execute(f"PRAGMA journal_mode = {mode}")
    other.execute("CREATE TABLE precious (x)")
    other.execute("INSERT INTO precious VALUES (1)")
    other.commit()
    other.close()
    before = bytes_in(tmp_path)
    with pytest.raises(NotAHistoryError, match=r"another program.*Nothing was changed"):
        open_database(path)
    assert bytes_in(tmp_path) == before


def test_a_folder_that_is_a_file_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HistoryUnavailableError, match=r"cannot be used: Not a directory.*HEADRACE_DATABASE"):
        open_database(str(tmp_path / "file" / "history.db"))


def test_reading_a_history_that_does_not_exist_makes_none(tmp_path: Path, path: str) -> None:
    with pytest.raises(
        HistoryUnavailableError, match=r"no history at .* yet: it is made when the first flow runs"
    ):
        open_for_reading(path)
    assert bytes_in(tmp_path) == {}


def test_an_empty_file_is_no_history_yet_and_becomes_one(tmp_path: Path, path: str) -> None:
    (tmp_path / path).touch()

    with pytest.raises(HistoryUnavailableError, match="it is made when the first flow runs"):
        open_for_reading(path)
    open_database(path).close()
    open_for_reading(path).close()


AS_NOBODY = """
import os, sys
from headrace.errors import HistoryUnavailableError
from headrace.history import History
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
try:
    History.open(sys.argv[1])
except HistoryUnavailableError as error:
    print(error)
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users can reach, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)
        Path(name).chmod(0o755)


@pytest.mark.skipif(sys.platform == "win32", reason="permissions as POSIX knows them")
@pytest.mark.parametrize("has_database", [False, True], ids=["new", "existing"])
def test_a_folder_that_may_not_be_written_is_one_clear_error(
    open_folder: Path, *, has_database: bool
) -> None:
    """Root may write anywhere, so the process that tries is nobody's."""
    path = open_folder / "history.db"
    if has_database:
        open_database(str(path)).close()
    open_folder.chmod(0o555)
    done = run_script(AS_NOBODY, str(path))
    assert f"The history {path} cannot be used: Permission denied" in done.stdout, done.stderr
    assert "HEADRACE_DATABASE" in done.stdout


READ_AS_NOBODY = """
import os, sys
from headrace.history import Reader
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
connection = Reader.open(sys.argv[1])._connection
print(connection.execute("SELECT count(*) FROM flow_runs").fetchone()[0])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="permissions as POSIX knows them")
def test_a_history_in_a_folder_that_may_not_be_written_can_be_read(open_folder: Path) -> None:
    path = open_folder / "history.db"
    history = History.open(str(path))
    history.close()
    for file in open_folder.iterdir():
        if file != path:
            file.unlink()
    path.chmod(0o644)
    open_folder.chmod(0o555)
    done = run_script(READ_AS_NOBODY, str(path))
    assert done.stdout == "0\n", done.stderr


NO_ROOM = """
import resource, sys
from headrace.errors import HistoryUnavailableError
from headrace.history import History
resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))
try:
    History.open(sys.argv[1])
except HistoryUnavailableError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits as POSIX knows them")
def test_no_room_for_a_new_history_is_one_clear_error_and_leaves_nothing(tmp_path: Path, path: str) -> None:
    done = run_script(NO_ROOM, path)
    assert f"The history {path} cannot be written" in done.stdout, done.stderr
    assert set(bytes_in(tmp_path)) == {"history.db.lock"}


def run_script(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        cwd="/",
    )


MOUNTS = """\
22 27 0:21 / /proc rw,nosuid shared:5 - proc proc rw
27 1 253:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
91 27 0:52 / /mnt/with\\040space rw shared:9 master:2 - nfs4 server:/export rw,vers=4.2
92 27 0:53 / /net/smb rw - cifs //server/share rw
"""


@pytest.mark.parametrize(
    ("device", "expected"), [("0:52", "nfs4"), ("0:53", "cifs"), ("253:0", "ext4"), ("9:9", None)]
)
def test_the_mount_table_tells_the_type_of_a_file_system(device: str, expected: str | None) -> None:
    assert file_system_type(MOUNTS, device) == expected


def test_a_network_file_system_is_refused_with_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "major", lambda _: 0)
    monkeypatch.setattr(database, "file_system_type", lambda *_: "nfs4")
    with pytest.raises(HistoryUnavailableError, match=r"network file system \(nfs4\).*local disk"):
        open_database(str(tmp_path / "history.db"))
    assert bytes_in(tmp_path) == {}


# The guard of the states


def test_reachable_is_the_closure_of_the_transitions() -> None:
    pairs = set(reachable(TRANSITIONS))
    assert ("Pending", "Completed") in pairs
    assert ("AwaitingRetry", "AwaitingRetry") in pairs
    assert not any(earlier in ("Completed", "Failed", "Cancelled", "Crashed") for earlier, _ in pairs)
    direct = {(earlier.value, later.value) for earlier, laters in TRANSITIONS.items() for later in laters}
    assert direct <= pairs


def test_a_fresh_history_holds_the_transitions_of_the_engine(path: str, query: Any) -> None:
    open_database(path).close()
    assert set(query("SELECT earlier, later FROM reachable")) == set(reachable(TRANSITIONS))


def test_a_changed_table_of_transitions_asks_for_a_migration() -> None:
    """Histories keep the closure they were made with. When this fails, add a migration, then change the number."""
    closure = repr(sorted(set(reachable(TRANSITIONS))))
    assert (SCHEMA_VERSION, zlib.crc32(closure.encode())) == (7, 4_289_063_253)


def test_every_state_has_the_type_that_the_engine_gives_it(path: str, query: Any) -> None:
    open_database(path).close()
    for number, name in enumerate(StateName, start=1):
        query(
            "INSERT INTO flow_runs (id, kind, flow, name, state, states, created_us, task_runner) "
            "VALUES (?, 'flow', 'f', 'n', ?, '[]', 0, 'r')",
            str(number),
            name.value,
        )
        query(
            "INSERT INTO task_runs (key, task, task_index, state, submitted_us) VALUES (?, 't', 0, ?, 0)",
            number << 32 | 1,
            name.value,
        )
    expected = {(name.value, name.type.value) for name in StateName}
    assert set(query("SELECT state, state_type FROM flow_runs")) == expected
    assert set(query("SELECT state, state_type FROM task_runs")) == expected
    assert set(query("SELECT state, state_type FROM state_types")) == expected


@pytest.mark.parametrize("table", ["flow_runs", "task_runs"])
def test_only_a_later_epoch_leads_out_of_a_final_state(
    path: str, query: Any, facts: Any, history: History, table: str
) -> None:
    history.record(facts.flow(StateName.COMPLETED))
    history.record(facts.task(1))
    history.flush()
    with pytest.raises(sqlite3.IntegrityError, match="cannot leave that state"):
        query(f"UPDATE {table} SET state = 'Running'")
    query(f"UPDATE {table} SET state = 'Running', epoch = 2")
    with pytest.raises(sqlite3.IntegrityError, match="cannot leave that state"):
        query(f"UPDATE {table} SET state = 'Completed', epoch = 1")
    with pytest.raises(sqlite3.IntegrityError, match="cannot leave that state"):
        query(f"UPDATE {table} SET state = 'Pending'")
    query(f"UPDATE {table} SET state = 'Failed'")
