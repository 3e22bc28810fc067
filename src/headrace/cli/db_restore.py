"""``headrace db restore``: puts a backup in the history's place."""

from __future__ import annotations

import click

from headrace import settings
from headrace.cli.as_json import print_json


@click.command()
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def restore(*, file: str, as_json: bool) -> None:
    """Put the backup FILE in the history's place.

    FILE stays as it is: its content is copied, after it was found to be a sound history. The history that was there is
    kept beside it under another name. While a flow runs, or any other program but the live page has the history open,
    nothing is restored.
    """
    from headrace.history.backups import restore as put_back

    restoration = put_back(file, settings.database())
    if as_json:
        print_json({"restored": restoration.restored, "aside": restoration.aside})
        return
    click.echo(f"Restored {restoration.restored} from {file}.")
    if restoration.aside is not None:
        click.echo(f"What was there is kept as {restoration.aside}.")
