"""A document of a few lines, for browsers that the page itself does not reach: nothing in it has to be fetched."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse

if TYPE_CHECKING:
    from starlette.datastructures import Headers

_DOCUMENT = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>Headrace</title>
{content}
</html>
"""


def wants_page(headers: Headers) -> bool:
    """Whether a person is to see the answer."""
    return "text/html" in headers.get("accept", "")


def plain_page(content: str, status: HTTPStatus = HTTPStatus.OK) -> HTMLResponse:
    """The answer that shows this HTML, in which nothing may stand that somebody else has written."""
    return HTMLResponse(_DOCUMENT.format(content=content), status)
