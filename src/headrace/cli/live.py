"""The live view of ``headrace run``: what runs, how far it is, and failures as they come.

It looks into the history a few times a second, less often where looking takes long. The engine does not know of it, and
whatever goes wrong here never touches the run.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from headrace.cli.failure_text import headline
from headrace.cli.lines import Line, Span, between, fit, width_of
from headrace.cli.region import Region
from headrace.cli.safe_text import cells, pad, safe
from headrace.cli.screen import Screen
from headrace.cli.signs import look_of
from headrace.clock import duration
from headrace.engine.states import StateName, StateType
from headrace.errors import HeadraceError
from headrace.history import default_history

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType
    from typing import Self

    from headrace.flow_runs import FlowRun
    from headrace.history.reader import Reader, Run, RunSummary, TaskGroup

_FIRST_LOOK_SECONDS = 0.2
_INTERVAL_SECONDS = 0.25
_LONGEST_INTERVAL_SECONDS = 2.0
_SHARE_OF_TIME = 20
_FAILURES_SHOWN = 5
_LONGEST_NAME = 28
_BAR_WIDTH = 20
_NARROW_BAR_WIDTH = 8
_NARROW = 64


class LiveView:
    """What a person sees of a run on a terminal. Use it in a ``with`` block, and ``following`` inside it."""

    def __init__(self, terminal: TextIO) -> None:
        self._screen = Screen(terminal)
        self._region = Region(terminal)

    def __enter__(self) -> Self:
        self._region.__enter__()
        return self

    def __exit__(
        self, type_: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._region.__exit__(type_, error, traceback)

    @contextmanager
    def following(self, flow_run: FlowRun) -> Iterator[None]:
        """Shows the run while the block lasts, and its summary then."""
        watcher = _Watcher(flow_run, self._screen, self._region)
        watcher.start()
        try:
            yield
        finally:
            watcher.stop()
            self._region.close()
            self._summarise(flow_run)

    def _summarise(self, flow_run: FlowRun) -> None:
        from headrace.cli.summary import summarise

        if flow_run.driver is None:  # it never began
            return
        try:
            with default_history().reader() as reader:
                lines = summarise(reader, reader.get_run(flow_run.flow_run_id), self._screen)
        except HeadraceError as error:
            lines = [
                [Span(f"{flow_run.name} ended {flow_run.state}, which the history does not know: {error}")]
            ]
        self._screen.print(lines)


class _Watcher:
    """The thread that looks and draws."""

    def __init__(self, flow_run: FlowRun, screen: Screen, region: Region) -> None:
        self._flow_run = flow_run
        self._screen = screen
        self._region = region
        self._began = time.monotonic()
        self._ended = threading.Event()
        self._told: set[int] = set()
        self._thread = threading.Thread(target=self._watch, name="headrace-view", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        if self._ended.wait(_FIRST_LOOK_SECONDS):
            return  # a short run has its summary
        try:
            self._screen.render([[Span("warm")]])  # what it imports shall not count as the price of a look
            with default_history().reader() as reader:
                self._look_again_and_again(reader)
        except Exception:  # a view that fails must not disturb what it shows
            self._region.close()

    def _look_again_and_again(self, reader: Reader) -> None:
        run: Run | None = None
        while True:
            before = time.thread_time()  # not the time that it waits for the flow's own threads
            if run is None:
                run = self._find(reader)
            if run is not None:
                self._draw(reader, run)
            cost = time.thread_time() - before
            pause = min(max(_INTERVAL_SECONDS, cost * _SHARE_OF_TIME), _LONGEST_INTERVAL_SECONDS)
            if self._ended.wait(pause):
                return

    def _find(self, reader: Reader) -> Run | None:
        try:
            return reader.get_run(self._flow_run.flow_run_id)
        except HeadraceError:  # not written yet
            return None

    def _draw(self, reader: Reader, run: Run) -> None:
        groups = reader.task_groups(run)
        self._tell_failures(reader, run, groups)
        rows = rows_of(groups, reader.children(run), submitted_runs(self._flow_run.driver))
        size = shutil.get_terminal_size()
        title = self._title()
        lines = draw(
            title, rows, self._screen.glyphs, width=size.columns - 1, height=max(size.lines * 2 // 3, 3)
        )
        self._region.draw(self._screen.render(lines))

    def _title(self) -> tuple[Line, Line]:
        state = self._flow_run.state
        look = look_of(state.name)
        left = [
            Span(f"{self._screen.glyphs.sign(state.name)} ", look.style),
            Span(safe(self._flow_run.name), "bold"),
            Span(f" {self._screen.glyphs.dot} {safe(self._flow_run.flow_name)}", "dim"),
        ]
        if state.type is StateType.CANCELLING:
            left.append(Span("  cancelling; Ctrl-C again leaves at once", look.style))
        return left, [Span(duration(round((time.monotonic() - self._began) * 1e6)), "bold")]

    def _tell_failures(self, reader: Reader, run: Run, groups: Sequence[TaskGroup]) -> None:
        failed = sum([group.runs for group in groups if has_failed(group.state)])
        if failed <= len(self._told) or len(self._told) >= _FAILURES_SHOWN:
            return
        glyphs = self._screen.glyphs
        for task_run in reader.task_runs(run, state="FAILED"):
            if task_run.id in self._told or not has_failed(task_run.state):
                continue
            self._told.add(task_run.id)
            what = headline(task_run.failure) if task_run.failure else task_run.state
            line = [Span(f"{glyphs.sign(task_run.state)} {safe(task_run.name)} failed: ", "red"), Span(what)]
            self._region.say(self._screen.render([fit(line, self._screen.width - 1)]))
            if len(self._told) >= _FAILURES_SHOWN:
                self._region.say(self._screen.render([[Span("  more failures are counted below", "dim")]]))
                return


def has_failed(state: str) -> bool:
    """Whether that is a failure of its own, not one that follows from another."""
    name = StateName(state)
    return name.type in (StateType.FAILED, StateType.CRASHED) and name is not StateName.UPSTREAM_FAILED


class Row:
    """One task, or one flow that is called as a subflow, and how many of its runs are in which state."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.counts: Counter[str] = Counter()

    @property
    def total(self) -> int:
        """How many runs are known."""
        return self.counts.total()

    @property
    def ended(self) -> int:
        """How many of them are over."""
        return sum([count for state, count in self.counts.items() if StateName(state).type.is_terminal])


def submitted_runs(driver: Any) -> Counter[str]:
    """How many runs of each task there are, without a look at any: what its next one will be numbered."""
    numbers = driver.numbering()
    return Counter({task: int(repr(number).removeprefix("count(")[:-1]) for task, number in numbers})


def rows_of(
    groups: Sequence[TaskGroup], children: Sequence[RunSummary], submitted: Counter[str]
) -> list[Row]:
    """The rows of the view. What is submitted and not in the history yet is pending."""
    rows: dict[str, Row] = {}
    for group in groups:
        waits = group.state == StateName.AWAITING_SLOT.value  # as do all that the history does not know yet
        state = StateName.PENDING.value if waits else group.state
        rows.setdefault(group.task, Row(group.task)).counts[state] += group.runs
    for task, count in submitted.items():
        row = rows.setdefault(task, Row(task))
        if count > row.total:
            row.counts[StateName.PENDING.value] += count - row.total
    for child in children:
        rows.setdefault(f"\0{child.flow}", Row(f"flow {child.flow}")).counts[child.state] += 1
    return [row for row in rows.values() if row.total]


def draw(title: tuple[Line, Line], rows: list[Row], glyphs: Any, *, width: int, height: int) -> list[Line]:
    """The view as lines: the title, and a line for each row, those that are over left out where there is no room."""
    lines = [between(*title, width)]
    shown = rows
    if len(rows) > height - 2:
        shown = sorted(rows, key=lambda row: row.ended == row.total)[: max(height - 2, 1)]
    name_width = min(max([cells(safe(row.name)) for row in shown], default=0), _LONGEST_NAME, width // 3)
    count_width = max([cells(_of_all(row)) for row in shown], default=0)
    for row in shown:
        line = [Span(f"  {pad(safe(row.name), name_width)}  "), Span(_of_all(row).rjust(count_width), "bold")]
        line.append(Span("  "))
        line += _bar(row, glyphs, _BAR_WIDTH if width > _NARROW else _NARROW_BAR_WIDTH)
        told = _worth_telling(row)
        with_words = [*line, *counts_line(told, glyphs)]
        fits = width_of(with_words) <= width
        lines.append(with_words if fits else fit([*line, *counts_line(told, glyphs, has_words=False)], width))
    if len(shown) < len(rows):
        lines.append([Span(f"  and {len(rows) - len(shown)} more", "dim")])
    return lines


def counts_line(counts: Counter[str], glyphs: Any, *, has_words: bool = True) -> Line:
    """``✗ 1 failed  ✓ 12 completed``: what needs a look first."""
    line: Line = []
    for state in sorted(StateName, key=_place_in_line):
        count = counts.get(state.value, 0)
        if count:
            word = f" {words(state)}" if has_words else ""
            line.append(Span(f"  {glyphs.sign(state.value)} {count:,}{word}", look_of(state.value).style))
    return line


def _place_in_line(state: StateName) -> int:
    return 0 if state.type in (StateType.FAILED, StateType.CRASHED) else 1


def words(state: str) -> str:
    """A state's name in running text.

    >>> words("UpstreamFailed")
    'upstream failed'
    """
    return "".join([f" {letter.lower()}" if letter.isupper() else letter for letter in str(state)]).strip()


def _worth_telling(row: Row) -> Counter[str]:
    """Where all that has ended is completed, the bar has said it."""
    completed = StateName.COMPLETED.value
    is_plain = row.ended == row.counts[completed]
    return Counter(
        {state: count for state, count in row.counts.items() if not (is_plain and state == completed)}
    )


def _of_all(row: Row) -> str:
    return f"{row.ended:,}/{row.total:,}"


def _bar(row: Row, glyphs: Any, width: int) -> Line:
    """How many have ended, as a bar in which each way to end has a part."""
    filled = 0
    line: Line = []
    done = 0
    for state in StateName:
        if state.type.is_terminal and row.counts.get(state.value):
            done += row.counts[state.value]
            end = max(round(width * done / row.total), filled)
            line.append(Span(glyphs.bar * (end - filled), look_of(state.value).style))
            filled = end
    line.append(Span(glyphs.waited * (width - filled), "dim"))
    return line
