"""The body of a POST: a JSON object becomes the frozen dataclass that the endpoint wants, or is refused."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from headrace.server.api.problems import refused

if TYPE_CHECKING:
    from pydantic import TypeAdapter

MAX_BODY_BYTES = 1_000_000


def body_of(wanted: type, content: bytes) -> Any:
    """What was sent as such a value. Raises ``RefusedError`` that names each field which does not fit."""
    from pydantic import ValidationError  # a server that only shows needs none of it

    if len(content) > MAX_BODY_BYTES:
        raise refused("The body is larger than a megabyte.")
    try:
        read = json.loads(content)
        json.dumps(read, ensure_ascii=False).encode()  # which fails for text that no database takes
        return _adapter(wanted).validate_python(read)
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, fault['loc'])) or 'body'}: {fault['msg']}" for fault in error.errors()]
        raise refused("; ".join(faults[:10])) from None
    except (ValueError, RecursionError):
        raise refused("The body is no JSON in UTF-8.") from None


@cache
def _adapter(wanted: type) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(wanted)
