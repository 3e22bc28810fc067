"""Where the server listens, and by which names it is known there.

Nothing is opened to other machines by accident: that takes a token which the user has chosen.
"""

from __future__ import annotations

import errno
import os
import socket
from ipaddress import ip_address
from typing import TYPE_CHECKING

from headrace.errors import ServingError

if TYPE_CHECKING:
    from collections.abc import Iterable

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 4242

_BACKLOG = 256


def listen(host: str, port: int, *, has_own_token: bool) -> socket.socket:
    """A socket that takes connections at once; port 0 is any free one.

    ``has_own_token``: the user has said which token is asked for. Raises ``ServingError``.
    """
    family, address = _resolve(host)
    if not has_own_token and not ip_address(address).is_loopback:
        raise ServingError(
            f"{host} lets other machines in, and is refused without a token of your own: write one into a file that only "
            "you can read, and give that with --token-file. Without --host only this machine is let in."
        )
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # elsewhere it would mean to share the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise ServingError(_explain(error, host, port)) from error
    return listener


def port_of(listener: socket.socket) -> int:
    """The port that it listens at."""
    port: int = listener.getsockname()[1]
    return port


def url_of(host: str, port: int) -> str:
    """The beginning of its URLs, without a slash."""
    return f"http://{_in_url(host)}:{port}"


def names_of(host: str, port: int, further: Iterable[str] = ()) -> frozenset[str]:
    """The values of ``Host`` that mean the server: the addresses of this machine for itself, the given one, and further ones as they are."""
    hosts = ["127.0.0.1", "localhost", "[::1]", _in_url(host)]
    with_port = [f"{name}:{port}" for name in hosts]
    return frozenset(name.lower() for name in [*with_port, *(hosts if port == 80 else []), *further])


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _resolve(host: str) -> tuple[socket.AddressFamily, str]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise ServingError(f"{host!r} is no address of this machine: {error}.") from error
    family, _, _, _, address = found[0]
    return family, str(address[0])


def _explain(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} of {host} is taken. If it is the page already, `headrace ui --link` prints a link to it; "
            "else choose another port with --port, or any free one with --port 0."
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return (
            f"Port {port} of {host} may not be used: {error.strerror}. Choose one from 1024 on with --port."
        )
    return f"Nothing can listen at port {port} of {host}: {error.strerror}."
