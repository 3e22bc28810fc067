"""How a browser gets in: a link lets it in once, and who has none is told where links come from.

The session comes with a page that leads on by itself. A redirect would not do: a browser that was sent here by another
site's page, such as a terminal in the web, keeps the new cookie to itself until our own page leads on.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from headrace.clock import now_us
from headrace.server.plain_page import plain_page

if TYPE_CHECKING:
    from starlette.requests import Request

    from headrace.server.access import Access

LOGIN = "/login"

_WELCOME = (
    '<meta http-equiv="refresh" content="0; url=/">\n<p>You are in. <a href="/">Go on to the runs.</a></p>'
)
_ENTRANCE = """<h1>Who is there?</h1>
<p>{reason}</p>
<p>In a terminal of the machine on which <code>headrace ui</code> runs, say <code>headrace ui --link</code>
and open the link that it prints. Each link lets one browser in, within an hour.</p>
<p>If you are in already and came here by a link: <a href="">try again</a>.</p>"""


def login_route(access: Access) -> Route:
    """What the link leads to."""

    async def log_in(request: Request) -> Response:
        if request.method == "HEAD":  # a preview of the link does not use it up
            return Response()
        session = access.let_in(request.query_params.get("token", ""), now_us=now_us())
        if session is None:
            return entrance("This link was used already, or has expired.")
        answer = plain_page(_WELCOME)
        answer.set_cookie(access.cookie, session, httponly=True, samesite="strict")
        return answer

    return Route(LOGIN, log_in)


def entrance(reason: str = "This page shows the runs only to whoever may see them.") -> Response:
    """What a browser sees that is not let in."""
    return plain_page(_ENTRANCE.format(reason=reason), HTTPStatus.UNAUTHORIZED)
