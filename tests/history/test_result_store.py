"""Files of results: whole or not there, proved when they are read, deleted only when nobody needs them."""

from __future__ import annotations

import errno
import os
import random
import stat
import threading
import time
from typing import TYPE_CHECKING, Any

import fsspec
import pytest

from headrace.errors import MissingExtraError, ResultDamagedError, ResultUnavailableError
from headrace.history import result_store
from headrace.history.result_store import (
    ResultStore,
    StorageError,
    open_store,
    results_home,
    whereabouts,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LATER = time.time() + 1e6


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "results" / "1f"


@pytest.fixture(params=["folder", "url"])
def store(request: pytest.FixtureRequest, folder: Path) -> Iterator[ResultStore]:
    store = open_store(str(folder) if request.param == "folder" else f"memory://{folder}")
    store.prepare()
    yield store
    fsspec.filesystem("memory").store.clear()


def put(store: ResultStore, content: bytes, serializer: str = "pickle") -> str:
    return store.write(lambda draft: draft.write(content), serializer).key


def keys_of(store: ResultStore) -> list[str]:
    return [file.key for file in store.list()]


def make_old(folder: Path, key: str) -> None:
    old = time.time() - 7200
    os.utime(folder / key, (old, old))


@pytest.mark.parametrize("size", [0, 1, 1000, 3_000_000])
def test_what_is_written_is_read(store: ResultStore, size: int) -> None:
    content = random.Random(1).randbytes(size)
    assert bytes(store.read(put(store, content))) == content


def test_a_key_is_the_digest_of_the_content_and_names_the_serializer(store: ResultStore) -> None:
    key = put(store, b"content", "json")
    assert key == put(store, b"content", "json")
    assert key.endswith(".json")
    assert put(store, b"other", "json") != key
    assert put(store, b"content", "my/../serializer").endswith(".result")
    assert sorted(keys_of(store)) == sorted(
        {key, put(store, b"other", "json"), put(store, b"content", "a b")}
    )


def test_a_draft_can_start_again(store: ResultStore) -> None:
    def fill(draft: Any) -> None:
        draft.write(b"something long that fails half-way")
        draft.start_again()
        draft.write(b"short")

    file = store.write(fill, "pickle")
    assert bytes(store.read(file.key)) == b"short"
    assert file.size == 5


def test_nothing_stays_of_what_fails_half_way(store: ResultStore) -> None:
    def fill(draft: Any) -> None:
        draft.write(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.write(fill, "pickle")
    assert keys_of(store) == []


def test_files_and_folders_are_their_owners_alone(folder: Path) -> None:
    store = open_store(str(folder))
    store.prepare()
    path = folder / put(store, b"content")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for each in (path.parent, folder, folder.parent, folder.parent.parent):
        assert stat.S_IMODE(each.stat().st_mode) == 0o700


def test_a_folder_that_is_not_there_is_not_made_by_who_writes(folder: Path) -> None:
    with pytest.raises(
        StorageError, match=f"{folder} is not there; on another machine, set HEADRACE_RESULTS"
    ):
        put(open_store(str(folder)), b"content")
    assert not folder.exists()


def test_a_place_that_cannot_be_written_is_told(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file in the way")
    with pytest.raises(StorageError, match="Not a directory"):
        open_store(str(folder)).prepare()


class FullDisk:
    """A file on a disk that is full."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def write(self, _data: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_told_and_leaves_nothing_behind(folder: Path) -> None:
    store = open_store(str(folder))
    store.prepare()

    def fill(draft: Any) -> None:
        draft._file = FullDisk(draft._file)
        draft.write(b"content")

    with pytest.raises(StorageError, match="No space left on device"):
        store.write(fill, "pickle")
    assert list(folder.iterdir()) == []


def test_what_is_durable_is_synced_before_it_gets_its_name(folder: Path, monkeypatch: Any) -> None:
    calls: list[str] = []
    for function in ("fsync", "replace"):
        monkeypatch.setattr(os, function, noting(calls, function))
    for is_durable in (False, True):
        store = open_store(str(folder), is_durable=is_durable)
        store.prepare()
        put(store, b"content")
    assert calls == ["replace", "fsync", "replace", "fsync", "fsync"]


def noting(calls: list[str], name: str) -> Any:
    function = getattr(os, name)

    def call(*args: Any) -> Any:
        calls.append(name)
        return function(*args)

    return call


def test_a_file_that_is_gone_is_unavailable(store: ResultStore) -> None:
    key = put(store, b"content")
    store.delete([key], written_before=LATER)
    with pytest.raises(ResultUnavailableError, match=f"{key} is not there any more"):
        store.read(key)


@pytest.mark.parametrize("size", [100, 2_000_000], ids=["small", "mapped"])
def test_no_turned_bit_is_ever_read(folder: Path, size: int) -> None:
    chance = random.Random(size)
    store = open_store(str(folder))
    store.prepare()
    key = put(store, chance.randbytes(size))
    path = folder / key
    whole = path.read_bytes()
    for _ in range(100):
        damaged = bytearray(whole)
        damaged[chance.randrange(size)] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        with pytest.raises(ResultDamagedError, match=f"{key} is damaged"):
            store.read(key)
    path.write_bytes(whole[:-1])
    with pytest.raises(ResultDamagedError):
        store.read(key)
    path.write_bytes(whole)
    assert store.read(key) == whole


def test_what_is_read_may_be_changed_and_the_file_stays(store: ResultStore) -> None:
    key = put(store, bytes(2_000_000))
    store.read(key)[0] = 1
    assert store.read(key)[0] == 0


def test_files_are_deleted_by_their_keys_and_others_stay(store: ResultStore) -> None:
    first, second = put(store, b"first"), put(store, b"second")
    assert store.delete([first, "00/missing.pickle"], written_before=LATER) == (1, len(b"first"))
    assert keys_of(store) == [second]


def test_a_file_that_was_written_later_is_not_deleted(store: ResultStore) -> None:
    before = time.time() - 60
    key = put(store, b"content")
    assert store.delete([key], written_before=before) == (0, 0)
    assert bytes(store.read(key)) == b"content"


def test_a_file_that_is_written_once_more_is_young_again(folder: Path) -> None:
    store = open_store(str(folder))
    store.prepare()
    key = put(store, b"content")
    make_old(folder, key)
    before = time.time() - 60
    put(store, b"content")
    assert store.delete([key], written_before=before) == (0, 0)
    make_old(folder, key)
    assert store.delete([key], written_before=before) == (1, len(b"content"))


def test_a_file_that_is_written_while_it_is_deleted_is_there_afterwards(folder: Path) -> None:
    store = open_store(str(folder))
    store.prepare()
    for _ in range(200):
        key = put(store, b"content")
        make_old(folder, key)
        deleting = threading.Thread(
            target=store.delete, args=([key],), kwargs={"written_before": time.time() - 60}
        )
        deleting.start()
        put(store, b"content")
        deleting.join()
        assert bytes(store.read(key)) == b"content"


def test_what_a_killed_writer_leaves_is_listed_and_can_be_deleted(folder: Path) -> None:
    store = open_store(str(folder))
    store.prepare()
    (folder / ".draft-1234").write_bytes(b"half")
    assert keys_of(store) == [".draft-1234"]
    assert store.delete([".draft-1234"], written_before=0.0) == (0, 0)
    assert store.delete(keys_of(store), written_before=LATER) == (1, 4)
    assert keys_of(store) == []


def test_many_threads_may_write_the_same(folder: Path) -> None:
    store = open_store(str(folder))
    store.prepare()
    keys: list[str] = []
    threads = [threading.Thread(target=lambda: keys.append(put(store, b"same" * 100_000))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(keys)) == 1
    assert keys_of(store) == keys[:1]


def test_a_url_without_fsspec_names_the_extra(monkeypatch: Any) -> None:
    monkeypatch.setitem(__import__("sys").modules, "fsspec.core", None)
    with pytest.raises(MissingExtraError, match=r'pip install "headrace\[fsspec\]"'):
        open_store("memory://results")


def test_a_url_that_nobody_knows_is_told() -> None:
    with pytest.raises(StorageError, match="nonsense://x cannot be used"):
        open_store("nonsense://x")


def test_the_times_of_files_are_understood_under_every_name() -> None:
    assert result_store._modified_at({"mtime": 5}) == 5.0
    assert result_store._modified_at({}) > 1e9


def test_the_place_of_a_key() -> None:
    assert whereabouts("ab/x.json", "/home") == ("/home", "ab/x.json")
    assert whereabouts("/mnt/1f/ab/x.json", "/home") == ("/mnt/1f", "ab/x.json")
    assert results_home("/data/history.db", "1f") == "/data/results/1f"
    assert not results_home(":memory:", "1f").startswith("/data")
