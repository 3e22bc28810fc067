"""The built page: exact names, right types, and only what has changed travels."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from headrace.server.files import ADDRESSES, page_routes
from tests.server.conftest import BEARER, Site

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = "console.log('x');" * 500


@pytest.fixture
def site(tmp_path: Path) -> Site:
    folder = tmp_path / "page"
    folder.mkdir()
    (folder / "index.html").write_text("<!doctype html><title>Headrace</title>", "utf-8")
    (folder / "app.js").write_text(SCRIPT, "utf-8")
    (folder / "app.css").write_text("body {}", "utf-8")
    (folder / "notes.secret").write_text("no", "utf-8")
    (tmp_path / "outside.js").write_text("no", "utf-8")
    return Site(":nowhere:", routes=page_routes(str(folder)))


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_address_of_the_page_is_the_document(site: Site, address: str) -> None:
    answer = site.get(address.replace("{id}", "some-run"), **BEARER)

    assert answer.text == "<!doctype html><title>Headrace</title>"
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(("name", "media_type"), [("app.js", "text/javascript"), ("app.css", "text/css")])
def test_a_file_has_its_type(site: Site, name: str, media_type: str) -> None:
    answer = site.get(f"/{name}", **BEARER)

    assert answer.headers["content-type"] == f"{media_type}; charset=utf-8"


def test_what_the_browser_has_does_not_travel_again(site: Site) -> None:
    first = site.get("/app.js", **BEARER)

    again = site.get("/app.js", if_none_match=first.headers["etag"], **BEARER)

    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert site.get("/app.js", if_none_match='W/"other"', **BEARER).text == SCRIPT


def test_a_large_file_travels_compressed(site: Site) -> None:
    packed = site.get("/app.js", accept_encoding="gzip", **BEARER)
    plain = site.get("/app.js", accept_encoding="identity", **BEARER)

    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) == len(gzip.compress(SCRIPT.encode(), mtime=0))
    assert packed.text == plain.text == SCRIPT
    assert "content-encoding" not in plain.headers


@pytest.mark.parametrize(
    "path",
    [
        "/index.html",
        "/notes.secret",
        "/../outside.js",
        "/%2e%2e/outside.js",
        "/app.js/",
        "/page/app.js",
        "/runs/a/b",
    ],
)
def test_no_path_is_made_from_a_request(site: Site, path: str) -> None:
    assert site.get(path, **BEARER).status_code == 404


def test_a_browser_that_asks_for_what_is_not_there_gets_a_way_back(site: Site) -> None:
    answer = site.get("/nonsense", accept="text/html,*/*;q=0.8", **BEARER)

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert '<a href="/">' in answer.text
    assert site.get("/nonsense", **BEARER).headers["content-type"] == "application/problem+json"


def test_a_page_that_is_not_built_says_so(tmp_path: Path) -> None:
    site = Site(":nowhere:", routes=page_routes(str(tmp_path / "nothing")))

    answer = site.get("/", **BEARER)

    assert answer.status_code == 503
    assert "make ui" in answer.json()["detail"]
