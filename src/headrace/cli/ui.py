"""``headrace ui``: serves the live page, until Ctrl-C."""

from __future__ import annotations

import os
import sys
from http import HTTPStatus
from typing import TYPE_CHECKING

import click

from headrace import settings
from headrace.access_token import read_or_make_token, read_token
from headrace.cli.run_names import now_us
from headrace.cli.safe_text import safe_lines
from headrace.errors import HistoryUnavailableError
from headrace.history.database import IN_MEMORY
from headrace.server.access import Access, make_link
from headrace.server.addresses import DEFAULT_HOST, DEFAULT_PORT, listen, names_of, port_of, url_of
from headrace.server.source import Source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headrace.server.serving import Server

_ASKED_FOR = ("/healthz", "/", "/api/info")
_PATIENCE_SECONDS = 10.0

_WILDCARDS = ("0.0.0.0", "::", "")  # noqa: S104 - compared, not bound


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=DEFAULT_PORT,
    show_default=True,
    help="Where to listen; 0: any free one.",
)
@click.option("--host", default=DEFAULT_HOST, show_default=True, help="At which address of this machine.")
@click.option(
    "--token-file",
    type=click.Path(dir_okay=False),
    help="A file of yours with the token that programs send. Needed with --host.",
)
@click.option(
    "--allow-host",
    "names",
    metavar="NAME[:PORT]",
    multiple=True,
    help="Another name by which browsers may call the server. May be repeated.",
)
@click.option("--no-browser", is_flag=True, help="Do not open a browser.")
@click.option(
    "--link", "is_only_link", is_flag=True, help="Print a link to the page that is served, and end."
)
@click.option("--check", "is_only_check", is_flag=True, help="Try whether all would work, and end.")
def ui(
    *,
    port: int,
    host: str,
    token_file: str | None,
    names: Sequence[str],
    no_browser: bool,
    is_only_link: bool,
    is_only_check: bool,
) -> int:
    """Show the runs on a live page, in the browser.

    The page is for you alone: the link that is printed lets one browser in, once. It shows what any process writes into
    the history, from when on it is written.
    """
    location = settings.database()
    if location == IN_MEMORY:
        raise HistoryUnavailableError(
            "HEADRACE_DATABASE is :memory:, and nobody else can look into such a history. Set it to a file."
        )
    token = read_or_make_token() if token_file is None else read_token(token_file)
    if is_only_link:
        _refuse_where_nothing_is_served(token, host, port)
        click.echo(_link(token, host, port, names))
        return 0
    if is_only_check:
        return _check(location, token)
    with listen(host, port, has_own_token=token_file is not None) as listener:
        port = port_of(listener)
        access = Access(token, port=port, started_us=now_us())
        link = _link(token, host, port, names)
        click.echo(f"Headrace shows its runs at {link} (Ctrl-C ends it)")
        sys.stdout.flush()
        if not no_browser and _has_display():
            _open_browser(link)
        _server(location, access, names_of(host, port, names)).run([listener])
    return 0


def _server(location: str, access: Access, names: frozenset[str]) -> Server:
    from headrace.server.app import create_app, create_routes
    from headrace.server.events import Hub
    from headrace.server.serving import Server
    from headrace.server.watch import Watch

    source = Source(location)
    hub = Hub(Watch(source))
    return Server(create_app(create_routes(source, access, hub), access, names), before_stop=hub.close)


def _link(token: str, host: str, port: int, names: Sequence[str]) -> str:
    """What lets one browser in. A server for all addresses of the machine has no address of its own."""
    where = url_of(_reached_at(host), port)
    if host in _WILDCARDS and names:
        where = f"http://{names[0]}"
    return f"{where}/login?token={make_link(token, port=port, now_us=now_us())}"


def _refuse_where_nothing_is_served(token: str, host: str, port: int) -> None:
    if _fault_at(_reached_at(host), port, "/api/info", token) is not None:
        where = url_of(_reached_at(host), port)
        raise click.ClickException(
            f"No page of yours is served at {where}: start `headrace ui`, or give its --port."
        )


def _reached_at(host: str) -> str:
    """The address for who is on this machine."""
    return DEFAULT_HOST if host in _WILDCARDS else host


def _has_display() -> bool:
    """Whether a browser would have a screen to open on."""
    if sys.platform in ("win32", "darwin"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))


def _open_browser(link: str) -> None:
    import webbrowser

    webbrowser.open(link)


def _check(location: str, token: str) -> int:
    """Serves at a free port for a moment, and asks for what a browser asks for first."""
    from headrace.server.serving import running

    is_well = True
    with listen(DEFAULT_HOST, 0, has_own_token=False) as listener:
        port = port_of(listener)
        access = Access(token, port=port, started_us=now_us())
        with running(_server(location, access, names_of(DEFAULT_HOST, port)), listener):
            for path in _ASKED_FOR:
                fault = _fault_at(DEFAULT_HOST, port, path, token)
                is_well = is_well and fault is None
                click.echo(f"{path}: {fault or 'ok'}", err=fault is not None)
    return 0 if is_well else 1


def _fault_at(host: str, port: int, path: str, token: str) -> str | None:
    """What is wrong with the answer."""
    from http.client import HTTPConnection, HTTPException

    connection = HTTPConnection(host, port, timeout=_PATIENCE_SECONDS)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
    except (OSError, HTTPException) as error:
        return f"no answer ({error})"
    finally:
        connection.close()
    return None if answer.status == HTTPStatus.OK else f"{answer.status} {safe_lines(text[:500])}"
