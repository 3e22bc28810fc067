"""``headrace runs show``: one run as a picture. What it was, what ran when, what failed and where."""

from __future__ import annotations

import json
import os
from itertools import islice
from typing import TYPE_CHECKING

import click

from headrace.cli import screen
from headrace.cli.as_json import print_json, question_json, run_json, task_run_json
from headrace.cli.failure_text import alike, headline, is_told, last_lines, names_of
from headrace.cli.limit_text import lines_of_waits
from headrace.cli.lines import Line, Span, between, fit, wrapped
from headrace.cli.live import has_failed, words
from headrace.cli.run_filters import STATES
from headrace.cli.run_names import find_run, now_us, open_history
from headrace.cli.run_rows import Span as TimeSpan, rows_of
from headrace.cli.safe_text import clip, pad, safe
from headrace.cli.signs import look_of
from headrace.cli.storage_text import group_words, storage_words
from headrace.cli.timeline import draw
from headrace.cli.times import ago, moment
from headrace.clock import duration
from headrace.engine.states import StateName
from headrace.errors import RunNotFoundError
from headrace.history.facts import PICKLE
from headrace.questions import Question

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headrace.cli.signs import Glyphs
    from headrace.history.reader import FailureView, Reader, Run, TaskRun

_LABEL_WIDTH = 12
_MOST_PARAMETERS = 12
_MOST_FAILURES = 5
_MOST_RESULTS = 12
_TRACEBACK_LINES = 6


@click.command()
@click.argument("name", metavar="[ID]", required=False)
@click.option("--task", help="Draw the runs of this task one by one.")
@click.option(
    "--state",
    type=click.Choice(STATES, case_sensitive=False),
    metavar="STATE",
    help="Draw only task runs in this state: failed, ...",
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object with all task runs.")
def show(*, name: str | None, task: str | None, state: str | None, as_json: bool) -> None:
    """Draw one run, the newest if ID is left out: what ran when, and what failed.

    A task with many runs is one row; --task takes it apart. AFTER gives the rows that a row waited for.
    """
    with open_history() as reader:
        run = find_run(reader, name)
        if task is not None and all(group.task != task for group in reader.task_groups(run)):
            raise RunNotFoundError(f"No task {task!r} ran in {run.name} ({run.id}).")
        if as_json:
            task_runs = [
                task_run_json(task_run, reader.results_home)
                for task_run in reader.task_runs(run, task=task, state=state)
            ]
            questions = [question_json(question) for question in reader.open_questions(run)]
            whole = run_json(run, reader.children(run), reader.results_home)
            print_json({**whole, "questions": questions, "task_runs_list": task_runs})
            return
        output = screen.stdout()
        output.print(
            portray(reader, run, output.glyphs, output.width, now_us=now_us(), task=task, state=state)
        )


def portray(
    reader: Reader,
    run: Run,
    glyphs: Glyphs,
    width: int,
    *,
    now_us: int,
    task: str | None = None,
    state: str | None = None,
) -> list[Line]:
    """The whole picture of a run."""
    end_us = run.ended_us if run.ended_us is not None else max(now_us, run.created_us)
    span = TimeSpan(run.began_us, end_us)
    rows, left_out = rows_of(reader, run, span, alone=task, state=state)
    timeline = draw(rows, span, glyphs, width, left_out=left_out)
    if state is not None and not rows:
        timeline = [[Span(f"No task run is {words(state)}.")]]
    sections = [
        _header(reader, run, glyphs, width, span),
        timeline,
        list(lines_of_waits(reader, run, glyphs)) if run.ended_us is None else [],
        list(_failures(reader, run, glyphs)),
        list(_retries(reader, run, glyphs)),
        list(_results(reader, run)),
    ]
    lines: list[Line] = []
    for section in sections:
        if section:
            lines += [[], *section] if lines else section
    return [*[fit(line, width) for line in lines], *_footer(reader, run, width)]


def _header(reader: Reader, run: Run, glyphs: Glyphs, width: int, span: TimeSpan) -> list[Line]:
    look = look_of(run.state)
    kind = "flow" if run.kind == "flow" else "task"
    left = [
        Span(f"{glyphs.sign(run.state)} ", look.style),
        Span(safe(run.name), "bold"),
        Span(f"  {kind} {safe(run.flow)}" + (f" {safe(run.version)}" if run.version else "")),
    ]
    right = [Span(f"{how_long(run)} {duration(span.end_us - span.start_us)}", look.style)]
    lines = [between(left, right, width)]
    for label, value in _fields(reader, run, width - _LABEL_WIDTH - 2):
        lines.append([Span(f"  {pad(label, _LABEL_WIDTH)}", "dim"), Span(value)])
    return lines


def how_long(run: Run) -> str:
    """``completed in``: what goes before the time that the run took. Nobody saw the end of one whose process is gone."""
    if run.ended_us is None:
        return f"{words(run.state)} for"
    if run.state == StateName.CRASHED.value and run.failure is None:
        return "crashed, last known alive after"
    return f"{words(run.state)} {'after' if run.state == StateName.CRASHED.value else 'in'}"


def _fields(reader: Reader, run: Run, room: int) -> Iterable[tuple[str, str]]:
    why = run.states[-1].message
    if run.failure is not None and run.failure.type == "UpstreamFailedError":
        why = run.failure.message
    questions = reader.open_questions(run)
    if why and run.state != StateName.PAUSED.value:
        yield "why", safe(why)
    for question in questions:
        yield "asks", f"{safe(question.prompt)} ({safe(Question.from_json(question.question).expected)})"
    if questions:
        yield "answer it", f"headrace answer {run.id} VALUE"
    yield "id", run.id
    yield from _times(run, now_us())
    if run.parent is not None:
        yield "called by", _caller(reader, run.parent)
    if run.tags:
        yield "tags", safe(", ".join(run.tags))
    label = "parameters"
    for text in _parameters(run.parameters, room):
        yield label, text
        label = ""
    if run.result_preview not in (None, "null"):
        yield "result", _readable(run.result_preview or "")
    if run.result_note:
        yield "", safe(run.result_note)
    elif run.storage is not None and (run.storage.key is not None or run.storage.serializer != PICKLE):
        yield "stored", safe(storage_words(run.storage, reader.results_home))
    yield "ran on", safe(", ".join(_place(run)))
    dashboard = run.provenance.get("dashboard")
    if dashboard:
        yield "dashboard", safe(str(dashboard))
    code = run.provenance.get("entry_point")
    if code:
        commit = run.provenance.get("commit")
        changed = {True: ", changed since", False: "", None: ""}[run.provenance.get("dirty")]
        yield "code", safe(_from_here(str(code)) + (f", commit {commit[:10]}{changed}" if commit else ""))


def _times(run: Run, now_us: int) -> Iterable[tuple[str, str]]:
    """When it was first started; of a run that has gone on, when its last epoch began and how long that took."""
    yield "started", f"{moment(run.began_us)}, {ago(run.began_us, now_us)}"
    if run.epoch > 1 and run.state != StateName.REPLAYED.value:
        began_us = run.states[0].at_us
        took = duration((run.ended_us or now_us) - began_us)
        how = "for" if run.ended_us is None else "took"
        yield "went on", f"{moment(began_us)}, {ago(began_us, now_us)} (epoch {run.epoch}, {how} {took})"


def _parameters(text: str | None, room: int) -> Iterable[str]:
    """``name=value`` in one line if they fit, else a line each."""
    if not text or text == "{}":
        return
    try:
        values = json.loads(text)
    except ValueError:
        yield safe(text)
        return
    parts = [safe(f"{name}={json.dumps(value, ensure_ascii=False)}") for name, value in values.items()]
    if sum([len(part) + 2 for part in parts]) <= room:
        yield ", ".join(parts)
        return
    yield from parts[:_MOST_PARAMETERS]
    if len(parts) > _MOST_PARAMETERS:
        yield f"and {len(parts) - _MOST_PARAMETERS} more"


def _readable(preview: str) -> str:
    """A preview as one line, its letters as they are written."""
    try:
        return safe(json.dumps(json.loads(preview), ensure_ascii=False))
    except ValueError:  # it was cut off
        return safe(preview)


def _place(run: Run) -> Iterable[str]:
    known = run.provenance
    if known.get("host"):
        yield f"{known.get('user', '')}@{known['host']}".removeprefix("@")
    if known.get("pid"):
        yield f"pid {known['pid']}"
    if known.get("python"):
        yield f"Python {known['python']}"
    yield f"{run.task_runner} task runner"


def _from_here(entry_point: str) -> str:
    """The path as one would type it here, where that is shorter."""
    path, colon, function = entry_point.rpartition(":")
    try:
        relative = os.path.relpath(path)
    except (ValueError, OSError):
        return entry_point
    return f"{relative}{colon}{function}" if path and len(relative) < len(path) else entry_point


def _caller(reader: Reader, parent: str) -> str:
    id_, _, number = parent.partition("/")
    try:
        run = reader.get_run(id_)
        task = f", {reader.get_task_run(run, int(number)).name}" if number else ""
    except RunNotFoundError:
        return safe(parent)
    return safe(f"{run.name}{task} ({run.id})")


def _failures(reader: Reader, run: Run, glyphs: Glyphs) -> Iterable[Line]:
    """What failed, with the innermost frames; and what did not start because of it."""
    failed = [t for state in ("FAILED", "CRASHED") for t in reader.task_runs(run, state=state)]
    own = [task_run for task_run in failed if has_failed(task_run.state)]
    stopped = [task_run for task_run in failed if not has_failed(task_run.state)]
    kinds = alike(own)
    for task_run, *others in kinds[:_MOST_FAILURES]:
        yield [
            Span(f"{glyphs.sign(task_run.state)} {safe(task_run.name)}", "bold red"),
            Span(f" {words(task_run.state)}{_after_attempts(task_run)}", "red"),
        ]
        reason = task_run.states[-1].message
        yield from _failure(task_run.failure, reason)
        if task_run.parameters and task_run.parameters != "{}":
            yield [Span("    with ", "dim"), Span(clip(_readable(task_run.parameters), 200), "dim")]
        if others:
            yield [Span(f"    and so did {names_of(others)}", "red")]
    if len(kinds) > _MOST_FAILURES:
        yield [Span(f"  and {sum(map(len, kinds[_MOST_FAILURES:])):,} more that failed", "red")]
    if run.failure is not None and not is_told(run.failure, own):
        yield [Span(f"{glyphs.sign(run.state)} {safe(run.flow)}", "bold red"), Span(" itself raised", "red")]
        yield from _failure(run.failure, None)
    for child in reader.children(run):
        if has_failed(child.state):
            yield [
                Span(f"{glyphs.sign(child.state)} flow {safe(child.flow)}", "bold red"),
                Span(f" {words(child.state)}: ", "red"),
                Span(f"headrace runs show {child.id}"),
            ]
    if stopped:
        sign = glyphs.sign(StateName.UPSTREAM_FAILED.value)
        yield [Span(f"{sign} did not start, for an upstream failed: {names_of(stopped)}", "red")]


def _after_attempts(task_run: TaskRun) -> str:
    return f" after {task_run.attempt_count} attempts" if task_run.attempt_count > 1 else ""


def _failure(failure: FailureView | None, reason: str | None) -> Iterable[Line]:
    if failure is None:
        if reason:
            yield [Span(f"    {safe(reason)}")]
        return
    yield [Span("    "), Span(headline(failure), "bold")]
    for line in last_lines(failure, _TRACEBACK_LINES):
        yield [Span(f"    {line}", "dim")]


def _retries(reader: Reader, run: Run, glyphs: Glyphs) -> Iterable[Line]:
    """The failed attempts of task runs that were tried again."""
    if not any(group.retries for group in reader.task_groups(run)):
        return
    retried = (task_run for task_run in reader.task_runs(run) if len(task_run.attempts) > 1)
    sign = glyphs.sign(StateName.AWAITING_RETRY.value)
    for task_run in islice(retried, _MOST_FAILURES):
        yield [
            Span(f"{sign} {safe(task_run.name)}", "bold yellow"),
            Span(f" {words(task_run.state)} at attempt {task_run.attempt_count}", "yellow"),
        ]
        for attempt in task_run.attempts:
            if attempt.failure is not None:
                took = duration(attempt.ended_us - attempt.started_us)
                yield [
                    Span(f"    attempt {attempt.number} failed after {took}: "),
                    Span(headline(attempt.failure)),
                ]


def _results(reader: Reader, run: Run) -> Iterable[Line]:
    """Results that are not simply stored beside their runs."""
    for group in islice(reader.result_groups(run), _MOST_RESULTS):
        yield [Span(f"{safe(group.task)}: "), Span(safe(group_words(group)), "dim")]


def _footer(reader: Reader, run: Run, width: int) -> list[Line]:
    if not reader.logs(run, limit=1):
        return []
    line = [Span("Log lines: ", "dim"), Span(f"headrace runs logs {run.id}")]
    return [[], *wrapped(line, width, indent=2)]
