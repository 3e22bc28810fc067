"""The built page is part of the package, and is that of the sources in ``ui/``: told without Node."""

from __future__ import annotations

import gzip
import json
from hashlib import sha256
from pathlib import Path

from headrace.server.files import PAGE

UI = Path(__file__).resolve().parents[2] / "ui"
NOT_SOURCES = {"node_modules", "dev", "README.md", ".gitignore"}
MOST_BYTES = 150_000


def digest_of_sources() -> str:
    """As ``ui/build/finish.mjs`` makes it: each file's path, its length and its content, in the order of the paths."""
    digest = sha256()
    top = [path for path in UI.iterdir() if path.name not in NOT_SOURCES]
    files = [
        file for path in top for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file()
    ]
    for path, file in sorted((file.relative_to(UI).as_posix(), file) for file in files):
        content = file.read_bytes()
        digest.update(f"{path}\n{len(content)}\n".encode() + content)
    return digest.hexdigest()


def test_the_built_page_is_that_of_its_sources() -> None:
    built = json.loads(Path(PAGE, "build.json").read_text())
    assert built["sources"] == digest_of_sources(), "The page is stale: `make ui` builds it anew."


def test_all_that_a_browser_fetches_is_small() -> None:
    files = [file for file in Path(PAGE).iterdir() if file.suffix in {".html", ".js", ".css"}]
    assert {file.name for file in files} == {"index.html", "app.js", "app.css", "layout-worker.js"}
    assert sum(len(gzip.compress(file.read_bytes())) for file in files) < MOST_BYTES


def test_the_licences_of_what_is_bundled_come_along() -> None:
    told = Path(PAGE, "THIRD-PARTY.txt").read_text()
    dependencies = json.loads((UI / "package.json").read_text())["dependencies"]
    assert [name for name, version in dependencies.items() if f"{name} {version} (" not in told] == []
