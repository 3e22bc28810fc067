"""``headrace db backup``: copies the history to a new file."""

from __future__ import annotations

import os

import click

from headrace import settings
from headrace.cli.as_json import print_json
from headrace.cli.byte_sizes import byte_size


@click.command()
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def backup(*, file: str, as_json: bool) -> None:
    """Copy the history to a new FILE, as it is at this moment.

    Flows may run meanwhile: they are not held up, and the copy has no half of anything. A file that is there is not
    overwritten. Result files are not in the copy: they lie in the folder `results` beside the history.
    """
    from headrace.history.backups import back_up

    size = back_up(settings.database(), file)
    if as_json:
        print_json({"file": os.path.abspath(file), "bytes": size})
    else:
        click.echo(f"Copied the history to {file}: {byte_size(size)}.")
