"""What the page does with flow runs: cancel, delete, answer, and start again what ended.

Whoever owns a run is asked to act; what is to run is started as a process of its own.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING

from headrace.engine.states import StateType
from headrace.errors import LaunchError
from headrace.history import browsing
from headrace.history.answers import give_answer
from headrace.history.deletion import delete_runs as delete_from_history
from headrace.history.requests import ask_owner
from headrace.questions import Question
from headrace.reruns import check_names
from headrace.server.action_views import (
    Answered,
    Answering,
    Cancelled,
    Cancelling,
    Deleted,
    Deleting,
    Form,
    Launch,
    Resuming,
    RetryingFailed,
    RunningAgain,
)
from headrace.server.api.endpoint import Endpoint
from headrace.server.api.parameters import RUN_ID, Parameter
from headrace.server.api.problems import RefusedError, refused
from headrace.server.api.run_rows import TEXT, cut
from headrace.server.form import form_of, what_is_wrong
from headrace.server.launches import LAUNCHES
from headrace.server.recorded_program import program_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from headrace.history.reader import Reader, Run

_REASON = "cancelled on the page"


def cancel_runs(reader: Reader, *, body: Cancelling) -> Cancelled:
    """Asks the processes of the runs to stop them: within half a second they hear of it."""
    runs = [browsing.get_run(reader, id) for id in dict.fromkeys(body.ids)]
    under_way = [run for run in runs if run.ended_us is None]
    for run in under_way:
        ask_owner(reader.location, run.key, "cancel", cut(body.reason or _REASON, TEXT))
    return Cancelled([run.id for run in under_way], [run.id for run in runs if run.ended_us is not None])


def delete_runs(reader: Reader, *, body: Deleting) -> Deleted:
    """Deletes runs; those that are gone already are passed over."""
    known = [id for id in dict.fromkeys(body.ids) if browsing.has_run(reader, id)]
    if not known:  # perhaps there is no history yet, and none is to be made
        return Deleted([], [])
    deletion = delete_from_history(reader.location, known, include_unfinished=body.include_unfinished)
    return Deleted(list(deletion.deleted), list(deletion.unfinished))


def answer_run(reader: Reader, *, id: str, body: Answering) -> Answered:
    """Answers what the run asks."""
    run = browsing.get_run(reader, id)
    for asked in reader.open_questions(run):
        if (asked.prompt, asked.occurrence) == (body.prompt, body.occurrence):
            break
    else:
        raise RefusedError(HTTPStatus.CONFLICT, f"{run.name} does not ask {body.prompt!r}, or not any more.")
    try:
        value = Question.from_json(asked.question).check(body.value)
    except ValueError as error:
        raise refused(f"{asked.prompt}: {error}.") from None
    if not give_answer(reader.location, run, asked, value):
        raise RefusedError(HTTPStatus.CONFLICT, f"{body.prompt!r} of {run.name} has been answered meanwhile.")
    return Answered()


def resume_run(reader: Reader, *, id: str, body: Resuming) -> Launch:
    """Goes on with a run in a process of its own: what completed is replayed, the rest runs."""
    run = _resumable(reader, id, take_over=body.take_over)
    if run.state_type == StateType.COMPLETED and not body.rerun:
        raise LaunchError(
            f"{run.name} has completed: there is nothing to resume. Say which task runs are to run again."
        )
    return _resume(reader, run, body.rerun, body.parameters, take_over=body.take_over)


def retry_failed(reader: Reader, *, id: str, body: RetryingFailed) -> Launch:
    """Runs the failed task runs again, also those that their flow tolerated, and what depends on them."""
    run = _resumable(reader, id)
    rerun: list[str] = []
    if run.state_type == StateType.COMPLETED:
        rerun = browsing.failed_task_runs(reader, run)
        if not rerun:
            raise LaunchError(f"No task run of {run.name} has failed: there is nothing to try again.")
    return _resume(reader, run, rerun, body.parameters)


def run_again(reader: Reader, *, id: str, body: RunningAgain) -> Launch:
    """Runs the flow of a run once more, as a new run with these parameters."""
    run = browsing.get_run(reader, id)
    program = program_of(run)
    form = form_of(run)
    if not form.can_run:
        raise LaunchError(str(form.why_not))
    problems = what_is_wrong(form, body.parameters)
    if problems:
        raise refused(f"{'; '.join(problems[:10])}.")
    given = json.dumps(body.parameters)
    launched = LAUNCHES.start(
        "run_again", program, program.to_run(), given, flow=run.flow, history=reader.location
    )
    return launched.look(reader)


def get_form(reader: Reader, *, id: str) -> Form:
    """What to ask a person before the flow of that run runs again."""
    return form_of(browsing.get_run(reader, id))


def get_launch(reader: Reader, *, number: int) -> Launch:
    """How a process fares that the server has started."""
    launched = LAUNCHES.get(number)
    if launched is None:
        raise RefusedError(HTTPStatus.NOT_FOUND, f"This server has started no process {number}, or long ago.")
    return launched.look(reader)


def _resumable(reader: Reader, id: str, *, take_over: bool = False) -> Run:
    """The run, if it is one that can go on. Raises ``LaunchError``."""
    run = browsing.get_run(reader, id)
    if run.parent is not None:
        raise LaunchError(f"{run.name} is a subflow: resume the flow run that called it, {run.parent}.")
    if run.ended_us is None and not take_over:
        raise LaunchError(f"{run.name} is under way: cancel it, or wait for its end.")
    return run


def _resume(
    reader: Reader, run: Run, rerun: Sequence[str], parameters: Mapping[str, Any], *, take_over: bool = False
) -> Launch:
    program = program_of(run)
    check_names(reader, run, rerun)
    launched = LAUNCHES.start(
        "resume",
        program,
        program.to_resume(run.id, rerun=rerun, take_over=take_over),
        json.dumps(dict(parameters)),
        flow=run.flow,
        history=reader.location,
        run=run.id,
    )
    return launched.look(reader)


_LAUNCH = Parameter(name="number", about="the id of a launch", kind="integer", is_in_path=True)

ENDPOINTS = (
    Endpoint(
        path="/api/runs/cancel",
        method="POST",
        handler=cancel_runs,
        summary="Ask flow runs to stop",
        body=Cancelling,
        answer=Cancelled,
    ),
    Endpoint(
        path="/api/runs/delete",
        method="POST",
        handler=delete_runs,
        summary="Delete flow runs with all that belongs to them",
        body=Deleting,
        answer=Deleted,
    ),
    Endpoint(
        path="/api/runs/{id}/answer",
        method="POST",
        handler=answer_run,
        summary="Answer what a flow run asks",
        body=Answering,
        answer=Answered,
        parameters=(RUN_ID,),
    ),
    Endpoint(
        path="/api/runs/{id}/resume",
        method="POST",
        handler=resume_run,
        summary="Go on with a flow run that ended, in a process of its own",
        body=Resuming,
        answer=Launch,
        parameters=(RUN_ID,),
    ),
    Endpoint(
        path="/api/runs/{id}/retry-failed",
        method="POST",
        handler=retry_failed,
        summary="Run the failed task runs of a flow run again, in a process of its own",
        body=RetryingFailed,
        answer=Launch,
        parameters=(RUN_ID,),
    ),
    Endpoint(
        path="/api/runs/{id}/run-again",
        method="POST",
        handler=run_again,
        summary="Run the flow of a flow run once more, in a process of its own",
        body=RunningAgain,
        answer=Launch,
        parameters=(RUN_ID,),
    ),
    Endpoint(
        path="/api/runs/{id}/form",
        handler=get_form,
        summary="The parameters that the flow of a flow run takes, and those it had",
        answer=Form,
        parameters=(RUN_ID,),
    ),
    Endpoint(
        path="/api/launches/{number}",
        handler=get_launch,
        summary="How a process fares that the server has started",
        answer=Launch,
        parameters=(_LAUNCH,),
    ),
)
