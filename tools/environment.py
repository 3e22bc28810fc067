"""Make a virtual environment with Headrace, editable, and the named dependency groups of pyproject.toml.

    python tools/environment.py FOLDER GROUP... [--lowest]

With ``--lowest`` the dependencies of the package itself and of its extras are the lowest versions that it allows.
Needs nothing but the standard library: where Python cannot put pip into a new environment (Debian keeps that in a
package of its own), uv or the pip of this Python does it.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from itertools import chain
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
PIP_WITH_GROUPS = "pip>=25.1"


def main() -> None:
    """Make or complete the environment that the command line names."""
    arguments = _parse_arguments()
    python = arguments.folder / "bin" / "python"
    if not _has_pip(python):
        _create(arguments.folder)
    _run(python, "-m", "pip", "install", "--quiet", "--upgrade", PIP_WITH_GROUPS)
    _install(python, arguments.groups, lowest_dependencies() if arguments.lowest else [])


def lowest_dependencies() -> list[str]:
    """The lower bounds of the package and of its extras, as pip constraints: ``click>=8.1,<9`` gives ``click==8.1``."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]
    dependencies = chain(project["dependencies"], *project["optional-dependencies"].values())
    return list(dict.fromkeys(map(_at_lower_bound, dependencies)))  # two extras may need the same


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Make a virtual environment of this project.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("groups", nargs="+", metavar="group")
    parser.add_argument("--lowest", action="store_true", help="install the lowest dependencies allowed")
    return parser.parse_args()


def _has_pip(python: Path) -> bool:
    return python.exists() and _succeeds(python, "-m", "pip", "--version")


def _create(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    if _succeeds(sys.executable, "-m", "venv", folder):
        return
    shutil.rmtree(folder, ignore_errors=True)
    uv = shutil.which("uv")
    if uv is not None and _succeeds(uv, "venv", "--quiet", "--seed", "--python", sys.executable, folder):
        return
    pip_of_this = (sys.executable, "-m", "pip", "--python", folder / "bin" / "python")
    if _succeeds(sys.executable, "-m", "venv", "--clear", "--without-pip", folder) and _succeeds(
        *pip_of_this, "install", "--quiet", PIP_WITH_GROUPS
    ):
        return
    shutil.rmtree(folder, ignore_errors=True)
    sys.exit(
        f"{sys.executable} cannot make a virtual environment: it lacks ensurepip. Install your system's package for that"
        " (python3-venv on Debian), or uv, and try again; PYTHON=/path/to/python chooses another Python."
    )


def _install(python: Path, groups: list[str], constraints: list[str]) -> None:
    options: list[str] = []
    for group in groups:
        options += ["--group", f"{PROJECT / 'pyproject.toml'}:{group}"]
    with tempfile.TemporaryDirectory() as folder:
        if constraints:
            file = Path(folder, "constraints.txt")
            file.write_text("\n".join(constraints), "utf-8")
            options += ["--constraint", str(file)]
        # Without byte code: Python writes that at the first import, for the few modules that are imported.
        _run(python, "-m", "pip", "install", "--quiet", "--no-compile", "--editable", PROJECT, *options)


def _at_lower_bound(dependency: str) -> str:
    # A constraint names no extras: `ray[client]>=2,<3` gives `ray==2`.
    lowest, found = re.subn(r"(?:\[.*\])?>=([^,;\s]+)[^;]*", r"==\1", dependency)
    if not found:
        sys.exit(f"{dependency!r} in pyproject.toml has no lower bound")
    return lowest


def _succeeds(*command: str | Path) -> bool:
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def _run(*command: str | Path) -> None:
    done = subprocess.run(command, check=False)
    if done.returncode:
        sys.exit(done.returncode)


if __name__ == "__main__":
    main()
