"""All that the server answers, put together: the guard, and behind it the routes."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from headrace.server.api import api_routes
from headrace.server.api.problems import problem
from headrace.server.files import page_routes
from headrace.server.guard import HEALTH, Guard
from headrace.server.metrics import metrics_route
from headrace.server.plain_page import plain_page, wants_page
from headrace.server.signing_in import login_route
from headrace.server.streaming import events_route

if TYPE_CHECKING:
    from starlette.requests import Request

    from headrace.server.access import Access
    from headrace.server.events import Hub
    from headrace.server.source import Source

_FASTEST = 1
_NOTHING = '<h1>There is no such page</h1>\n<p><a href="/">Go to the runs.</a></p>'


def create_app(routes: list[Route], access: Access, hosts: frozenset[str]) -> Guard:
    """The routes behind the guard. ``hosts`` are the names of this server, with their ports."""
    app = Starlette(
        routes=routes,
        middleware=[Middleware(GZipMiddleware, minimum_size=4_000, compresslevel=_FASTEST)],
        exception_handlers={HTTPException: _tell_of, Exception: _tell_of_defect},
    )
    app.router.redirect_slashes = False
    return Guard(app, access, hosts)


def create_routes(source: Source, access: Access, hub: Hub) -> list[Route]:
    """Every route there is."""
    return [
        Route(HEALTH, _is_there),
        login_route(access),
        events_route(hub),
        *api_routes(source),
        metrics_route(source),
        *page_routes(),
    ]


async def _is_there(_: Request) -> Response:
    return PlainTextResponse("ok\n")


async def _tell_of(request: Request, error: Exception) -> Response:
    """The router found nothing, or the body ended early."""
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    if status is HTTPStatus.NOT_FOUND and wants_page(request.headers):
        return plain_page(_NOTHING, status)
    detail = "There is nothing here." if status is HTTPStatus.NOT_FOUND else error.detail
    answer = problem(status, detail)
    answer.headers.update(error.headers or {})
    return answer


async def _tell_of_defect(_: Request, __: Exception) -> Response:
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR, "A defect of Headrace: the terminal of `headrace ui` says more."
    )
