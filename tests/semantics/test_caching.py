"""The cache: rules K1 to K4."""

from __future__ import annotations

import asyncio
import datetime as dt
import functools
import threading
from typing import TYPE_CHECKING, Any

import pytest

from headrace import (
    INPUTS,
    NO_CACHE,
    RUN_ID,
    TASK_SOURCE,
    StateType,
    as_completed,
    by_function,
    flow,
    get_run_context,
    get_run_logger,
    task,
    task_input_hash,
    unmapped,
)
from headrace.cache_policies import CachePolicy
from headrace.completion import Milestone
from headrace.errors import TaskCancelled
from headrace.task_runners import ConcurrentTaskRunner, SequentialTaskRunner
from headrace.testing import ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from headrace import Task
    from tests.semantics.conftest import Story, Way

DEADLINE_SECONDS = 20


class Counted:
    """A function that counts its calls. ``code`` makes it another one, with the same name."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def task(self, **options: Any) -> Task[..., Any]:
        calls = self.calls

        def work(x: Any = 0, *, debug: bool = False) -> Any:
            calls.append(x)
            return {"x": x, "call": len(calls)}

        made: Task[..., Any] = task(work, **options)
        return made


@pytest.fixture
def counted() -> Counted:
    return Counted()


def run_in_flow(function: Callable[[], Any]) -> Any:
    @flow
    def host() -> Any:
        return function()

    return host()


# -- K1: the value of an earlier call -----------------------------------------------------------------


def test_k1_a_call_with_the_same_key_is_given_the_value_of_the_first(
    way: Way, counted: Counted, story: Story
) -> None:
    work = counted.task(cache_policy=INPUTS)
    first = way.run(lambda: work(1))
    assert way.run(lambda: [work(1), work(x=1), work(2)]) == [first, first, {"x": 2, "call": 2}]
    assert counted.calls == [1, 2]
    states = story.states()
    assert states == {"work-0": "Cached", "work-1": "Cached", "work-2": "Completed"}
    assert story.path("work-0") == ["Pending", "Cached"]


def test_k1_async_tasks_are_cached_like_others(counted: Counted) -> None:
    @task(cache_policy=INPUTS)
    async def work(x: int) -> int:
        counted.calls.append(x)
        return x

    @flow
    async def host() -> list[int]:
        return [await work(1), await work(1), *await asyncio.gather(work(2), work(2))]

    assert asyncio.run(host()) == [1, 1, 2, 2]
    assert counted.calls == [1, 2]


def test_k1_cached_is_a_way_to_complete(counted: Counted) -> None:
    work = counted.task(cache_policy=INPUTS)
    work(1)
    future = work(1)
    state = future.wait()
    assert state is not None
    assert (state.name, state.type) == ("Cached", StateType.COMPLETED)
    assert future.done()
    assert future.exception() is None


def test_k1_the_row_tells_which_run_gave_the_value(counted: Counted, story: Story) -> None:
    work = counted.task(cache_policy=INPUTS, task_run_name="work on {x}")
    run_in_flow(lambda: [future.result() for future in (work(3), work(1))])
    source = story.flow_run().id
    run_in_flow(lambda: work(1).result())
    cached = story.task_runs()["work on 1"]
    assert cached.cached_from == f"{source}/2"
    assert cached.states[-1].message == f"its value is that of {source}/2"
    assert (cached.parameters, cached.result_preview) == ('{"x":1}', '{"x":1,"call":2}')
    assert (cached.attempt_count, cached.started_us, cached.worker) == (0, None, None)


def test_k1_each_call_is_given_a_value_of_its_own(counted: Counted) -> None:
    work = counted.task(cache_policy=INPUTS)
    first = work(1).result()
    first["x"] = "changed"
    second = work(1).result()
    assert second == {"x": 1, "call": 1}
    second["x"] = "changed"
    assert work(1).result() == {"x": 1, "call": 1}


def test_k1_futures_count_by_their_values(counted: Counted) -> None:
    work = counted.task(cache_policy=INPUTS)

    @task
    def give(x: int) -> int:
        return x

    def body() -> list[Any]:
        return [future.result() for future in [work(give(1)), work(1), work([give(1)]), work([1])]]

    values = run_in_flow(body)
    assert values[0] == values[1] != values[2] == values[3]
    assert sorted(counted.calls, key=str) == [1, [1]]


def test_k1_downstreams_of_a_cached_run_are_given_its_value(counted: Counted) -> None:
    work = counted.task(cache_policy=INPUTS)

    @task
    def name(value: Any) -> str:
        return f"{value['x']}"

    assert [run_in_flow(lambda: name(work(1)).result()) for _ in range(2)] == ["1", "1"]
    assert counted.calls == [1]


def test_k1_a_run_that_is_cached_waits_for_those_it_was_told_to_wait_for(counted: Counted) -> None:
    work = counted.task(cache_policy=INPUTS)
    work(1)
    gate, seen = threading.Event(), []

    @task
    def before() -> None:
        gate.wait(DEADLINE_SECONDS)
        seen.append("before")

    def body() -> None:
        future = work(1, wait_for=[before()])
        assert not future.done()
        gate.set()
        future.result()
        assert seen == ["before"]

    run_in_flow(body)
    assert counted.calls == [1]


def test_k1_defaults_count_as_if_they_were_given(counted: Counted) -> None:
    work = counted.task(cache_policy=INPUTS)
    assert work().result() == work(0).result() == work(x=0, debug=False).result()
    assert counted.calls == [0]


def test_k1_types_of_arguments_count(counted: Counted) -> None:
    work = counted.task(cache_policy=INPUTS)
    for x in (1, 1.0, True, "1", [1], (1,)):
        work(x)
    assert len(counted.calls) == 6


def test_k1_what_one_task_gave_is_never_given_for_another(counted: Counted) -> None:
    def same(_context: Any, _parameters: Any) -> str:
        return "the same text"

    for options in ({"cache_policy": INPUTS}, {"cache_key_fn": same}):
        one, other = counted.task(name="one", **options), counted.task(name="other", **options)
        assert one(1).result() != other(1).result()
        assert one(1).result() != other(1).result()
    assert len(counted.calls) == 4


applied: list[int] = []


class Scale:
    def __init__(self, factor: int) -> None:
        self.factor = factor

    @task(cache_policy=INPUTS)
    def apply(self, x: int) -> int:
        applied.append(self.factor)
        return self.factor * x


def test_k1_methods_and_partials_count_with_what_they_were_given_before() -> None:
    applied.clear()
    assert [Scale(factor).apply(2).result() for factor in (1, 2, 1)] == [2, 4, 2]
    assert applied == [1, 2]
    add = task(functools.partial(max, 5), cache_policy=INPUTS)
    assert add.with_options(name="max")(7).result() == 7
    assert task(functools.partial(max, 9), name="max", cache_policy=INPUTS)(7).result() == 9


def test_k1_calls_that_do_not_fit_are_told_so_by_their_function(counted: Counted) -> None:
    work = counted.task(cache_policy=INPUTS)
    for future in (work(1, 2), work(1, x=1), work(no_such=1)):
        assert isinstance(future.exception(), TypeError)


# -- K1: policies ----------------------------------------------------------------------------------


def test_k1_parameters_can_be_left_out(counted: Counted) -> None:
    work = counted.task(cache_policy=INPUTS - "debug")
    work(1)
    work(1, debug=True)
    work(2, debug=True)
    assert counted.calls == [1, 2]


def test_k1_the_run_id_keeps_values_within_a_flow_run(counted: Counted) -> None:
    work = counted.task(cache_policy=INPUTS + RUN_ID)
    for _ in range(2):
        run_in_flow(lambda: [work(1).result(), work(1).result()])
    assert counted.calls == [1, 1]


def test_k1_the_source_tells_a_changed_task_from_what_it_was() -> None:
    def make(sign: int) -> Task[..., int]:
        @task(cache_policy=INPUTS + TASK_SOURCE)
        def work(x: int) -> int:
            return sign * x

        return work

    assert [make(sign)(1).result() for sign in (1, 1, -1)] == [1, 1, -1]
    by_inputs = [make(sign).with_options(cache_policy=INPUTS)(1).result() for sign in (1, -1)]
    assert by_inputs == [1, 1]


def test_k1_a_function_of_the_users_makes_the_key(counted: Counted) -> None:
    asked = []

    def by_parity(context: Any, parameters: dict[str, Any]) -> str | None:
        asked.append((context.task_name, context.task.name, context.flow_name, get_run_context().task_run_id))
        return None if parameters["x"] is None else str(parameters["x"] % 2)

    for options in ({"cache_key_fn": by_parity}, {"cache_policy": by_function(by_parity)}):
        work = counted.task(name=f"by {next(iter(options))}", **options)
        counted.calls.clear()
        values = run_in_flow(lambda work=work: [work(x).result()["x"] for x in (1, 2, 3, 4)])  # type: ignore[misc]
        assert values == [1, 2, 1, 2]
        run_in_flow(lambda work=work: [work(None).result(), work(None).result()])  # type: ignore[misc]
        assert counted.calls == [1, 2, None, None]
    assert asked[0] == ("by cache_key_fn", "by cache_key_fn", "host", 1)


def test_k1_task_input_hash_is_known_by_its_name(counted: Counted) -> None:
    work = counted.task(cache_key_fn=task_input_hash)
    assert work(1).result() == work(1).result() != work(2).result()
    assert counted.calls == [1, 2]


def test_k1_policies_are_added_up() -> None:
    def key(_context: Any, _parameters: Any) -> str:
        return ""

    assert INPUTS + TASK_SOURCE == TASK_SOURCE + INPUTS == INPUTS + TASK_SOURCE + INPUTS
    assert hash(INPUTS + TASK_SOURCE) == hash(TASK_SOURCE + INPUTS)
    assert INPUTS + NO_CACHE == NO_CACHE + INPUTS == INPUTS
    assert (INPUTS + RUN_ID) - "x" == (INPUTS - "x") + RUN_ID != INPUTS + RUN_ID
    assert INPUTS - ["x", "y"] == INPUTS - "y" - "x"
    assert by_function(key) == by_function(key) != by_function(lambda *_: "")
    assert repr((INPUTS - "x") + TASK_SOURCE + RUN_ID) == "INPUTS - 'x' + RUN_ID + TASK_SOURCE"
    assert repr(by_function(key)) == "by_function(key)"
    assert repr(NO_CACHE) == "NO_CACHE"


def test_k1_the_order_in_which_policies_are_added_does_not_matter(counted: Counted) -> None:
    one = counted.task(cache_policy=INPUTS + TASK_SOURCE)
    one(1)
    one.with_options(cache_policy=TASK_SOURCE + INPUTS)(1)
    assert counted.calls == [1]


def test_k1_no_cache_executes_every_call(counted: Counted) -> None:
    work = counted.task(cache_policy=NO_CACHE)
    work(1), work(1)
    assert counted.calls == [1, 1]
    assert work.is_ordinary


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"cache_policy": "inputs"}, TypeError, "INPUTS"),
        ({"cache_policy": INPUTS, "cache_key_fn": task_input_hash}, ValueError, "INPUTS \\+ by_function"),
        ({"cache_key_fn": "x"}, TypeError, "cannot be called"),
        ({"cache_policy": INPUTS - "nothing"}, ValueError, "no parameter 'nothing'"),
        ({"cache_policy": INPUTS, "cache_expiration": 0}, ValueError, "cache_expiration"),
        ({"cache_policy": INPUTS, "cache_expiration": "1h"}, ValueError, "cache_expiration"),
        ({"cache_policy": INPUTS, "cache_expiration": dt.timedelta(-1)}, ValueError, "cache_expiration"),
        ({"cache_expiration": 5}, ValueError, "cache_policy"),
        ({"refresh_cache": True}, ValueError, "cache_policy"),
    ],
)
def test_k1_options_that_make_no_sense_are_refused(
    counted: Counted, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        counted.task(**options)


def test_k1_operands_that_make_no_sense_are_refused() -> None:
    with pytest.raises(TypeError, match="asks for no parameters"):
        TASK_SOURCE - "x"
    with pytest.raises(TypeError, match="asks for no parameters"):
        (TASK_SOURCE + RUN_ID) - "x"
    with pytest.raises(TypeError):
        INPUTS + "x"
    with pytest.raises(TypeError, match="name of a parameter"):
        INPUTS - 5  # type: ignore[operator]
    with pytest.raises(TypeError, match="cannot be called"):
        by_function("x")  # type: ignore[arg-type]


def test_k1_with_options_changes_the_policy_whichever_way_it_was_given(counted: Counted) -> None:
    work = counted.task(cache_key_fn=task_input_hash)
    assert work.with_options(cache_policy=INPUTS).cache_policy == INPUTS
    assert work.with_options(name="x").cache_key_fn is task_input_hash
    assert (
        work.with_options(cache_policy=INPUTS).with_options(cache_key_fn=task_input_hash).cache_policy is None
    )
    assert work.with_options(cache_policy=None).is_ordinary


# -- K2: what has no key ---------------------------------------------------------------------------


def test_k2_an_argument_without_a_stable_key_is_named_once_and_its_call_is_executed(
    counted: Counted, caplog: pytest.LogCaptureFixture, story: Story
) -> None:
    work = counted.task(name="lock away", cache_policy=INPUTS)
    run_in_flow(lambda: [work([1, threading.Lock()]).result() for _ in range(3)])
    assert len(counted.calls) == 3
    [line] = [record.getMessage() for record in caplog.records if "not cached" in record.getMessage()]
    assert "'lock away'" in line
    assert "arguments['x'][1] has no stable key" in line
    assert line in story.messages()
    assert set(story.states().values()) == {"Completed"}


def test_k2_a_key_function_that_raises_is_logged_and_the_call_is_executed(
    counted: Counted, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_context: Any, _parameters: Any) -> str:
        raise ValueError("no key today")

    work = counted.task(cache_key_fn=broken)
    assert work(1).result() == {"x": 1, "call": 1}
    assert work(1).result() == {"x": 1, "call": 2}
    assert "its key function 'broken' raised" in caplog.text
    assert "no key today" in caplog.text
    by_number = counted.task(cache_key_fn=lambda *_: 5)
    by_number(1).result()
    assert "a key is a text" in caplog.text


def test_k2_what_a_key_function_logs_is_kept_under_its_run(counted: Counted, story: Story) -> None:
    def telling(_context: Any, _parameters: Any) -> str:
        get_run_logger().info("a key is wanted")
        return "k"

    work = counted.task(cache_key_fn=telling)
    run_in_flow(lambda: work(1).result())
    assert [line.task_run for line in story.lines() if line.message == "a key is wanted"] == [1]


def test_k2_a_value_that_cannot_be_stored_is_not_cached(counted: Counted) -> None:
    @task(cache_policy=INPUTS)
    def lock(x: int) -> Any:
        counted.calls.append(x)
        return threading.Lock()

    @flow
    def host() -> None:
        for future in lock.map([1] * 5):
            future.result()

    host()
    assert counted.calls == [1] * 5


# -- K3: single flight -----------------------------------------------------------------------------


class Gated:
    """A task whose attempts wait at a gate, and say when they have begun."""

    def __init__(self, **options: Any) -> None:
        self.calls: list[Any] = []
        self.gate = threading.Event()
        self.begun = threading.Semaphore(0)
        self.failures: list[BaseException] = []

        @task(cache_policy=INPUTS, **options)
        def work(x: Any) -> Any:
            self.calls.append(x)
            self.begun.release()
            assert self.gate.wait(DEADLINE_SECONDS)
            if self.failures:
                raise self.failures.pop()
            return [x, len(self.calls)]

        self.task = work

    def await_begin(self) -> None:
        assert self.begun.acquire(timeout=DEADLINE_SECONDS)


def test_k3_a_hundred_equal_calls_at_once_are_computed_once(story: Story) -> None:
    gated = Gated()

    def body() -> list[Any]:
        futures = gated.task.map([1] * 100)
        gated.await_begin()
        gated.gate.set()
        return list(futures.result())

    assert run_in_flow(body) == [[1, 1]] * 100
    assert gated.calls == [1]
    assert sorted(story.states().values()) == ["Cached"] * 99 + ["Completed"]


def test_k3_followers_hold_no_worker_while_they_wait() -> None:
    gated = Gated()

    @task
    def other() -> str:
        gated.gate.set()
        return "went on"

    @flow(task_runner=ConcurrentTaskRunner(max_workers=2))
    def host() -> Any:
        futures = gated.task.map([1] * 50)
        gated.await_begin()
        assert other().result() == "went on"
        return futures.result()

    assert host() == [[1, 1]] * 50


def test_k3_a_flow_of_one_worker_comes_to_its_end() -> None:
    gated = Gated()
    gated.gate.set()

    @flow(task_runner=ConcurrentTaskRunner(max_workers=1))
    def host() -> Any:
        return gated.task.map([1, 2, 1, 2, 1]).result()

    assert [x for x, _ in host()] == [1, 2, 1, 2, 1]
    assert sorted(gated.calls) == [1, 2]


def test_k3_flows_in_several_threads_compute_a_key_once() -> None:
    gated = Gated()

    @flow
    def host() -> Any:
        return gated.task(1).result()

    runs = [host.submit() for _ in range(8)]
    gated.await_begin()
    gated.gate.set()
    assert [run.result(DEADLINE_SECONDS) for run in runs] == [[1, 1]] * 8
    assert gated.calls == [1]


def test_k3_when_the_leader_fails_the_next_one_leads() -> None:
    gated = Gated()
    gated.failures = [ValueError("the first"), ValueError("the second")]

    def body() -> list[Any]:
        futures = gated.task.map([1] * 10)
        gated.gate.set()
        return [future.exception() for future in futures]

    errors = run_in_flow(body)
    assert sorted(map(str, errors)) == ["None"] * 8 + ["the first", "the second"]
    assert len(gated.calls) == 3


def test_k3_retries_of_the_leader_are_waited_for() -> None:
    gated = Gated(retries=2)
    gated.failures = [ValueError("the first"), ValueError("the second")]

    def body() -> list[Any]:
        futures = gated.task.map([1] * 10)
        gated.gate.set()
        return list(futures.result())

    assert run_in_flow(body) == [[1, 3]] * 10
    assert len(gated.calls) == 3


def test_k3_a_follower_can_be_cancelled(story: Story) -> None:
    gated = Gated()

    def body() -> Any:
        leader, follower, last = gated.task.map([1] * 3)
        gated.await_begin()
        assert follower.cancel()
        with pytest.raises(TaskCancelled):
            follower.result(DEADLINE_SECONDS)
        gated.gate.set()
        return leader.result(), last.result()

    assert run_in_flow(body) == ([1, 1], [1, 1])
    assert story.states() == {"work-0": "Completed", "work-1": "Cancelled", "work-2": "Cached"}


def test_k3_when_the_leader_is_cancelled_the_next_one_leads() -> None:
    calls: list[int] = []
    is_first_there = Milestone()

    @task(cache_policy=INPUTS)
    async def work(x: int) -> int:
        calls.append(x)
        if len(calls) == 1:
            is_first_there.complete()
            await asyncio.sleep(DEADLINE_SECONDS * 10)
        return len(calls)

    @flow
    async def host() -> list[int]:
        leader, *followers = [work(1) for _ in range(5)]
        await asyncio.to_thread(is_first_there.block, DEADLINE_SECONDS)
        leader.cancel()
        with pytest.raises(TaskCancelled):
            await leader
        return list(await asyncio.gather(*followers))

    assert asyncio.run(host()) == [2] * 4
    assert calls == [1, 1]


def test_k3_when_the_flow_of_the_leader_is_cancelled_another_flow_leads() -> None:
    calls: list[str] = []
    is_first_there = threading.Event()

    @task(cache_policy=INPUTS)
    async def work(x: int) -> str:
        calls.append(get_run_context().flow_name)
        if len(calls) == 1:
            is_first_there.set()
            await asyncio.sleep(DEADLINE_SECONDS * 10)
        return calls[-1]

    @flow
    def first() -> Any:
        return work(1).result()

    @flow
    def second() -> Any:
        return work(1).result()

    leading = first.submit()
    assert is_first_there.wait(DEADLINE_SECONDS)
    following = second.submit()
    leading.cancel()
    assert following.result(DEADLINE_SECONDS) == "second"
    assert isinstance(leading.exception(DEADLINE_SECONDS), Exception)
    assert calls == ["first", "second"]


def test_k3_the_flow_ends_after_those_that_wait_for_a_leader(story: Story) -> None:
    gated = Gated()

    @flow
    def leads() -> Any:
        return gated.task(1).result()

    @flow
    def follows() -> None:
        gated.task(1)

    leading = leads.submit()
    gated.await_begin()
    following = follows.submit()
    assert following.wait(0.05) is None
    gated.gate.set()
    assert following.result(DEADLINE_SECONDS) is None
    assert leading.result(DEADLINE_SECONDS) == [1, 1]
    assert story.states("follows") == {"work-0": "Cached"}


def test_k3_those_that_wait_end_cancelled_when_their_flow_fails(story: Story) -> None:
    gated = Gated()

    @flow
    def leads() -> Any:
        return gated.task(1).result()

    @flow
    def fails() -> None:
        gated.task(1)
        raise ValueError("the flow")

    leading = leads.submit()
    gated.await_begin()
    with pytest.raises(ValueError, match="the flow"):
        fails()
    gated.gate.set()
    leading.result(DEADLINE_SECONDS)
    assert story.states("fails") == {"work-0": "Cancelled"}


def test_k3_children_of_tasks_are_cached_too(counted: Counted) -> None:
    work = counted.task(cache_policy=INPUTS)

    @task
    def parent(x: int) -> Any:
        return work(x).result()

    @flow(task_runner=ConcurrentTaskRunner(max_workers=1))
    def host() -> Any:
        return [*parent.map([1, 1, 1]).result(), work(1).result()]

    assert host() == [{"x": 1, "call": 1}] * 4
    assert counted.calls == [1]


def test_k3_a_child_whose_leader_waits_for_its_parents_slot_gets_it() -> None:
    gated = Gated()
    gated.gate.set()
    is_parent_there, go_on = threading.Event(), threading.Event()

    @task
    def parent() -> Any:
        is_parent_there.set()
        assert go_on.wait(DEADLINE_SECONDS)
        return gated.task(1).result()

    @flow(task_runner=ConcurrentTaskRunner(max_workers=1))
    def host() -> Any:
        future = parent()
        assert is_parent_there.wait(DEADLINE_SECONDS)
        leader = gated.task(1)  # waits for the only slot, which the parent holds
        go_on.set()
        return future.result(), leader.result()

    assert host() == ([1, 1], [1, 1])


def test_k3_a_task_that_calls_itself_with_the_same_arguments_does_not_wait_for_itself() -> None:
    depth = iter([True, False])

    @task(cache_policy=INPUTS)
    def work(x: int) -> int:
        return 1 + work(x).result() if next(depth) else 0

    assert run_in_flow(lambda: work(1).result()) == 1


def test_k3_a_recursion_of_cached_tasks_computes_each_step_once() -> None:
    calls: list[int] = []

    @task(cache_policy=INPUTS)
    def fibonacci(n: int) -> int:
        calls.append(n)
        return n if n < 2 else fibonacci(n - 1).result() + fibonacci(n - 2).result()

    assert run_in_flow(lambda: fibonacci(15).result()) == 610
    assert sorted(calls) == list(range(16))


def test_k3_a_map_of_a_thousand_equal_items_is_computed_once(counted: Counted) -> None:
    work = counted.task(cache_policy=INPUTS)

    @flow
    def host() -> Any:
        futures = work.map([7] * 1000, debug=unmapped(False))
        return [future.result() for future in as_completed(futures)]

    assert host() == [{"x": 7, "call": 1}] * 1000
    assert counted.calls == [7]


def test_k3_a_sequential_flow_is_cached_too(counted: Counted) -> None:
    work = counted.task(cache_policy=INPUTS, retries=1)

    @flow(task_runner=SequentialTaskRunner())
    def host() -> Any:
        return work.map([1] * 5).result()

    assert host() == [{"x": 1, "call": 1}] * 5


def test_k3_hooks_are_called_for_what_is_cached(counted: Counted) -> None:
    seen: list[tuple[str, str]] = []

    def on_completion(_task: Any, run: Any, state: Any) -> None:
        seen.append((run.task_run_name, state.name))

    work = counted.task(cache_policy=INPUTS, on_completion=on_completion)
    run_in_flow(lambda: [work(1).result(), work(1).result()])
    assert seen == [("work-0", "Completed"), ("work-1", "Cached")]


# -- K4: what counts no more -----------------------------------------------------------------------


@pytest.fixture
def clock() -> Iterator[ManualClock]:
    with ManualClock() as clock:
        yield clock


@pytest.mark.parametrize("expiration", [60, 60.0, dt.timedelta(minutes=1)], ids=str)
def test_k4_a_value_expires(counted: Counted, clock: ManualClock, expiration: Any) -> None:
    work = counted.task(cache_policy=INPUTS, cache_expiration=expiration)
    work(1).result()
    clock.advance(59)
    assert work(1).result()["call"] == 1
    clock.advance(2)
    assert work(1).result()["call"] == 2
    assert work(1).result()["call"] == 2


def test_k4_what_failed_is_executed_again(counted: Counted) -> None:
    @task(cache_policy=INPUTS)
    def work(x: int) -> int:
        counted.calls.append(x)
        if len(counted.calls) == 1:
            raise ValueError(x)
        return x

    assert isinstance(work(1).exception(), ValueError)
    assert work(1).result() == 1
    assert counted.calls == [1, 1]


def test_k4_refresh_cache_executes_a_call_and_gives_others_the_new_value(counted: Counted) -> None:
    work = counted.task(cache_policy=INPUTS)
    assert work(1).result()["call"] == 1
    assert work.with_options(refresh_cache=True)(1).result()["call"] == 2
    assert work(1).result()["call"] == 2
    assert counted.calls == [1, 1]


def test_k4_a_cached_run_is_no_source_of_its_own(counted: Counted, story: Story) -> None:
    work = counted.task(cache_policy=INPUTS)
    for _ in range(3):
        run_in_flow(lambda: work(1).result())
    sources = {run.cached_from for run in story.task_runs().values()}
    assert sources == {f"{story.flow_runs()[0].id}/1"}


def test_k4_policies_of_the_users_own_are_no_policies() -> None:
    with pytest.raises(NotImplementedError):
        CachePolicy().parts(None)  # type: ignore[arg-type]
