"""Room on the stack: the engine does not begin what it could not bring to its end.

A ``RecursionError`` can come at any call. In the middle of the engine's own work it would lose an event, and
somebody would wait forever; so a function that calls itself without end is refused at a place where nothing has begun.
"""

from __future__ import annotations

import sys

FRAMES_NEEDED = 300
"""More than the engine's deepest way, with the imports that it makes when they are first needed.

With a third to spare: Python counts some calls of C functions, too, and a tracer brings calls of its own.
"""


def require_stack_room() -> None:
    """Raise ``RecursionError`` if the caller stands so deep in the stack that the engine might reach its end."""
    try:
        sys._getframe(sys.getrecursionlimit() - FRAMES_NEEDED)
    except ValueError:  # the stack is not as deep as that
        return
    raise RecursionError(
        f"the stack has less than {FRAMES_NEEDED} frames left, too few to start a run: is this a recursion without "
        f"end? If it is not, raise the limit with sys.setrecursionlimit()"
    )
