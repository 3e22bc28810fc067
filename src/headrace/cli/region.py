"""Some lines at the bottom of a terminal that are drawn anew, while what is printed scrolls by above them.

``stdout`` stays the user's: a print goes to it unchanged, only the lines below are taken away first and drawn again
behind it. While a printed line has no end yet (a row of dots), or ``input`` waits for an answer, nothing is drawn below.
"""

from __future__ import annotations

import builtins
import os
import re
import shutil
import sys
import threading
from typing import TYPE_CHECKING, Any, TextIO

from headrace.cli.safe_text import cells
from headrace.cli.screen import is_terminal

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

_STYLES = re.compile(r"\x1b\[[0-9;]*m")
_CLEAR_BELOW = "\r\x1b[J"
_MOST_REDRAWS = 20
"""How often what is printed may have the lines drawn again between two ticks: more could not be seen."""


class Region:
    """Use it in a ``with`` block: that puts ``print`` and everything else written to a terminal above the region."""

    def __init__(self, terminal: TextIO) -> None:
        self._terminal = terminal
        self._lock = threading.RLock()
        self._lines: list[str] = []
        self._height = 0
        self._columns = 0
        self._redraws_left = 0
        self._is_outdated = False
        self._is_line_open = False
        self._is_asking = False
        self._is_closed = False
        self._input = builtins.input
        self._replaced: dict[str, tuple[Any, Any]] = {}

    def __enter__(self) -> Self:
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if stream is not None and _is_same_terminal(stream, self._terminal):
                above = _Above(stream, self)
                self._replaced[name] = (above, stream)
                setattr(sys, name, above)
        builtins.input = self._ask
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._abandon)
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _tb: TracebackType | None
    ) -> None:
        self.close()
        if builtins.input == self._ask:
            builtins.input = self._input
        for name, (above, stream) in self._replaced.items():
            if getattr(sys, name) is above:
                setattr(sys, name, stream)

    def close(self) -> None:
        """Takes the region away for good."""
        with self._lock:
            self._hide()
            self._is_closed = True

    def draw(self, lines: list[str]) -> None:
        """Puts these lines, each narrower than the terminal, in the place of those that are there."""
        with self._lock:
            self._notice_width()
            self._lines = lines
            self._is_outdated = False
            self._redraws_left = _MOST_REDRAWS
            self._show()

    def say(self, lines: list[str]) -> None:
        """Prints lines above the region, to stay."""
        self.write(self._terminal, "".join([f"{line}\n" for line in lines]))

    def write(self, stream: TextIO, text: str) -> int:
        """Writes to a stream of the terminal, above the region."""
        with self._lock:
            self._hide()
            written = stream.write(text)
            if text:
                self._is_line_open = not text.endswith(("\n", "\r"))
            if self._redraws_left and self._lines and not self._is_line_open:
                self._redraws_left -= 1
                self._show()
            return written

    def _ask(self, prompt: object = "", /) -> str:
        """In the place of ``input``, which writes to the terminal past ``sys.stdout``."""
        with self._lock:
            self._hide()
            self._is_asking = True
        try:
            return self._input(prompt)
        finally:
            self._is_asking = self._is_line_open = False

    def _show(self) -> None:
        if self._is_closed or self._is_line_open or self._is_asking or self._is_outdated:
            return
        for _, stream in self._replaced.values():
            stream.flush()
        text = self._up() + "\n".join([f"{line}\x1b[K" for line in self._lines]) + "\x1b[J"
        self._terminal.write(text)
        self._terminal.flush()
        self._height = len(self._lines)

    def _hide(self) -> None:
        self._notice_width()
        if self._height:
            self._terminal.write(self._up() + _CLEAR_BELOW)
            self._terminal.flush()
            self._height = 0

    def _notice_width(self) -> None:
        """Lines that have become too long for a terminal take several rows of it, and are not drawn again."""
        columns = shutil.get_terminal_size().columns
        if 0 < columns < self._columns:
            self._is_outdated = True
            if self._height:
                widths = [cells(_STYLES.sub("", line)) for line in self._lines]
                self._height = sum([max(-(-width // columns), 1) for width in widths])
        self._columns = columns

    def _up(self) -> str:
        return f"\r\x1b[{self._height - 1}A" if self._height > 1 else "\r"

    def _abandon(self) -> None:
        """In a forked child: the region is the parent's, and its lock may be held by a thread that is not here."""
        self._lock = threading.RLock()
        self._height = 0
        self._is_closed = True


class _Above:
    """Stands in for a stream of the terminal; everything but writing is the stream's own."""

    def __init__(self, stream: TextIO, region: Region) -> None:
        self._stream = stream
        self._region = region

    def write(self, text: str) -> int:
        return self._region.write(self._stream, text)

    def writelines(self, lines: Any) -> None:
        self.write("".join(lines))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _is_same_terminal(stream: TextIO, terminal: TextIO) -> bool:
    if stream is terminal:
        return True
    try:
        return is_terminal(stream) and os.path.sameopenfile(stream.fileno(), terminal.fileno())
    except (OSError, ValueError):
        return False
