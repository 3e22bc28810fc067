"""Taking a flow run up again: its earlier epochs, its arguments, and what would run and why.

``FlowRun`` lives a resumed run as it lives any other; here is what it has to know for that.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from headrace.call_memory import CallMemory
from headrace.code_digests import code_digest
from headrace.engine.replay import BY_POSITION, PastRun, Replay
from headrace.engine.states import StateType
from headrace.errors import ResumeError
from headrace.flow_runs import FlowRun
from headrace.history import default_history
from headrace.kept_arguments import recall_arguments
from headrace.reruns import check_names, named_by
from headrace.tasks import Task

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import ModuleType

    from headrace.flows import Flow
    from headrace.history import History
    from headrace.history.claims import Claim
    from headrace.history.reader import Reader, Run


class Resumption(NamedTuple):
    """How a flow run is to be taken up again.

    ``rerun`` names task runs that are executed again though they completed: ``"fetch[3]"``, ``"fetch-3"``, or ``"fetch"``
    for all of a task. ``given`` are arguments in the place of the recorded ones; a run that goes on by itself keeps those,
    and takes from ``given`` what they lack.
    """

    flow_run_id: str
    rerun: tuple[str, ...] = ()
    takes_over: bool = False
    is_automatic: bool = False
    given: Mapping[str, Any] = {}

    def claim(self, history: History, flow: Flow[Any, Any]) -> TakenUp:
        """Make the run this process's own. Raises ``ResumeError``, ``RunUnderWayError`` and ``HistoryError``.

        Nothing is claimed if the arguments are not to be had, or if a name of ``rerun`` is none of the run's.
        """
        is_named = named_by(self.rerun)
        with history.reader() as reader:
            run = reader.get_run(self.flow_run_id)
            if run.kind != "flow":
                raise ResumeError(
                    f"{run.name!r} ({run.id}) is a task that was called outside any flow: there is nothing to resume. Call it again."
                )
            check_flow(run, flow)
            check_names(reader, run, self.rerun)
            arguments = recall_arguments(
                reader, run, flow, self.given, main_module_of(flow), prefers_kept=self.is_automatic
            )
        claim = history.claim(run.id, takes_over=self.takes_over, is_automatic=self.is_automatic)
        with history.reader() as reader:  # what the earlier epoch wrote up to the claim, and nothing after it
            memory = CallMemory(
                replay_of(reader, run, is_named),
                keeps_calls=flow.retry_policy.retries > 0,
                checks_code=True,
                main=main_module_of(flow),
                subflows=reader.past_subflows(run.id),
            )
        return TakenUp(claim, memory, arguments)


def resumed_run(
    flow: Flow[Any, Any],
    run_id: str,
    *,
    rerun: tuple[str, ...] = (),
    takes_over: bool = False,
    is_automatic: bool = False,
    given: Mapping[str, Any] = {},
) -> FlowRun:
    """An earlier run of a flow, to be lived once more. Raises ``RunNotFoundError``."""
    history = default_history()
    history.flush()
    with history.reader() as reader:
        run_id = reader.get_run(run_id).id
    resumption = Resumption(run_id, rerun, takes_over, is_automatic)
    return FlowRun(flow, dict(given), resumption=resumption)


class TakenUp(NamedTuple):
    """A flow run in its next epoch: what is remembered of it, and what it is called with."""

    claim: Claim
    memory: CallMemory
    arguments: dict[str, Any]


class Forecast(NamedTuple):
    """What a resume would make of a task run: ``why`` it is executed again, or ``None`` if it is replayed."""

    run: PastRun
    why: str | None
    counts_by_position: bool


def foresee(reader: Reader, run: Run, flow: Flow[Any, Any], rerun: Sequence[str] = ()) -> list[Forecast]:
    """What a resume would make of each task run that is recorded, as far as that can be told without calling the flow.

    Calls that the flow has not made yet are not among them: they run. Raises ``ResumeError`` for a name that is none.
    """
    check_flow(run, flow)
    check_names(reader, run, rerun)
    return _forecasts(replay_of(reader, run, named_by(rerun)), _codes_of_tasks(flow))


class SubflowForecast(NamedTuple):
    """What a resume would make of a subflow: it is replayed as a whole, or goes on with these task runs."""

    run: Run
    is_replayed: bool
    task_runs: list[Forecast]


def foresee_subflows(reader: Reader, run: Run, flow: Flow[Any, Any]) -> list[SubflowForecast]:
    """The same for the subflows that are recorded, each before those that it called itself."""
    codes = _codes_of_tasks(flow)
    forecasts: list[SubflowForecast] = []
    for summary in reader.children(run):
        subflow = reader.get_run(summary.id)
        if subflow.state_type == StateType.COMPLETED:
            forecasts.append(SubflowForecast(subflow, is_replayed=True, task_runs=[]))
            continue
        replay = replay_of(reader, subflow, named_by(()))
        forecasts.append(SubflowForecast(subflow, is_replayed=False, task_runs=_forecasts(replay, codes)))
        forecasts += foresee_subflows(reader, subflow, flow)
    return forecasts


def _forecasts(replay: Replay, codes: Mapping[str, str]) -> list[Forecast]:
    return [
        Forecast(past, replay.why_again(past, codes.get(past.task)), past.key == BY_POSITION)
        for past in replay.left()
    ]


def replay_of(reader: Reader, run: Run, is_named: Callable[[PastRun], bool]) -> Replay:
    """The earlier epochs of a flow run, as the engine looks at them."""
    stored = reader.results(run)
    runs = [past._replace(held=stored.get(past.id)) for past in reader.past_runs(run)]
    return Replay(runs, codes=reader.task_codes(run), is_named=is_named)


def check_flow(run: Run, flow: Flow[Any, Any]) -> None:
    """Raises ``ResumeError`` if the run is of a flow of another name: its calls would be taken for that one's."""
    if run.flow != flow.name:
        raise ResumeError(
            f"Flow run {run.name!r} ({run.id}) is one of flow {run.flow!r}, not of {flow.name!r}. If the flow has another name"
            f" now, resume it as flow.with_options(name={run.flow!r}).resume(...)."
        )


def main_module_of(flow: Flow[Any, Any]) -> ModuleType | None:
    """The module of the flow: what it pickled as a script's own is found there, also when it is imported now."""
    return sys.modules.get(flow.__module__)


def _codes_of_tasks(flow: Flow[Any, Any]) -> dict[str, str]:
    """The code that tasks have now: of those that the flow's module knows by a name."""
    names = vars(main_module_of(flow)).values() if main_module_of(flow) is not None else ()
    return {value.name: code_digest(value.fn) for value in names if isinstance(value, Task)}
