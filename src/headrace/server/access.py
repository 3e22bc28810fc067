"""Who may come in: a program that knows the token, and a browser that was let in by a link.

A link is signed with the token, so whoever may read its file can make one without asking the server: `headrace ui --link`. It
lets one browser in, at one port, within an hour, and not if it was made before the server started: which links were used
is known only since then. The browser gets a session, a random text, in a cookie.

Everything secret is compared in constant time.
"""

from __future__ import annotations

import hmac
import secrets
from hashlib import sha256

LINK_LIFETIME_US = 3_600_000_000
_MAX_SESSIONS = 200


class Access:
    """The token, the sessions, and which links were used."""

    def __init__(self, token: str, *, port: int, started_us: int) -> None:
        self._token = token
        self._port = port
        self._started_us = started_us
        self._used: dict[str, int] = {}
        self._sessions: dict[str, None] = {}

    @property
    def cookie(self) -> str:
        """The name of the cookie: browsers do not tell the ports of a host apart."""
        return f"headrace_{self._port}"

    def knows_token(self, text: str) -> bool:
        """Whether that is the token."""
        return _is_same(text, self._token)

    def knows_session(self, text: str) -> bool:
        """Whether a browser was given that."""
        return any(_is_same(text, session) for session in self._sessions)

    def let_in(self, link: str, *, now_us: int) -> str | None:
        """A new session for whoever has a link that was not used yet; ``None`` for others."""
        if not link.isascii() or link in self._used:
            return None
        made_us, nonce = [*link.split("."), "", ""][:2]
        if not _is_same(link, _signed(self._token, self._port, made_us, nonce)):
            return None
        earliest_us = max(self._started_us, now_us - LINK_LIFETIME_US)
        if not earliest_us <= int(made_us) <= now_us:
            return None
        self._used = {used: at_us for used, at_us in self._used.items() if at_us >= earliest_us}
        self._used[link] = int(made_us)
        session = secrets.token_urlsafe(32)
        self._sessions[session] = None
        if len(self._sessions) > _MAX_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        return session


def make_link(token: str, *, port: int, now_us: int) -> str:
    """What one browser is let in with, once, by the server at that port."""
    return _signed(token, port, str(now_us), secrets.token_hex(8))


def _signed(token: str, port: int, made_us: str, nonce: str) -> str:
    signature = hmac.new(token.encode(), f"{port} {made_us} {nonce}".encode(), sha256).hexdigest()
    return f"{made_us}.{nonce}.{signature}"


def _is_same(text: str, secret: str) -> bool:
    return hmac.compare_digest(text.encode("utf-8", "surrogatepass"), secret.encode())
