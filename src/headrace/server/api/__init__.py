"""The JSON API under ``/api``: what the page shows, and ``headrace.client`` reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.server.api import actions, runs, timeline
from headrace.server.api.routing import routes_of

if TYPE_CHECKING:
    from starlette.routing import Route

    from headrace.server.api.routing import Readers

ENDPOINTS = (*timeline.ENDPOINTS, *actions.ENDPOINTS, *runs.ENDPOINTS)


def api_routes(source: Readers) -> list[Route]:
    """The routes of all that can be read and done."""
    return routes_of(ENDPOINTS, source)
