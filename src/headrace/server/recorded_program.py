"""The program of a recorded flow run: which interpreter runs which flow in which folder, and whether that can be done here.

Only decides; ``launches`` starts what is decided here. Nothing of the user's is imported, and no shell is asked.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace.errors import LaunchError
from headrace.history.liveness import this_process

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headrace.history.reader import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """``python -m headrace`` as the flow run knew it: ``target`` is the flow, as ``headrace run`` is told it."""

    interpreter: str
    folder: str
    target: str
    root: str | None = None
    """The folder from which the flow's package is imported, if that is no folder of installed packages."""

    def to_run(self) -> list[str]:
        """The command that runs the flow with parameters from the standard input."""
        return [*self._headrace(), "run", "--quiet", "--params", "-", "--", self.target]

    def to_resume(self, run_id: str, *, rerun: Sequence[str] = (), take_over: bool = False) -> list[str]:
        """The command that goes on with a run of it, with parameters in the place of recorded ones."""
        options = [f"--from={name}" for name in rerun] + ["--take-over"] * take_over
        return [
            *self._headrace(), "resume", "--quiet", f"--flow={self.target}", "--params", "-", *options, "--", run_id,
        ]  # fmt: skip

    def _headrace(self) -> list[str]:
        # -P: a file in the folder that is called like a module of the standard library is not taken for it.
        return [self.interpreter, "-P", "-m", "headrace"]


def program_of(run: Run) -> Program:
    """What runs the flow of that run again. Raises ``LaunchError`` that says why nothing can."""
    known = run.provenance
    interpreter, folder, host = (str(known.get(name) or "") for name in ("interpreter", "folder", "host"))
    file, _, function = str(known.get("entry_point") or "").rpartition(":")
    here = this_process().host
    if run.kind != "flow":
        raise LaunchError(
            f"{run.name} is a task that was called outside any flow: only flows can be run again."
        )
    if not interpreter:
        raise LaunchError(f"{run.name} was recorded by a Headrace that did not keep which Python ran it.")
    if host != here:
        raise LaunchError(f"{run.name} ran on {host}, and this is {here}: start it there.")
    if not os.access(interpreter, os.X_OK) or not os.path.isfile(interpreter):
        raise LaunchError(f"The Python that ran {run.name}, {interpreter}, does not exist any more.")
    if not os.path.isdir(folder):
        raise LaunchError(
            f"The folder in which {run.name} ran, {folder or '(unknown)'}, does not exist any more."
        )
    path = os.path.normpath(os.path.join(folder, file))
    if not os.path.isfile(path):
        if os.path.basename(path).startswith("<"):
            raise LaunchError(
                f"The flow of {run.name} was not defined in a file: it can only be called where it was."
            )
        raise LaunchError(f"{path}, where the flow of {run.name} was, does not exist any more.")
    module = known.get("module")
    flow = run.flow if _is_plain(run.flow) else function
    if isinstance(module, str):
        return Program(
            interpreter=interpreter, folder=folder, target=f"{module}:{flow}", root=root_of(module, path)
        )
    return Program(interpreter=interpreter, folder=folder, target=f"{path}:{flow}")


def root_of(module: str, path: str) -> str | None:
    """The folder from which that file is imported as that module; ``None`` where Python finds it by itself."""
    place = os.path.join(*module.split("."))
    for end in (f"{place}.py", os.path.join(place, "__init__.py")):
        if path.endswith(os.sep + end):
            root = path[: -len(end) - 1] or os.sep
            return None if os.path.basename(root) in ("site-packages", "dist-packages") else root
    return None


def _is_plain(name: str) -> bool:
    """Whether a flow is found by that name behind a file and a colon."""
    return ":" not in name and os.sep not in name
