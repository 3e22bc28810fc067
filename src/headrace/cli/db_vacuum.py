"""``headrace db vacuum``: gives the room of what was deleted back to the disk."""

from __future__ import annotations

import click

from headrace import settings
from headrace.cli.as_json import print_json
from headrace.cli.byte_sizes import byte_size
from headrace.cli.run_names import has_history
from headrace.errors import HistoryUnavailableError


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def vacuum(*, as_json: bool) -> None:
    """Rewrite the history without the gaps that deleted runs left, so that the file gets smaller.

    Flows may run meanwhile, but what they record waits until this is done: some seconds a GB. It takes twice the
    history's size on its disk for that time.
    """
    from headrace.history.vacuum import vacuum as rewrite

    if not has_history():
        raise HistoryUnavailableError("There is no history yet: it is made when the first flow runs.")
    sizes = rewrite(settings.database())
    if as_json:
        print_json({"before": sizes.before, "after": sizes.after})
    else:
        click.echo(f"The history takes {byte_size(sizes.after)}, {byte_size(sizes.before)} before.")
