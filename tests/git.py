"""Git as the tests of provenance call it: with an author, and nothing of the user's own settings."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="there is no Git here")


def git(folder: Path, *arguments: str) -> str:
    """What Git answers in that folder."""
    author = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(
        ["git", "-C", str(folder), *author, *arguments],
        check=True,
        capture_output=True,
        text=True,
        env=clean | {"GIT_CONFIG_GLOBAL": os.devnull},
    )
    return done.stdout.strip()
