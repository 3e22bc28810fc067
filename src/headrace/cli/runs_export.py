"""``headrace runs export``: a run as one HTML file that needs no server."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import click

from headrace.cli.byte_sizes import byte_size
from headrace.cli.run_names import find_run, open_history
from headrace.cli.safe_text import safe

if TYPE_CHECKING:
    from headrace.history.reader import Run


@click.command()
@click.argument("name", metavar="[ID]", required=False)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="The name of the file, or of the folder for it; - is the standard output.",
)
@click.option("--force", is_flag=True, help="Replace a file that is there already.")
@click.option("--open", "opens", is_flag=True, help="Show it in the browser.")
def export(*, name: str | None, output: str | None, force: bool, opens: bool) -> None:
    """Write a run, the newest if ID is left out, to one HTML file.

    The file is the page of that run, with its timeline, graph, tasks and logs. It needs neither a server nor the network:
    attach it to a ticket, or keep it. Secrets that the history does not have are not in it.
    """
    from headrace.server.export import export_html

    with open_history() as reader:
        run = find_run(reader, name)
        content = export_html(reader, run.id).encode()
    if output == "-":
        click.echo(content, nl=False)
        return
    path = output or _file_name(run)
    if os.path.isdir(path):
        path = os.path.join(path, _file_name(run))
    try:
        with open(path, "wb" if force else "xb") as file:
            file.write(content)
    except FileExistsError as error:
        raise click.ClickException(
            f"There is a file {safe(path)} already. Name another with -o, or add --force."
        ) from error
    except OSError as error:
        raise click.ClickException(f"{safe(path)} cannot be written: {error.strerror}.") from error
    click.echo(f"Wrote {safe(run.name)} to {safe(path)} ({byte_size(len(content))}).")
    if opens:
        import webbrowser

        webbrowser.open(f"file://{os.path.abspath(path)}")


def _file_name(run: Run) -> str:
    """The name of the run, as far as every file system takes it, and the beginning of its id."""
    words = re.sub(r"[^A-Za-z0-9_-]+", "-", run.name).strip("-")[:60]
    return f"{words or 'run'}-{run.id[:13]}.html"
