"""The one layer round everything that the server answers: it decides who is answered at all, and how answers are dressed.

Deny by default: no route says of itself that it is open. Every rule compares whole texts. What must hold, in this order:

1. The request is addressed to this server (`Host`), so a foreign name that leads to 127.0.0.1 gets nothing.
2. It has a method and a size that something here can mean.
3. It does not come from another site's page (`Origin`, `Sec-Fetch-Site`), unless somebody follows a link.
4. It has the token or a session; only what is in `OPEN` needs neither.
5. What changes something says where it comes from, if it comes from a browser.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, assert_never

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser

from headrace.server.api.problems import problem
from headrace.server.plain_page import wants_page
from headrace.server.signing_in import LOGIN, entrance

if TYPE_CHECKING:
    from typing import Literal

    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from headrace.server.access import Access

HEALTH = "/healthz"
OPEN = frozenset({HEALTH, LOGIN})
"""The paths that are answered to everybody: one says nothing, the other takes a link."""

MAX_BODY_BYTES = 1_000_000
_READING = frozenset({"GET", "HEAD"})
_METHODS = _READING | {"POST"}

_DRESS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


class Guard:
    """An ASGI application that lets through to another one what may pass.

    ``hosts`` are the values of `Host` that name this server, with their ports, in lower case.
    """

    def __init__(self, app: ASGIApp, access: Access, hosts: frozenset[str]) -> None:
        self._app = app
        self._access = access
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, or lets the other application do so."""
        match scope["type"]:
            case "http":
                answer = self._refusal(scope) or self._app
                await answer(scope, receive, _dressing(send))
            case "lifespan":
                await self._app(scope, receive, send)
            case _:  # a web socket, or what is yet to be invented
                await send({"type": "websocket.close", "code": 1008, "reason": ""})

    def _refusal(self, scope: Scope) -> Response | None:
        """The answer to who may not pass."""
        method, headers = scope["method"], Headers(scope=scope)
        hosts = [host.lower() for host in headers.getlist("host")]
        if len(hosts) != 1 or hosts[0] not in self._hosts:
            return problem(HTTPStatus.FORBIDDEN, "This server is not known by that name.")
        if method not in _METHODS:
            answer = problem(HTTPStatus.METHOD_NOT_ALLOWED, "There are GET, HEAD and POST.")
            answer.headers["allow"] = "GET, HEAD, POST"
            return answer
        if refusal := _refusal_of_size(headers):
            return refusal
        if _comes_from_elsewhere(method, headers, hosts[0]):
            return problem(HTTPStatus.FORBIDDEN, "Pages of other sites get no answer.")
        if scope["path"] in OPEN and method in _READING:
            return None
        match self._visitor(headers):
            case "program":
                return None
            case "browser" if method in _READING or _says_where_from(headers):
                return None
            case "browser":
                return problem(HTTPStatus.FORBIDDEN, "A browser has to say where a request comes from.")
            case "stranger":
                return _not_let_in(headers)
            case never:
                assert_never(never)

    def _visitor(self, headers: Headers) -> Literal["program", "browser", "stranger"]:
        """Who asks. A wrong token is not made good by a session."""
        authorization = headers.getlist("authorization")
        if authorization:
            scheme, _, token = authorization[0].partition(" ")
            is_known = len(authorization) == 1 and scheme.lower() == "bearer"
            return "program" if is_known and self._access.knows_token(token) else "stranger"
        cookies = cookie_parser("; ".join(headers.getlist("cookie")))
        session = cookies.get(self._access.cookie)
        return "browser" if session is not None and self._access.knows_session(session) else "stranger"


def _refusal_of_size(headers: Headers) -> Response | None:
    if "transfer-encoding" in headers:
        return problem(HTTPStatus.LENGTH_REQUIRED, "Say with Content-Length how much you send.")
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()) or len(length) > 9 or int(length) > MAX_BODY_BYTES:
        return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"Send {MAX_BODY_BYTES} bytes at most.")
    return None


def _comes_from_elsewhere(method: str, headers: Headers, host: str) -> bool:
    """Whether a page that is not ours has had the browser ask.

    Following a link is no such thing: it shows nothing to the other page, and our cookie does not come along.
    """
    origins = headers.getlist("origin")
    if origins and origins not in ([f"http://{host}"], [f"https://{host}"]):
        return True
    if set(headers.getlist("sec-fetch-site")) <= {"same-origin", "none"}:
        return False
    mode, destination = headers.getlist("sec-fetch-mode"), headers.getlist("sec-fetch-dest")
    return method not in _READING or (mode, destination) != (["navigate"], ["document"])


def _says_where_from(headers: Headers) -> bool:
    return "origin" in headers or "sec-fetch-site" in headers


def _not_let_in(headers: Headers) -> Response:
    if wants_page(headers):
        return entrance()
    wrong = "That is not the token of this server. " if "authorization" in headers else ""
    answer = problem(
        HTTPStatus.UNAUTHORIZED,
        f"{wrong}Send `Authorization: Bearer` with the token of the file access-token.",
    )
    answer.headers["www-authenticate"] = "Bearer"
    return answer


def _dressing(send: Send) -> Send:
    """Puts on every answer what keeps browsers from doing more with it than showing it."""

    async def dressed(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(_DRESS)
            headers.setdefault("cache-control", "no-store")
        await send(message)

    return dressed
