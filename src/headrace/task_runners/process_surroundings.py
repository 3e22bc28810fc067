"""What a worker takes over from the flow's process, as it is when it begins to serve a flow run."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import NamedTuple

_STANDARD_LIBRARY = os.path.dirname(os.__file__)


class Surroundings(NamedTuple):
    """The words of the command line, where modules are found, the current folder, and the environment."""

    argv: list[str]
    path: list[str]
    folder: str | None
    environment: dict[str, str]

    @classmethod
    def here(cls) -> Surroundings:
        """Those of this process."""
        folder = None
        with suppress(OSError):  # it was removed
            folder = os.getcwd()
        return cls(list(sys.argv), list(sys.path), folder, dict(os.environ))

    def take_over(self) -> None:
        """Make them those of this process."""
        sys.argv[:] = self.argv
        sys.path[:] = self.path
        if self.environment != dict(os.environ):
            os.environ.clear()
            os.environ.update(self.environment)
        if self.folder is not None:
            with suppress(OSError):
                os.chdir(self.folder)


def changed_modules(since: float) -> list[str]:
    """The modules of this process whose source was written after that time: what they say now, a new process would do.

    Python's own and installed ones are not looked at.
    """
    return [
        name
        for name, module in list(sys.modules.items())
        if (file := getattr(module, "__file__", None)) and not _is_installed(file) and _is_newer(file, since)
    ]


def _is_installed(file: str) -> bool:
    return file.startswith(_STANDARD_LIBRARY) or "site-packages" in file or "dist-packages" in file


def _is_newer(file: str, since: float) -> bool:
    try:
        return os.stat(file).st_mtime > since
    except OSError:  # a file that is gone says nothing new
        return False
