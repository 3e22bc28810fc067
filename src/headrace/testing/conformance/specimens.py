"""The tasks that the suite runs. They can be imported by workers elsewhere, and tell what they see by what they return."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from headrace.flows import flow
from headrace.logging import get_run_logger
from headrace.run_context import TaskRunContext, get_run_context
from headrace.tasks import task
from headrace.testing.conformance.turnstile import (
    DEADLINE_SECONDS,
    arrive,
    pass_turnstile,
    pass_turnstile_async,
)

if TYPE_CHECKING:
    from headrace.futures import TaskFuture
    from headrace.testing.conformance.turnstile import Address

mood: contextvars.ContextVar[str] = contextvars.ContextVar("mood", default="calm")


class Point(NamedTuple):
    """A named tuple to search."""

    x: Any
    y: Any


@dataclass(frozen=True)
class Parcel:
    """A dataclass to search."""

    content: Any
    label: str = "fragile"


class SpecimenError(Exception):
    """What the failing specimens raise."""


class UnpicklableError(Exception):
    """An exception that cannot leave its process."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.lock = threading.Lock()


class DemandingError(Exception):
    """An exception whose constructor asks for more than pickle gives it."""

    def __init__(self, code: int, *, place: str) -> None:
        super().__init__(f"code {code} at {place}")
        self.code = code


class UnspeakableError(Exception):
    """An exception that cannot be shown."""

    def __str__(self) -> str:
        raise RuntimeError("no words for it")

    __repr__ = __str__


# -- values --------------------------------------------------------------------------------------


@task
def add(x: int, y: int) -> int:
    """The sum."""
    return x + y


@task
async def add_async(x: int, y: int) -> int:
    """The sum, after a turn of the loop."""
    await asyncio.sleep(0)
    return x + y


@task
def receive(value: Any) -> Any:
    """What it was given."""
    return value


@task
async def receive_async(value: Any) -> Any:
    """What it was given."""
    return value


@task
def describe(value: Any) -> str:
    """What it was given, as text: for values that are not to be sent back."""
    return f"{type(value).__name__}: {value}"


@task
def count_up_to(number: int) -> list[int]:
    """A list to map over."""
    return list(range(number))


@task
def find_itself_inside(values: list[Any]) -> tuple[bool, Any]:
    """Whether the list's last item is the list itself; and its first."""
    return values[-1] is values, values[0]


@task
def make_bytes(size: int) -> bytes:
    """That many of them."""
    return bytes(size)


@task
async def make_bytes_async(size: int) -> bytes:
    """That many of them."""
    return bytes(size)


@task
def measure(value: bytes) -> int:
    """How long it is."""
    return len(value)


@task
def make_lock() -> Any:
    """A value that cannot leave its process."""
    return threading.Lock()


# -- failures ------------------------------------------------------------------------------------


@task
def fail(message: str = "as it should") -> Any:
    """Raise."""
    raise SpecimenError(message)


@task
async def fail_async(message: str = "as it should") -> Any:
    """Raise."""
    raise SpecimenError(message)


def _raise(kind: str) -> None:
    match kind:
        case "unpicklable":
            raise UnpicklableError("cannot travel")
        case "demanding":
            raise DemandingError(7, place="the gate")
        case "unspeakable":
            raise UnspeakableError
        case "group":
            raise ExceptionGroup("two at once", [ValueError("first"), KeyError("second")])
        case "exit":
            raise SystemExit(3)
        case "memory":
            raise MemoryError("no room")
        case "stop":
            raise StopIteration("nothing left")
        case "base":
            raise BaseException("the very base")  # noqa: TRY002 - the rarest kind is the one to survive


@task
def raise_kind(kind: str) -> None:
    """Raise what is hard to handle."""
    _raise(kind)


@task
async def raise_kind_async(kind: str) -> None:
    """Raise what is hard to handle, on a loop."""
    _raise(kind)


@task
def succeed_at(attempt: int) -> int:
    """Fail until that attempt; then its number."""
    context = get_run_context()
    assert isinstance(context, TaskRunContext)
    if context.attempt < attempt:
        raise SpecimenError(f"attempt {context.attempt}")
    return context.attempt


@task
async def succeed_at_async(attempt: int) -> int:
    """Fail until that attempt; then its number."""
    return succeed_at.fn(attempt)


# -- waiting -------------------------------------------------------------------------------------


@task
def hold(address: Address, value: Any = None) -> Any:
    """What it was given, once the turnstile is open."""
    pass_turnstile(address)
    return value


@task
async def hold_async(address: Address, value: Any = None) -> Any:
    """What it was given, once the turnstile is open."""
    await pass_turnstile_async(address)
    return value


@task
def block_on(future: TaskFuture[Any]) -> Any:
    """The value of a future that it waits for itself."""
    return future.result(timeout=30)


# -- calling tasks from tasks ----------------------------------------------------------------------


@task
def add_twice(x: int, y: int) -> int:
    """Two children, the second taking the first one's future."""
    return add(add(x, y), y).result()


@task
async def add_twice_async(x: int, y: int) -> int:
    """Two async children, the second taking the first one's future."""
    return await add_async(add_async(x, y), y)


@task
async def add_in_child_thread(x: int, y: int) -> int:
    """A sync child of an async task."""
    return await add(x, y)


@task
async def gather_children(number: int) -> list[int]:
    """Many async children at once."""
    return list(await asyncio.gather(*[add_async(item, item) for item in range(number)]))


@task
def call_failing_child() -> str:
    """A child that fails, and whose failure is handled."""
    error = fail("of the child").exception()
    return f"{type(error).__name__}: {error}"


@task
def forget_failing_child() -> str:
    """A child that fails, and whose failure nobody looks at."""
    fail("of the forgotten child")
    return "done"


@task
def count_down(number: int) -> int:
    """Children of children."""
    return 0 if number == 0 else 1 + count_down(number - 1).result()


@flow
def sub_flow_of_task(x: int) -> int:
    """A flow to be called in a task."""
    return add(x, 1).result()


@task
def call_flow(x: int) -> int:
    """A flow called in a task."""
    return sub_flow_of_task(x)


# -- surroundings ----------------------------------------------------------------------------------


@task
def tell_context() -> Any:
    """What it knows of its run."""
    return get_run_context()


@task
async def tell_context_async() -> Any:
    """What it knows of its run."""
    return get_run_context()


@task
def change_mood() -> tuple[str, str]:
    """The context variable before and after it was changed here."""
    before = mood.get()
    mood.set("wild")
    return before, mood.get()


@task
async def change_mood_async() -> tuple[str, str]:
    """The context variable before and after it was changed here."""
    return change_mood.fn()


@task
def log_lines(text: str) -> None:
    """A line of the run's logger, one of any other, and one below INFO."""
    get_run_logger().info("run logger: %s", text)
    logging.getLogger("somebody.else").warning("other logger: %s", text)
    logging.getLogger("somebody.else").debug("not kept: %s", text)


@task
async def log_lines_async(text: str) -> None:
    """The same on a loop, with a turn of it between."""
    await asyncio.sleep(0)
    log_lines.fn(text)


@task(log_prints=True)
def print_lines(text: str) -> None:
    """A line on stdout."""
    print("printed:", text)  # noqa: T201 - what is kept of it is the matter


@task
def print_unkept(text: str) -> None:
    """A line on stdout, which its flow decides about."""
    print("printed:", text)  # noqa: T201 - what is kept of it is the matter


@task
async def tell_loop() -> int:
    """Which loop it runs on."""
    return id(asyncio.get_running_loop())


@task
async def tell_loops_of_children() -> tuple[int, int]:
    """Which loop it runs on, and which one a child of it."""
    return id(asyncio.get_running_loop()), await tell_loop()


@task
def tell_thread() -> int:
    """Which thread it runs in."""
    return threading.get_ident()


@task
def linger(address: Address) -> None:
    """Arrives at the turnstile, and stays for as long as a case may take, in small steps."""
    arrive(address)
    end = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < end:
        time.sleep(0.005)


@task
async def linger_async(address: Address) -> None:
    """The same on a loop."""
    arrive(address)
    await asyncio.sleep(DEADLINE_SECONDS)


@task
def linger_at_first(address: Address) -> int:
    """Stays in its first attempt; gives the number of the attempt in others."""
    number = get_run_context().attempt
    if number == 1:
        linger.fn(address)
    return number
