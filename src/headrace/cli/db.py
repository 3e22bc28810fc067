"""``headrace db``: the commands that look after the history's file."""

from __future__ import annotations

import click

from headrace.cli.lazy_group import LazyCommand, LazyGroup


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    lazy_commands={
        "prune": LazyCommand("headrace.cli.db_prune:prune", "Delete runs that ended long ago."),
        "backup": LazyCommand("headrace.cli.db_backup:backup", "Copy the history to a new file."),
        "restore": LazyCommand("headrace.cli.db_restore:restore", "Put a backup in the history's place."),
        "vacuum": LazyCommand(
            "headrace.cli.db_vacuum:vacuum", "Give the room of what was deleted back to the disk."
        ),
    },
)
@click.pass_context
def db(context: click.Context) -> None:
    """Look after the history: prune, back up, restore, vacuum.

    All but restore may be used while flows run.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
