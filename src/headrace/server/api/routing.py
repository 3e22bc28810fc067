"""Endpoints become routes: a request is read and checked, its handler is called in a thread, its answer is written."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Route

from headrace.errors import HeadraceError
from headrace.server.api.bodies import body_of
from headrace.server.api.encoding import MAX_ANSWER_BYTES, encoded
from headrace.server.api.endpoint import Json
from headrace.server.api.problems import RefusedError, problem, problem_of, refused

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager
    from typing import Protocol

    from starlette.requests import Request

    from headrace.history.reader import Reader
    from headrace.server.api.endpoint import Endpoint

    class Readers(Protocol):
        """Who lends readers of one history."""

        def reader(self) -> AbstractContextManager[Reader]:
            """A reader for the time of a ``with`` block."""


def routes_of(endpoints: Iterable[Endpoint], source: Readers) -> list[Route]:
    """A route for each, in their order: of two that match, the first answers."""
    return [_route(endpoint, source) for endpoint in endpoints]


def _route(endpoint: Endpoint, source: Readers) -> Route:
    def answer(request: Request, content: bytes) -> Response:
        try:
            values = _values(endpoint, request)
            if endpoint.body is not None:
                values["body"] = body_of(endpoint.body, content)
            if endpoint.gets == "source":
                return _response(endpoint.handler(source, **values))
            with source.reader() as reader:
                return _response(endpoint.handler(reader, **values))
        except RefusedError as error:
            return problem(error.status, error.detail)
        except HeadraceError as error:
            return problem_of(error, request.path_params.get("id"))

    async def respond(request: Request) -> Response:
        content = await request.body() if endpoint.body is not None else b""
        return await run_in_threadpool(answer, request, content)

    return Route(endpoint.path, respond, methods=[endpoint.method], name=endpoint.name)


def _values(endpoint: Endpoint, request: Request) -> dict[str, Any]:
    """What the request says, by the names of the parameters. Raises ``RefusedError``."""
    query = request.query_params
    known = {parameter.name for parameter in endpoint.parameters if not parameter.is_in_path}
    for name in query:
        if name not in known:
            there_are = ", ".join(sorted(known)) or "none"
            raise refused(f"{name[:40]!r} is no parameter of {endpoint.path}. There are: {there_are}.")
    path = request.path_params
    return {
        parameter.name: parameter.read(
            [path[parameter.name]] if parameter.is_in_path else query.getlist(parameter.name)
        )
        for parameter in endpoint.parameters
    }


def _response(answer: object) -> Response:
    content = answer.encode() if isinstance(answer, Json) else encoded(answer)
    if len(content) > MAX_ANSWER_BYTES:
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, "The answer is larger than a megabyte. Ask for less.")
    return Response(content, media_type="application/json")
