"""Draws rows as a table with a bar for each over a common axis of time. Pure: rows in, lines out."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from headrace.cli.lines import Line, Span, fit
from headrace.cli.live import words
from headrace.cli.run_rows import MOST_ROWS, SLICES, Doing
from headrace.cli.safe_text import cells, clip, pad, safe
from headrace.cli.signs import look_of
from headrace.clock import duration
from headrace.engine.states import StateName

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from headrace.cli.run_rows import Row, Span as TimeSpan
    from headrace.cli.signs import Glyphs

_GAP = 2
_LEAST_BAR = 16
_NARROWEST_BAR = 8
_WIDEST_AFTER = 9
_WIDEST_NAME = 44


class _Cells:
    """The texts of one row, before the columns know their widths."""

    def __init__(self, row: Row, prefix: str, glyphs: Glyphs) -> None:
        self.row = row
        self.prefix = prefix
        self.number = str(row.number)
        self.name = safe(row.name)
        self.times = f" {'x' if glyphs.is_ascii else '×'}{row.total:,}" if row.total > 1 else ""
        self.states = _states(row, glyphs)
        self.took = duration(row.ended_us - row.started_us) if row.started_us and row.ended_us else ""
        self.after = _after(row)

    @property
    def name_width(self) -> int:
        """How many columns its place in the tree and its name take."""
        return cells(self.prefix + self.name + self.times)

    def named(self, width: int) -> Line:
        """The same, cut to ``width``: how many they are is said in any case."""
        style = "bold" if self.row.is_subflow else ""
        name = clip(self.name, width - cells(self.prefix + self.times))
        return [Span(self.prefix, "dim"), Span(name, style), Span(self.times, style)]


def draw(rows: Sequence[Row], span: TimeSpan, glyphs: Glyphs, width: int, *, left_out: int = 0) -> list[Line]:
    """The table: a heading, a line for each row, and what the signs mean."""
    if not rows:
        return []
    table = list(_table(rows, glyphs))
    shown = table[:MOST_ROWS]
    columns = _columns(shown, width)
    lines = [_heading(columns, span, glyphs)]
    for cell in shown:
        line = [
            Span(cell.number.rjust(columns.number) + " " * _GAP, "dim"),
            *_fill(cell.named(columns.name), columns.name),
            *_fill(cell.states, columns.states),
            Span(cell.took.rjust(columns.took) + " " * _GAP),
        ]
        if columns.after:
            line.append(Span(pad(cell.after, columns.after) + " " * _GAP, "dim"))
        if columns.bar:
            line += bar(cell.row, span, glyphs, columns.bar)
        lines.append(fit(line, width))
    left_out += len(table) - len(shown)
    if left_out:
        lines.append([Span(f"and {left_out:,} more rows: --json has all", "dim")])
    lines += _legend([cell.row for cell in shown], glyphs, width)
    return lines


class _Columns(NamedTuple):
    """How wide each is; 0: it is left out."""

    number: int
    name: int
    states: int
    took: int
    after: int
    bar: int


def _columns(shown: Sequence[_Cells], width: int) -> _Columns:
    """The widths at which all is said; where there is little room, the bar and then the words give way."""
    number = max(len(cell.number) for cell in shown)
    name = min(max([8, *[cell.name_width for cell in shown]]), _WIDEST_NAME)
    states = max([5, *[_width(cell.states) for cell in shown]])
    took = max([4, *[cells(cell.took) for cell in shown]])
    after = min(max(len(cell.after) for cell in shown), _WIDEST_AFTER)
    after = max(after, 5) if after else 0
    room = width - number - took - _GAP * 4 - _LEAST_BAR
    if after and room - after - _GAP < min(name, 16) + min(states, 12):
        after = 0
    if after:
        room -= after + _GAP
    states = min(states, max(room - name, 12))
    least = min(name, max(room - states, 12))
    left = room + _LEAST_BAR - states - least
    if left < _NARROWEST_BAR:
        return _Columns(number, min(name, least + max(left, 0)), states, took, after, 0)
    return _Columns(number, least, states, took, after, left)


def bar(row: Row, span: TimeSpan, glyphs: Glyphs, width: int) -> Line:
    """What the row's runs did over time, in ``width`` columns."""
    if row.activity is not None:
        return _activity(row, glyphs, width)
    characters = [" "] * width
    styles = [""] * width
    style = look_of(next(iter(row.counts))).style
    looks = {
        Doing.WAITED: (glyphs.waited, "dim"),
        Doing.RAN: (glyphs.bar, style),
        Doing.FAILED: (glyphs.failed, "red"),
    }
    for segment in sorted(row.segments, key=lambda segment: list(looks).index(segment.doing)):
        first = _column(segment.start_us, span, width)
        last = max(_column(segment.end_us, span, width), first)
        for column in range(first, last + 1):
            characters[column], styles[column] = looks[segment.doing]
    return _joined(characters, styles)


def _activity(row: Row, glyphs: Glyphs, width: int) -> Line:
    assert row.activity is not None
    style = "red" if any(StateName(state).type in ("FAILED", "CRASHED") for state in row.counts) else ""
    peak = max(row.activity) or 1
    line = []
    for column in range(width):
        first = column * SLICES // width
        last = max((column + 1) * SLICES // width, first + 1)
        most = max(row.activity[first:last])
        line.append(glyphs.levels[-(-most * len(glyphs.levels) // peak) - 1] if most else " ")
    return [Span("".join(line), style or "green")]


def _column(at_us: int, span: TimeSpan, width: int) -> int:
    whole = max(span.end_us - span.start_us, 1)
    return min(max((at_us - span.start_us) * width // whole, 0), width - 1)


def _joined(characters: Sequence[str], styles: Sequence[str]) -> Line:
    line: Line = []
    for character, style in zip(characters, styles, strict=True):
        if line and line[-1].style == style:
            line[-1] = Span(line[-1].text + character, style)
        else:
            line.append(Span(character, style))
    return line


def _table(rows: Sequence[Row], glyphs: Glyphs, trunk: str = "", *, is_root: bool = True) -> Iterable[_Cells]:
    for position, row in enumerate(rows):
        is_last = position == len(rows) - 1
        branch = "" if is_root else (glyphs.last_branch if is_last else glyphs.branch)
        yield _Cells(row, trunk + branch, glyphs)
        deeper = "" if is_root else ("   " if is_last else glyphs.trunk)
        yield from _table(row.children, glyphs, trunk + deeper, is_root=False)


def _states(row: Row, glyphs: Glyphs) -> Line:
    """``✓``, ``✗ failed``, or ``✓ 9,998 ✗ 2`` of a group."""
    line: Line = []
    for state in StateName:
        count = row.counts.get(state.value, 0)
        if not count:
            continue
        text = glyphs.sign(state.value)
        if row.total > 1:
            text += f" {count:,}"
        elif state is not StateName.COMPLETED:
            text += f" {words(state)}"
        line.append(Span((" " if line else "") + text, look_of(state.value).style))
    if row.total == 1 and row.attempts > 1:
        line.append(Span(f" {row.attempts} attempts", "yellow"))
    elif row.retries:
        line.append(Span(f" {glyphs.sign(StateName.AWAITING_RETRY.value)} {row.retries:,}", "yellow"))
    return line


def _after(row: Row) -> str:
    """The numbers of the rows that it waited for: ``1-3,7``; ``+`` for runs of other flow runs."""
    numbers = sorted({other.number for other in row.upstreams})
    parts: list[str] = []
    start = 0
    for position, number in enumerate(numbers):
        if position + 1 < len(numbers) and numbers[position + 1] == number + 1:
            continue
        first = numbers[start]
        parts.append(str(number) if first == number else f"{first}-{number}")
        start = position + 1
    if row.outside:
        parts.append("+")
    return ",".join(parts)


def _heading(columns: _Columns, span: TimeSpan, glyphs: Glyphs) -> Line:
    titles = [
        "#".rjust(columns.number),
        pad("TASK RUN", columns.name),
        pad("STATE", columns.states),
        "TOOK".rjust(columns.took),
    ]
    if columns.after:
        titles.append(pad("AFTER", columns.after))
    if columns.bar:
        end = duration(span.end_us - span.start_us)
        rule = "-" if glyphs.is_ascii else "─"
        titles.append(f"0 {rule * max(columns.bar - cells(end) - 3, 1)} {end}")
    return [Span((" " * _GAP).join(titles), "dim")]


def _legend(rows: Sequence[Row], glyphs: Glyphs, width: int) -> list[Line]:
    done = {segment.doing for row in rows for segment in row.segments}
    parts = []
    if Doing.FAILED in done:
        parts.append(f"{glyphs.failed * 2} failed attempt")
    if Doing.WAITED in done:
        parts.append(f"{glyphs.waited * 2} waited to retry")
    if any(row.activity is not None for row in rows):
        parts.append(f"{glyphs.levels[0]}{glyphs.levels[3]}{glyphs.levels[-1]} how many ran at once")
    states = {state for row in rows if row.total > 1 for state in row.counts} - {StateName.COMPLETED.value}
    parts += [f"{glyphs.sign(state.value)} {words(state)}" for state in StateName if state.value in states]
    if any(row.retries for row in rows):
        parts.append(f"{glyphs.sign(StateName.AWAITING_RETRY.value)} retries")
    if any(row.outside for row in rows):
        parts.append("+ runs of other flow runs")
    return [[Span(text, "dim")] for text in _wrapped(parts, width)]


def _wrapped(parts: Iterable[str], width: int) -> list[str]:
    lines: list[str] = []
    for part in parts:
        if lines and cells(lines[-1]) + cells(part) + 3 <= width:
            lines[-1] += f"   {part}"
        else:
            lines.append(part)
    return lines


def _fill(line: Line, width: int) -> Line:
    line = fit(line, width)
    return [*line, Span(" " * (width - _width(line) + _GAP))]


def _width(line: Line) -> int:
    return sum([cells(span.text) for span in line])
