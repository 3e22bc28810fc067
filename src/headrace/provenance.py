"""Provenance: what ran, from which commit, on which machine, by whom.

All of it is cheap to learn: files are read, nothing heavy is imported, and the one program that is started
(``git status``, once a process) is asked for its answer only when the first flow ends.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from headrace.previews import MASK, is_secret, mask_url, text_json

if TYPE_CHECKING:
    from collections.abc import Sequence

_MAX_ARGUMENTS = 50
_MAX_ARGUMENT_LENGTH = 500
_PARAMETER = "--param="
_repositories: dict[str, Repository | None] = {}


class Provenance:
    """Where one flow run came from.

    Made when the run starts; ``text()`` is what is known so far, ``finish()`` waits a moment for what is not.
    """

    __slots__ = ("_entry_point", "_known", "_repository", "dashboard")

    dashboard: str | None
    """The address of the page that the cluster of the flow run shows of itself, if it has one."""

    def __init__(
        self,
        entry_point: str,
        file: str | None = None,
        *,
        module: str | None = None,
        signature: str | None = None,
        not_whole: Sequence[str] = (),
    ) -> None:
        """``entry_point`` names the flow (``"path/to/file.py:my_flow"``), ``file`` is where its code lies.

        The rest is for who runs the flow again: the ``module`` to import if not the file, the JSON of the flow's
        ``signature``, and the names of the arguments that the recorded preview does not tell wholly.
        """
        self._entry_point = entry_point
        self._known = _known_text(module, signature, not_whole)
        self.dashboard = None
        self._repository = repository_of(file) if file else None

    def text(self) -> str:
        """A JSON object."""
        commit = self._repository.commit if self._repository is not None else None
        is_dirty = self._repository.is_dirty(timeout_seconds=0) if self._repository is not None else None
        dashboard = "" if self.dashboard is None else f'"dashboard":{text_json(self.dashboard)},'
        return (
            f'{{"entry_point":{text_json(self._entry_point)},"commit":{text_json(commit) if commit else "null"},'
            f'"dirty":{_JSON_OF_BOOL[is_dirty]},{dashboard}{self._known}{_process_text()}}}'
        )

    def finish(self, timeout_seconds: float = 1.0) -> str:
        """The same, with the answer to whether the working tree was dirty if that comes in time."""
        if self._repository is not None:
            self._repository.is_dirty(timeout_seconds=timeout_seconds)
        return self.text()


class Repository:
    """A Git working tree as it was when this process first ran a flow from it."""

    def __init__(self, folder: str, git_folder: str) -> None:
        self.folder = folder
        self.commit = read_commit(git_folder)
        self._status = _Status(folder)

    def is_dirty(self, *, timeout_seconds: float) -> bool | None:
        """Whether tracked files were changed; ``None`` if that is not known (yet)."""
        return self._status.result(timeout_seconds)


def repository_of(file: str) -> Repository | None:
    """The Git working tree around a file, looked at once a process."""
    folder = os.path.dirname(os.path.abspath(file))
    if folder not in _repositories:
        found = _find_git_folder(folder)
        _repositories[folder] = Repository(*found) if found is not None else None
    return _repositories[folder]


def read_commit(git_folder: str) -> str | None:
    """The commit that ``HEAD`` points to, read from Git's own files."""
    common = _read(os.path.join(git_folder, "commondir"))
    shared = os.path.normpath(os.path.join(git_folder, common)) if common else git_folder
    name = "HEAD"
    for _ in range(5):  # a reference to a reference to ...
        value = (
            _read(os.path.join(git_folder, name))
            or _read(os.path.join(shared, name))
            or _packed(shared, name)
        )
        if value is None:
            return None
        if not value.startswith("ref:"):
            return value if _is_hexadecimal(value) else None
        name = value[len("ref:") :].strip()
    return None


def module_of(name: str | None) -> str | None:
    """The name by which a flow's module is to be imported, if it is part of a package; else its file says all.

    ``python -m package.module`` calls it ``__main__``, and knows what it is called elsewhere. A function that was made by
    ``exec`` has no module.
    """
    if name is None:
        return None
    module = sys.modules.get(name)
    if name == "__main__":
        name = getattr(getattr(module, "__spec__", None), "name", "")
    return name if "." in name or hasattr(module, "__path__") else None


def masked_arguments(arguments: Sequence[str]) -> list[str]:
    """A command line without its secrets: ``--password x``, ``--api-key=x`` and ``token=x`` are masked.

    Of what ``headrace run -p`` gives to a flow no value is kept: which are secret, the flow's function knows, and the
    recorded parameters show the others.
    """
    is_headrace = bool(arguments) and "headrace" in arguments[0]
    result: list[str] = []
    option = ""  # the one before, which may say what this one is
    for argument in arguments[:_MAX_ARGUMENTS]:
        name, equals, value = argument.partition("=")
        is_option = argument.startswith("-")
        if is_headrace and (parameter := _parameter_in(argument, option)):
            result.append(f"{parameter}={_MASKED}")
        elif option and not is_option and is_secret(option, _number_or_text(argument)):
            result.append(_MASKED)
        elif equals and is_secret(name, _number_or_text(value)):
            result.append(f"{name}={_MASKED}")
        else:
            result.append(mask_url(argument)[:_MAX_ARGUMENT_LENGTH])
        option = argument if is_option and not equals else ""
    return result


def _parameter_in(argument: str, option: str) -> str | None:
    """All that stands before the value, in ``NAME=VALUE`` after ``-p``, in ``-pNAME=VALUE`` and ``--param=NAME=VALUE``."""
    prefix = "" if option == "--param" or option == _short_options(option) else _short_options(argument)
    if prefix is None and argument.startswith(_PARAMETER):
        prefix = _PARAMETER
    if prefix is None:
        return None
    name, equals, _ = argument.removeprefix(prefix).partition("=")
    return prefix + name if equals else None


def _short_options(argument: str) -> str | None:
    """The beginning of ``-pNAME=VALUE`` and of ``-qpNAME=VALUE``, up to the ``p``."""
    if not argument.startswith("-") or argument.startswith("--") or "p" not in argument:
        return None
    return argument[: argument.index("p") + 1]


def _number_or_text(argument: str) -> int | str:
    return int(argument) if argument.isdecimal() and len(argument) < 20 else argument


def _known_text(module: str | None, signature: str | None, not_whole: Sequence[str]) -> str:
    """What a flow run knows of itself, as members of a JSON object."""
    text = "" if module is None else f'"module":{text_json(module)},'
    if signature is not None:
        text += f'"signature":{signature},'
    if not_whole:
        text += f'"not_whole":[{",".join([text_json(name) for name in not_whole])}],'
    return text


_MASKED = MASK.strip('"')
_JSON_OF_BOOL = {None: "null", False: "false", True: "true"}
_process_texts: dict[int, str] = {}


def _process_text() -> str:
    """What all flow runs of this process have in common, as members of a JSON object."""
    pid = os.getpid()
    text = _process_texts.get(pid)
    if text is None:
        arguments = ",".join([text_json(argument) for argument in masked_arguments(sys.argv)])
        version = ".".join([str(part) for part in sys.version_info[:3]])
        text = _process_texts[pid] = (
            f'"arguments":[{arguments}],"folder":{text_json(_folder())},"python":"{version}","interpreter":{text_json(sys.executable or "")},"implementation":"{sys.implementation.name}",'
            f'"platform":{text_json(sys.platform)},"host":{text_json(_host())},"user":{text_json(_user())},"pid":{pid}'
        )
    return text


def _folder() -> str:
    """From where a relative entry point is meant."""
    try:
        return os.getcwd()
    except FileNotFoundError:
        return ""


def _host() -> str:
    try:
        return os.uname().nodename
    except AttributeError:
        return os.environ.get("COMPUTERNAME", "")


def _user() -> str:
    """The name of the account that owns the process, not what the environment claims."""
    try:
        import pwd  # not on Windows

        return pwd.getpwuid(os.geteuid()).pw_name
    except (ImportError, KeyError):
        return os.environ.get("USER") or os.environ.get("USERNAME") or ""


def _find_git_folder(folder: str) -> tuple[str, str] | None:
    """The working tree's folder and its Git folder: ``.git`` itself, or what the file ``.git`` points to."""
    while True:
        candidate = os.path.join(folder, ".git")
        if os.path.isdir(candidate):
            return folder, candidate
        pointer = _read(candidate)
        if pointer is not None and pointer.startswith("gitdir:"):
            return folder, os.path.normpath(os.path.join(folder, pointer[len("gitdir:") :].strip()))
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(4096).strip()
    except OSError:
        return None


def _packed(git_folder: str, name: str) -> str | None:
    try:
        with open(os.path.join(git_folder, "packed-refs"), encoding="utf-8", errors="replace") as file:
            for line in file:
                commit, _, reference = line.strip().partition(" ")
                if reference == name:
                    return commit
    except OSError:
        return None
    return None


def _is_hexadecimal(text: str) -> bool:
    return len(text) in (40, 64) and all(character in "0123456789abcdef" for character in text)


class _Status:
    """``git status``, started and not waited for. One byte of output says that the tree is dirty."""

    def __init__(self, folder: str) -> None:
        self._answer: bool | None = None
        self._pid: int | None = None
        self._pipe = -1
        self._has_been_waited_for = False
        self._owner = os.getpid()
        if hasattr(os, "posix_spawn"):
            self._start(folder)

    def _start(self, folder: str) -> None:
        program = _find_program("git")
        if program is None:
            return
        reading, writing = os.pipe()
        arguments = [program, "-C", folder, "status", "--porcelain", "--untracked-files=no"]
        environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, writing, 1),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ]
        try:
            self._pid = os.posix_spawn(program, arguments, environment, file_actions=actions)
            self._pipe = reading
        except OSError:
            os.close(reading)
        finally:
            os.close(writing)

    def result(self, timeout_seconds: float) -> bool | None:
        if self._pid is not None and self._owner == os.getpid():
            # A Git that does not answer in time keeps one flow waiting, not every one.
            self._collect(0 if self._has_been_waited_for else timeout_seconds)
            self._has_been_waited_for |= timeout_seconds > 0
        return self._answer

    def _collect(self, timeout_seconds: float) -> None:
        import select  # only where a Git repository is

        poll = select.poll()
        poll.register(self._pipe, select.POLLIN)
        if not poll.poll(timeout_seconds * 1000):
            return
        has_output = bool(os.read(self._pipe, 1))
        os.close(self._pipe)
        pid, self._pid = self._pid, None
        assert pid is not None
        try:
            # Without output the pipe's end says that Git is about to end; with it nobody needs to know when.
            _, status = os.waitpid(pid, os.WNOHANG if has_output else 0)
        except ChildProcessError:  # somebody else has collected it
            status = 0
        if has_output or status == 0:
            self._answer = has_output


def _find_program(name: str) -> str | None:
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        path = os.path.join(folder, name)
        if os.access(path, os.X_OK) and os.path.isfile(path):
            return path
    return None
