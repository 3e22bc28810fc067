"""Room on the stack: the engine does not begin what it could not bring to its end.

A ``RecursionError`` can come at any call. In the middle of the engine's own work it would lose an event, and
somebody would wait forever; so a function that calls itself without end is refused at a place where nothing has begun.
"""

from __future__ import annotations

import sys

FRAMES_NEEDED = 500
"""The engine's deepest way takes some 150 frames, with the imports that it makes when they are first needed.

Python counts more than frames towards its limit: calls of C functions, each step of an await that nests, and what a
tracer does. So this is more than three times as much.
"""


def require_stack_room() -> None:
    """Raise ``RecursionError`` if the caller stands so deep in the stack that the engine might reach its end."""
    try:
        limit = sys.getrecursionlimit()
        sys._getframe(max(limit - FRAMES_NEEDED, limit // 2))
    except ValueError:  # the stack is not as deep as that
        return
    raise RecursionError(
        f"the stack has less than {FRAMES_NEEDED} frames left, too few to start a run: is this a recursion without "
        f"end? If it is not, raise the limit with sys.setrecursionlimit()"
    )
