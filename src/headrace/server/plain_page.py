"""A document of a few lines, for browsers that the page itself does not reach: nothing in it has to be fetched."""

from __future__ import annotations

from http import HTTPStatus

from starlette.responses import HTMLResponse

_DOCUMENT = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>Headrace</title>
{content}
</html>
"""


def plain_page(content: str, status: HTTPStatus = HTTPStatus.OK) -> HTMLResponse:
    """The answer that shows this HTML, in which nothing may stand that somebody else has written."""
    return HTMLResponse(_DOCUMENT.format(content=content), status)
