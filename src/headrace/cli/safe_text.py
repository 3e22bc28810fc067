"""Text from outside, made fit for a terminal: names, parameters and log lines may hold anything.

What would steer the terminal, or turn the direction of writing, is shown as its escape.
"""

from __future__ import annotations

import unicodedata

_TURNS_DIRECTION = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_SEPARATES_LINES = frozenset("\u2028\u2029")
_ELLIPSIS = "…"


def safe(text: str) -> str:
    r"""The text in one line that does nothing to a terminal.

    >>> safe("a\nb\x1b[31m")
    'a\\nb\\x1b[31m'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join([_shown(character) for character in text])


def safe_lines(text: str) -> str:
    r"""The same with its line ends; a tab becomes spaces.

    >>> safe_lines("a\n\tb\r\n\x07")
    'a\n    b\n\\x07'
    """
    lines = text.replace("\r\n", "\n").expandtabs(4).split("\n")
    return "\n".join([safe(line) for line in lines])


def cells(text: str) -> int:
    """How many columns of a terminal the text takes."""
    if text.isascii():
        return len(text)
    return sum([_cells_of(character) for character in text])


def clip(text: str, width: int) -> str:
    """The text, its end replaced by ``…`` if it takes more than ``width`` columns.

    >>> clip("kingfisher", 5)
    'king…'
    """
    if cells(text) <= width:
        return text
    taken = 0
    for position, character in enumerate(text):
        taken += _cells_of(character)
        if taken > width - 1:
            return text[:position] + _ELLIPSIS if width > 0 else ""
    return text


def pad(text: str, width: int) -> str:
    """The text, clipped or filled up with spaces to exactly ``width`` columns."""
    text = clip(text, width)
    return text + " " * (width - cells(text))


def _shown(character: str) -> str:
    if character.isprintable() and character not in _TURNS_DIRECTION:
        return character
    code = ord(character)
    if character in _SEPARATES_LINES or unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn"):
        if character in "\n\r\t":
            return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}[character]
        return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    return " "  # a space of another width


def _cells_of(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
