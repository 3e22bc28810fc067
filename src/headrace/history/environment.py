"""Which packages this process can import, once a process and by their folders' names alone."""

from __future__ import annotations

import os
import sys
from functools import cache
from typing import NamedTuple
from zlib import crc32

from headrace.previews import text_json


class Environment(NamedTuple):
    """The installed packages, and a short name for exactly these."""

    digest: str
    packages: str
    """A JSON object of names and versions."""


@cache
def environment() -> Environment:
    """The packages of this process, as they were when it was first asked."""
    return describe_environment(sys.path)


def describe_environment(folders: list[str]) -> Environment:
    """The packages whose ``*.dist-info`` lies in one of the folders; the first folder that has a package wins."""
    versions: dict[str, str] = {}
    for folder in folders:
        for name, version in _distributions(folder):
            versions.setdefault(name, version)
    packages = ",".join([f"{text_json(name)}:{text_json(versions[name])}" for name in sorted(versions)])
    text = f"{{{packages}}}"
    data = text.encode()
    # Names what one machine has had installed: it need not withstand anyone, and hashlib is slow to import.
    return Environment(f"{crc32(data):08x}{crc32(data[::-1]):08x}{len(data):x}", text)


def _distributions(folder: str) -> list[tuple[str, str]]:
    try:
        entries = os.listdir(folder or ".")
    except OSError:
        return []
    found = []
    for entry in entries:
        if entry.endswith(".dist-info"):
            name, _, version = entry[: -len(".dist-info")].partition("-")
            found.append((name.lower().replace("_", "-"), version))
    return found
