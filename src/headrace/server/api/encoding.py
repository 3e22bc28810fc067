"""Answers as JSON: dataclasses become objects, in UTF-8 that every reader takes."""

from __future__ import annotations

import json
from typing import Any

MAX_ANSWER_BYTES = 1_000_000
"""No answer is larger."""


def encoded(value: object) -> bytes:
    """The JSON text of a value. A lone surrogate, which no UTF-8 can say, becomes a question mark."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_fields)
    return text.encode("utf-8", "replace")


def _fields(value: Any) -> dict[str, object]:
    """A frozen dataclass with slots as an object."""
    return {name: getattr(value, name) for name in value.__slots__}
