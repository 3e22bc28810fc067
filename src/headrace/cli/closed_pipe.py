"""What to do when nobody reads any more what is printed (``| head``)."""

from __future__ import annotations

import os
import sys


def answer(text: str) -> None:
    """Prints a line, if anybody reads it."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        _print_to_nobody()


def let_go_of_a_closed_pipe() -> None:
    """Prints what is not printed yet; the interpreter shall not complain at its end that nobody would have it."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _print_to_nobody()
    except ValueError:  # it is closed
        return


def _print_to_nobody() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
