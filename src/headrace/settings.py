"""Settings: a handful of ``HEADRACE_*`` variables, read when they are needed.

An environment variable wins over the ``[tool.headrace]`` table of the nearest ``pyproject.toml``,
which wins over the default. ``HEADRACE_LOG_LEVEL`` is ``log_level`` there.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NamedTuple

from headrace.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PREFIX = "HEADRACE_"


class Setting(NamedTuple):
    """One setting: what it is for, and what it may be."""

    name: str
    purpose: str
    choices: tuple[str, ...] = ()

    @property
    def variable(self) -> str:
        """The environment variable."""
        return PREFIX + self.name.upper()


HOME = Setting("home", "the folder of everything that Headrace keeps")
DATABASE = Setting("database", "the history: a file, or :memory:")
DURABILITY = Setting("durability", "full: what is recorded outlives a power failure", ("normal", "full"))
RESULTS = Setting("results", "where files of results go: a folder, or a URL of fsspec")
PERSIST_RESULTS = Setting(
    "persist_results", "1: results larger than 1 MiB are kept in files, too", ("0", "1")
)
LOG_LEVEL = Setting(
    "log_level",
    "the least level of the log lines on stderr",
    ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
)

SETTINGS: Mapping[str, Setting] = {
    setting.name: setting for setting in (HOME, DATABASE, DURABILITY, RESULTS, PERSIST_RESULTS, LOG_LEVEL)
}
"""Every setting there is."""

_PATHS = ("home", "database", "results")
_NEAR = 2
_tables: dict[str, dict[str, str]] = {}


def home() -> str:
    """The folder of everything that Headrace keeps: by default in the platform's data folder."""
    value = _read(HOME)
    return _path(HOME, value) if value else os.path.join(_data_folder(), "headrace")


def database() -> str:
    """Where the history is: the path of a file, or ``":memory:"``."""
    value = _read(DATABASE)
    if value == ":memory:":
        return value
    return _path(DATABASE, value) if value else os.path.join(home(), "history.db")


def durability() -> str:
    """``"normal"``, or ``"full"``: what is recorded then outlives a power failure."""
    return _choice(DURABILITY, "normal")


def results() -> str | None:
    """Where files of results go: the path of a folder, or a URL; ``None`` for the folder beside the history."""
    value = _read(RESULTS)
    return _path(RESULTS, value) if value and "://" not in value else value


def persists_results() -> bool:
    """Whether tasks and flows without an option of their own keep results larger than 1 MiB in files."""
    return _choice(PERSIST_RESULTS, "0") == "1"


def log_level() -> str:
    """The name of the least level that is logged to stderr."""
    return _choice(LOG_LEVEL, "INFO")


def unknown_variables() -> list[str]:
    """The ``HEADRACE_*`` variables that are no settings. They change nothing: ``headrace doctor`` shows them."""
    known = {setting.variable for setting in SETTINGS.values()}
    return sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)


def reload() -> None:
    """Forgets what was read from ``pyproject.toml``."""
    _tables.clear()


def _read(setting: Setting) -> str | None:
    """The value that is set, if any: an empty one counts as not set."""
    value = os.environ.get(setting.variable)
    if value:
        return value
    _refuse_misspelt(setting)
    return _table().get(setting.name) or None


def _choice(setting: Setting, default: str) -> str:
    value = _read(setting)
    if value is None:
        return default
    for choice in setting.choices:
        if value.lower() == choice.lower():
            return choice
    raise SettingsError(
        f"{_origin(setting)} is {value!r}, which is none of {', '.join(setting.choices)}. Set it to one of these."
    )


def _path(setting: Setting, value: str) -> str:
    if "\0" in value:
        raise SettingsError(f"{_origin(setting)} is {value!r}, which is not a path. Set it to a path.")
    return os.path.abspath(os.path.expanduser(value))


def _origin(setting: Setting) -> str:
    if os.environ.get(setting.variable):
        return f"The environment variable {setting.variable}"
    return f"{setting.name} in the table [tool.headrace] of pyproject.toml"


def _refuse_misspelt(setting: Setting) -> None:
    """A variable that is nearly the one asked for is a slip, and taking the default instead would hide it."""
    wanted = setting.variable
    for name in os.environ:
        if not name.startswith(PREFIX) or name.removeprefix(PREFIX).lower() in SETTINGS:
            continue
        if _distance(name, wanted) <= _NEAR:
            raise SettingsError(
                f"The environment variable {name} is no setting of Headrace. Do you mean {wanted}? "
                "Rename or unset it."
            )


def _distance(left: str, right: str) -> int:
    """How many letters must be added, dropped or changed to make one of the other."""
    above = list(range(len(right) + 1))
    for row, a in enumerate(left, start=1):
        current = [row]
        for column, b in enumerate(right, start=1):
            current.append(min(above[column] + 1, current[-1] + 1, above[column - 1] + (a != b)))
        above = current
    return above[-1]


def _data_folder() -> str:
    if sys.platform == "win32":
        return os.environ.get("LOCALAPPDATA") or os.path.expanduser("~\\AppData\\Local")
    if sys.platform == "darwin":
        return os.path.expanduser("~/Library/Application Support")
    folder = os.environ.get("XDG_DATA_HOME", "")
    return folder if os.path.isabs(folder) else os.path.expanduser("~/.local/share")


def _table() -> Mapping[str, str]:
    """The ``[tool.headrace]`` table of the nearest ``pyproject.toml``, read once for each working directory."""
    try:
        folder = os.getcwd()
    except FileNotFoundError:
        return {}
    table = _tables.get(folder)
    if table is None:
        table = _tables[folder] = _read_table(folder)
    return table


def _read_table(folder: str) -> dict[str, str]:
    for candidate in _folders_upwards(folder):
        path = os.path.join(candidate, "pyproject.toml")
        try:
            with open(path, "rb") as file:
                content = file.read()
        except OSError:
            continue
        return _parse(path, content) if b"tool.headrace" in content else {}
    return {}


def _folders_upwards(folder: str) -> Iterator[str]:
    while True:
        yield folder
        above = os.path.dirname(folder)
        if above == folder:
            return
        folder = above


def _parse(path: str, content: bytes) -> dict[str, str]:
    import tomllib  # only where there may be a table for us

    try:
        table = tomllib.loads(content.decode()).get("tool", {}).get("headrace", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read as TOML: {error}. Correct it.") from error
    if not isinstance(table, dict):
        raise SettingsError(
            f"tool.headrace in {path} is {table!r}, which is no table. Write [tool.headrace]."
        )
    values: dict[str, str] = {}
    for name, value in table.items():
        if name not in SETTINGS:
            raise SettingsError(
                f"{name} in the table [tool.headrace] of {path} is no setting. There are: {', '.join(SETTINGS)}."
            )
        if not isinstance(value, str):
            raise SettingsError(
                f"{name} in the table [tool.headrace] of {path} is {value!r}. Set it to a text."
            )
        values[name] = _relative_to(os.path.dirname(path), value) if name in _PATHS else value
    return values


def _relative_to(folder: str, value: str) -> str:
    """A path in a file is meant from where the file lies."""
    if not value or value == ":memory:" or value.startswith("~") or "://" in value:
        return value
    return os.path.join(folder, value)
