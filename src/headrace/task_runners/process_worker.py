"""What a worker process does: one errand after another, in its main thread."""

from __future__ import annotations

import atexit
import os
import time
from _pickle import loads
from typing import TYPE_CHECKING, Any, NamedTuple

from headrace.clock import system_clock
from headrace.errors import TaskRunError
from headrace.task_runners.errand_reading import reading_errand
from headrace.task_runners.process_memory import Memory, load_value, store_value
from headrace.task_runners.process_surroundings import Surroundings, changed_modules
from headrace.task_runners.remote.errand import PackedCommission
from headrace.task_runners.remote.exceptions import pack_error
from headrace.task_runners.remote.outcome import Landing, Outcome
from headrace.task_runners.remote.outpost import execute_errand, unreadable
from headrace.task_runners.remote.prints import print_line_by_line, print_what_is_left
from headrace.task_runners.remote.reporter import Reporter
from headrace.tracebacks import describe, failure_of

if TYPE_CHECKING:
    from headrace.task_runners.process_channel import Channel
    from headrace.task_runners.process_memory import Spans

NEWS = 0
"""In the place of an errand's number: what comes is news of those that execute."""


class Order(NamedTuple):
    """An errand as it comes to a worker.

    ``commission`` is there until this worker has answered an order with it, ``surroundings`` until it has answered one of
    the flow run. Each of ``upstreams`` is an outcome, and where its body lies if it has one: in which piece of memory, and
    where in that.
    """

    number: int
    surroundings: bytes | None
    digest: bytes
    commission: bytes | None
    errand: bytes
    upstreams: tuple[tuple[bytes, tuple[int, Spans] | None], ...]


class Answer(NamedTuple):
    """How an errand landed; ``spans`` tell of its body, which comes along, if it has one.

    Without an outcome it was refused: this worker is no longer what a new one would be.
    """

    number: int
    outcome: bytes | None
    spans: Spans | None


def serve(channel: Channel) -> None:
    """Execute what comes by the channel, until its other end is closed."""
    print_line_by_line()
    worker = Worker(channel)
    while worker.execute_next():
        pass
    atexit._run_exitfuncs()
    print_what_is_left()


class Worker:
    """This process, as it answers."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._began_at = time.time()
        self._name = f"process-{os.getpid()}"
        self._reporter = Reporter(lambda address, news: channel.send((NEWS, address, news)))
        self._commissions: dict[bytes, PackedCommission] = {}

    def execute_next(self) -> bool:
        """Wait for an order and carry it out; ``False`` if there will be no more. Idle, it keeps nothing of the last one."""
        message = self._channel.receive()
        if message is None:
            return False
        order = Order(*message.content)
        if order.surroundings is not None:
            if changed_modules(self._began_at):
                self._channel.send((order.number, None, None))
                return False
            Surroundings(*loads(order.surroundings)).take_over()
            self._commissions.clear()
        if order.commission is not None:
            self._commissions[order.digest] = PackedCommission(order.digest, order.commission)
        outcome, body = self._execute(order, message.memories)
        if body is None:
            self._channel.send((order.number, outcome, None))
        else:
            self._send_with_body(order.number, outcome, body)
        return True

    def _execute(self, order: Order, memories: list[Memory]) -> tuple[bytes, Any]:
        began_us = system_clock.now_us()
        try:
            with reading_errand:
                landed = [(packed, _body_at(place, memories)) for packed, place in order.upstreams]
        except BaseException as error:
            return unreadable(error, began_us, self._name).pack(), None
        memories.clear()
        return execute_errand(
            self._commissions[order.digest],
            order.errand,
            landed,
            worker=self._name,
            reporter=self._reporter,
        )

    def _send_with_body(self, number: int, outcome: bytes, body: Any) -> None:
        try:
            memory = store_value(body)
        except BaseException as error:
            self._channel.send((number, _untransportable(outcome, error), None))
        else:
            self._channel.send((number, outcome, memory.spans), [memory])


def _body_at(place: tuple[int, Spans] | None, memories: list[Memory]) -> Any:
    if place is None:
        return None
    index, spans = place
    return load_value(memories[index], spans)


def _untransportable(packed: bytes, error: BaseException) -> bytes:
    """The outcome of an attempt whose large result cannot leave its process."""
    told = TaskRunError(f"the result cannot be handed on by the worker: {describe(error)}")
    outcome = Outcome.unpack(packed)._replace(
        landing=Landing.RAISED,
        stored=None,
        reason=describe(told),
        failure=failure_of(told),
        error=pack_error(told),
    )
    return outcome.pack()
