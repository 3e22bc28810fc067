"""What installing Headrace brings along: packages with itself, and megabytes as shipped, byte code not counted.

Counted as the packaging tests count: the closure of the dependencies on this Python, at the versions installed here.
Headrace's own part is its source folder.
"""

from __future__ import annotations

import tomllib

from packaging.requirements import Requirement

from benchmarks.measuring import PROJECT, Row, Session
from tests.test_packaging import (
    MEGABYTES_ALLOWED,
    PACKAGES_ALLOWED,
    bytes_as_shipped,
    closure,
    is_cache,
)


def measure(session: Session) -> list[Row]:  # noqa: ARG001 - counted, not timed
    names = closure(list(map(Requirement, dependencies())))
    sizes = [bytes_as_shipped(name) for name in names] + [bytes_of_source()]
    return [
        Row(
            what="installed packages, Headrace included",
            unit="packages",
            ours=[len(names) + 1],
            ours_allowed=PACKAGES_ALLOWED,
        ),
        Row(what="installed size", unit="MB", ours=[sum(sizes) / 1e6], ours_allowed=MEGABYTES_ALLOWED),
    ]


def dependencies() -> list[str]:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]
    return list(project["dependencies"])


def bytes_of_source() -> int:
    source = PROJECT / "src"
    files = (path for path in source.rglob("*") if path.is_file())
    return sum(path.stat().st_size for path in files if not is_cache(path.relative_to(source)))
