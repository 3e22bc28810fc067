"""What a notebook shows of a run or a state: a small piece of HTML, made of plain values when something is displayed.

It carries its own style, so it reads in light and dark notebooks; every text is escaped.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MOST_CHARACTERS = 300
_LOOKS = {
    "SCHEDULED": ("◷", "#b7791f"),
    "PENDING": ("·", "#808892"),
    "RUNNING": ("▸", "#0e8fa3"),
    "PAUSED": ("‖", "#b7791f"),
    "CANCELLING": ("⊖", "#b7791f"),
    "COMPLETED": ("✓", "#2f9e5b"),
    "FAILED": ("✗", "#e0474c"),
    "CRASHED": ("!", "#b15bd0"),
    "CANCELLED": ("⊖", "#b7791f"),
}
"""A sign and a colour for each type of states. The colours can be read on white and on near black."""

_BOX = (
    "display:inline-block;padding:6px 12px;border:1px solid rgba(128,136,146,.4);border-left:3px solid {colour};"
    "border-radius:4px;font:13px/1.5 system-ui,sans-serif"
)
_QUIET = "opacity:.65"


def state_html(state: str, state_type: str, message: str | None) -> str:
    """A state: its sign, its name, and why, if that is known.

    >>> "✗ Failed" in state_html("Failed", "FAILED", "<no>"), "&lt;no&gt;" in state_html("Failed", "FAILED", "<no>")
    (True, True)
    """
    why = [] if message is None else [f"<span>{_shown(message)}</span>"]
    return _box(state_type, [_line([_signed(state, state_type), *why])])


def run_html(
    name: str,
    state: str,
    state_type: str,
    *,
    seconds: float | None,
    task_runs: Mapping[str, int],
    failure: str | None,
) -> str:
    """A run: state, name and time; how many task runs it has, by types of states; the last line of its failure."""
    head = [_signed(state, state_type), f"<strong>{_shown(name)}</strong>"]
    if seconds is not None:
        head.append(f'<span style="{_QUIET}">{_duration(seconds)}</span>')
    lines = [_line(head)]
    if task_runs:
        counts = [f"{_LOOKS[kind][0]} {count:,} {kind.lower()}" for kind, count in task_runs.items()]
        lines.append(f'<div style="{_QUIET}">{" · ".join(counts)}</div>')
    if failure is not None:
        last = (failure.strip().splitlines() or [""])[-1]
        lines.append(f"<div><code>{_shown(last)}</code></div>")
    return _box(state_type, lines)


def _box(state_type: str, lines: Sequence[str]) -> str:
    return f'<div style="{_BOX.format(colour=_LOOKS[state_type][1])}">{"".join(lines)}</div>'


def _line(parts: Sequence[str]) -> str:
    return f"<div>{' '.join(parts)}</div>"


def _signed(state: str, state_type: str) -> str:
    sign, colour = _LOOKS[state_type]
    return f'<span style="color:{colour};font-weight:600">{sign} {escape(state)}</span>'


def _duration(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds * 1000:.3g} ms"
    minutes, rest = divmod(seconds, 60)
    return f"{minutes:,.0f} min {rest:.0f} s" if minutes else f"{seconds:.3g} s"


def _shown(text: str) -> str:
    return escape(text if len(text) <= _MOST_CHARACTERS else text[: _MOST_CHARACTERS - 1] + "…")
