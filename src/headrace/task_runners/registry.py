"""Which task runners there are: Headrace's own, and those that other distributions bring.

A distribution brings one by an entry point of the group ``headrace.task_runners``, whose name is the runner's and
whose value is the class. None is imported before it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.errors import TaskRunnerNotFoundError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from headrace.task_runners.runner import TaskRunner

GROUP = "headrace.task_runners"
_OWN = {
    "concurrent": "headrace.task_runners.concurrent:ConcurrentTaskRunner",
    "dask": "headrace.task_runners.dask:DaskTaskRunner",
    "process": "headrace.task_runners.process:ProcessTaskRunner",
    "ray": "headrace.task_runners.ray:RayTaskRunner",
    "sequential": "headrace.task_runners.sequential:SequentialTaskRunner",
}


def available() -> list[str]:
    """The names of the task runners that are installed, in the order of the alphabet. Imports none of them.

    >>> {"concurrent", "sequential"} <= set(available())
    True
    """
    return sorted({*_OWN, *(entry.name for entry in _brought())})


def load(name: str) -> type[TaskRunner]:
    """The class of the task runner of that name.

    Raises ``TaskRunnerNotFoundError`` if there is none, if several distributions bring one of that name, or if what is
    brought is no task runner; what its import raises comes with it as the cause.

    >>> load("sequential")()
    SequentialTaskRunner()
    """
    if name in _OWN:
        return _import(_OWN[name])  # type: ignore[no-any-return]
    values = {entry.value: entry for entry in _brought() if entry.name == name}
    if not values:
        known = ", ".join(available())
        raise TaskRunnerNotFoundError(f"No task runner is called {name!r}. Installed are: {known}.")
    if len(values) > 1:
        told = ", ".join(f"{value} of {_distribution(entry)}" for value, entry in sorted(values.items()))
        raise TaskRunnerNotFoundError(
            f"Several task runners are called {name!r}: {told}. Uninstall all but one."
        )
    [entry] = values.values()
    return _checked(entry)


def _brought() -> list[EntryPoint]:
    from importlib.metadata import entry_points

    return [entry for entry in entry_points(group=GROUP) if entry.name not in _OWN]


def _checked(entry: EntryPoint) -> type[TaskRunner]:
    from headrace.task_runners.runner import TaskRunner

    brought = f"the task runner {entry.name!r} of {_distribution(entry)}, {entry.value},"
    try:
        found = entry.load()
    except Exception as error:
        raise TaskRunnerNotFoundError(
            f"{brought} cannot be imported: {type(error).__name__}: {error}"
        ) from error
    if not (isinstance(found, type) and issubclass(found, TaskRunner)):
        raise TaskRunnerNotFoundError(
            f"{brought} is {found!r}, and no subclass of headrace.task_runners.TaskRunner"
        )
    return found


def _distribution(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else "an unknown distribution"


def _import(place: str) -> Any:
    from importlib import import_module

    module, _, name = place.partition(":")
    return getattr(import_module(module), name)
