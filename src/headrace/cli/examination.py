"""What ``headrace doctor`` looks at, and what it finds wrong. Looks only: nothing is made, changed or mended here."""

from __future__ import annotations

import os
import platform
import sqlite3
import stat
import sys
from importlib.metadata import PackageNotFoundError, entry_points, version
from typing import NamedTuple

import headrace
from headrace import settings
from headrace.cli.byte_sizes import byte_size
from headrace.errors import HeadraceError, HistoryError, NotAHistoryError
from headrace.history import Reader
from headrace.history.database import (
    IN_MEMORY,
    SCHEMA_VERSION,
    file_size,
    has_content,
    refuse_network_file_system,
    resolve,
)
from headrace.history.soundness import check_results
from headrace.task_runners import TaskRunner

_FIXED_IN = (3, 51, 3)
_FIXED_TOO = {(3, 44): 6, (3, 50): 7}
_LEAST_FREE_BYTES = 100 * 1024 * 1024
_GROUP = "headrace.task_runners"
_RESULTS = "results"
_MOST_RESULTS = 5


class Finding(NamedTuple):
    """One thing that was looked at."""

    subject: str
    value: str


class Section(NamedTuple):
    """Findings that belong together."""

    title: str
    findings: list[Finding]


class Report(NamedTuple):
    """All that was found. ``problems`` say what is wrong and what to do."""

    sections: list[Section]
    problems: list[str]


def examine() -> Report:
    """Looks at the installation, the settings, the history and the task runners."""
    problems: list[str] = []
    sections = [
        Section("Installation", list(_installation(problems))),
        Section("Settings", _settings(problems)),
        Section("History", _history(problems)),
        Section("Task runners", _task_runners(problems)),
    ]
    return Report(sections, problems)


def has_wal_reset_bug(version_info: tuple[int, ...]) -> bool:
    """Whether two connections that reset the write-ahead log at once can damage a database of this SQLite.

    >>> has_wal_reset_bug((3, 51, 2)), has_wal_reset_bug((3, 50, 7)), has_wal_reset_bug((3, 51, 3))
    (True, False, False)
    """
    fixed = _FIXED_TOO.get((version_info[0], version_info[1]))
    if fixed is not None and version_info[2] >= fixed:
        return False
    return (3, 7, 0) <= version_info < _FIXED_IN


def _installation(problems: list[str]) -> list[Finding]:
    findings = [
        Finding("Headrace", f"{headrace.__version__} in {os.path.dirname(headrace.__file__)}"),
        Finding(
            "Python", f"{platform.python_version()} ({platform.python_implementation()}) at {sys.executable}"
        ),
        Finding("Platform", platform.platform(terse=True)),
        Finding("SQLite", sqlite3.sqlite_version),
    ]
    if has_wal_reset_bug(sqlite3.sqlite_version_info):
        guard = "has the WAL-reset bug; guarded: every write and checkpoint holds a lock between processes"
        findings.append(Finding("", guard))
    for name in ("click", "cloudpickle", "pydantic", "rich"):
        try:
            findings.append(Finding(name, version(name)))
        except PackageNotFoundError:
            findings.append(Finding(name, "not installed"))
            problems.append(f"The package {name} is not installed. Run: python -m pip install {name}")
    return findings


def _settings(problems: list[str]) -> list[Finding]:
    readers = {
        settings.HOME: settings.home,
        settings.DATABASE: settings.database,
        settings.DURABILITY: settings.durability,
        settings.RESULTS: lambda: settings.results() or "beside the history",
        settings.PERSIST_RESULTS: lambda: "1" if settings.persists_results() else "0",
        settings.LOG_LEVEL: settings.log_level,
    }
    findings = []
    for setting, read in readers.items():
        try:
            findings.append(Finding(setting.name, f"{read()}  ({_source(setting)})"))
        except HeadraceError as error:
            findings.append(Finding(setting.name, "cannot be used"))
            if str(error) not in problems:
                problems.append(str(error))
    problems += [
        f"The environment variable {name} is no setting of Headrace and changes nothing. Correct or unset it."
        for name in settings.unknown_variables()
        if name != "HEADRACE_SEED"
    ]
    return findings


def _source(setting: settings.Setting) -> str:
    if os.environ.get(setting.variable):
        return setting.variable
    if settings._table().get(setting.name):
        folder = os.getcwd()
        for candidate in settings._folders_upwards(folder):
            path = os.path.join(candidate, "pyproject.toml")
            if os.path.isfile(path):
                return path
    return "default"


def _history(problems: list[str]) -> list[Finding]:
    try:
        location = settings.database()
    except HeadraceError:  # told by the settings
        return [Finding("Database", "unknown")]
    if location == IN_MEMORY:
        return [Finding("Database", "in memory: it goes with the process that writes it")]
    path = resolve(location)
    findings = [Finding("Database", path)]
    folder = os.path.dirname(path)
    findings += _folder(folder, problems)
    if not (os.path.exists(path) and has_content(path)):
        findings.append(Finding("State", "not there yet: it is made when the first flow runs"))
        return findings
    try:
        with Reader.open(path) as reader:
            content = _content(reader, problems)
        findings += [*_file(path, problems), *content]
    except NotAHistoryError as error:  # whose permissions are none of our business
        findings.append(Finding("State", "not a history"))
        problems.append(str(error))
    except (HistoryError, sqlite3.Error, OSError) as error:
        findings += [*_file(path, problems), Finding("State", "cannot be read")]
        is_ours = isinstance(error, HistoryError)
        problems.append(
            str(error) if is_ours else f"The history {path} cannot be read: {error}. Move it away."
        )
    return findings


def _folder(folder: str, problems: list[str]) -> list[Finding]:
    existing = folder
    while not os.path.isdir(existing) and os.path.dirname(existing) != existing:
        existing = os.path.dirname(existing)
    if not os.access(existing, os.W_OK | os.X_OK):
        problems.append(
            f"The folder {existing} may not be written. Change its permissions, or set HEADRACE_HOME to another one."
        )
    try:
        refuse_network_file_system(existing)
    except HistoryError as error:
        problems.append(str(error))
    if not hasattr(os, "statvfs"):
        return []
    disk = os.statvfs(existing)
    free = disk.f_bavail * disk.f_frsize
    if free < _LEAST_FREE_BYTES:
        problems.append(f"The disk of {existing} is nearly full: {byte_size(free)} are free. Make room.")
    return [Finding("Free space", byte_size(free))]


def _file(path: str, problems: list[str]) -> list[Finding]:
    log = byte_size(file_size(f"{path}-wal"))
    findings = [Finding("Size", f"{byte_size(file_size(path))}, and {log} not moved in yet")]
    count, size = _result_files(os.path.join(os.path.dirname(path), _RESULTS))
    if count:
        findings.append(Finding("Result files", f"{byte_size(size)} in {count:,} files"))
    if os.name == "posix":
        modes = []
        for place, wanted in ((os.path.dirname(path), 0o700), (path, 0o600)):
            mode = stat.S_IMODE(os.stat(place).st_mode)
            modes.append(f"{mode:04o}")
            if place == path and mode & 0o077:
                problems.append(
                    f"Others may read {place}, and with it parameters and results. Run: chmod {wanted:o} {place}"
                )
        findings.append(Finding("Permissions", f"folder {modes[0]}, file {modes[1]}"))
    if not os.access(path, os.W_OK):
        problems.append(
            f"{path} may not be written by you: flows cannot be recorded. Change its owner or permissions."
        )
    return findings


def _result_files(folder: str) -> tuple[int, int]:
    """How many there are, and their bytes."""
    sizes = [file_size(os.path.join(place, name)) for place, _, names in os.walk(folder) for name in names]
    return len(sizes), sum(sizes)


def _content(reader: Reader, problems: list[str]) -> list[Finding]:
    have = reader.schema_version()
    schema = f"version {have}" + ("" if have == SCHEMA_VERSION else f"; {SCHEMA_VERSION} at the next run")
    findings = [Finding("Schema", schema)]
    damages = reader.damages()
    findings.append(Finding("Integrity", "; ".join(damages) or "ok"))
    if damages:
        problems.append(
            f"The history {reader.location} is damaged: {damages[0]}. Put a backup in its place with "
            "`headrace db restore FILE`, or move it away: a new one is made."
        )
        return findings
    rows = reader.count_rows()
    biggest = [
        f"{flow.flow} {byte_size(flow.stored_bytes)} ({flow.runs:,} {'run' if flow.runs == 1 else 'runs'})"
        for flow in reader.biggest_flows()
    ]
    findings.append(
        Finding(
            "Rows",
            f"{rows.flow_runs:,} flow runs, {rows.task_runs:,} task runs, {rows.log_lines:,} log lines",
        )
    )
    findings.append(Finding("Biggest flows", ", ".join(biggest) or "none"))
    if have == SCHEMA_VERSION:
        findings.append(_results(reader, problems))
    return findings


def _results(reader: Reader, problems: list[str]) -> Finding:
    """Whether what is stored of results is what was written."""
    check = check_results(reader)
    problems += [
        f"{wrong} A resume of its run makes it anew; `headrace runs delete` takes the run away."
        for wrong in (*check.damaged, *check.missing)[:_MOST_RESULTS]
    ]
    told = [
        f"{count:,} {what}"
        for count, what in (
            (len(check.damaged), "damaged"),
            (len(check.missing), "missing"),
            (check.unread_files, "large files not read"),
        )
        if count
    ]
    return Finding("Results", ", ".join(told) or "ok")


def _task_runners(problems: list[str]) -> list[Finding]:
    findings = []
    for point in entry_points(group=_GROUP):
        package = point.dist.name if point.dist is not None else "?"
        findings.append(Finding(point.name, f"{point.value}  ({package})"))
        try:
            found = point.load()
        except Exception as error:
            problems.append(
                f"The task runner {point.name!r} of {package} cannot be loaded ({type(error).__name__}: {error}). "
                f"Upgrade or uninstall {package}."
            )
        else:
            if not (isinstance(found, type) and issubclass(found, TaskRunner)):
                problems.append(
                    f"The task runner {point.name!r} of {package} is no TaskRunner. Upgrade or uninstall {package}."
                )
    return findings or [Finding("", "none are registered: Headrace runs from its source folder")]
