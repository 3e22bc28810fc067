"""Where lines go: a terminal gets them in colour and drawn by rich, anything else as plain text."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING, TextIO

from headrace.cli.lines import plain
from headrace.cli.signs import Glyphs, glyphs_for

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headrace.cli.lines import Line

_WIDTH_OF_A_FILE = 100
_WIDEST = 160
_NARROWEST = 24


class Screen:
    """One output stream: its width, the glyphs it can carry, and how to print on it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.is_terminal = is_terminal(stream)
        self.glyphs: Glyphs = glyphs_for(getattr(stream, "encoding", None))
        self._has_styles = can_redraw(stream) and not os.environ.get("NO_COLOR")

    @property
    def width(self) -> int:
        """How many columns a drawing may take."""
        columns = shutil.get_terminal_size((_WIDTH_OF_A_FILE, 24)).columns
        return min(max(columns, _NARROWEST), _WIDEST)

    @property
    def is_bounded(self) -> bool:
        """Whether a line that is too wide would be cut or wrapped: not in a file or pipe, unless ``COLUMNS`` says so."""
        return self.is_terminal or "COLUMNS" in os.environ

    def print(self, lines: Iterable[Line]) -> None:
        """Prints the lines at once."""
        self._stream.write("".join([f"{text}\n" for text in self.render(lines)]))
        self._stream.flush()

    def render(self, lines: Iterable[Line]) -> list[str]:
        """The lines as the stream takes them, styles included."""
        texts = self._styled(lines) if self._has_styles else [plain(line) for line in lines]
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        return [text.encode(encoding, "backslashreplace").decode(encoding) for text in texts]

    def _styled(self, lines: Iterable[Line]) -> list[str]:
        from rich.console import Console
        from rich.text import Text

        # Wrapping is ours to decide: for rich the line is endless.
        console = Console(
            file=self._stream, force_terminal=True, width=10_000, highlight=False, legacy_windows=False
        )
        texts = []
        for line in lines:
            text = Text.assemble(*[(span.text, span.style) for span in line])
            with console.capture() as captured:
                console.print(text, soft_wrap=True, end="")
            texts.append(captured.get())
        return texts


def is_terminal(stream: TextIO) -> bool:
    """Whether a person looks at it."""
    try:
        return stream.isatty()
    except ValueError:  # it is closed
        return False


def can_redraw(stream: TextIO) -> bool:
    """Whether it is a terminal that understands more than characters."""
    return is_terminal(stream) and os.environ.get("TERM", "dumb") != "dumb"


def stdout() -> Screen:
    """What a command answers on."""
    return Screen(sys.stdout)


def stderr() -> Screen:
    """What is told beside the answer."""
    return Screen(sys.stderr)
