"""The history as JSON values, for programs: plain names, times in ISO 8601 and UTC, ``null`` where there is none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from headrace.cli.storage_text import file_of
from headrace.cli.times import iso
from headrace.engine.states import StateType
from headrace.questions import Question

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headrace.history.reader import (
        FailureView,
        LogLine,
        OpenQuestion,
        Run,
        RunSummary,
        StateView,
        Storage,
        TaskRun,
    )


def print_json(value: object, *, in_one_line: bool = False) -> None:
    """Prints one JSON value. It is ASCII, so that no name in it can do anything to a terminal."""
    click.echo(json.dumps(value, indent=None if in_one_line else 2))


def summary_json(run: RunSummary) -> dict[str, Any]:
    """A flow run in a list."""
    return {
        "id": run.id,
        "name": run.name,
        "flow": run.flow,
        "kind": run.kind,
        "state": run.state,
        "state_type": run.state_type,
        "reason": run.reason,
        "created": iso(run.created_us),
        "started": iso(run.started_us),
        "ended": iso(run.ended_us),
        "tags": list(run.tags),
        "parent": run.parent,
        "task_runs": _counts(run.task_runs),
    }


def run_json(run: Run, children: Sequence[RunSummary], results_home: str) -> dict[str, Any]:
    """All of a flow run but its task runs. ``results_home`` is where its history keeps files."""
    return {
        "id": run.id,
        "name": run.name,
        "flow": run.flow,
        "kind": run.kind,
        "version": run.version,
        "state": run.state,
        "state_type": run.state_type,
        "created": iso(run.created_us),
        "started": iso(run.started_us),
        "ended": iso(run.ended_us),
        "tags": list(run.tags),
        "parent": run.parent,
        "epoch": run.epoch,
        "task_runner": run.task_runner,
        "states": [_state(state) for state in run.states],
        "parameters": _preview(run.parameters),
        "result": _preview(run.result_preview),
        "result_note": run.result_note,
        "result_storage": _storage(run.storage, results_home),
        "failure": _failure(run.failure),
        "provenance": dict(run.provenance),
        "task_runs": _counts(run.task_runs),
        "subflows": [summary_json(child) for child in children],
    }


def task_run_json(task_run: TaskRun, results_home: str) -> dict[str, Any]:
    """All of a task run."""
    return {
        "id": task_run.id,
        "task": task_run.task,
        "name": task_run.name,
        "state": task_run.state,
        "state_type": task_run.state_type,
        "submitted": iso(task_run.submitted_us),
        "started": iso(task_run.started_us),
        "ended": iso(task_run.ended_us),
        "tags": list(task_run.tags),
        "parent": task_run.parent,
        "upstreams": list(task_run.upstreams),
        "worker": task_run.worker,
        "cached_from": task_run.cached_from,
        "states": [_state(state) for state in task_run.states],
        "attempt_count": task_run.attempt_count,
        "attempts": [
            {
                "number": attempt.number,
                "started": iso(attempt.started_us),
                "ended": iso(attempt.ended_us),
                "worker": attempt.worker,
                "failure": _failure(attempt.failure),
            }
            for attempt in task_run.attempts
        ],
        "parameters": _preview(task_run.parameters),
        "result": _preview(task_run.result_preview),
        "result_note": task_run.result_note,
        "result_storage": _storage(task_run.storage, results_home),
        "failure": _failure(task_run.failure),
    }


def question_json(asked: OpenQuestion) -> dict[str, Any]:
    """What a flow run asks a person."""
    question = Question.from_json(asked.question)
    return {"prompt": asked.prompt, "expected": question.expected, "choices": list(question.choices)}


def log_json(line: LogLine, task_run: str | None) -> dict[str, Any]:
    """A log line; ``task_run`` is a name."""
    return {
        "at": iso(line.at_us),
        "level": line.level,
        "logger": line.logger,
        "task_run_id": line.task_run,
        "task_run": task_run,
        "message": line.message,
    }


def _counts(counts: Mapping[str, int]) -> dict[str, int]:
    """A count for each state type there is, so that nobody has to ask whether it is there."""
    return {state_type.value: counts.get(state_type.value, 0) for state_type in StateType}


def _state(state: StateView) -> dict[str, Any]:
    return {"name": state.name, "at": iso(state.at_us), "message": state.message}


def _failure(failure: FailureView | None) -> dict[str, str] | None:
    return None if failure is None else failure._asdict()


def _preview(text: str | None) -> Any:
    """A preview is JSON already; one that was cut off is given as the text it is, and so are numbers JSON has not."""
    if text is None:
        return None
    try:
        return json.loads(text, parse_constant=str)
    except ValueError:
        return text


def _storage(storage: Storage | None, results_home: str) -> dict[str, Any] | None:
    if storage is None:
        return None
    file = None if storage.key is None else file_of(storage.key, results_home)
    return {"serializer": storage.serializer, "bytes": storage.size, "file": file}
