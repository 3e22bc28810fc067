"""Times and spans as a person reads them, and as a machine does. All are microseconds; zones are the reader's own."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

_UNITS_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_AGE = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")


def moment(at_us: int) -> str:
    """Date and time of day."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at_us // 1_000_000))


def time_of_day(at_us: int) -> str:
    """Hours to milliseconds."""
    return f"{time.strftime('%H:%M:%S', time.localtime(at_us // 1_000_000))}.{at_us // 1000 % 1000:03}"


def ago(at_us: int, now_us: int) -> str:
    """How long ago that was, roughly.

    >>> ago(0, 7_300_000_000)
    '2 h ago'
    """
    seconds = max(now_us - at_us, 0) // 1_000_000
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago" if seconds else "just now"


def iso(at_us: int | None) -> str | None:
    """ISO 8601 in UTC, to the microsecond.

    >>> iso(0)
    '1970-01-01T00:00:00.000000Z'
    """
    if at_us is None:
        return None
    whole = datetime.fromtimestamp(at_us // 1_000_000, UTC)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{at_us % 1_000_000:06}Z"


def parse_since(text: str, now_us: int) -> int:
    """The moment that ``2h`` (ago), ``2026-03-01`` or ``2026-03-01T12:00`` means. Raises ``ValueError``.

    >>> parse_since("1.5h", 5_400_000_000)
    0
    """
    age = _AGE.fullmatch(text.strip().lower())
    if age is not None:
        return now_us - round(float(age[1]) * _UNITS_SECONDS[age[2]] * 1_000_000)
    moment = datetime.fromisoformat(text.strip())
    return round((moment if moment.tzinfo else moment.astimezone()).timestamp() * 1_000_000)
