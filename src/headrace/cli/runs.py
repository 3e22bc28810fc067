"""``headrace runs``: the commands that read the history, write a run to a file, and delete runs."""

from __future__ import annotations

import click

from headrace.cli.lazy_group import LazyCommand, LazyGroup


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    lazy_commands={
        "list": LazyCommand("headrace.cli.runs_list:list_runs", "List runs, newest first."),
        "show": LazyCommand("headrace.cli.runs_show:show", "Draw one run: what ran when, and what failed."),
        "logs": LazyCommand("headrace.cli.runs_logs:logs", "Print the log lines of a run."),
        "export": LazyCommand("headrace.cli.runs_export:export", "Write a run to one HTML file."),
        "delete": LazyCommand(
            "headrace.cli.runs_delete:delete", "Delete runs with all that belongs to them."
        ),
    },
)
@click.pass_context
def runs(context: click.Context) -> None:
    """Look at the runs in the history.

    A run is named by its id, the beginning of its id, or its name; "latest" is the newest one.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
