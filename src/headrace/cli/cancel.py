"""``headrace cancel``: has a run stop, whichever process of this machine it runs in."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from headrace import settings
from headrace.cli.as_json import print_json
from headrace.cli.run_names import find_only_run, open_history
from headrace.cli.safe_text import safe

if TYPE_CHECKING:
    from headrace.history.reader import Reader, Run

_PATIENCE_SECONDS = 8.0
"""It is over in five, and the last of it on disk."""

_LOOK_AGAIN_SECONDS = 0.05


@click.command()
@click.argument("name", metavar="ID")
@click.option("--reason", metavar="TEXT", help="Why, as the history shall tell.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def cancel(*, name: str, reason: str | None, as_json: bool) -> int:
    """Cancel the run ID, which another process executes, and wait for its end.

    Nothing more starts, and what runs is stopped: task runs, subflows, the function of the flow. The exit code is 0 if the
    run has ended Cancelled, and 1 if it ended otherwise, had ended before, or has not ended.
    """
    with open_history() as reader:
        run = find_only_run(reader, name)
        had_ended = run.ended_us is not None
        if not had_ended:
            from headrace.history.requests import ask_owner

            ask_owner(settings.database(), run.key, "cancel", reason or "cancelled from another process")
            run = _wait_for_end(reader, run)
    is_cancelled = run.state == "Cancelled" and not had_ended
    if as_json:
        print_json(
            {
                "id": run.id,
                "name": run.name,
                "state": run.state,
                "message": run.states[-1].message,
                "is_over": run.ended_us is not None,
                "was_over": had_ended,
            }
        )
    else:
        click.echo(_sentence(run, had_ended=had_ended), err=not is_cancelled)
    return 0 if is_cancelled else 1


def _wait_for_end(reader: Reader, run: Run) -> Run:
    """The run as it stands when it has ended, or when the patience is over."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while run.ended_us is None and time.monotonic() < end:
        time.sleep(_LOOK_AGAIN_SECONDS)
        run = reader.get_run(run.id)
    return run


def _sentence(run: Run, *, had_ended: bool) -> str:
    message = run.states[-1].message
    state = f"{run.state}: {message}" if message else run.state
    if had_ended:
        return safe(f"Run {run.name} had ended before, {state}.")
    if run.ended_us is None:
        return safe(
            f"Run {run.name} was asked to stop, and has not ended within {_PATIENCE_SECONDS:g} s. It is {run.state}."
        )
    return safe(f"Run {run.name} ended {state}.")
