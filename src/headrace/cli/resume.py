"""``headrace resume``: goes on with a run that failed, crashed or was cancelled, under its own id."""

from __future__ import annotations

import os
from collections import Counter
from typing import IO, TYPE_CHECKING, Any

import click

from headrace.cli.as_json import print_json
from headrace.cli.conducting import COMPLETED, conduct
from headrace.cli.parameter_values import read_given, takes_values
from headrace.cli.run_names import LATEST, find_only_run, now_us, open_history
from headrace.cli.safe_text import safe
from headrace.cli.times import ago, moment
from headrace.engine.states import StateType
from headrace.server.recorded_program import root_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headrace.flow_runs import FlowRun
    from headrace.flows import Flow
    from headrace.history.reader import Run
    from headrace.resuming import Forecast, SubflowForecast

_SHOWN = 50


@click.command()
@click.argument("name", metavar="RUN")
@click.option(
    "--from",
    "rerun",
    metavar="TASK[INDEX]",
    multiple=True,
    help="Run this task run again, though it completed, and what depends on it. Without an index: all of the task.",
)
@click.option(
    "--take-over", is_flag=True, help="Take the run from a process that is still there, but silent."
)
@click.option("--dry-run", is_flag=True, help="Say what would run, and why; run nothing.")
@takes_values(
    help="A parameter in the place of the recorded one: a secret, which is never written, for instance. Repeatable."
)
@click.option(
    "--flow", "target", metavar="FILE_OR_MODULE[:FLOW]", help="Where the flow is now, if it has moved."
)
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors and what the flow itself prints.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object in the last line.")
def resume(
    *,
    name: str,
    rerun: tuple[str, ...],
    take_over: bool,
    dry_run: bool,
    pairs: tuple[str, ...],
    document: IO[str] | None,
    target: str | None,
    quiet: bool,
    as_json: bool,
) -> int:
    """Go on with a run: what completed is replayed, the rest runs. RUN is an id, its beginning, a name, or "latest".

    The exit code is that of `headrace run`.

    \b
    headrace resume brisk-otter
    headrace resume brisk-otter --from 'fetch[3]' --dry-run
    """  # noqa: D301 - click asks for this very character before lines that are not to be joined

    def prepare() -> FlowRun | int:
        from headrace.resuming import resumed_run

        with open_history() as reader:
            run = find_only_run(reader, name)
            if name == LATEST and not quiet:
                began = f"{moment(run.began_us)}, {ago(run.began_us, now_us())}"
                click.echo(
                    f"headrace: the latest is run {safe(run.name)!r} of flow {safe(run.flow)!r}, which began {began}.",
                    err=True,
                )
            if run.state_type == StateType.COMPLETED and not rerun and not dry_run:
                click.echo(
                    f"headrace: run {safe(run.name)!r} has completed: there is nothing to resume. --from TASK runs a task again.",
                    err=True,
                )
                return COMPLETED
            flow = _flow_of(run, target)
            if dry_run:
                from headrace.resuming import foresee, foresee_subflows

                forecasts, subflows = foresee(reader, run, flow, rerun), foresee_subflows(reader, run, flow)
                if as_json:
                    _print_forecasts_as_json(run, forecasts, subflows)
                else:
                    _print_forecasts(forecasts, subflows)
                return COMPLETED
        return resumed_run(
            flow, run.id, rerun=rerun, takes_over=take_over, given=read_given(flow, pairs, document)
        )

    return conduct(prepare, is_quiet=quiet, as_json=as_json)


def _flow_of(run: Run, target: str | None) -> Flow[..., Any]:
    from headrace.cli.flow_finder import find_flow

    if target is not None:
        return find_flow(target if ":" in target else f"{target}:{run.flow}")
    known = run.provenance
    file = str(known.get("entry_point", "")).rpartition(":")[0]
    folder = known.get("folder")
    if not os.path.isabs(file) and folder:
        file = os.path.join(folder, file)
    if file.endswith(".py") and not os.path.exists(file):
        raise click.ClickException(
            f"{safe(file)}, where flow {safe(run.flow)!r} was, does not exist any more."
            f" Say where it is now: headrace resume {run.id} --flow FILE_OR_MODULE"
        )
    module = known.get("module")
    if isinstance(module, str):
        return find_flow(f"{module}:{run.flow}", root=root_of(module, os.path.normpath(file)))
    return find_flow(f"{file}:{run.flow}")


def _print_forecasts(forecasts: Sequence[Forecast], subflows: Sequence[SubflowForecast]) -> None:
    _print_forecast(forecasts)
    replayed = sum(subflow.is_replayed for subflow in subflows)
    if replayed:
        told = "1 subflow that completed is replayed if it is given the same."
        several = f"{replayed:,} subflows that completed are replayed if they are given the same."
        click.echo(told if replayed == 1 else several)
    for run, is_replayed, task_runs in subflows:
        if not is_replayed:
            _print_forecast(task_runs, f"Subflow {safe(run.name)!r} of flow {safe(run.flow)!r} would go on: ")


def _print_forecasts_as_json(
    run: Run, forecasts: Sequence[Forecast], subflows: Sequence[SubflowForecast]
) -> None:
    print_json(
        {
            "id": run.id,
            "task_runs": [_forecast_json(forecast) for forecast in forecasts],
            "subflows": [
                {
                    "id": subflow.id,
                    "flow": subflow.flow,
                    "runs": not is_replayed,
                    "task_runs": [_forecast_json(forecast) for forecast in task_runs],
                }
                for subflow, is_replayed, task_runs in subflows
            ],
        }
    )


def _print_forecast(forecasts: Sequence[Forecast], subject: str = "") -> None:
    again = [forecast for forecast in forecasts if forecast.why is not None]
    replayed = len(forecasts) - len(again)
    click.echo(
        f"{subject}{_task_runs(replayed)} would be replayed, {len(again):,} would run again; calls not made so far would run."
    )
    for forecast in again[:_SHOWN]:
        position = "; recognised by its position only" if forecast.counts_by_position else ""
        click.echo(f"  {safe(forecast.run.display_name)}: {safe(str(forecast.why))}{position}")
    for (task, why), count in Counter((f.run.task, f.why) for f in again[_SHOWN:]).items():
        click.echo(f"  {count:,} more of {safe(task)}: {safe(str(why))}")
    unsure = sum(forecast.counts_by_position and forecast.why is None for forecast in forecasts)
    if unsure:
        click.echo(
            f"{_task_runs(unsure)} to be replayed {'is' if unsure == 1 else 'are'} recognised by position only: the"
            " arguments have no stable key, or hold more than 1 MiB."
        )


def _task_runs(count: int) -> str:
    return f"{count:,} task run{'s' if count != 1 else ''}"


def _forecast_json(forecast: Forecast) -> dict[str, Any]:
    return {
        "id": forecast.run.id,
        "task": forecast.run.task,
        "index": forecast.run.index,
        "runs": forecast.why is not None,
        "why": forecast.why,
        "recognised_by": "position" if forecast.counts_by_position else "arguments",
    }
