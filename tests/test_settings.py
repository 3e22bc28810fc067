"""Settings: variables over pyproject.toml over defaults, and one clear error for what cannot be used."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from headrace import settings
from headrace.errors import SettingsError
from headrace.settings import PREFIX, SETTINGS


@pytest.fixture(autouse=True)
def _a_user_with_no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    settings.reload()


def write_pyproject(folder: Path, text: str) -> None:
    (folder / "pyproject.toml").write_text(text)
    settings.reload()


def test_there_are_fewer_than_twenty_settings_and_each_says_what_it_is_for() -> None:
    assert len(SETTINGS) < 20
    assert all(
        setting.purpose and setting.variable == PREFIX + name.upper() for name, setting in SETTINGS.items()
    )


def test_the_home_is_in_the_data_folder_of_the_platform(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    assert settings.home() == str(tmp_path / ".local/share/headrace")
    monkeypatch.setenv("XDG_DATA_HOME", "relative/is/ignored")
    assert settings.home() == str(tmp_path / ".local/share/headrace")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert settings.home() == str(tmp_path / "data/headrace")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert settings.home() == str(tmp_path / "Library/Application Support/headrace")
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "AppData"))
    assert settings.home() == str(tmp_path / "AppData" / "headrace")


def test_the_defaults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HEADRACE_HOME", str(tmp_path))
    assert settings.database() == str(tmp_path / "history.db")
    assert settings.durability() == "normal"
    assert settings.log_level() == "INFO"


def test_variables_are_read_when_they_are_needed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HEADRACE_DATABASE", "some.db")
    monkeypatch.setenv("HEADRACE_DURABILITY", "FULL")
    monkeypatch.setenv("HEADRACE_LOG_LEVEL", "debug")
    assert settings.database() == str(tmp_path / "some.db")
    assert settings.durability() == "full"
    assert settings.log_level() == "DEBUG"
    monkeypatch.setenv("HEADRACE_DATABASE", ":memory:")
    assert settings.database() == ":memory:"
    monkeypatch.setenv("HEADRACE_DATABASE", "~/x.db")
    monkeypatch.setenv("HOME", "/home/ada")
    assert settings.database() == "/home/ada/x.db"


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_DURABILITY", "")
    assert settings.durability() == "normal"


def test_the_nearest_pyproject_is_read_and_variables_win(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_pyproject(tmp_path, '[tool.headrace]\ndurability = "full"\nlog_level = "ERROR"\n')
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    assert settings.durability() == "full"
    monkeypatch.setenv("HEADRACE_DURABILITY", "normal")
    assert (settings.durability(), settings.log_level()) == ("normal", "ERROR")
    write_pyproject(tmp_path / "a", "[project]\nname = 'nearer'\n")
    assert settings.log_level() == "INFO"


def test_a_path_in_pyproject_is_meant_from_where_the_file_lies(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_pyproject(tmp_path, '[tool.headrace]\nhome = "state"\n')
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "deep")
    assert settings.database() == str(tmp_path / "state" / "history.db")
    write_pyproject(tmp_path, '[tool.headrace]\ndatabase = ":memory:"\n')
    assert settings.database() == ":memory:"
    monkeypatch.setenv("HOME", "/home/ada")
    write_pyproject(tmp_path, '[tool.headrace]\ndatabase = "~/x.db"\n')
    assert settings.database() == "/home/ada/x.db"
    write_pyproject(tmp_path, '[tool.headrace]\nresults = "files"\n')
    assert settings.results() == str(tmp_path / "files")
    write_pyproject(tmp_path, '[tool.headrace]\nresults = "s3://bucket/files"\n')
    assert settings.results() == "s3://bucket/files"


def test_results_are_beside_the_history_and_large_ones_are_not_kept_unless_it_is_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert (settings.results(), settings.persists_results()) == (None, False)
    monkeypatch.setenv("HEADRACE_RESULTS", "files")
    monkeypatch.setenv("HEADRACE_PERSIST_RESULTS", "1")
    assert (settings.results(), settings.persists_results()) == (str(tmp_path / "files"), True)
    monkeypatch.setenv("HEADRACE_PERSIST_RESULTS", "yes")
    with pytest.raises(SettingsError, match="HEADRACE_PERSIST_RESULTS is 'yes', which is none of 0, 1"):
        settings.persists_results()


def test_a_value_that_is_not_allowed_is_an_error_that_names_all(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HEADRACE_DURABILITY", "some")
    with pytest.raises(
        SettingsError, match=r"variable HEADRACE_DURABILITY is 'some', .* none of normal, full"
    ):
        settings.durability()
    monkeypatch.delenv("HEADRACE_DURABILITY")
    write_pyproject(tmp_path, '[tool.headrace]\nlog_level = "loud"\n')
    with pytest.raises(SettingsError, match=r"log_level in the table \[tool.headrace\].*'loud'.*DEBUG, INFO"):
        settings.log_level()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[tool.headrace]\ndatabse = 'x'",
            "databse in the table .* is no setting. There are: home, database",
        ),
        ("[tool.headrace]\ndatabase = 1", "database in the table .* is 1. Set it to a text"),
        ("[tool.headrace\n", "cannot be read as TOML"),
        ("# tool.headrace\n[tool]\nheadrace = 1", "is 1, which is no table"),
    ],
)
def test_a_table_that_cannot_be_used_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    write_pyproject(tmp_path, text)
    with pytest.raises(SettingsError, match=message):
        settings.database()


def test_a_path_that_is_none_is_an_error(tmp_path: Path) -> None:
    write_pyproject(tmp_path, '[tool.headrace]\ndatabase = "a\\u0000b"\n')
    with pytest.raises(SettingsError, match="not a path"):
        settings.database()


@pytest.mark.parametrize("name", ["HEADRACE_DATABSE", "HEADRACE_DATABASES", "HEADRACE_DATA_BASE"])
def test_a_misspelt_variable_is_an_error_and_not_the_default(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "x.db")
    with pytest.raises(
        SettingsError, match=f"{name} is no setting of Headrace. Do you mean HEADRACE_DATABASE"
    ):
        settings.database()


def test_other_variables_are_none_of_our_business_but_the_doctor_can_name_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HEADRACE_SEED", "x")
    monkeypatch.setenv("HEADRACE_HOME", str(Path.cwd()))
    assert settings.database().endswith("history.db")
    assert settings.unknown_variables() == ["HEADRACE_SEED"]


def test_a_project_that_only_uses_headrace_does_not_have_its_file_parsed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Parsing TOML would take longer than a small flow."""
    write_pyproject(tmp_path, '[project]\ndependencies = ["headrace"]\nbroken')
    assert settings.durability() == "normal"


def test_a_working_directory_that_is_gone_has_no_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert settings.durability() == "normal"
