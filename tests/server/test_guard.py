"""Who is answered: on every route that there is, so that a new one is guarded from its first day."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import pytest
from starlette.routing import Route

from headrace.clock import now_us
from headrace.server.access import make_link
from headrace.server.guard import MAX_BODY_BYTES, OPEN
from tests.server.conftest import BEARER, HOST, PORT, TOKEN, Site

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.responses import Response

EVERY_ROUTE = [
    (method, re.sub(r"\{[^}]*\}", "1", route.path))
    for route in Site(":nowhere:").routes
    for method in sorted(route.methods or ())
]
GUARDED = [(method, path) for method, path in EVERY_ROUTE if path not in OPEN]
AGAINST_FORGERY = {"sec_fetch_site": "same-origin", "content_length": "0"}

each_route = pytest.mark.parametrize(("method", "path"), EVERY_ROUTE)
each_guarded_route = pytest.mark.parametrize(("method", "path"), GUARDED)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder: Path = tmp_path_factory.mktemp("site")
    return Site(str(folder / "history.db"))


@pytest.fixture(scope="module")
def cookie(site: Site) -> str:
    link = make_link(TOKEN, port=PORT, now_us=now_us())
    session = site.access.let_in(link, now_us=now_us())
    return f"{site.access.cookie}={session}"


def test_there_are_routes_to_guard() -> None:
    paths = {path for _, path in EVERY_ROUTE}

    assert {"/", "/runs/1", "/api/info", "/api/runs/1", "/api/events", "/healthz", "/login"} <= paths
    assert {method for method, _ in EVERY_ROUTE} == {"GET", "HEAD", "POST"}


STRANGERS = [
    {},
    {"authorization": "Bearer"},
    {"authorization": "Bearer "},
    {"authorization": f"Bearer {TOKEN}x"},
    {"authorization": f"Bearer {TOKEN[:-1]}"},
    {"authorization": f"Basic {TOKEN}"},
    {"cookie": f"headrace_{PORT}="},
    {"cookie": f"headrace_{PORT}={TOKEN}"},
    {"cookie": "headrace_1=x"},
]
FOREIGN_HOSTS = [
    "evil.example", f"evil.example:{PORT}", "127.0.0.1", f"127.0.0.1:{PORT + 1}", f"127.0.0.1:{PORT}.evil.example",
    f"localhost.:{PORT}", f"0.0.0.0:{PORT}", "",
]  # fmt: skip
FOREIGN_ORIGINS = [
    "http://evil.example", "null", f"http://127.0.0.1:{PORT + 1}", f"http://localhost:{PORT}", f"http://{HOST}.evil.example", "",
]  # fmt: skip


@each_guarded_route
def test_a_stranger_gets_nothing(site: Site, method: str, path: str) -> None:
    for headers in STRANGERS:
        answer = site.request(method, path, **AGAINST_FORGERY, **headers)

        assert answer.status_code == 401, headers
        assert answer.headers["www-authenticate"] == "Bearer"


@each_route
def test_a_foreign_host_gets_nothing(site: Site, method: str, path: str) -> None:
    for host in FOREIGN_HOSTS:
        answer = site.request(method, path, host=host, **BEARER, **AGAINST_FORGERY)

        assert answer.status_code == 403, host


@each_route
def test_a_page_of_a_foreign_origin_gets_nothing(site: Site, cookie: str, method: str, path: str) -> None:
    for origin in FOREIGN_ORIGINS:
        answer = site.request(method, path, origin=origin, cookie=cookie, content_length="0")

        assert answer.status_code == 403, origin


@each_route
def test_a_page_of_another_site_gets_nothing(site: Site, cookie: str, method: str, path: str) -> None:
    for place in ("cross-site", "same-site", "what-is-this"):
        answer = site.request(method, path, sec_fetch_site=place, cookie=cookie, content_length="0")

        assert answer.status_code == 403, place


@each_route
def test_other_methods_are_refused(site: Site, method: str, path: str) -> None:
    for other in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", method.lower()):
        assert asyncio.run(ask(site, other, path, BEARER))["status"] == 405


@pytest.mark.parametrize(("method", "path"), [asked for asked in GUARDED if asked != ("GET", "/api/events")])
def test_who_has_the_token_or_a_session_is_let_through(
    site: Site, cookie: str, method: str, path: str
) -> None:
    for headers in (BEARER, {"cookie": f"other=1; {cookie}"}):
        assert site.request(method, path, **AGAINST_FORGERY, **headers).status_code not in (401, 403)


@pytest.mark.parametrize(("method", "path"), [(m, p) for m, p in GUARDED if m == "POST"])
def test_a_browser_has_to_say_where_a_change_comes_from(
    site: Site, cookie: str, method: str, path: str
) -> None:
    assert site.request(method, path, cookie=cookie, content_length="0").status_code == 403
    assert site.request(method, path, content_length="0", **BEARER).status_code != 403


def test_a_link_on_another_site_leads_to_the_entrance(site: Site) -> None:
    following = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}

    answer = site.get("/runs", accept="text/html,*/*;q=0.8", **following)

    assert answer.status_code == 401
    assert "headrace ui --link" in answer.text
    assert site.request("POST", "/api/runs/cancel", **following, **BEARER).status_code == 403
    assert site.get("/", **(following | {"sec_fetch_dest": "iframe"}), **BEARER).status_code == 403


def test_a_wrong_token_is_not_made_good_by_a_session(site: Site, cookie: str) -> None:
    answer = site.get("/api/info", cookie=cookie, authorization="Bearer no")

    assert answer.status_code == 401
    assert answer.json()["detail"].startswith("That is not the token of this server.")


@pytest.mark.parametrize(
    "path",
    [
        "/healthz/",
        "/healthz/x",
        "//healthz",
        "/Healthz",
        "/healthz%2f",
        "/login/",
        "/healthz/../api/info",
        "/x",
    ],
)
def test_only_the_very_paths_are_open(site: Site, path: str) -> None:
    assert asyncio.run(ask(site, "GET", path, {}))["status"] == 401


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_health_is_open_and_tells_nothing(site: Site, method: str) -> None:
    answer = site.request(method, "/healthz")

    assert answer.status_code == 200
    assert answer.text in ("ok\n", "")


@each_route
def test_every_answer_is_dressed_against_abuse(site: Site, method: str, path: str) -> None:
    for headers in ({}, {"host": "evil.example"}, *([BEARER] if path != "/api/events" else [])):
        dress = site.request(method, path, content_length="0", **headers).headers

        policy = dict(rule.split(" ", 1) for rule in dress["content-security-policy"].split("; "))
        assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert dress["x-content-type-options"] == "nosniff"
        assert dress["referrer-policy"] == "no-referrer"
        assert dress["cross-origin-opener-policy"] == dress["cross-origin-resource-policy"] == "same-origin"
        assert dress["cache-control"] in ("no-store", "no-cache")
        assert not [name for name in dress if name.startswith("access-control-")]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content_length": str(MAX_BODY_BYTES + 1)}, 413),
        ({"content_length": "9" * 5000}, 413),
        ({"content_length": "-1"}, 413),
        ({"content_length": "²"}, 413),
        ({"transfer_encoding": "chunked"}, 411),
    ],
    ids=lambda value: str(value)[:40],
)
def test_nothing_large_or_endless_is_taken_in(site: Site, headers: dict[str, str], status: int) -> None:
    sent = {name.replace("_", "-"): value for name, value in headers.items()} | BEARER

    assert asyncio.run(ask(site, "POST", "/api/runs/cancel", sent))["status"] == status


def test_a_second_host_is_refused(site: Site) -> None:
    scope_headers = [(b"host", HOST.encode()), (b"host", b"evil.example")]

    assert asyncio.run(ask(site, "GET", "/healthz", scope_headers))["status"] == 403


def test_a_web_socket_is_refused(site: Site) -> None:
    sent: list[Any] = []

    async def connect() -> None:
        async def receive() -> Any:
            return {"type": "websocket.connect"}

        async def send(message: Any) -> None:
            sent.append(message)

        headers = [(b"host", HOST.encode()), (b"authorization", BEARER["authorization"].encode())]
        await site.app({"type": "websocket", "path": "/", "headers": headers}, receive, send)

    asyncio.run(connect())

    assert [message["type"] for message in sent] == ["websocket.close"]


def test_a_defect_tells_nothing_of_itself(site: Site) -> None:
    async def fail(_: object) -> Response:
        raise ValueError("a secret")

    broken = Site(":nowhere:", routes=[Route("/broken", fail)])

    answer = broken.get("/broken", **BEARER)

    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret" not in answer.text
    assert "content-security-policy" in answer.headers


async def ask(
    site: Site, method: str, path: str, headers: dict[str, str] | list[tuple[bytes, bytes]]
) -> dict[str, Any]:
    """A request with what no client library would send."""
    if isinstance(headers, dict):
        headers = [(b"host", HOST.encode())] + [(n.encode(), v.encode("utf-8")) for n, v in headers.items()]
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "root_path": "", "headers": headers,
        "query_string": b"", "scheme": "http", "server": ("127.0.0.1", PORT), "client": ("127.0.0.1", 1), "http_version": "1.1",
    }  # fmt: skip
    await site.app(scope, receive, send)
    start: dict[str, Any] = sent[0]
    return start
