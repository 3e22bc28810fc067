"""What a task runner is: it executes attempts, and decides nothing.

A ``TaskRunner`` is the value that a person gives to a flow; for each flow run it opens a ``Session``, to
which the driver hands calls whose upstreams are done and which hold a slot.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from enum import Enum
from typing import TYPE_CHECKING

from headrace.engine.events import AttemptWithdrawn
from headrace.engine.policies import NO_SLOT_LIMIT, SlotPolicy
from headrace.task_runners.call import new_call, new_far_call

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable

    from headrace.task_runners.call import Call, FarCall


class Capability(Enum):
    """What not every runner can do. A runner declares what it can, and the conformance suite holds it to that.

    >>> from headrace.task_runners import Capability, SequentialTaskRunner
    >>> Capability.OVERLAPS in SequentialTaskRunner().capabilities
    False
    """

    OVERLAPS = "task runs overlap"
    SHARES_MEMORY = "a task receives the very object that its upstream returned"


class Session(ABC):
    """The execution of one flow run's attempts. Made by ``TaskRunner.open``; to be subclassed with it.

    The driver calls ``start`` for each attempt whose turn has come, and ``close`` once, at the end of the flow run.

    >>> import threading
    >>> from headrace.task_runners import Session
    >>> from headrace.task_runners.execution import execute
    >>> class FreshThreads(Session):
    ...     def start(self, call) -> None:
    ...         threading.Thread(target=execute, args=(call,), daemon=True).start()
    ...
    ...     def close(self) -> None: ...
    """

    new_call: Callable[[], Call] = staticmethod(new_call)
    """Makes the call, still empty, that the driver fills for each task run: of a subclass, where a session needs one."""

    new_far_call: Callable[[], FarCall] = staticmethod(new_far_call)
    """The same for a call that is replayed, whose value may still be in a file."""

    keeps_quotes: bool = False
    """Whether an argument that is a ``quote`` is given to the session as such."""

    wants_tending: bool = False
    """Set by ``start`` to have ``tend`` called soon; taken back by ``tend`` itself, before it looks what is to do."""

    @abstractmethod
    def start(self, call: Call) -> None:
        """Have the call's attempt executed soon. Must not block, nor run user code in this thread.

        Whoever executes it calls ``execute`` or ``execute_async`` of ``headrace.task_runners.execution``, or
        posts what they would.
        """

    def tend(self) -> None:  # noqa: B027 - most sessions have nothing to do here
        """Called when the session wants it, outside of the engine's work: the moment to add workers."""

    def take_back(self, call: Call, number: int, *, only_withdraw: bool) -> None:
        """Never begin an attempt that has not begun; stop one that has, unless ``only_withdraw``.

        Posts what became of it, now or later. As it stands, this is for sessions whose workers look at the marks
        of the call: ``started_us`` is set by who begins, ``is_withdrawn`` by the driver before it calls this.
        """
        driver = call.driver
        if call.started_us is None:
            driver.post(AttemptWithdrawn(call.id, number, driver.now_us()))
        elif not only_withdraw and not self.interrupt(call, number):
            driver.give_up(call, number)

    def interrupt(self, call: Call, number: int) -> bool:
        """Have an attempt that executes stop, now or soon; ``False`` if that cannot be done.

        It ends by its own report. One that does not within a few seconds is given up: see ``write_off``.
        """
        return False

    def write_off(self, call: Call, number: int) -> str:
        """An attempt that was to stop has not, and nobody waits for it any more: count on its worker no longer.

        Gives the name of that worker, where it is known.
        """
        return ""

    def leave(self, callback: Callable[[], None]) -> None:
        """Close, and call back then. What takes its time does so elsewhere: this may be a thread that runs an event loop."""
        self.close()
        callback()

    @abstractmethod
    def close(self) -> None:
        """The flow run has ended: let workers go. What cannot be stopped must not be waited for."""


class TaskRunner(ABC):
    """How the task runs of a flow are executed.

    Subclass it to bring another runner: give it a ``name``, its ``capabilities`` and ``open``, and let it pass
    ``headrace.testing.TaskRunnerConformance``. A runner has no state of a flow run: one serves several at once.

    >>> from headrace import flow
    >>> from headrace.task_runners import Capability, TaskRunner
    >>> from headrace.task_runners.local import LocalSession
    >>> class PatientTaskRunner(TaskRunner):
    ...     name = "patient"
    ...     capabilities = frozenset({Capability.OVERLAPS, Capability.SHARES_MEMORY})
    ...
    ...     def open(self, flow_run_id, loop):
    ...         return LocalSession(loop)
    >>> @flow(task_runner=PatientTaskRunner())
    ... def hello() -> str:
    ...     return "Hello"
    >>> hello()
    'Hello'
    """

    name: str = "custom"
    capabilities: frozenset[Capability] = frozenset()
    executes_in_caller: bool = False
    """Whether a sync flow's own thread executes its task runs, each before the call returns."""

    @property
    def slots(self) -> SlotPolicy:
        """How many task runs may be with the session at once."""
        return NO_SLOT_LIMIT

    def takes_slot(self, *, is_async: bool) -> bool:
        """Whether a run of such a task counts against ``slots``."""
        return True

    @abstractmethod
    def open(self, flow_run_id: str, loop: AbstractEventLoop | None) -> Session:
        """A session for one flow run; ``loop`` is the event loop of an async flow."""
