"""A history in memory for one test, and what it says about the runs, in one object a run."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from headrace.errors import ResultUnavailableError, RunNotFoundError
from headrace.history import History, use_history

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headrace.history.reader import Edge, LogLine, Reader, Run, TaskRun


@contextmanager
def in_memory_history() -> Iterator[RecordedHistory]:
    """A history of its own for the flow runs of the block, in every thread; nothing of it is kept.

    It is there in milliseconds, and reads what the block's runs have recorded so far.

    >>> from headrace import flow
    >>> @flow
    ... def greet(name: str) -> str:
    ...     return f"Hello, {name}!"
    >>> with in_memory_history() as history:
    ...     greet("Ada")
    ...     history.run().state
    'Hello, Ada!'
    'Completed'
    """
    history = History.open(":memory:")
    try:
        with use_history(history):
            yield RecordedHistory(history)
    finally:
        history.close()


class RecordedHistory:
    """What has been recorded: the flow runs of an ``in_memory_history``, or of any ``History`` that it is given.

    Every question first waits until the writer has written down all there is.

    >>> from headrace import flow
    >>> @flow
    ... def nothing() -> None: ...
    >>> with in_memory_history() as history:
    ...     nothing(), nothing()
    ...     [run.flow for run in history.runs()]
    (None, None)
    ['nothing', 'nothing']
    """

    def __init__(self, history: History) -> None:
        self.history = history

    def runs(self, flow: str | None = None) -> list[RecordedRun]:
        """The flow runs (of that flow), the first begun first; subflows too, and tasks called outside any flow."""
        self.history.flush()
        with self.history.reader() as reader:
            summaries = reader.list_runs(limit=0)
            found = [summary.id for summary in reversed(summaries) if flow is None or summary.flow == flow]
            return [RecordedRun(self.history, reader, reader.get_run(id)) for id in found]

    def run(self, flow: str | None = None) -> RecordedRun:
        """The one flow run (of that flow). Raises ``RunNotFoundError`` if there is none, or more than one."""
        runs = self.runs(flow)
        if len(runs) == 1:
            return runs[0]
        of_flow = "" if flow is None else f" of flow {flow!r}"
        told = ", ".join(f"{run.flow} ({run.name})" for run in (runs or self.runs())) or "none"
        raise RunNotFoundError(f"The history has {len(runs)} runs{of_flow}, not one. There are: {told}.")


class RecordedRun:
    """One flow run, as it was recorded when it was asked for: a later question needs a later one.

    ``task_runs``, ``log_lines`` and ``edges`` (which task run waited for which) are lists, ``row`` has all the rest.

    >>> from headrace import flow, task
    >>> @task
    ... def load() -> list[int]:
    ...     return [1, 2]
    >>> @flow
    ... def add() -> int:
    ...     return sum(load().result())
    >>> with in_memory_history() as history:
    ...     add()
    ...     run = history.run("add")
    3
    >>> run.state, run.states_of("load-0"), run.task_run("load-0").result_preview
    ('Completed', ['Pending', 'Running', 'Completed'], '[1,2]')
    """

    def __init__(self, history: History, reader: Reader, row: Run) -> None:
        self.row = row
        self._history = history
        self.task_runs: list[TaskRun] = list(reader.task_runs(row))
        self.log_lines: list[LogLine] = reader.logs(row)
        self.edges: list[Edge] = reader.edges(row)

    @property
    def flow(self) -> str:
        """The flow's name."""
        return self.row.flow

    @property
    def name(self) -> str:
        """The run's name."""
        return self.row.name

    @property
    def state(self) -> str:
        """The name of the state it is in."""
        return self.row.state

    @property
    def states(self) -> list[str]:
        """The names of the states it was in, in their order."""
        return [state.name for state in self.row.states]

    def task_run(self, name: str) -> TaskRun:
        """The task run of that name, such as ``"load-0"``. Raises ``RunNotFoundError``."""
        found = [run for run in self.task_runs if run.name == name]
        if len(found) == 1:
            return found[0]
        told = ", ".join(run.name for run in self.task_runs) or "none"
        raise RunNotFoundError(
            f"{len(found)} task runs of {self.name} are called {name!r}. There are: {told}."
        )

    def task_runs_of(self, task: str) -> list[TaskRun]:
        """The runs of that task, in the order of their calls."""
        return [run for run in self.task_runs if run.task == task]

    def states_of(self, name: str) -> list[str]:
        """The names of the states that the task run of that name was in, in their order."""
        return [state.name for state in self.task_run(name).states]

    def stored_value(self, name: str) -> Any:
        """The value that is stored of the task run of that name. Raises ``ResultUnavailableError`` if none is."""
        task_run = self.task_run(name)
        with self._history.reader() as reader:
            stored = reader.results(self.row, [task_run.id]).get(task_run.id)
        if stored is None:
            raise ResultUnavailableError(f"Nothing is stored of {name}: {task_run.result_note}")
        return stored.load()

    def logs(self, task_run: str | None = None) -> list[str]:
        """The log lines and prints in their order: all of them, or those of the task run of that name."""
        id = None if task_run is None else self.task_run(task_run).id
        return [line.message for line in self.log_lines if id is None or line.task_run == id]

    def __repr__(self) -> str:
        return f"<recorded run {self.name} of flow {self.flow}: {self.state}>"
