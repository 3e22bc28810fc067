"""``headrace runs list``: one line a run."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import click

from headrace.cli import screen
from headrace.cli.as_json import print_json, summary_json
from headrace.cli.limit_text import reasons_to_wait
from headrace.cli.lines import Line, Span, fit, width_of
from headrace.cli.run_filters import RunFilters, filtered
from headrace.cli.run_names import has_history, now_us, open_history
from headrace.cli.safe_text import cells, clip, pad, safe
from headrace.cli.signs import look_of
from headrace.cli.times import ago, moment
from headrace.clock import duration
from headrace.engine.states import StateName, StateType
from headrace.questions import Question

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from headrace.cli.signs import Glyphs
    from headrace.history.reader import Reader, RunSummary

_SHORT_ID = 13
_A_DAY_US = 86_400_000_000
_GAP = 2
_LAST_TITLE = "TASK RUNS"


@click.command("list")
@filtered
@click.argument("text", required=False)
@click.option("--no-subflows", is_flag=True, help="Only runs that no other run called.")
@click.option(
    "--limit", type=click.IntRange(0), metavar="N", default=20, show_default=True, help="How many; 0: all."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
def list_runs(*, text: str | None, filters: RunFilters, no_subflows: bool, limit: int, as_json: bool) -> None:
    """List runs, newest first; with TEXT those whose name or flow contains it."""
    found: list[RunSummary] = []
    asked: list[Line] = []
    waits: Mapping[str, str] = {}
    if has_history():
        with open_history() as reader:
            found = filters.find(reader, limit, text=text, roots_only=no_subflows)
            asked = [
                line for run in found if run.state == StateName.PAUSED.value for line in _asked(reader, run)
            ]
            if any(run.ended_us is None for run in found):
                waits = reasons_to_wait(reader)
    if as_json:
        print_json([summary_json(run) for run in found])
    elif not found:
        is_filtered = text is not None or filters.are_given
        click.echo(
            "No run is like that." if is_filtered else "No runs yet: `headrace run FILE` makes one.", err=True
        )
    else:
        output = screen.stdout()
        lines = table(
            found,
            output.glyphs,
            now_us=now_us(),
            width=output.width if output.is_bounded else None,
            waits=waits,
        )
        output.print([*lines, *([[], *asked] if asked else [])])
        if 0 < limit == len(found) and output.is_terminal:
            click.echo(f"The newest {limit}; --limit 0 lists all.", err=True)


def _asked(reader: Reader, run: RunSummary) -> Iterator[Line]:
    """What a paused run waits for, and the command that answers it."""
    for question in reader.open_questions(reader.get_run(run.id)):
        expected = Question.from_json(question.question).expected
        yield [
            Span(safe(run.name), "bold"),
            Span(f" asks: {safe(question.prompt)} ({safe(expected)})  headrace answer {run.id} VALUE"),
        ]


class _Column(NamedTuple):
    """The texts of one column, and how each is styled."""

    title: str
    texts: list[str]
    styles: list[str]

    @property
    def width(self) -> int:
        return max([cells(self.title), *map(cells, self.texts)])


def table(
    runs: Sequence[RunSummary], glyphs: Glyphs, *, now_us: int, width: int | None, waits: Mapping[str, str]
) -> list[Line]:
    """A heading and a line for each run. Without a ``width`` nothing is cut, ids neither.

    ``waits`` says of runs, by their ids, what they wait for.
    """
    columns = _columns(runs, glyphs, now_us, has_short_ids=width is not None)
    counts = [_counts(run.task_runs, glyphs) for run in runs]
    if width is not None:
        columns = _squeeze(columns, room=width - max([*map(width_of, counts), len(_LAST_TITLE)]))
    widths = [column.width for column in columns]
    titles = [pad(column.title, size) + " " * _GAP for column, size in zip(columns, widths, strict=True)]
    lines: list[Line] = [[Span("".join(titles) + _LAST_TITLE, "dim")]]
    for row, count in enumerate(counts):
        line = [
            Span(pad(column.texts[row], size) + " " * _GAP, column.styles[row])
            for column, size in zip(columns, widths, strict=True)
        ]
        lines.append([*line, *count, *_why(runs[row], waits)])
    return lines if width is None else [fit(line, width) for line in lines]


def _columns(
    runs: Sequence[RunSummary], glyphs: Glyphs, now_us: int, *, has_short_ids: bool
) -> list[_Column]:
    plain = [""] * len(runs)
    states = [f"{glyphs.sign(run.state)} {run.state}" for run in runs]
    return [
        _Column("ID", _ids(runs, is_short=has_short_ids), ["dim"] * len(runs)),
        _Column("NAME", [safe(run.name) for run in runs], ["bold"] * len(runs)),
        _Column("FLOW", [_flow(run) for run in runs], plain),
        _Column("STATE", states, [look_of(run.state).style for run in runs]),
        _Column("STARTED", [_when(run, now_us) for run in runs], plain),
        _Column("TOOK", [_took(run, now_us) for run in runs], plain),
    ]


def _squeeze(columns: list[_Column], *, room: int) -> list[_Column]:
    """Makes the line fit: long names are cut, then what can best be done without is left out."""
    names = columns[1].texts
    spare = "ID" if len({*names}) == len(names) else "NAME"  # one of them names a run
    steps: list[Callable[[list[_Column]], list[_Column]]] = [
        lambda columns: _cut(columns, room, least=14),
        lambda columns: [column for column in columns if column.title != spare],
        lambda columns: [_only_signs(column) if column.title == "STATE" else column for column in columns],
        lambda columns: _cut(columns, room, least=10),
        lambda columns: [column for column in columns if column.title != "TOOK"],
        lambda columns: [column for column in columns if column.title != "STARTED"],
        lambda columns: _cut(columns, room, least=5),
    ]
    for step in steps:
        if _room_of(columns) <= room:
            break
        columns = step(columns)
    return columns


def _room_of(columns: list[_Column]) -> int:
    return sum([column.width + _GAP for column in columns])


def _cut(columns: list[_Column], room: int, *, least: int) -> list[_Column]:
    """Takes room from names and flows, the widest first."""
    widths = {column.title: column.width for column in columns}
    excess = _room_of(columns) - room
    while excess > 0:
        widest = max([title for title in ("NAME", "FLOW") if title in widths], key=widths.__getitem__)
        if widths[widest] <= least:
            break
        widths[widest] -= 1
        excess -= 1
    return [
        column._replace(texts=[clip(text, widths[column.title]) for text in column.texts])
        for column in columns
    ]


def _only_signs(column: _Column) -> _Column:
    return column._replace(title="", texts=[text.split()[0] for text in column.texts])


def _ids(runs: Sequence[RunSummary], *, is_short: bool) -> list[str]:
    """Ids are made of their time and of chance: their beginnings differ, but for runs of the same millisecond."""
    if not is_short:
        return [run.id for run in runs]
    length = _SHORT_ID
    while length < 36 and len({run.id[:length] for run in runs}) < len(runs):
        length += 5
    return [safe(run.id[:length]) for run in runs]


def _flow(run: RunSummary) -> str:
    return safe(run.flow) if run.kind == "flow" else f"task {safe(run.flow)}"


def _when(run: RunSummary, now_us: int) -> str:
    is_recent = now_us - run.began_us < _A_DAY_US
    return ago(run.began_us, now_us) if is_recent else moment(run.began_us)[:16]


def _took(run: RunSummary, now_us: int) -> str:
    if run.started_us is None:
        return ""
    return duration((run.ended_us or now_us) - run.started_us)


def _why(run: RunSummary, waits: Mapping[str, str]) -> Line:
    """In one phrase, why it does not go on, or no longer; of what completed there is nothing to explain."""
    if run.ended_us is None and run.id in waits:
        return [Span(f"  {waits[run.id]}", "dim")]
    if not run.reason or run.state_type in (StateType.RUNNING, StateType.COMPLETED):
        return []
    return [Span(f"  {safe(run.reason.partition(';')[0])}", "dim")]


def _counts(task_runs: Mapping[str, int], glyphs: Glyphs) -> Line:
    line: Line = []
    counts = Counter(task_runs)
    for state_type in StateType:
        if counts[state_type.value]:
            name = StateName(state_type.value.capitalize())
            gap = " " if line else ""
            text = f"{gap}{glyphs.sign(name.value)} {counts[state_type.value]:,}"
            line.append(Span(text, look_of(name.value).style))
    return line
