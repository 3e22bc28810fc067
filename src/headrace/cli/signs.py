"""How states look: a sign that can be told from the others without colour, and a colour."""

from __future__ import annotations

from typing import NamedTuple

from headrace.engine.states import StateName, StateType


class Look(NamedTuple):
    """The sign of a state, the same in ASCII, and a style."""

    sign: str
    ascii_sign: str
    style: str


_LOOKS_OF_TYPES = {
    StateType.SCHEDULED: Look("◷", "~", "yellow"),
    StateType.PENDING: Look("·", ".", "dim"),
    StateType.RUNNING: Look("▸", ">", "cyan"),
    StateType.PAUSED: Look("‖", "=", "yellow"),
    StateType.CANCELLING: Look("⊖", "-", "yellow"),
    StateType.COMPLETED: Look("✓", "+", "green"),
    StateType.FAILED: Look("✗", "x", "red"),
    StateType.CRASHED: Look("!", "!", "magenta"),
    StateType.CANCELLED: Look("⊖", "-", "yellow"),
}
_LOOKS_OF_NAMES = {
    StateName.AWAITING_RETRY: Look("↻", "r", "yellow"),
    StateName.RETRYING: Look("↻", "r", "cyan"),
    StateName.UPSTREAM_FAILED: Look("⊘", "/", "red"),
}


class Glyphs(NamedTuple):
    """The characters that drawings are made of. Each takes one column."""

    is_ascii: bool
    bar: str
    failed: str
    waited: str
    tick: str
    branch: str
    last_branch: str
    trunk: str
    levels: str
    """From little to much."""
    arrow: str
    dot: str

    def sign(self, state: str) -> str:
        """The sign of a state by its name."""
        look = look_of(state)
        return look.ascii_sign if self.is_ascii else look.sign


UNICODE = Glyphs(False, "━", "×", "┄", "│", "├─ ", "└─ ", "│  ", "▁▂▃▄▅▆▇█", "←", "·")
ASCII = Glyphs(True, "=", "x", ".", "|", "|- ", "`- ", "|  ", "_.-:=+*#", "<-", "-")


def look_of(state: str) -> Look:
    """How a state of that name looks."""
    name = StateName(state)
    return _LOOKS_OF_NAMES.get(name) or _LOOKS_OF_TYPES[name.type]


def glyphs_for(encoding: str | None) -> Glyphs:
    """Those that an output in this encoding can carry."""
    every = "".join([str(part) for part in UNICODE[1:]]) + "".join(
        [look.sign for look in (*_LOOKS_OF_TYPES.values(), *_LOOKS_OF_NAMES.values())]
    )
    try:
        every.encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return UNICODE
