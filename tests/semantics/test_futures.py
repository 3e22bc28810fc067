"""Futures: rules F1 to F6."""

from __future__ import annotations

import asyncio
import copy
import math
import operator
import pickle
import threading
import traceback
from typing import TYPE_CHECKING, Any

import pytest

from headrace import FlowRunFuture, TaskFuture, as_completed, flow, quote, task, wait
from headrace.engine.states import State
from headrace.errors import FutureMisuseError, TaskCancelled, TaskRunError, TaskTimedOut, WouldDeadlockError
from headrace.task_runners import ConcurrentTaskRunner, SequentialTaskRunner

if TYPE_CHECKING:
    from collections.abc import Callable

    from headrace import Task
    from tests.semantics.conftest import Story, Way

    MakeTask = Callable[..., Task[..., Any]]

DEADLINE_SECONDS = 20


@task
def double(x: int) -> int:
    return 2 * x


@task
async def async_double(x: int) -> int:
    await asyncio.sleep(0)
    return 2 * x


@task
async def forever() -> None:
    await asyncio.Event().wait()


def raise_deeply(depth: int = 3) -> None:
    if depth:
        raise_deeply(depth - 1)
    raise ValueError("from the depth")


def run(coroutine: Any) -> Any:
    """Run a coroutine to its end, with a deadline."""

    async def main() -> Any:
        return await asyncio.wait_for(coroutine, DEADLINE_SECONDS)

    return asyncio.run(main())


# -- F1: result, exception, wait, state, done, cancel --------------------------------------------


def frames(error: BaseException) -> list[str]:
    return [frame.name for frame in traceback.extract_tb(error.__traceback__)]


def test_f1_result_raises_the_tasks_own_exception_with_its_traceback(way: Way, make_task: MakeTask) -> None:
    own = ValueError("its own")

    def fail() -> None:
        raise own

    failing = make_task(fail)

    def body() -> Any:
        return failing()

    with pytest.raises(ValueError, match="its own") as caught:
        way.run(body)
    assert caught.value is own
    assert frames(own)[-1] == "fail"


def test_f1_the_traceback_is_intact_when_it_is_raised_twice(make_task: MakeTask) -> None:
    future = make_task(raise_deeply)()
    told = []
    for _ in range(3):
        with pytest.raises(ValueError, match="from the depth") as caught:
            future.result()
        told.append(frames(caught.value))
        assert future.exception() is caught.value

    assert told[0] == told[1] == told[2]
    assert told[0][-4:] == ["raise_deeply"] * 4


def test_f1_the_traceback_begins_at_the_call_and_has_no_frames_of_the_execution(make_task: MakeTask) -> None:
    future = make_task(raise_deeply)()

    error = future.exception()

    assert error is not None
    assert not any("/task_runners/" in frame.filename for frame in traceback.extract_tb(error.__traceback__))


def test_f1_exception_gives_it_or_none() -> None:
    @task
    def fail() -> None:
        raise KeyError("x")

    assert isinstance(fail().exception(), KeyError)
    assert double(1).exception() is None


def test_f1_wait_gives_the_final_state_or_none_on_timeout() -> None:
    release = threading.Event()

    @task
    def held() -> None:
        release.wait(DEADLINE_SECONDS)

    @flow
    def waiting() -> None:
        future = held()
        assert future.wait(timeout=0.01) is None
        assert future.wait(timeout=0) is None
        assert not future.done()
        assert not future.state.is_terminal
        release.set()
        state = future.wait()
        assert isinstance(state, State)
        assert state.name == "Completed"
        assert future.done()
        assert future.state == state

    waiting()


def test_f1_a_wait_that_runs_out_is_the_builtin_timeout_error_and_the_run_goes_on() -> None:
    release = threading.Event()

    @task
    def held() -> int:
        release.wait(DEADLINE_SECONDS)
        return 1

    @flow
    def waiting() -> int:
        future = held()
        for ask in (future.result, future.exception):
            with pytest.raises(TimeoutError, match="held-0 has not ended") as caught:
                ask(timeout=0.01)
            assert type(caught.value) is TimeoutError
        release.set()
        return future.result()

    assert waiting() == 1


def test_f1_a_task_that_timed_out_raises_another_timeout_error() -> None:
    assert issubclass(TaskTimedOut, TimeoutError)
    assert issubclass(TaskTimedOut, TaskRunError)


def test_f1_a_timeout_error_of_the_task_itself_is_its_own() -> None:
    @task
    def fail() -> None:
        raise TimeoutError("the network's")

    with pytest.raises(TimeoutError, match="network"):
        fail().result(timeout=5)


def test_f1_a_cancelled_run_raises_task_cancelled(story: Story) -> None:
    @flow
    def cancelling() -> None:
        future = forever()
        assert future.cancel()
        with pytest.raises(TaskCancelled, match="forever-0 was cancelled"):
            future.result(DEADLINE_SECONDS)
        assert isinstance(future.exception(), TaskCancelled)
        assert future.done()
        assert not future.cancel()

    cancelling()
    assert story.states() == {"forever-0": "Cancelled"}


def test_f1_cancel_of_a_run_that_has_not_begun_keeps_it_from_beginning() -> None:
    begun: list[int] = []
    release = threading.Event()

    @task
    def held() -> None:
        release.wait(DEADLINE_SECONDS)

    @task
    def second() -> None:
        begun.append(1)

    @flow(task_runner=ConcurrentTaskRunner(max_workers=1))
    def cancelling() -> None:
        held()
        queued = second()
        waiting = second(wait_for=[queued])
        assert queued.cancel()
        assert isinstance(queued.exception(DEADLINE_SECONDS), TaskCancelled)
        assert waiting.wait(DEADLINE_SECONDS) is not None
        release.set()

    cancelling()
    assert begun == []


def test_f1_cancel_of_a_thread_that_runs_lets_it_go_on_unheard() -> None:
    begun, release = threading.Event(), threading.Event()

    @task
    def stuck() -> int:
        begun.set()
        release.wait(DEADLINE_SECONDS)
        return 1

    @flow
    def cancelling() -> None:
        future = stuck()
        assert begun.wait(DEADLINE_SECONDS)
        assert future.cancel()
        with pytest.raises(TaskCancelled):
            future.result(DEADLINE_SECONDS)

    cancelling()
    release.set()


@pytest.mark.parametrize(
    "error",
    [
        SystemExit(3), SystemExit(0), KeyboardInterrupt(), MemoryError(), GeneratorExit(), StopIteration(5),
        ExceptionGroup("several", [ValueError(), KeyError()]), RecursionError(), BaseException("base"),
    ],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
def test_f1_every_kind_of_exception_ends_in_the_right_state(
    error: BaseException, make_task: MakeTask, story: Story
) -> None:
    def fail() -> None:
        raise error

    failing = make_task(fail, name="failing")

    @flow
    def catching() -> str:
        future = failing()
        state = future.wait(DEADLINE_SECONDS)
        assert state is not None
        found = future.exception()
        expected = RuntimeError if isinstance(error, StopIteration) and failing.is_async else type(error)
        assert isinstance(found, expected)
        return state.name.value

    assert catching() == "Failed"
    assert story.states() == {"failing-0": "Failed"}


def test_f1_an_exception_that_cannot_be_printed_or_pickled_is_kept_all_the_same(story: Story) -> None:
    class Nasty(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

        __repr__ = __str__

        def __reduce__(self) -> Any:
            raise RuntimeError("no pickle")

    @task
    def fail() -> None:
        raise Nasty

    @flow
    def catching() -> str:
        return type(fail().exception()).__name__

    assert catching() == "Nasty"
    failure = story.task_runs()["fail-0"].failure
    assert failure is not None
    assert failure.type == "Nasty"


# -- F2: await -----------------------------------------------------------------------------------


@pytest.mark.parametrize("runner", [SequentialTaskRunner(), ConcurrentTaskRunner()], ids=str)
def test_f2_a_future_goes_wherever_asyncio_takes_a_coroutine(runner: Any, make_task: MakeTask) -> None:
    twice = make_task(lambda x: 2 * x)

    @flow(task_runner=runner)
    async def everywhere() -> list[Any]:
        values = [await twice(1)]
        values += await asyncio.gather(twice(2), twice(3))
        values.append(await asyncio.create_task(twice(4)))
        async with asyncio.TaskGroup() as group:
            grouped = group.create_task(twice(5))
        values.append(grouped.result())
        values.append(await asyncio.wait_for(twice(6), DEADLINE_SECONDS))
        values.append(await asyncio.shield(twice(7)))
        values.append(await asyncio.ensure_future(twice(8)))
        for future in asyncio.as_completed([twice(9)]):
            values.append(await future)
        done, _ = await asyncio.wait([asyncio.create_task(twice(10))])
        values += [finished.result() for finished in done]
        return values

    assert run(everywhere()) == [2, 4, 6, 8, 10, 12, 14, 16, 18, 20]


def test_f2_asyncio_run_takes_a_lone_future() -> None:
    assert asyncio.run(async_double(3)) == 6
    assert asyncio.run(double(3)) == 6


def test_f2_awaiting_runs_to_the_end_and_gather_overlaps() -> None:
    order: list[str] = []

    @task
    async def step(name: str, *, meets: bool = False) -> str:
        order.append(f"begin {name}")
        if meets:
            await barrier[0].wait()
        order.append(f"end {name}")
        return name

    barrier: list[Any] = []

    @flow
    async def both() -> list[str]:
        barrier.append(asyncio.Barrier(2))
        await step("a")
        await step("b")
        return [*await asyncio.gather(step("c", meets=True), step("d", meets=True))]

    assert run(both()) == ["c", "d"]
    assert order[:4] == ["begin a", "end a", "begin b", "end b"]
    assert order[4:6] == ["begin c", "begin d"]


def test_f2_a_future_may_be_awaited_again_and_by_several_at_once(make_task: MakeTask) -> None:
    twice = make_task(lambda x: 2 * x)

    @flow
    async def often() -> list[Any]:
        future = twice(1)
        values = [*await asyncio.gather(asyncio.create_task(future), asyncio.create_task(future))]
        values += await asyncio.gather(future, future)
        values.append(await future)
        values.append(await asyncio.create_task(future))
        values.append(await asyncio.wait_for(future, 5))
        return values

    assert run(often()) == [2] * 7


def test_f2_an_awaited_failure_raises_in_each_of_these_ways(make_task: MakeTask) -> None:
    def fail() -> None:
        raise ValueError("awaited")

    failing = make_task(fail)

    @flow
    async def catching() -> None:
        for wrap in (lambda f: f, asyncio.create_task, asyncio.gather, lambda f: asyncio.wait_for(f, 5)):
            with pytest.raises(ValueError, match="awaited"):
                await wrap(failing())
        with pytest.raises(ExceptionGroup) as caught:
            async with asyncio.TaskGroup() as group:
                group.create_task(failing())
        assert isinstance(caught.value.exceptions[0], ValueError)
        outcomes = await asyncio.gather(failing(), failing(), return_exceptions=True)
        assert all(isinstance(outcome, ValueError) for outcome in outcomes)

    run(catching())


def test_f2_a_cancelled_await_cancels_the_run_and_raises_at_once(story: Story) -> None:
    @flow
    async def impatient() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(forever(), 0.01)
        waiting = asyncio.create_task(forever())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        with pytest.raises(ValueError, match="group"):
            await raise_beside(forever())

    async def raise_beside(future: Any) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(future)
                group.create_task(fail())
        except* ValueError as group_error:
            raise ValueError("group") from group_error

    async def fail() -> None:
        await asyncio.sleep(0)
        raise ValueError

    run(impatient())
    assert set(story.states().values()) == {"Cancelled"}
    assert story.flow_run().state == "Completed"


def test_f2_a_cancelled_gather_cancels_its_runs_and_raises_as_with_coroutines(story: Story) -> None:
    release = threading.Event()

    @task
    def stuck() -> None:
        release.wait(DEADLINE_SECONDS)

    @flow
    async def impatient() -> None:
        gathering = asyncio.gather(forever(), stuck(), forever())
        await asyncio.sleep(0)
        gathering.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gathering
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.gather(forever(), forever()), 0.01)

    run(impatient())
    release.set()
    assert set(story.states().values()) == {"Cancelled"}
    assert story.flow_run().state == "Completed"


def test_f2_a_run_that_is_cancelled_within_a_gather_raises_that() -> None:
    @flow
    async def cancelling() -> list[Any]:
        futures = [forever(), forever()]
        gathering = asyncio.gather(*futures, return_exceptions=True)
        await asyncio.sleep(0)
        for future in futures:
            future.cancel()
        return [type(outcome) for outcome in await gathering]

    assert run(cancelling()) == [TaskCancelled, TaskCancelled]


def test_f2_gather_of_a_run_that_raises_stop_iteration_says_so_and_ends() -> None:
    @task
    def exhausted() -> Any:
        return next(iter(()))

    @flow
    async def gathering() -> None:
        with pytest.raises(
            (RuntimeError, TypeError), match="StopIteration"
        ):  # as Python has it for coroutines
            await asyncio.gather(exhausted())
        outcomes = [*await asyncio.gather(exhausted(), return_exceptions=True)]
        assert [type(outcome) for outcome in outcomes] == [StopIteration]

    run(gathering())


def test_f2_gather_of_futures_that_have_ended_and_of_others() -> None:
    @task
    async def give(x: int) -> int:
        await asyncio.sleep(0)
        return x

    @task
    def give_in_thread(x: int) -> int:
        return x

    @flow
    async def gathering() -> list[int]:
        ended = give(1)
        await ended
        return [*await asyncio.gather(ended, give(2), asyncio.sleep(0, 3), ended, give_in_thread(4))]

    assert run(gathering()) == [1, 2, 3, 1, 4]


def test_f2_cancelling_before_the_first_step_cancels_the_run_too(story: Story) -> None:
    @flow
    async def impatient() -> None:
        waiting = asyncio.create_task(forever())
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    run(impatient())
    assert story.states() == {"forever-0": "Cancelled"}


def test_f2_a_cancelled_await_does_not_wait_for_a_thread() -> None:
    release = threading.Event()

    @task
    def stuck() -> None:
        release.wait(DEADLINE_SECONDS)

    @flow
    async def impatient() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(stuck(), 0.01)

    run(impatient())
    release.set()


def test_f2_a_cancelled_shield_lets_the_run_go_on() -> None:
    @flow
    async def shielding() -> int:
        begin = asyncio.Event()

        @task
        async def slow() -> int:
            await begin.wait()
            return 5

        inner = asyncio.ensure_future(slow())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(inner), 0.01)
        begin.set()
        return await inner

    assert run(shielding()) == 5


def test_f2_a_future_of_a_sync_flow_is_awaited_on_any_loop() -> None:
    future = double(2)
    lone = async_double(3)

    async def elsewhere() -> list[int]:
        return [await future, await lone]

    assert asyncio.run(elsewhere()) == [4, 6]


# -- F3: no deadlock -----------------------------------------------------------------------------


@pytest.mark.parametrize("runner", [SequentialTaskRunner(), ConcurrentTaskRunner()], ids=str)
def test_f3_blocking_on_the_loop_that_the_run_needs_says_await_it_instead(runner: Any) -> None:
    @flow(task_runner=runner)
    async def blocking() -> None:
        future = async_double(1)
        for block in (future.result, future.exception, future.wait):
            with pytest.raises(WouldDeadlockError, match="await it instead"):
                block()
        with pytest.raises(WouldDeadlockError, match="await it instead"):
            list(as_completed([future]))
        with pytest.raises(WouldDeadlockError, match="await it instead"):
            _ = [*wait([future])]
        await future
        assert future.result() == 2  # it has ended: nothing to wait for

    run(blocking())


def test_f3_a_sync_flow_may_block_inside_a_running_loop(make_task: MakeTask) -> None:
    twice = make_task(lambda x: 2 * x)

    @flow
    def notebook() -> int:
        done, _ = wait([twice(1), twice(2)])
        values = [future.result() for future in as_completed([twice(3)])]
        total: int = twice(twice(4)).result(DEADLINE_SECONDS) + values[0] + len(done)
        return total

    async def cell() -> Any:
        return notebook()

    assert run(cell()) == 24


def test_f3_a_task_on_the_background_loop_may_not_block_on_another_one_there() -> None:
    @task
    async def blocking() -> str:
        try:
            async_double(1).result()
        except WouldDeadlockError as error:
            return str(error)
        return "no error"

    @flow
    def sync_flow() -> str:
        return blocking().result(DEADLINE_SECONDS)

    assert "await it instead" in sync_flow()


def test_f3_a_sync_flow_on_a_loop_may_not_wait_for_what_needs_that_loop() -> None:
    @flow
    def inner(value: Any) -> Any:
        return double(value)

    @flow
    def by_closure() -> Any:
        return double(open_futures[0])

    open_futures: list[Any] = []

    @flow
    async def outer() -> None:
        future = async_double(1)
        open_futures.append(future)
        with pytest.raises(WouldDeadlockError, match="await it instead"):
            inner(future)
        with pytest.raises(WouldDeadlockError, match="await it instead"):
            by_closure()
        with pytest.raises(WouldDeadlockError, match="await it instead"):
            outside(future)
        await future
        assert inner(future) == 4

    def outside(future: Any) -> Any:
        import contextvars

        return contextvars.Context().run(double, future)  # as if there were no flow

    run(outer())


def test_f3_a_sync_flow_inside_an_async_task_of_the_background_loop_ends_with_an_error() -> None:
    @flow
    def inner() -> Any:
        return async_double(1)

    @task
    async def calls_a_flow() -> str:
        try:
            inner()
        except WouldDeadlockError as error:
            return str(error)
        return "no error"

    @flow
    def outer() -> str:
        return calls_a_flow().result(DEADLINE_SECONDS)

    assert "event loop" in outer()


def test_f3_a_flow_run_future_is_not_to_be_blocked_on_on_its_loop() -> None:
    @flow
    async def inner() -> int:
        return await async_double(1)

    async def main() -> int:
        future = inner.submit()
        for block in (future.result, future.exception, future.wait):
            with pytest.raises(WouldDeadlockError, match="await it instead"):
                block()
        return await future

    assert run(main()) == 2


# -- F4: slots are lent, futures are not pickled -------------------------------------------------


@pytest.mark.parametrize("ask", ["result", "exception", "wait", "wait()", "as_completed", "map"])
def test_f4_a_task_that_blocks_lends_its_slot(ask: str) -> None:
    box: list[TaskFuture[int]] = []
    filled = threading.Event()

    @task
    def blocking() -> int:
        assert filled.wait(DEADLINE_SECONDS)
        match ask:
            case "result":
                return box[0].result(DEADLINE_SECONDS)
            case "exception":
                assert box[0].exception(DEADLINE_SECONDS) is None
            case "wait":
                assert box[0].wait(DEADLINE_SECONDS) is not None
            case "wait()":
                assert not wait(box, timeout=DEADLINE_SECONDS)[1]
            case "as_completed":
                assert len(list(as_completed(box, timeout=DEADLINE_SECONDS))) == 2
            case _:
                assert double.map(box).result(DEADLINE_SECONDS) == [4, 8]
        return box[0].result()

    @flow(task_runner=ConcurrentTaskRunner(max_workers=1))
    def one_worker() -> int:
        blocked = blocking()
        box.extend([double(1), double(2)])
        filled.set()
        return blocked.result(DEADLINE_SECONDS)

    assert one_worker() == 2


def test_f4_waits_nest_on_one_worker() -> None:
    futures: list[TaskFuture[int]] = []
    filled = threading.Event()

    @task
    def wait_for_the_next(n: int) -> int:
        assert filled.wait(DEADLINE_SECONDS)
        return 1 if n == 19 else 1 + futures[n + 1].result(DEADLINE_SECONDS)

    @flow(task_runner=ConcurrentTaskRunner(max_workers=1))
    def nested() -> int:
        futures.extend(wait_for_the_next(n) for n in range(20))
        filled.set()
        return futures[0].result(DEADLINE_SECONDS)

    assert nested() == 20


@pytest.mark.parametrize("runner", [SequentialTaskRunner(), ConcurrentTaskRunner(max_workers=1)], ids=str)
def test_f4_an_async_task_that_awaits_lends_its_slot(runner: Any, make_task: MakeTask) -> None:
    box: list[Any] = []
    twice = make_task(lambda x: 2 * x)

    @flow(task_runner=runner)
    async def one_worker() -> int:
        filled = asyncio.Event()

        @task
        async def awaiting() -> int:
            await filled.wait()
            value: int = await box[0]
            others: list[int] = await asyncio.gather(box[1], box[2])
            return sum(others, value)

        awaited = awaiting()
        box.extend([twice(1), twice(2), twice(3)])
        filled.set()
        return await awaited

    assert run(one_worker()) == 12


def test_f4_the_slot_is_taken_back_when_the_wait_runs_out() -> None:
    box: list[Any] = []
    filled, release = threading.Event(), threading.Event()
    running: list[int] = []
    most: list[int] = []

    @task
    def blocking() -> None:
        assert filled.wait(DEADLINE_SECONDS)
        with pytest.raises(TimeoutError):
            box[0].result(0.01)
        release.set()

    @task
    def held() -> None:
        release.wait(DEADLINE_SECONDS)

    @task
    def count(_: int) -> None:
        running.append(1)
        most.append(len(running))
        running.pop()

    @flow(task_runner=ConcurrentTaskRunner(max_workers=1))
    def one_worker() -> None:
        blocking()
        box.append(held())
        filled.set()
        count.map(range(20))

    one_worker()
    assert max(most) == 1


def test_f4_pickling_a_future_says_pass_it_as_an_argument() -> None:
    from io import BytesIO

    import cloudpickle

    future = double(1)
    for pickled in (pickle.dumps, cloudpickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="pass it to a task as an argument"):
            pickled(future)
    with pytest.raises(TypeError, match="pass it to a task as an argument"):
        pickle.Pickler(BytesIO()).dump({"inside": [future]})


# -- F5: a future is not its value ---------------------------------------------------------------

BINARY = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod, operator.pow,
    operator.matmul, operator.and_, operator.or_, operator.xor, operator.lshift, operator.rshift, divmod,
    operator.lt, operator.le, operator.gt, operator.ge,
    operator.iadd, operator.isub, operator.imul, operator.itruediv, operator.iand, operator.ior,
]  # fmt: skip
UNARY = [
    bool, len, iter, list, tuple, set, sum, max, sorted, enumerate, reversed, int, float, complex, abs, round,
    operator.neg, operator.pos, operator.invert, operator.index, operator.not_, hex, range, math.floor, math.sqrt,
    math.trunc, bytes, dict, any, all, list.extend.__get__([]), zip,
]  # fmt: skip


@pytest.mark.parametrize("operation", BINARY, ids=lambda operation: operation.__name__)
def test_f5_arithmetic_and_comparison_say_call_result(operation: Any) -> None:
    future = double(1)
    for left, right in ((future, 1), (1, future), (future, future)):
        with pytest.raises(TypeError, match=r"call \.result\(\)") as caught:
            operation(left, right)
        assert isinstance(caught.value, FutureMisuseError)


@pytest.mark.parametrize(
    "operation", UNARY, ids=lambda operation: getattr(operation, "__qualname__", "operation")
)
def test_f5_conversions_and_iteration_say_call_result(operation: Any) -> None:
    with pytest.raises(TypeError, match=r"call \.result\(\)"):
        operation(double(1))


def test_f5_statements_say_call_result() -> None:
    future: Any = double(1)

    def branch() -> None:
        if future:
            pass

    def item() -> None:
        future[0]

    def assign() -> None:
        future[0] = 1

    def delete() -> None:
        del future[0]

    def member() -> None:
        _ = 1 in future

    def unpack() -> None:
        _, _ = future

    def call() -> None:
        future()

    def within() -> None:
        with future:
            pass

    def formatted() -> None:
        _ = f"{future:.2f}"

    def starred() -> None:
        print(*future)

    for misuse in (branch, item, assign, delete, member, unpack, call, within, formatted, starred):
        with pytest.raises(TypeError, match=r"call \.result\(\)"):
            misuse()


def test_f5_an_attribute_of_the_value_is_none_of_the_future_and_says_call_result() -> None:
    future: Any = double(1)

    with pytest.raises(AttributeError, match=r"no attribute 'upper'.* call \.result\(\)"):
        future.upper()
    assert not hasattr(future, "items")
    assert not hasattr(future, "_private")
    assert getattr(future, "keys", None) is None


def test_f5_what_is_no_misuse_works() -> None:
    future = double(1)

    assert future == future  # noqa: PLR0124
    assert future != double(1)
    assert {future: 1, double(1): 2}[future] == 1
    assert future is not None
    assert "double-0" in repr(future)
    assert "double-0" in f"{future}"
    assert str(future) == repr(future)


# -- F6: wait and as_completed -------------------------------------------------------------------


def test_f6_wait_gives_done_and_not_done_in_order() -> None:
    release = threading.Event()

    @task
    def held() -> None:
        release.wait(DEADLINE_SECONDS)

    @flow
    def waiting() -> None:
        a, b, c = double(1), held(), double(2)
        a.wait()
        c.wait()
        found = wait([a, b, c], timeout=0.01)
        done, not_done = found
        assert (done, not_done) == ([a, c], [b])
        assert (found.done, found.not_done) == (done, not_done)
        release.set()
        assert wait(iter([a, b, c])) == ([a, b, c], [])
        assert wait([]) == ([], [])

    waiting()


@pytest.mark.parametrize("runner", [SequentialTaskRunner(), ConcurrentTaskRunner()], ids=str)
def test_f6_wait_is_awaitable(runner: Any, make_task: MakeTask) -> None:
    twice = make_task(lambda x: 2 * x)

    @flow(task_runner=runner)
    async def waiting() -> None:
        a, b = twice(1), twice(2)
        assert await wait([a, b]) == ([a, b], [])
        assert await wait([a, b]) == ([a, b], [])
        assert await wait([]) == ([], [])
        stuck = forever()
        done, not_done = await wait([a, stuck], timeout=0.01)
        assert (done, not_done) == ([a], [stuck])
        stuck.cancel()

    run(waiting())


def test_f6_wait_is_a_look_and_retrieves_nothing() -> None:
    from headrace.errors import TaskFailures

    @task
    def fail() -> None:
        raise ValueError

    @flow
    def sync_flow() -> None:
        wait([fail()])

    @flow
    async def async_flow() -> None:
        await wait([fail()])

    with pytest.raises(TaskFailures):
        sync_flow()
    with pytest.raises(TaskFailures):
        run(async_flow())


def test_f6_as_completed_gives_each_future_as_it_ends() -> None:
    releases = [threading.Event() for _ in range(3)]

    @task
    def held(n: int) -> int:
        releases[n].wait(DEADLINE_SECONDS)
        return n

    @flow
    def completing() -> list[int]:
        order = [2, 0, 1]
        found: list[int] = []
        releases[order[0]].set()
        for future in as_completed([held(0), held(1), held(2)]):
            assert future.done()
            found.append(future.result())
            if len(found) < 3:
                releases[order[len(found)]].set()
        return found

    assert completing() == [2, 0, 1]


@pytest.mark.parametrize("runner", [SequentialTaskRunner(), ConcurrentTaskRunner()], ids=str)
def test_f6_as_completed_works_with_async_for(runner: Any, make_task: MakeTask) -> None:
    twice = make_task(lambda x: 2 * x)

    @flow(task_runner=runner)
    async def completing() -> list[int]:
        futures = [twice(n) for n in range(5)]
        return sorted([await future async for future in as_completed([*futures, futures[0]])])

    assert run(completing()) == [0, 2, 4, 6, 8]


def test_f6_as_completed_gives_ended_ones_at_once_and_nothing_for_nothing() -> None:
    futures = [double(1), double(2)]

    assert list(as_completed(futures)) == futures
    assert list(as_completed([])) == []


@pytest.mark.parametrize("take", [wait, as_completed])
@pytest.mark.parametrize("futures", [3, [3], [double]])
def test_f6_what_is_no_future_is_told(take: Any, futures: Any) -> None:
    with pytest.raises(
        TypeError, match=f"{take.__name__} takes futures, which a call of a task or a flow gives"
    ):
        take(futures)


def test_f6_as_completed_runs_out_with_the_builtin_timeout_error() -> None:
    release = threading.Event()

    @task
    def held() -> None:
        release.wait(DEADLINE_SECONDS)

    @flow
    def sync_flow() -> None:
        with pytest.raises(TimeoutError, match="1 of 1"):
            list(as_completed([held()], timeout=0.01))
        release.set()

    @flow
    async def async_flow() -> None:
        stuck, ended = forever(), double(1)
        await ended
        with pytest.raises(TimeoutError, match="1 of 2"):
            [future async for future in as_completed([stuck, ended], timeout=0.01)]
        stuck.cancel()

    sync_flow()
    run(async_flow())


def test_f6_futures_of_flow_runs_take_part() -> None:
    @flow
    def inner(x: int) -> int:
        return double(x).result()

    @flow
    def outer() -> int:
        futures = [inner.submit(1), inner.submit(2)]
        assert all(isinstance(future, FlowRunFuture) for future in futures)
        assert wait(futures).not_done == []
        return sum(future.result() for future in as_completed(futures))

    assert outer() == 6


def test_f6_quote_hands_over_the_futures_themselves() -> None:
    @task
    def first_to_end(futures: list[TaskFuture[int]]) -> int:
        return next(iter(as_completed(futures))).result()

    @flow
    def racing() -> Any:
        return first_to_end(quote([double(1), double(1)]))

    assert racing() == 2
