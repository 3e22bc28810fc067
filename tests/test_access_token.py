"""The file with the token: made once, for its owner alone, and refused as soon as others can read it."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from headrace.access_token import default_path, read_or_make_token, read_token
from headrace.errors import ServingError


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    monkeypatch.setenv("HEADRACE_HOME", str(home))
    return home


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text("a" * 32 + "\n", "utf-8")
    file.chmod(0o600)
    return file


def test_it_is_made_once_for_its_owner_alone(home: Path) -> None:
    before = os.umask(0)
    try:
        token = read_or_make_token()
    finally:
        os.umask(before)

    assert len(token) >= 43
    assert read_or_make_token() == read_token(default_path()) == token
    assert stat.S_IMODE(Path(default_path()).stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert [file.name for file in home.iterdir()] == ["access-token"]


def test_all_who_make_it_at_once_get_the_same() -> None:
    start = threading.Barrier(8)
    found: list[str] = []

    def make() -> None:
        start.wait()
        found.append(read_or_make_token())

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 8
    assert len(set(found)) == 1


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_one_that_others_can_read_or_write_is_refused(file: Path, mode: int) -> None:
    file.chmod(mode)

    with pytest.raises(ServingError, match="chmod 600"):
        read_token(str(file))


@pytest.mark.parametrize(
    "text", ["", "short", "a" * 31, "a" * 16 + " " + "a" * 16, "a" * 40 + "\n" + "b" * 40]
)
def test_what_is_no_token_is_refused(file: Path, text: str) -> None:
    file.write_text(text, "utf-8")

    with pytest.raises(ServingError, match="is to hold one token"):
        read_token(str(file))


def test_bytes_that_are_no_text_are_refused(file: Path) -> None:
    file.write_bytes(b"\xff" * 40)

    with pytest.raises(ServingError, match="cannot be read"):
        read_token(str(file))


def test_a_missing_one_says_who_makes_it() -> None:
    with pytest.raises(ServingError, match="headrace ui"):
        read_token(default_path())


def test_a_home_that_cannot_be_made_is_one_error(home: Path) -> None:
    home.write_text("a file", "utf-8")

    with pytest.raises(ServingError, match="cannot be"):
        read_or_make_token()
