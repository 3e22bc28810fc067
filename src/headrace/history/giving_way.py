"""Who only looks into a history gives way to a restore, which leaves a file beside the history to ask for that.

The file counts for a few seconds only: a restore that was killed keeps nobody from looking.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

COUNTS_FOR_SECONDS = 5.0


@contextmanager
def asking_to_give_way(path: str) -> Iterator[None]:
    """Asks all who look into the history at ``path`` to close it, for the time of a ``with`` block."""
    request = _request(path)
    with open(request, "wb"):
        os.utime(request)
    try:
        yield
    finally:
        with suppress(FileNotFoundError):  # another restore has ended, too
            os.unlink(request)


def is_to_give_way(path: str) -> bool:
    """Whether who looks into the history at ``path`` is to close it for now."""
    try:
        asked_at = os.stat(_request(path)).st_mtime
    except OSError:
        return False
    return abs(time.time() - asked_at) < COUNTS_FOR_SECONDS


def _request(path: str) -> str:
    return f"{path}.give-way"
