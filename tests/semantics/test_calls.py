"""Calling a task: rules C1 to C6."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import gc
import logging
import operator
import threading
from typing import TYPE_CHECKING, Any

import pytest

from headrace import INPUTS, TaskFuture, flow, quote, task, unmapped
from headrace.errors import FutureMisuseError, TaskFailures
from headrace.history.serializers import JsonSerializer
from headrace.task_runners import ConcurrentTaskRunner, SequentialTaskRunner
from headrace.task_runners.loops import background_loop

if TYPE_CHECKING:
    from collections.abc import Callable

    from headrace import Task
    from tests.semantics.conftest import Story, Way

    MakeTask = Callable[..., Task[..., Any]]

DEADLINE_SECONDS = 20
variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


@task
def double(x: int) -> int:
    return 2 * x


@task
async def async_double(x: int) -> int:
    await asyncio.sleep(0)
    return 2 * x


@task
def thread_id() -> int:
    return threading.get_ident()


# -- C1: a call gives a future -------------------------------------------------------------------


def test_c1_a_call_inside_a_flow_gives_a_future(way: Way, make_task: MakeTask) -> None:
    add = make_task(lambda x, y: x + y)
    futures: list[Any] = []

    def body() -> Any:
        futures.append(add(1, y=2))
        return add(futures[0], add(3, 4))

    assert way.run(body) == 10
    assert isinstance(futures[0], TaskFuture)


def test_c1_the_call_returns_before_the_run_has_ended_on_the_concurrent_runner() -> None:
    release = threading.Event()

    @task
    def wait_for_release() -> bool:
        return release.wait(DEADLINE_SECONDS)

    @flow
    def overlapping() -> bool:
        future = wait_for_release()
        assert not future.done()
        release.set()
        return future.result()

    assert overlapping()


def test_c1_the_call_returns_at_once_in_an_async_flow_on_both_runners(make_task: MakeTask) -> None:
    count_up = make_task(lambda: 1)
    for runner in (SequentialTaskRunner(), ConcurrentTaskRunner()):

        @flow(task_runner=runner)
        async def gathering() -> list[int]:
            futures = [count_up() for _ in range(5)]
            return await asyncio.gather(*futures)

        assert asyncio.run(gathering()) == [1] * 5


def test_c1_submit_is_the_same_call() -> None:
    @flow
    def both() -> tuple[int, int]:
        return double(1).result(), double.submit(2).result()

    assert both() == (2, 4)


def test_c1_fn_is_the_undecorated_function(story: Story) -> None:
    def plain(x: int) -> int:
        return x + 1

    decorated = task(plain)

    assert decorated.fn is plain
    assert decorated.fn(1) == 2
    assert story.flow_runs() == []


def test_c1_with_options_is_a_copy() -> None:
    renamed = double.with_options(name="twice", retries=3, tags=["a"])

    assert (renamed.name, renamed.retry_policy.retries, renamed.tags) == ("twice", 3, ("a",))
    assert (double.name, double.retry_policy.retries, double.tags) == ("double", 0, ())
    assert renamed.with_options(tags=["b"]).name == "twice"
    assert type(async_double.with_options(name="other")) is type(async_double)


def test_c1_with_options_keeps_every_option() -> None:
    def hook(*_: Any) -> None: ...

    options: dict[str, Any] = {
        "name": "n", "description": "d", "tags": ("t",), "retries": 2, "retry_delay_seconds": (1.0, 2.0),
        "retry_jitter_factor": 0.5, "retry_condition_fn": lambda *_: True, "timeout_seconds": 9,
        "persist_result": True, "result_serializer": JsonSerializer(), "log_prints": True,
        "task_run_name": "run", "on_running": (hook,), "on_completion": (hook,), "on_failure": (hook,),
        "on_crashed": (hook,), "on_cancelled": (hook,), "cache_policy": INPUTS, "cache_key_fn": None,
        "cache_expiration": 5, "refresh_cache": True,
    }  # fmt: skip
    assert task(**options)(lambda: None).with_options()._options() == options


# -- C2: where a task runs -----------------------------------------------------------------------


def test_c2_tasks_of_the_concurrent_runner_never_run_in_the_callers_thread(
    concurrent_way: Way, make_task: MakeTask
) -> None:
    where = make_task(threading.get_ident)
    caller: list[int] = []

    def body() -> Any:
        caller.append(threading.get_ident())
        return where()

    found = concurrent_way.run(body)
    runs_on_own_loop = concurrent_way.is_async_flow and where.is_async
    assert (found == caller[0]) == runs_on_own_loop


def test_c2_async_tasks_of_an_async_flow_run_on_its_own_loop() -> None:
    @task
    async def which_loop() -> int:
        return id(asyncio.get_running_loop())

    for runner in (SequentialTaskRunner(), ConcurrentTaskRunner()):

        @flow(task_runner=runner)
        async def own_loop() -> bool:
            return await which_loop() == id(asyncio.get_running_loop())

        assert asyncio.run(own_loop())


def test_c2_async_tasks_of_sync_flows_run_on_one_background_loop() -> None:
    @task
    async def which_loop() -> int:
        return id(asyncio.get_running_loop())

    for runner in (SequentialTaskRunner(), ConcurrentTaskRunner()):

        @flow(task_runner=runner)
        def of_sync_flow() -> list[int]:
            return [which_loop().result(), which_loop().result()]

        assert of_sync_flow() == [id(background_loop().loop)] * 2


@pytest.mark.parametrize("place", ["main", "loop"])
def test_c2_a_sequential_sync_flow_runs_sync_tasks_in_its_own_thread_to_their_end(place: str) -> None:
    attempts: list[int] = []

    @task(retries=2, retry_delay_seconds=0.01)
    def flaky() -> int:
        attempts.append(threading.get_ident())
        if len(attempts) < 3:
            raise ValueError("not yet")
        return 7

    @flow(task_runner=SequentialTaskRunner())
    def one_by_one() -> int:
        future = flaky()
        assert future.done()  # the retries and their delays are over
        return future.result()

    async def in_a_loop() -> int:
        return one_by_one()

    assert (asyncio.run(in_a_loop()) if place == "loop" else one_by_one()) == 7
    assert attempts == [threading.get_ident()] * 3


def test_c2_a_sequential_sync_flow_waits_for_async_tasks_in_the_call() -> None:
    @flow(task_runner=SequentialTaskRunner())
    def one_by_one() -> bool:
        return async_double(1).done()

    assert one_by_one()


def test_c2_a_sequential_async_flow_runs_one_by_one_in_gather_too(make_task: MakeTask) -> None:
    running: list[int] = []
    most: list[int] = []

    @task
    async def count_async(_: int) -> None:
        running.append(1)
        most.append(len(running))
        await asyncio.sleep(0)
        running.pop()

    @task
    def count_sync(_: int) -> None:
        running.append(1)
        most.append(len(running))
        threading.Event().wait(0.001)
        running.pop()

    @flow(task_runner=SequentialTaskRunner())
    async def one_by_one() -> None:
        await asyncio.gather(*(count_async(i) for i in range(5)), *(count_sync(i) for i in range(5)))

    asyncio.run(one_by_one())
    assert most == [1] * 10


def test_c2_async_tasks_of_the_concurrent_runner_overlap() -> None:
    @flow
    async def overlapping() -> list[int]:
        everyone = asyncio.Barrier(20)

        @task
        async def meet() -> int:
            return await everyone.wait()

        return await asyncio.gather(*(meet() for _ in range(20)))

    async def with_deadline() -> list[int]:
        return await asyncio.wait_for(overlapping(), DEADLINE_SECONDS)

    assert sorted(asyncio.run(with_deadline())) == list(range(20))


def test_c2_sync_tasks_of_the_concurrent_runner_overlap_up_to_max_workers() -> None:
    everyone = threading.Barrier(8, timeout=DEADLINE_SECONDS)

    @task
    def meet() -> None:
        everyone.wait()

    @flow(task_runner=ConcurrentTaskRunner(max_workers=8))
    def overlapping() -> None:
        for _ in range(8):
            meet()

    overlapping()


def test_c2_no_more_than_max_workers_sync_tasks_run_at_once() -> None:
    running: list[int] = []
    most: list[int] = []

    @task
    def count(_: int) -> None:
        running.append(1)
        most.append(len(running))
        threading.Event().wait(0.002)
        running.pop()

    @flow(task_runner=ConcurrentTaskRunner(max_workers=3))
    def bounded() -> None:
        count.map(range(30))

    bounded()
    assert max(most) <= 3


# -- C3: context variables -----------------------------------------------------------------------


def test_c3_a_task_sees_a_copy_of_its_callers_context(way: Way, make_task: MakeTask) -> None:
    def look_and_change() -> str:
        seen = variable.get()
        variable.set("changed by the task")
        return seen

    look = make_task(look_and_change)

    def body() -> Any:
        variable.set("first")
        first = look()
        variable.set("second")
        return first, look(), variable.get()

    assert way.run(body) == ("first", "second", "second")


def test_c3_each_attempt_sees_the_callers_context(way: Way, make_task: MakeTask) -> None:
    seen: list[str] = []

    def fail_twice() -> None:
        seen.append(variable.get())
        variable.set("changed by an attempt")
        if len(seen) < 3:
            raise ValueError

    flaky = make_task(fail_twice, retries=2)

    def body() -> Any:
        variable.set("the caller's")
        return flaky()

    way.run(body)
    assert seen == ["the caller's"] * 3


def test_c3_a_lone_task_sees_a_copy_too(make_task: MakeTask) -> None:
    def look_and_change() -> str:
        seen = variable.get()
        variable.set("changed by the task")
        return seen

    token = variable.set("lone")
    try:
        assert make_task(look_and_change)().result() == "lone"
        assert variable.get() == "lone"
    finally:
        variable.reset(token)


# -- C4: outside any flow ------------------------------------------------------------------------


def test_c4_a_lone_call_is_executed_at_once_and_recorded(make_task: MakeTask, story: Story) -> None:
    triple = make_task(lambda x: 3 * x, name="triple")

    future = triple(2)

    assert future.done()
    assert future.result() == 6
    run = story.flow_run()
    assert (run.kind, run.flow, run.state) == ("task", "triple", "Completed")
    assert story.states() == {"triple-0": "Completed"}


def test_c4_a_lone_sync_task_on_a_running_loop_is_finished_too() -> None:
    async def main() -> int:
        future = double(4)
        assert future.done()
        return await future

    assert asyncio.run(main()) == 8


def test_c4_a_lone_async_task_on_a_running_loop_is_awaited(story: Story) -> None:
    async def main() -> int:
        future = async_double(4)
        assert not future.done()
        return await future

    assert asyncio.run(main()) == 8
    assert story.flow_run().state == "Completed"


def test_c4_a_lone_failure_is_raised_by_its_future(make_task: MakeTask, story: Story, capsys: Any) -> None:
    def fail() -> None:
        raise ValueError("on purpose")

    future = make_task(fail)()

    with pytest.raises(ValueError, match="on purpose"):
        future.result()
    del future
    gc.collect()
    assert story.flow_run().state == "Failed"
    assert "nobody retrieved" not in capsys.readouterr().err


@pytest.mark.parametrize("look", ["none", "state", "wait"])
def test_c4_a_lone_failure_that_nobody_retrieves_is_logged_with_its_traceback(
    look: str, make_task: MakeTask, capsys: Any
) -> None:
    def fail() -> None:
        raise ValueError("on purpose")

    future = make_task(fail)()
    if look == "state":
        assert future.state.name == "Failed"
    elif look == "wait":
        assert future.wait() is not None
    assert "on purpose" not in capsys.readouterr().err
    del future
    gc.collect()

    told = capsys.readouterr().err
    assert "ERROR" in told
    assert "nobody retrieved" in told
    assert "Traceback" in told
    assert 'raise ValueError("on purpose")' in told


@pytest.mark.parametrize("way_to_retrieve", ["exception", "result", "await", "allow_failure"])
def test_c4_a_lone_failure_that_somebody_retrieves_is_not_logged(way_to_retrieve: str, capsys: Any) -> None:
    from headrace import allow_failure

    @task
    def fail() -> None:
        raise ValueError("on purpose")

    @task
    def describe(outcome: object) -> str:
        return str(outcome)

    async def awaited(future: TaskFuture[None]) -> None:
        await future

    future = fail()
    match way_to_retrieve:
        case "exception":
            assert isinstance(future.exception(), ValueError)
        case "result":
            with pytest.raises(ValueError, match="on purpose"):
                future.result()
        case "await":
            with pytest.raises(ValueError, match="on purpose"):
                asyncio.run(awaited(future))
        case _:
            assert describe(allow_failure(future)).result() == "on purpose"
    del future
    gc.collect()
    assert "nobody retrieved" not in capsys.readouterr().err


def test_c4_a_lone_task_takes_the_future_of_another() -> None:
    assert double(double(1)).result() == 4


# -- C5: tasks called by tasks -------------------------------------------------------------------


@pytest.mark.parametrize("runner", [SequentialTaskRunner(), ConcurrentTaskRunner(max_workers=1)], ids=str)
@pytest.mark.parametrize("is_async_flow", [False, True])
def test_c5_children_of_a_sync_task_run_in_its_thread_one_after_another(
    runner: Any, is_async_flow: bool, story: Story
) -> None:
    order: list[str] = []

    @task
    def child(name: str) -> int:
        order.append(f"begin {name}")
        if name == "a":
            grandchild()
        order.append(f"end {name}")
        return threading.get_ident()

    @task
    def grandchild() -> None:
        order.append("grandchild")

    @task
    def parent() -> bool:
        a = child("a")
        assert a.done()
        order.append("between")
        return {a.result(), child("b").result()} == {threading.get_ident()}

    @flow(task_runner=runner)
    def sync_flow() -> Any:
        return parent()

    @flow(task_runner=runner)
    async def async_flow() -> Any:
        return parent()

    assert asyncio.run(async_flow()) if is_async_flow else sync_flow()
    assert order == ["begin a", "grandchild", "end a", "between", "begin b", "end b"]
    runs = story.task_runs()
    assert runs["child-0"].parent == runs["parent-0"].id
    assert runs["grandchild-0"].parent == runs["child-0"].id


@pytest.mark.parametrize("runner", [SequentialTaskRunner(), ConcurrentTaskRunner(max_workers=1)], ids=str)
def test_c5_async_children_of_an_async_task_are_tasks_of_the_same_loop(runner: Any) -> None:
    @task
    async def child(barrier: asyncio.Barrier) -> int:
        await barrier.wait()
        return id(asyncio.get_running_loop())

    @task
    async def parent() -> bool:
        barrier = asyncio.Barrier(3)
        loops = await asyncio.gather(*(child(quote(barrier)) for _ in range(3)))
        return set(loops) == {id(asyncio.get_running_loop())}

    @flow(task_runner=runner)
    def sync_flow() -> bool:
        return parent().result(DEADLINE_SECONDS)

    @flow(task_runner=runner)
    async def async_flow() -> bool:
        return await asyncio.wait_for(parent(), DEADLINE_SECONDS)

    assert sync_flow()
    assert asyncio.run(async_flow())


@pytest.mark.parametrize("runner", [SequentialTaskRunner(), ConcurrentTaskRunner(max_workers=1)], ids=str)
def test_c5_sync_children_of_an_async_task_run_in_threads_outside_the_slots(runner: Any) -> None:
    meeting = threading.Barrier(3, timeout=DEADLINE_SECONDS)

    @task
    def child() -> int:
        meeting.wait()
        return threading.get_ident()

    @task
    async def parent() -> bool:
        threads = await asyncio.gather(child(), child(), child())
        return len({*threads, threading.get_ident()}) == 4

    @flow(task_runner=runner)
    def sync_flow() -> bool:
        return parent().result(DEADLINE_SECONDS)

    @flow(task_runner=runner)
    async def async_flow() -> bool:
        return await asyncio.wait_for(parent(), DEADLINE_SECONDS)

    assert sync_flow()
    assert asyncio.run(async_flow())


@pytest.mark.parametrize("runner", [SequentialTaskRunner(), ConcurrentTaskRunner(max_workers=1)], ids=str)
@pytest.mark.parametrize("is_async_flow", [False, True])
def test_c5_a_sync_task_calls_an_async_child(runner: Any, is_async_flow: bool) -> None:
    @task
    def parent() -> int:
        future = async_double(4)
        assert future.done()
        return future.result()

    @flow(task_runner=runner)
    async def async_flow() -> int:
        return await asyncio.wait_for(parent(), DEADLINE_SECONDS)

    @flow(task_runner=runner)
    def sync_flow() -> int:
        return parent().result(DEADLINE_SECONDS)

    assert (asyncio.run(async_flow()) if is_async_flow else sync_flow()) == 8


def test_c5_children_go_deep_on_one_worker() -> None:
    @task
    def descend(depth: int) -> int:
        return 0 if depth == 0 else 1 + descend(depth - 1).result()

    @flow(task_runner=ConcurrentTaskRunner(max_workers=1))
    def deep() -> int:
        return descend(40).result(DEADLINE_SECONDS)

    assert deep() == 40


def test_c5_a_child_takes_futures_and_its_failure_is_its_parents_to_retrieve(story: Story) -> None:
    @task
    def fail() -> None:
        raise ValueError("child")

    @task
    def parent() -> int:
        with pytest.raises(ValueError, match="child"):
            fail().result()
        return double(double(1)).result()

    @flow
    def family() -> Any:
        return parent()

    assert family() == 4
    assert story.flow_run().state == "Completed"


@pytest.mark.parametrize("runner", [SequentialTaskRunner(), ConcurrentTaskRunner()])
def test_c5_a_caller_is_in_the_history_as_soon_as_what_it_calls(runner: Any, story: Story) -> None:
    """Or a resume after a crash would not recognise what it called."""

    @task
    def child() -> None: ...

    @flow
    def subflow() -> None: ...

    @task
    def parent(call: Callable[[], Any]) -> dict[str, str]:
        call()
        return story.states("family")

    @flow(task_runner=runner)
    def family() -> list[dict[str, str]]:
        return [parent(lambda: child().result()).result(), parent(subflow).result()]

    assert family() == [
        {"parent-0": "Running", "child-0": "Completed"},
        {"parent-0": "Completed", "child-0": "Completed", "parent-1": "Running"},
    ]


def test_c5_a_childs_failure_that_nobody_retrieves_fails_the_flow(way: Way, make_task: MakeTask) -> None:
    @task
    def fail() -> None:
        raise ValueError("child")

    def call_it() -> str:
        fail()
        return "went on"

    parent = make_task(call_it)

    with pytest.raises(TaskFailures, match="fail-0") as caught:
        way.run(lambda: [parent()])
    assert [str(error) for error in caught.value.exceptions] == ["child"]


def test_c5_a_task_maps_over_children(way: Way) -> None:
    @task
    def parent() -> Any:
        return double.map([1, 2, 3]).result()

    assert way.run(parent) == [2, 4, 6]


# -- C6: map -------------------------------------------------------------------------------------


def test_c6_map_calls_once_an_item_and_gives_a_list_of_futures(way: Way, make_task: MakeTask) -> None:
    join = make_task(lambda x, y, z: (x, y, z))

    def body() -> Any:
        futures = join.map([1, 2, 3], y="abc"[:2] + "c", z=unmapped([9, 9]))
        assert isinstance(futures, list)
        assert len(futures) == 3
        assert all(isinstance(future, TaskFuture) for future in futures)
        return futures

    assert way.run(body) == [(1, "abc", [9, 9]), (2, "abc", [9, 9]), (3, "abc", [9, 9])]


def test_c6_map_takes_several_iterables_of_any_kind() -> None:
    @task
    def join(*parts: Any) -> tuple[Any, ...]:
        return parts

    @flow
    def mapping() -> Any:
        return join.map([1, 2], (3, 4), iter([5, 6]), range(7, 9), {9: None}, {10})

    with pytest.raises(ValueError, match="one length"):
        mapping()

    @flow
    def fitting() -> Any:
        return join.map(
            [1, 2], (3, 4), (n for n in [5, 6]), range(7, 9), {"whole": "dict"}, "text", b"bytes", 10
        )

    rest = ({"whole": "dict"}, "text", b"bytes", 10)
    assert fitting() == [(1, 3, 5, 7, *rest), (2, 4, 6, 8, *rest)]


def test_c6_result_and_wait_of_the_list() -> None:
    @task
    def invert(x: int) -> float:
        return 1 / x

    @flow
    def mapping() -> None:
        assert invert.map([1, 2]).result() == [1.0, 0.5]
        states = invert.map([1, 2]).wait()
        assert [state.name for state in states if state] == ["Completed", "Completed"]
        failing = invert.map([1, 0])
        with pytest.raises(ZeroDivisionError):
            failing.result()

    mapping()


def test_c6_the_timeout_of_the_list_is_one_for_all() -> None:
    release = threading.Event()

    @task
    def stuck(_: int) -> None:
        release.wait(DEADLINE_SECONDS)

    @flow
    def mapping() -> None:
        futures = stuck.map([1, 2, 3])
        with pytest.raises(TimeoutError):
            futures.result(timeout=0.01)
        assert futures.wait(timeout=0.01) == [None, None, None]
        release.set()
        futures.result()

    mapping()


def test_c6_unequal_lengths_are_an_error_that_names_them() -> None:
    @task
    def join(x: int, y: int) -> int:
        return x + y

    @flow
    def mapping() -> Any:
        return join.map([1, 2], y=[1, 2, 3])

    with pytest.raises(ValueError, match="x has 2, y has 3"):
        mapping()


def test_c6_nothing_to_map_over_is_an_error_and_an_empty_list_is_none() -> None:
    @flow
    def mapping() -> Any:
        with pytest.raises(ValueError, match="nothing to map over"):
            double.map(unmapped([1]))
        return double.map([])

    assert mapping() == []


def test_c6_a_future_of_a_list_is_waited_for_first() -> None:
    @task
    def numbers() -> list[int]:
        return [1, 2, 3]

    @flow
    def mapping() -> Any:
        return double.map(numbers())

    assert mapping() == [2, 4, 6]


@pytest.mark.parametrize("runner", [SequentialTaskRunner(), ConcurrentTaskRunner()], ids=str)
def test_c6_an_async_flow_awaits_the_map_of_a_future(runner: Any, make_task: MakeTask, story: Story) -> None:
    numbers = make_task(lambda: [1, 2, 3], name="numbers")

    @flow(task_runner=runner)
    async def mapping() -> list[int]:
        return await double.map(numbers())

    @flow(task_runner=runner)
    async def plain() -> list[int]:
        return await double.map([1, 2])

    assert asyncio.run(mapping()) == [2, 4, 6]
    runs = story.task_runs()
    assert runs["double-0"].upstreams == (runs["numbers-0"].id,)
    assert asyncio.run(plain()) == [2, 4]


def test_c6_a_map_that_nobody_ever_awaits_is_warned_of_at_the_end_of_the_flow(story: Story) -> None:
    @task
    async def numbers() -> list[int]:
        await asyncio.sleep(0)
        return [1]

    @flow
    async def forgetful() -> str:
        double.map(numbers())
        double.map(numbers())
        await double.map(numbers())
        return "all is well"

    assert asyncio.run(forgetful()) == "all is well"
    warning = "double.map(...) was never awaited, so it called nothing: write `await double.map(...)`"
    assert story.messages() == [warning]
    assert [line.level for line in story.lines()] == [logging.WARNING]
    assert [name for name in story.task_runs() if "double" in name] == ["double-0"]


def test_c6_an_unawaited_map_of_a_future_says_what_to_do() -> None:
    @task
    async def numbers() -> list[int]:
        return [1]

    @flow
    async def mapping() -> None:
        futures = double.map(numbers())
        uses: list[Callable[[Any], Any]] = [
            len,
            list,
            operator.itemgetter(0),
            lambda f: f.result(),
            double,
            bool,
        ]
        for use in uses:
            with pytest.raises(FutureMisuseError, match="await it first"):
                use(futures)
        assert repr(futures) == "<double.map(...), not called yet: await it>"  # a debugger may look
        await futures

    asyncio.run(mapping())


def test_c6_futures_among_the_items_are_upstreams() -> None:
    @flow
    def mapping() -> Any:
        return double.map([double(1), 2, double(3)])

    assert mapping() == [4, 4, 12]


def test_c6_the_list_of_a_map_is_an_argument_like_any_other(story: Story) -> None:
    @task
    def total(numbers: list[int]) -> tuple[type, int]:
        return type(numbers), sum(numbers)

    @flow
    def mapping() -> Any:
        return total(double.map([1, 2])), total(double.map([]))

    assert mapping() == ((list, 6), (list, 0))


def test_c6_wait_for_orders_every_run_of_a_map(story: Story) -> None:
    @flow
    def mapping() -> Any:
        first = double(1)
        return double.map([1, 2], wait_for=[first])

    assert mapping() == [2, 4]
    runs = story.task_runs()
    assert runs["double-1"].upstreams == runs["double-2"].upstreams == (1,)


def test_c6_unmapped_is_taken_off_for_every_run(way: Way, make_task: MakeTask) -> None:
    shared = object()
    same = make_task(lambda _, thing: thing is shared)

    assert way.run(lambda: same.map([1, 2], unmapped(shared))) == [True, True]


# -- what can be a task --------------------------------------------------------------------------


class AtLeast:
    """An object that can be called: Python does not bind it when it is looked up on another one."""

    def __init__(self, least: int) -> None:
        self.least = least

    def __call__(self, x: int) -> int:
        return max(self.least, x)


class Counter:
    """Tasks as methods of every kind."""

    start = 10

    def __init__(self, step: int) -> None:
        self.step = step

    @task
    def add(self, x: int) -> int:
        return x + self.step

    @task
    async def add_async(self, x: int) -> int:
        return x + self.step

    @task
    @classmethod
    def from_start(cls, x: int) -> int:
        return cls.start + x

    @classmethod
    @task
    def from_start_outside(cls, x: int) -> int:
        return cls.start + x

    @task
    @staticmethod
    def negate(x: int) -> int:
        return -x

    @staticmethod
    @task
    def negate_outside(x: int) -> int:
        return -x

    three = task(AtLeast(3), name="three")
    length = task(len)


class SubCounter(Counter):
    start = 20


def test_c1_methods_are_tasks_bound_to_their_object() -> None:
    counter = Counter(5)

    @flow
    def calling() -> Any:
        return counter.add(1), counter.add_async(1), counter.add.map([1, 2]), Counter.add(counter, 2)

    assert calling() == (6, 6, [6, 7], 7)
    assert counter.add.fn(1) == 6
    assert counter.add.name == "add"


def test_c1_classmethods_are_tasks_in_both_orders() -> None:
    @flow
    def calling() -> Any:
        return (
            Counter.from_start(1), Counter(0).from_start(1), SubCounter.from_start(1),
            Counter.from_start_outside(1), SubCounter(0).from_start_outside(1),
        )  # fmt: skip

    assert calling() == (11, 11, 21, 11, 21)


def test_c1_staticmethods_are_tasks_in_both_orders() -> None:
    @flow
    def calling() -> Any:
        return (
            Counter.negate(1),
            Counter(0).negate(2),
            Counter.negate_outside(3),
            Counter(0).negate_outside(4),
        )

    assert calling() == (-1, -2, -3, -4)


def test_c1_what_python_does_not_bind_is_not_bound() -> None:
    @flow
    def calling() -> Any:
        return Counter(0).three(7), Counter.three(1), Counter(0).length([1, 2])

    assert calling() == (7, 3, 2)


def test_c1_partials_callables_lambdas_and_builtins_are_tasks(story: Story) -> None:
    class Adder:
        def __call__(self, x: int, y: int = 1) -> int:
            return x + y

    class AsyncAdder:
        async def __call__(self, x: int) -> int:
            return x + 1

    async def add(x: int, y: int) -> int:
        return x + y

    tasks: list[Any] = [
        task(functools.partial(lambda x, y: x + y, 1)),
        task(functools.partial(add, y=1)),
        task(functools.partial(functools.partial(add), 1)),
        task(Adder()),
        task(AsyncAdder()),
        task(lambda x: x + 1),
        task(abs),
        task(functools.partial(pow, exp=1)),
    ]

    @flow
    def calling() -> Any:
        return [each(2) for each in tasks]

    assert calling() == [3, 3, 3, 3, 3, 3, 2, 2]
    assert set(story.states()) == {
        "lambda-0", "add-0", "add-1", "Adder-0", "AsyncAdder-0", "lambda-1", "abs-0", "pow-0",
    }  # fmt: skip


def test_c1_parameters_of_a_partial_are_shown_under_their_names(story: Story) -> None:
    def join(a: int, b: int, c: int) -> tuple[int, int, int]:
        return a, b, c

    task(functools.partial(join, 1), name="first")(2, c=3).result()

    assert story.task_runs()["first-0"].parameters == '{"b":2,"c":3}'


@pytest.mark.parametrize("decorator", [task, flow], ids=["task", "flow"])
def test_c1_generators_get_a_clear_answer_at_decoration(decorator: Any) -> None:
    def numbers() -> Any:
        yield 1

    async def async_numbers() -> Any:
        yield 1

    for function in (numbers, async_numbers, functools.partial(numbers)):
        with pytest.raises(TypeError, match=r"generator function.*collect its items"):
            decorator(function)


@pytest.mark.parametrize("decorator", [task, flow], ids=["task", "flow"])
@pytest.mark.parametrize("thing", ["a name", 5, None, int, object()], ids=repr)
def test_c1_what_is_no_function_gets_a_clear_answer(decorator: Any, thing: Any) -> None:
    if thing is None:
        assert callable(decorator(thing))
        return
    with pytest.raises(TypeError, match="takes a function"):
        decorator(thing)


NOT_BUILT = ["no_such_option"]


@pytest.mark.parametrize("option", NOT_BUILT)
def test_c1_an_option_that_is_not_built_or_unknown_is_a_type_error(option: str) -> None:
    options: dict[str, Any] = {option: 1}
    with pytest.raises(TypeError, match=option):
        task(**options)(lambda: None)
    with pytest.raises(TypeError, match=option):
        task(lambda: None, **options)
    with pytest.raises(TypeError, match=option):
        task(lambda: None).with_options(**options)


@pytest.mark.parametrize("option", [*NOT_BUILT, "task_run_name", "cache_policy"])
def test_c1_an_option_that_flows_do_not_have_is_a_type_error(option: str) -> None:
    options: dict[str, Any] = {option: 1}
    with pytest.raises(TypeError, match=option):
        flow(**options)(lambda: None)
    with pytest.raises(TypeError, match=option):
        flow(lambda: None).with_options(**options)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"retries": -1}, ValueError),
        ({"retries": 1.5}, ValueError),
        ({"retry_delay_seconds": -1}, ValueError),
        ({"retry_delay_seconds": []}, ValueError),
        ({"retry_jitter_factor": -1}, ValueError),
        ({"retry_condition_fn": 5}, TypeError),
        ({"timeout_seconds": 0}, ValueError),
        ({"timeout_seconds": "60"}, ValueError),
        ({"timeout_seconds": True}, ValueError),
        ({"timeout_seconds": float("nan")}, ValueError),
        ({"on_failure": [5]}, TypeError),
        ({"on_failure": 5}, TypeError),
        ({"tags": "text"}, TypeError),
        ({"tags": [5]}, TypeError),
        ({"task_run_name": "{no_parameter}"}, ValueError),
        ({"task_run_name": 5}, TypeError),
        ({"name": 5}, TypeError),
    ],
    ids=str,
)
def test_c1_an_option_out_of_range_gets_a_clear_answer(
    options: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error, match=next(iter(options))):
        task(**options)(lambda x: x)


# -- names and tags ------------------------------------------------------------------------------


def test_c1_task_run_names_are_templates_over_the_resolved_parameters(
    way: Way, make_task: MakeTask, story: Story
) -> None:
    def add(x: int, y: int = 5) -> int:
        return x + y

    @task(task_run_name="add-{x}-to-{y:02d}")
    def named(x: int, y: int = 5) -> int:
        return x + y

    assert way.run(lambda: named(named(1))) == 11
    assert set(story.states()) == {"add-1-to-05", "add-6-to-05"}


def test_c1_a_task_run_name_may_be_a_function_and_look_into_values(story: Story) -> None:
    names = iter(["first", "second"])

    @task(task_run_name=lambda: next(names))
    def by_function() -> None: ...

    @task(task_run_name="month-{day.month}-{items[0]}")
    async def by_template(day: Any, items: list[str]) -> None: ...

    @flow
    def naming() -> None:
        import datetime as dt

        by_function().result()
        by_function().result()
        by_template(dt.date(2013, 4, 1), ["a"])

    naming()
    assert set(story.states()) == {"first", "second", "month-4-a"}


def test_c1_a_name_that_cannot_be_made_is_logged_and_changes_nothing_else(story: Story, capsys: Any) -> None:
    @task(task_run_name="{x:d}")
    def by_template(x: Any) -> Any:
        return x

    @task(task_run_name=lambda: 1 / 0)  # type: ignore[arg-type, return-value]
    def by_function() -> int:
        return 1

    @flow
    def naming() -> Any:
        return by_template("text"), by_function()

    assert naming() == ("text", 1)
    assert set(story.states()) == {"by_template-0", "by_function-0"}
    assert "task_run_name" in capsys.readouterr().err


def test_c1_a_task_run_name_does_not_tell_secrets_and_is_bounded(story: Story) -> None:
    @task(task_run_name="{password}-{text}")
    def login(password: str, text: str) -> None: ...

    @flow
    def naming() -> None:
        login("swordfish", "x" * 10_000)

    naming()
    [name] = story.states()
    assert "swordfish" not in name
    assert len(name) <= 300


def test_c1_futures_bear_the_name_of_the_run() -> None:
    @task(task_run_name="named-{x}")
    def named(x: int) -> None: ...

    future = named(3)

    assert future.name == "named-3"


def test_c1_tags_come_from_the_task_and_from_the_blocks_around_the_call(story: Story) -> None:
    from headrace import tags

    @task(tags=["own", "both"])
    def tagged() -> None: ...

    @flow(tags=["flow"])
    def tagging() -> None:
        with tags("outer", "both"), tags("inner"):
            tagged()
        tagged()

    with tags("around"):
        tagging()
    runs = story.task_runs()
    assert story.flow_run().tags == ("flow", "around")
    assert runs["tagged-0"].tags == ("own", "both", "around", "outer", "inner")
    assert runs["tagged-1"].tags == ("own", "both", "around")


# -- retries -------------------------------------------------------------------------------------


def test_c1_retries_are_attempts_of_one_run(way: Way, make_task: MakeTask, story: Story) -> None:
    attempts: list[int] = []

    def flaky() -> int:
        attempts.append(1)
        if len(attempts) < 3:
            raise ValueError(f"attempt {len(attempts)}")
        return len(attempts)

    retried = make_task(flaky, retries=2, retry_delay_seconds=[0.0, 0.01], name="retried")

    assert way.run(retried) == 3
    run = story.task_runs()["retried-0"]
    assert run.attempt_count == 3
    assert [attempt.failure.message for attempt in run.attempts if attempt.failure] == [
        "attempt 1",
        "attempt 2",
    ]
    assert story.path("retried-0")[-1] == "Completed"


def test_c1_a_retry_condition_is_asked_with_task_run_and_state(make_task: MakeTask) -> None:
    asked: list[Any] = []

    def condition(task: Any, run: Any, state: Any) -> bool:
        asked.append((task.name, run.attempt, state.name.value, state.message))
        return len(asked) < 2

    def fail() -> None:
        raise ValueError("again")

    failing = make_task(fail, retries=5, retry_condition_fn=condition, name="failing")

    with pytest.raises(ValueError, match="again"):
        failing().result()
    assert asked == [
        ("failing", 1, "Failed", "ValueError: again"),
        ("failing", 2, "Failed", "ValueError: again"),
    ]


def test_c1_a_retry_delay_may_be_a_function_of_the_attempt() -> None:
    asked: list[int] = []

    def delay(attempt: int) -> float:
        asked.append(attempt)
        return 0.0

    @task(retries=2, retry_delay_seconds=delay)
    def fail() -> None:
        raise ValueError

    assert isinstance(fail().exception(), ValueError)
    assert asked == [1, 2]


def test_c1_a_retry_condition_that_raises_is_logged_and_ends_the_tries(capsys: Any) -> None:
    @task(retries=2, retry_condition_fn=lambda *_: 1 / 0 > 0)
    def fail() -> None:
        raise ValueError("the task's own")

    assert isinstance(fail().exception(), ValueError)
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_c1_wrong_arguments_fail_the_run_with_a_type_error(make_task: MakeTask) -> None:
    with pytest.raises(TypeError, match="argument"):
        task(lambda x: x)().result()  # type: ignore[call-overload, unused-ignore]


def test_c1_a_task_with_a_parameter_called_wait_for_receives_it() -> None:
    @task
    def own(wait_for: str) -> str:
        return wait_for

    assert own(wait_for="mine").result() == "mine"


@pytest.mark.parametrize("delay", [-1, [], "10", b"1", None, ["x"], [1, -1], float("nan")])
def test_c1_retry_delays_that_are_no_seconds_are_refused_with_what_to_give(delay: Any) -> None:
    with pytest.raises(ValueError, match="give seconds, 0 or more, or a list of such"):
        task(retries=1, retry_delay_seconds=delay)(lambda: None)


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_c1_arguments_that_do_not_fit_are_told_without_the_engines_frames(
    is_async: bool, story: Story
) -> None:
    def pay(amount: int) -> None: ...

    async def pay_async(amount: int) -> None: ...

    paying: Any = task(pay_async if is_async else pay, name="pay")

    @flow
    def payday() -> str:
        paying(1, currency="CHF").exception()
        return str(paying(currency="CHF").exception())

    assert "unexpected keyword argument 'currency'" in payday()
    failure = story.task_runs()["pay-0"].failure
    assert failure is not None
    assert failure.type == "TypeError"
    assert failure.traceback.count("\n") == 1
    assert "headrace" not in failure.traceback


@pytest.mark.parametrize("decorator", [task, flow], ids=["task", "flow"])
@pytest.mark.parametrize(
    ("option", "hint"),
    [
        ("deadline", "in this version: there are name, description, "),
        ("on_cancellation", "do you mean 'on_cancelled'"),
        ("log_print", "do you mean 'log_prints'"),
    ],
)
def test_c1_an_option_that_does_not_exist_is_a_type_error_that_names_what_there_is(
    option: str, hint: str, decorator: Any
) -> None:
    said = f"@{decorator.__name__} has no option '{option}'.*{hint}"
    with pytest.raises(TypeError, match=said):
        decorator(**{option: 3})
    with pytest.raises(TypeError, match=said):
        decorator(lambda: None).with_options(**{option: 3})


@pytest.mark.parametrize("decorator", [flow, task])
@pytest.mark.parametrize(("name", "kind"), [("", ValueError), (" ", ValueError), (3, TypeError)])
def test_c1_a_name_is_a_text_with_something_in_it(decorator: Any, name: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind, match=f"name={name!r}.*give a text"):
        decorator(name=name)(lambda: None)
