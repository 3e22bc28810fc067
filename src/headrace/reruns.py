"""The names of task runs that are to be executed again though they completed: which ones they mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.errors import ResumeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from headrace.engine.replay import PastRun
    from headrace.history.reader import Reader, Run


def named_by(names: Iterable[str]) -> Callable[[PastRun], bool]:
    """Whether a task run is one of those named ``"task[index]"``, ``"task-index"`` or ``"task"``.

    >>> from headrace.engine.replay import PastRun
    >>> from headrace.engine.states import StateName
    >>> is_named = named_by(["fetch[1]", "clean"])
    >>> [is_named(PastRun(1, task, 1, None, "", StateName.COMPLETED)) for task in ("fetch", "clean", "load")]
    [True, True, False]
    """
    wanted = {_plain_name(name) for name in names}
    return lambda run: run.task in wanted or run.display_name in wanted


def check_names(reader: Reader, run: Run, names: Sequence[str]) -> None:
    """Raises ``ResumeError`` if one of the names is no task run of the flow run: a subflow, or a slip of the pen."""
    if not names:
        return
    past_runs = reader.past_runs(run)
    known = {past.task for past in past_runs} | {past.display_name for past in past_runs}
    unknown = [name for name in names if _plain_name(name) not in known]
    if unknown:
        for subflow in reader.children(run):
            if unknown[0] in (subflow.flow, subflow.name, subflow.id):
                raise ResumeError(
                    f"{unknown[0]!r} is a subflow of {run.name!r}, and only task runs can be named. To run tasks of the subflow"
                    f" again, resume that first: `headrace resume {subflow.id} --from TASK`, and then {run.id}."
                )
        raise ResumeError(
            f"Flow run {run.name!r} ({run.id}) has no task run {', '.join(map(repr, unknown))} that could run again:"
            f" `headrace runs show {run.id}` shows those it has."
        )


def _plain_name(name: str) -> str:
    """``"fetch-3"`` for ``"fetch[3]"``, and any other name as it is."""
    return name.removesuffix("]").replace("[", "-") if name.endswith("]") else name
