"""Every exception that Headrace raises, as one tree.

::

    HeadraceError
    ├── ParameterError(TypeError)            a flow's arguments do not fit its annotations
    ├── FutureMisuseError(TypeError)         a future was used as if it were its value
    ├── WouldDeadlockError(RuntimeError)     waiting here would keep what is waited for from going on
    ├── TaskRunError
    │   ├── TaskTimedOut(TimeoutError)       a task run passed its timeout
    │   ├── TaskCancelled                    a task run was cancelled
    │   ├── TaskCrashed                      the machine failed, not the function
    │   └── UpstreamFailedError              a task run did not start: an upstream did not complete
    ├── FlowRunTimedOut(TimeoutError)        a flow run passed its timeout
    ├── FlowRunCancelled                     a flow run was cancelled
    ├── FlowRunCrashed(RuntimeError)         a flow run ended by a defect of Headrace or its process
    ├── FlowRunLost(RuntimeError)            another process has taken over a flow run that goes on here
    ├── ResumeError(RuntimeError)            a flow run cannot be resumed as it was asked for
    ├── LaunchError(RuntimeError)            a flow cannot be run from here as it was recorded
    ├── FlowNotFoundError(LookupError)       no flow under that name in a file or module
    ├── TaskRunnerNotFoundError(LookupError) no usable task runner is installed under that name
    ├── TaskRunnerError
    │   ├── MissingExtraError(ImportError)       what a task runner or a serializer needs is not installed
    │   ├── MissingMainGuardError(RuntimeError)  new processes would run the script from its beginning
    │   ├── ClusterUnavailableError(ConnectionError)  the cluster cannot be started or reached, or was lost
    │   └── SubflowElsewhereError(RuntimeError)  a flow was called inside a task on a remote worker
    ├── ResultError
    │   ├── ResultUnavailableError(LookupError)  the value of a run is not to be had any more
    │   └── ResultDamagedError(ValueError)       what is stored of a value is not what was written
    ├── NoStableKeyError(TypeError)          nothing in a value tells other processes that it is the same
    │   └── TooLargeForKeyError                  it holds more than may be looked at
    ├── SettingsError(ValueError)            a setting has a value that cannot be used
    ├── ServingError(OSError)                the live page cannot be served, or not as it was asked for
    ├── ServerUnavailableError(ConnectionError)  the server of the live page gives a client no answer
    ├── RequestRefusedError(ValueError)      the server does not do what a client asks for
    └── HistoryError                         the database cannot be used
        ├── HistoryUnavailableError(OSError)     it cannot be opened, written or locked
        ├── NotAHistoryError(ValueError)         the file is no Headrace database
        ├── HistoryVersionError(RuntimeError)    a newer Headrace wrote it
        ├── RunNotFoundError(LookupError)        no run, or more than one, has that id
        └── RunUnderWayError(RuntimeError)       a run is to be resumed whose process is still there

    TaskFailures(ExceptionGroup)             failures of task runs that nobody retrieved
    HistoryWarning(RuntimeWarning)           the history stopped recording under way
    RunInterrupted(BaseException)            raised in the code of a run that is to stop
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class HeadraceError(Exception):
    """The root of everything that Headrace itself raises."""


class ParameterError(HeadraceError, TypeError):
    """The arguments of a flow do not fit its annotations; the message lists every field."""


class FutureMisuseError(HeadraceError, TypeError):
    """A future was used as if it were the value of its run."""


class WouldDeadlockError(HeadraceError, RuntimeError):
    """A wait that would never end: on the event loop that the awaited run needs, or for slots that the waiting code holds."""


class TaskRunError(HeadraceError):
    """A task run gave no value, and its own function is not what raised."""


class TaskTimedOut(TaskRunError, TimeoutError):
    """A task run passed its ``timeout_seconds``."""


class TaskCancelled(TaskRunError):
    """A task run was cancelled before it gave a value."""


class TaskCrashed(TaskRunError):
    """A task run ended because its machine, worker or engine failed, not its function."""


class UpstreamFailedError(TaskRunError):
    """A task run did not start because an upstream did not complete; the causes are in ``__cause__``."""


class FlowRunTimedOut(HeadraceError, TimeoutError):
    """A flow run passed its ``timeout_seconds``."""


class FlowRunCancelled(HeadraceError):
    """A flow run was cancelled."""


class FlowRunCrashed(HeadraceError, RuntimeError):
    """A flow run ended by a defect of Headrace or of its process; ``__cause__`` has the original."""


class FlowRunLost(HeadraceError, RuntimeError):
    """Another process has taken over a flow run: what this one still does of it is refused by the history."""


class ResumeError(HeadraceError, RuntimeError):
    """A flow run cannot be resumed as it was asked for; the message says what to do."""


class LaunchError(HeadraceError, RuntimeError):
    """A flow cannot be run, or a run of it resumed, as it was recorded; the message says what is in the way."""


class FlowNotFoundError(HeadraceError, LookupError):
    """No flow, or more than one, is found under the given name."""


class TaskRunnerNotFoundError(HeadraceError, LookupError):
    """No task runner, more than one, or none that can be used, is installed under the given name."""


class TaskRunnerError(HeadraceError):
    """A task runner cannot do its work."""


class MissingExtraError(TaskRunnerError, ImportError):
    """What a task runner, a serializer or a place for results needs is not installed; the message says how to install it."""


class MissingMainGuardError(TaskRunnerError, RuntimeError):
    """A script without ``if __name__ == "__main__"`` uses a task runner that starts processes, which would run it again."""


class ClusterUnavailableError(TaskRunnerError, ConnectionError):
    """The cluster of a task runner cannot be started or reached, or was lost while a flow ran on it."""


class SubflowElsewhereError(TaskRunnerError, RuntimeError):
    """A flow was called inside a task that a remote worker executes; it would have no history there."""


class ResultError(HeadraceError):
    """The value that a run gave cannot be had again."""


class ResultUnavailableError(ResultError, LookupError):
    """The value is not to be had any more: it stayed on a cluster, its file is gone, or it cannot be unpickled here."""


class ResultDamagedError(ResultError, ValueError):
    """What is stored of the value is not what was written. It is never taken for the value."""


class NoStableKeyError(HeadraceError, TypeError):
    """A value, or ``path`` within it, has no key that another process would give to an equal one; ``reason`` says why."""

    def __init__(self, name: str, path: str, reason: str) -> None:
        super().__init__(f"{name}{path} has no stable key: {reason}")
        self.path = path
        self.reason = reason


class TooLargeForKeyError(NoStableKeyError):
    """A value holds more than may be looked at for its key."""


class SettingsError(HeadraceError, ValueError):
    """A setting has a value that cannot be used."""


class ServingError(HeadraceError, OSError):
    """The live page cannot be served, or not as it was asked for."""


class ServerUnavailableError(HeadraceError, ConnectionError):
    """The server of the live page gives a client no answer, or one that says it cannot."""


class RequestRefusedError(HeadraceError, ValueError):
    """The server of the live page does not do what a client asks for; the message says why."""


class HistoryError(HeadraceError):
    """The database of runs cannot be used."""


class HistoryUnavailableError(HistoryError, OSError):
    """The database cannot be opened, written or locked."""


class NotAHistoryError(HistoryError, ValueError):
    """The file is not a database that Headrace wrote."""


class HistoryVersionError(HistoryError, RuntimeError):
    """The database was written by a newer Headrace."""


class RunNotFoundError(HistoryError, LookupError):
    """No run, or more than one, has the given id."""


class RunUnderWayError(HistoryError, RuntimeError):
    """A flow run is to be resumed that has not ended, and whose process is still there."""


class HistoryWarning(RuntimeWarning):
    """The history stopped recording while flows ran; they go on without it."""


class TaskFailures(ExceptionGroup[Exception]):
    """The failures of task runs that nobody retrieved, raised by the flow when it ends.

    >>> group = TaskFailures("2 task runs failed", [ValueError("a"), KeyError("b")])
    >>> len(group.exceptions)
    2
    """

    def derive(self, excs: Sequence[Exception]) -> TaskFailures:  # type: ignore[override]  # of its own kind alone
        """The same kind of group for ``split`` and ``subgroup``."""
        return TaskFailures(self.message, excs)


class RunInterrupted(BaseException):
    """Raised in the code of a sync task or flow that is to stop: it was cancelled, or has passed its timeout.

    It comes between any two steps of that code, as ``KeyboardInterrupt`` does. ``finally`` and ``with`` clean up as ever;
    who catches it has a few seconds before the run is given up.
    """
