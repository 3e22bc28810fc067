"""What a user installs: small, with few dependencies, typed, and with every data file in it."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from email.parser import Parser
from importlib.metadata import distribution, entry_points
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from email.message import Message

PROJECT = Path(__file__).resolve().parent.parent
PACKAGES_ALLOWED = 22
MEGABYTES_ALLOWED = 20


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=PROJECT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return Parser().parsestr(wheel.read(name).decode("utf-8"))


@pytest.fixture(scope="module")
def requirements(metadata: Message) -> list[Requirement]:
    return [Requirement(line) for line in metadata.get_all("Requires-Dist", [])]


def closure(requirements: list[Requirement]) -> set[str]:
    """The names of all packages that these requirements bring in on this Python, extras not asked for left out."""
    names: set[str] = set()
    waiting = list(requirements)
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name in names or not applies(requirement):
            continue
        names.add(name)
        waiting += map(Requirement, distribution(name).requires or [])
    return names


def applies(requirement: Requirement, extra: str = "") -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def bytes_as_shipped(name: str) -> int:
    files = distribution(name).files or []
    shipped = (file for file in files if file.suffix != ".pyc")
    return sum(Path(str(file.locate())).stat().st_size for file in shipped)


def test_the_package_says_what_it_is(metadata: Message, wheel: zipfile.ZipFile) -> None:
    told = [metadata[name] for name in ("Name", "Version", "Requires-Python", "License-Expression")]

    assert told == ["headrace", "0.1.0", ">=3.11", "Apache-2.0"]
    (licence,) = (name for name in wheel.namelist() if name.endswith("/LICENSE"))
    assert b"Apache License" in wheel.read(licence)


def test_the_core_has_few_packages(requirements: list[Requirement]) -> None:
    names = closure(requirements) | {"headrace"}

    assert len(names) <= PACKAGES_ALLOWED, sorted(names)


def test_the_core_is_small(wheel: zipfile.ZipFile, requirements: list[Requirement]) -> None:
    sizes = {name: bytes_as_shipped(name) for name in closure(requirements)}
    sizes["headrace"] = sum(member.file_size for member in wheel.infolist())

    assert all(sizes.values()), sizes
    assert sum(sizes.values()) <= MEGABYTES_ALLOWED * 1_000_000, sizes


def test_every_dependency_has_a_lower_bound_and_a_cap(requirements: list[Requirement]) -> None:
    bounds = {str(r): {specifier.operator for specifier in r.specifier} for r in requirements}

    assert all(operators == {">=", "<"} for operators in bounds.values()), bounds


@pytest.mark.parametrize(("extra", "engine"), [("dask", "distributed"), ("ray", "ray")])
def test_an_extra_brings_its_engine_and_the_core_does_not(
    extra: str, engine: str, requirements: list[Requirement]
) -> None:
    brought = {r.name for r in requirements if applies(r, extra)}

    assert engine in brought
    assert engine not in closure(requirements)


def test_the_wheel_holds_every_file_of_the_source(wheel: zipfile.ZipFile) -> None:
    source = PROJECT / "src"
    paths = (path.relative_to(source) for path in source.rglob("*") if path.is_file())
    files = {path.as_posix() for path in paths if not is_cache(path)}

    assert files <= set(wheel.namelist())
    assert "headrace/py.typed" in files
    assert any(file.endswith(".sql") for file in files)


def is_cache(path: Path) -> bool:
    return any(part.startswith((".", "__pycache__")) for part in path.parts)


def test_the_wheel_holds_nothing_but_the_package_and_its_metadata(wheel: zipfile.ZipFile) -> None:
    top = {name.split("/")[0] for name in wheel.namelist()}

    assert top == {"headrace", f"headrace-{version()}.dist-info"}


def test_the_version_is_the_same_everywhere() -> None:
    import headrace

    assert headrace.__version__ == version()


@pytest.mark.parametrize("group", ["headrace.task_runners", "pytest11", "console_scripts"])
def test_the_entry_points_can_be_loaded(group: str) -> None:
    ours = [point for point in entry_points(group=group) if point.value.startswith("headrace.")]

    assert ours
    assert all(point.load() for point in ours)


def version() -> str:
    text = (PROJECT / "pyproject.toml").read_text("utf-8")
    return str(tomllib.loads(text)["project"]["version"])
