"""What a person wants to know when a run has ended: how, how long it took, what failed, and where to look further."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from headrace.cli.failure_text import alike, headline, is_told, names_of, place
from headrace.cli.lines import Line, Span, between, fit, wrapped
from headrace.cli.live import counts_line, has_failed, words
from headrace.cli.safe_text import safe
from headrace.cli.signs import look_of
from headrace.clock import duration
from headrace.history.database import IN_MEMORY

if TYPE_CHECKING:
    from headrace.cli.screen import Screen
    from headrace.cli.signs import Glyphs
    from headrace.history.reader import FailureView, Reader, Run, TaskRun

_FAILURES_SHOWN = 5


def summarise(reader: Reader, run: Run, screen: Screen) -> list[Line]:
    """A few lines about a run that has ended."""
    glyphs, width = screen.glyphs, screen.width
    groups = reader.task_groups(run)
    counts: Counter[str] = Counter()
    for group in groups:
        counts[group.state] += group.runs
    lines = [_title(run, glyphs, width)]
    if groups:
        retries = sum([group.retries for group in groups])
        lines += wrapped(_counts("task run", counts, retries, glyphs), width, indent=2)
    children = Counter([child.state for child in reader.children(run)])
    if children:
        lines += wrapped(_counts("subflow", children, 0, glyphs), width, indent=2)
    failed = [task_run for task_run in reader.task_runs(run, state="FAILED") if has_failed(task_run.state)]
    kinds = alike(failed)
    for task_runs in kinds[:_FAILURES_SHOWN]:
        lines += _failed(task_runs, glyphs)
    if len(kinds) > _FAILURES_SHOWN:
        lines.append([Span(f"  and {sum(map(len, kinds[_FAILURES_SHOWN:])):,} more", "red")])
    if run.failure is not None and not is_told(run.failure, failed):
        lines += _what_and_where(run.failure, f"  {glyphs.sign(run.state)} ")
    lines = [fit(line, width) for line in lines]
    if reader.location != IN_MEMORY:  # such a history is gone with this process
        see_it = [Span("  See it: ", "dim"), Span(f"headrace runs show {run.id}", "bold")]
        lines += wrapped(see_it, width, indent=2)
    return lines


def _title(run: Run, glyphs: Glyphs, width: int) -> Line:
    look = look_of(run.state)
    took = f" in {duration(run.ended_us - run.began_us)}" if run.ended_us is not None else ""
    left = [
        Span(f"{glyphs.sign(run.state)} ", look.style),
        Span(safe(run.name), "bold"),
        Span(f" {words(run.state)}{took}", look.style),
    ]
    reason = run.states[-1].message
    if reason and run.failure is None:
        left.append(Span(f": {safe(reason)}"))
    return between(left, [Span(f"flow {safe(run.flow)}", "dim")], width)


def _counts(what: str, counts: Counter[str], retries: int, glyphs: Glyphs) -> Line:
    total = counts.total()
    line = [Span(f"  {total:,} {what}{'s' if total > 1 else ''}"), *counts_line(counts, glyphs)]
    if retries:
        line.append(Span(f"  {retries:,} retr{'ies' if retries > 1 else 'y'}", "yellow"))
    return line


def _failed(task_runs: list[TaskRun], glyphs: Glyphs) -> list[Line]:
    task_run, *others = task_runs
    sign = f"  {glyphs.sign(task_run.state)} {safe(task_run.name)}: "
    if task_run.failure is None:
        return [[Span(sign, "red"), Span(safe(task_run.states[-1].message or words(task_run.state)))]]
    lines = _what_and_where(task_run.failure, sign)
    if others:
        lines.append([Span(f"      and so did {names_of(others)}", "red")])
    return lines


def _what_and_where(failure: FailureView, sign: str) -> list[Line]:
    lines: list[Line] = [[Span(sign, "red"), Span(headline(failure))]]
    where = place(failure)
    if where is not None:
        lines.append([Span(f"      {where}", "dim")])
    return lines
