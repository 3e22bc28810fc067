"""Errors as RFC 9457 problem details: what went wrong, with which run, and what to do about it.

Nothing here knows a route.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.responses import Response

from headrace.errors import HistoryError, RunNotFoundError, RunUnderWayError

if TYPE_CHECKING:
    from headrace.errors import HeadraceError

MEDIA_TYPE = "application/problem+json"


class RefusedError(Exception):
    """A request that cannot be answered as it was made. ``detail`` says what to ask for instead."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def refused(detail: str) -> RefusedError:
    """The error of a request whose values cannot be used."""
    return RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, detail)


def problem(status: HTTPStatus, detail: str) -> Response:
    """The answer that tells of it."""
    body = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}
    return Response(json.dumps(body), status, media_type=MEDIA_TYPE)


def problem_of(error: HeadraceError, run: str | None = None) -> Response:
    """The answer that tells of an error of ours. ``run`` is the id of the flow run that was asked for."""
    match error:
        case RunNotFoundError():
            status = HTTPStatus.NOT_FOUND
        case RunUnderWayError():
            status = HTTPStatus.CONFLICT
        case HistoryError():
            status = HTTPStatus.SERVICE_UNAVAILABLE
        case _:
            status = HTTPStatus.CONFLICT
    is_about_run = run is None or run in str(error)
    return problem(status, str(error) if is_about_run else f"Flow run {run}: {error}")
