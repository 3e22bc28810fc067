"""The JSON API under ``/api``: what the page shows, and ``headrace.client`` reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.server.api import actions, comparison, flows, graph, logs, runs, search, task_runs, timeline
from headrace.server.api.endpoint import Endpoint
from headrace.server.api.openapi import document_of
from headrace.server.api.routing import routes_of

if TYPE_CHECKING:
    from typing import Any

    from starlette.routing import Route

    from headrace.history.reader import Reader
    from headrace.server.api.routing import Readers


def get_openapi(reader: Reader) -> dict[str, Any]:  # noqa: ARG001 - as every handler is called
    """What this API can do."""
    return document_of(ENDPOINTS)


ENDPOINTS = (
    *timeline.ENDPOINTS,
    *task_runs.ENDPOINTS,
    *graph.ENDPOINTS,
    *logs.ENDPOINTS,
    *flows.ENDPOINTS,
    *comparison.ENDPOINTS,
    *search.ENDPOINTS,
    *actions.ENDPOINTS,
    *runs.ENDPOINTS,
    Endpoint(
        path="/api/openapi.json", handler=get_openapi, summary="This document", answer=dict[str, object]
    ),
)
"""All there are. Of two whose paths match, the first answers: so a fixed path stands before one with a name in it."""


def api_routes(source: Readers) -> list[Route]:
    """Their routes, over the histories that the source lends readers of."""
    return routes_of(ENDPOINTS, source)
