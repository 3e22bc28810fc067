"""The token that lets programs in to the live page and its API: a line in a file that only its owner may read.

The server makes it, once; clients and scrapers of the same user read it.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress

from headrace import settings
from headrace.errors import ServingError

_LEAST_LENGTH = 32


def default_path() -> str:
    """The file of the token that ``headrace ui`` makes for itself."""
    return os.path.join(settings.home(), "access-token")


def read_token(path: str) -> str:
    """The token in that file.

    Raises ``ServingError`` if there is no such file, if others than its owner may read it, or if it has no token.
    """
    try:
        with open(path, encoding="ascii") as file:
            if os.name == "posix":
                _refuse_foreign_eyes(path, os.fstat(file.fileno()))
            token = file.read(4096).strip()
    except FileNotFoundError as error:
        advice = (
            "`headrace ui` makes one when it is started for the first time."
            if path == default_path()
            else f"Write one into it, {_LEAST_LENGTH} or more letters and digits, and let only yourself read it (chmod 600)."
        )
        raise ServingError(f"There is no token at {path}. {advice}") from error
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ServingError(f"The token at {path} cannot be read: {reason}.") from error
    if len(token) < _LEAST_LENGTH or not all(map(_is_fit_for_a_header, token)):
        raise ServingError(
            f"The file {path} is to hold one token: {_LEAST_LENGTH} or more letters and digits, in one line."
        )
    return token


def read_or_make_token() -> str:
    """The token of the default file, which is made, for its owner alone, if there is none. Raises ``ServingError``."""
    path = default_path()
    if not os.path.exists(path):
        try:
            _make(path)
        except OSError as error:
            raise ServingError(f"The token at {path} cannot be made: {error.strerror}.") from error
    return read_token(path)


def _make(path: str) -> None:
    """Makes the file as a whole: who finds it finds the token in it, also while another process makes one."""
    import secrets

    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    draft = f"{path}.{secrets.token_hex(4)}.part"
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(file, "w", encoding="ascii") as text:
            text.write(f"{secrets.token_urlsafe(32)}\n")
        with suppress(FileExistsError):  # the other was first
            os.link(draft, path)
    finally:
        os.unlink(draft)


def _refuse_foreign_eyes(path: str, status: os.stat_result) -> None:
    if status.st_uid not in (os.getuid(), 0) or stat.S_IMODE(status.st_mode) & 0o077:
        raise ServingError(f"Others can read the token at {path}. Say `chmod 600 {path}`, or make a new one.")


def _is_fit_for_a_header(character: str) -> bool:
    return character.isalnum() or character in "-._~+/="
