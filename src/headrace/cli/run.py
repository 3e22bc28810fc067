"""``headrace run``: runs one flow in this process. With a key it goes on with the run of that key, if there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from headrace.cli.conducting import COMPLETED, FAILED, UNDER_WAY_ELSEWHERE, conduct, print_run
from headrace.cli.parameter_values import as_call, read_values, takes_values

if TYPE_CHECKING:
    from typing import IO, Any

    from headrace.flow_runs import FlowRun
    from headrace.flows import Flow
    from headrace.history.claims import Standing


@click.command()
@click.argument("target", metavar="FILE_OR_MODULE[:FLOW]")
@takes_values(help="A parameter, as JSON or text. Repeatable.")
@click.option(
    "--run-key", metavar="KEY", help="Run this at most once: go on with the run of that key, if there is one."
)
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors and what the flow itself prints.")
@click.option("--json", "as_json", is_flag=True, help="Print the run as a JSON object in the last line.")
def run(
    *,
    target: str,
    pairs: tuple[str, ...],
    document: IO[str] | None,
    run_key: str | None,
    quiet: bool,
    as_json: bool,
) -> int:
    """Run a flow of a Python file or module.

    FLOW may be left out where there is only one. The exit code is 0 only if the flow completed, 1 if it failed, 130
    if it was interrupted; a code that the flow itself exits with is passed on.

    With --run-key the same command may be given again and again, by cron for instance: a run of that key that
    completed or was cancelled is reported, one that failed or crashed is resumed (three times at most), and one that
    is under way elsewhere is reported with the exit code 3.

    \b
    headrace run flows.py
    headrace run flows.py:report -p month=6 -p 'columns=["a", "b"]'
    vault read flows/report | headrace run flows.py:report --params -
    headrace run flows.py:report -p month=6 --run-key report-2024-06
    """  # noqa: D301 - click asks for this very character before lines that are not to be joined
    if run_key is not None and not run_key.strip():
        raise click.UsageError("--run-key is empty, which is no key: is the variable set that it comes from?")

    def prepare() -> FlowRun | int:
        from headrace.cli.flow_finder import find_flow
        from headrace.flow_runs import FlowRun

        flow = find_flow(target)
        values = read_values(flow, pairs, document)
        if run_key is None:
            return FlowRun(flow, as_call(flow, values))
        return _run_of_key(flow, values, run_key, as_json=as_json)

    return conduct(prepare, is_quiet=quiet, as_json=as_json)


def _run_of_key(flow: Flow[..., Any], values: dict[str, Any], key: str, *, as_json: bool) -> FlowRun | int:
    """The run of that key: a new one, an earlier one to go on with, or the exit code that tells of it.

    An earlier one keeps its arguments; ``values`` are for those that were never written.
    """
    from headrace.flow_runs import FlowRun
    from headrace.history import default_history
    from headrace.history.claims import MOST_AUTOMATIC_RESUMES
    from headrace.resuming import resumed_run

    standing = default_history().find_key(flow.name, key)
    if standing is None:
        return FlowRun(flow, as_call(flow, values), run_key=key)
    told = f"run {standing.name!r} of key {key!r}"
    if standing.is_under_way:
        click.echo(f"headrace: {told} is under way in {standing.owner}: it is not doubled.", err=True)
        return _tell(standing, UNDER_WAY_ELSEWHERE, as_json=as_json)
    if standing.is_settled:
        click.echo(f"headrace: {told} is {standing.state}: it does not run again.", err=True)
        return _tell(standing, COMPLETED if standing.has_completed else FAILED, as_json=as_json)
    if standing.automatic_resumes >= MOST_AUTOMATIC_RESUMES:
        click.echo(
            f"headrace: {told} is {standing.state} after {standing.automatic_resumes} automatic resumes: it does not"
            f" go on by itself. Look at it, then: headrace resume {standing.id}",
            err=True,
        )
        return _tell(standing, FAILED, as_json=as_json)
    return resumed_run(flow, standing.id, is_automatic=True, given=values)


def _tell(standing: Standing, exit_code: int, *, as_json: bool) -> int:
    if as_json:
        print_run(standing.id)
    return exit_code
