"""The built page: its files are read once, at the start, and answered by their exact names. No path is made from a request."""

from __future__ import annotations

import gzip
import os
from functools import cached_property
from hashlib import sha256
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from headrace.server.api.problems import problem

if TYPE_CHECKING:
    from starlette.requests import Request

PAGE = os.path.join(os.path.dirname(__file__), "page")
"""Where the build puts the page: sources in ``ui/``."""

ADDRESSES = ("/", "/runs", "/runs/{id}", "/flows", "/compare")
"""What the page shows something at. It is one document, which reads its address itself."""

_DOCUMENT = "index.html"
_WORTH_COMPRESSING = 1_000
_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}


class PageFile:
    """One file, as browsers get it: they ask each time whether the one that they have is still the same."""

    def __init__(self, content: bytes, media_type: str) -> None:
        self._content = content
        self._media_type = media_type
        self._tag = f'W/"{sha256(content).hexdigest()[:20]}"'

    async def answer(self, request: Request) -> Response:
        """Its content, or that the browser has it."""
        headers = {"cache-control": "no-cache", "etag": self._tag, "vary": "accept-encoding"}
        if self._tag in request.headers.get("if-none-match", "").split(", "):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        content = self._content
        if len(content) >= _WORTH_COMPRESSING and "gzip" in request.headers.get("accept-encoding", ""):
            headers["content-encoding"] = "gzip"
            content = self._compressed
        return Response(content, headers=headers, media_type=self._media_type)

    @cached_property
    def _compressed(self) -> bytes:
        return gzip.compress(self._content, mtime=0)


def page_routes(folder: str = PAGE) -> list[Route]:
    """A route for each file in the folder, and one for each address of the page."""
    files = _read(folder)
    document = files.pop(_DOCUMENT, None)
    show = document.answer if document is not None else _say_that_it_is_not_built
    return [
        *(Route(f"/{name}", file.answer) for name, file in files.items()),
        *(Route(address, show) for address in ADDRESSES),
    ]


async def _say_that_it_is_not_built(_: Request) -> Response:
    return problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "This installation has no page. `make ui` builds it; the API is there.",
    )


def _read(folder: str) -> dict[str, PageFile]:
    files: dict[str, PageFile] = {}
    if not os.path.isdir(folder):
        return files
    for name in sorted(os.listdir(folder)):
        media_type = _MEDIA_TYPES.get(os.path.splitext(name)[1])
        if media_type is not None:
            with open(os.path.join(folder, name), "rb") as file:
                files[name] = PageFile(file.read(), media_type)
    return files
