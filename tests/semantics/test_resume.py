"""Going on with a run: what completed is replayed, the rest runs; and flows that are tried again."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from headrace import allow_failure, flow, get_run_context, quote, task, wait
from headrace.errors import (
    FlowRunCancelled,
    ParameterError,
    ResumeError,
    RunNotFoundError,
    RunUnderWayError,
    TaskFailures,
)
from headrace.task_runners import ConcurrentTaskRunner, SequentialTaskRunner
from headrace.testing import ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from headrace.history import History
    from tests.semantics.conftest import Story


class Executions:
    """Counts what was executed, and lets some of it fail."""

    def __init__(self) -> None:
        self.made: Counter[Any] = Counter()
        self.broken: set[Any] = set()

    def note(self, what: Any) -> Any:
        self.made[what] += 1
        if what in self.broken:
            raise ConnectionError(f"{what} is broken")
        return what

    def forget(self) -> None:
        self.made.clear()
        self.broken.clear()


@pytest.fixture
def executions() -> Executions:
    return Executions()


@pytest.fixture(params=[SequentialTaskRunner, ConcurrentTaskRunner])
def runner(request: pytest.FixtureRequest) -> Any:
    return request.param()


def fails(run: Callable[[], Any]) -> str:
    """The id of the flow run that fails."""
    future: Any = run()
    assert future.exception(20) is not None
    return future.flow_run_id  # type: ignore[no-any-return]


# -- what is executed, and what is not ---------------------------------------------------------------


def test_what_completed_is_replayed_and_the_rest_runs(
    executions: Executions, runner: Any, story: Story
) -> None:
    @task
    def fetch(page: int) -> int:
        executions.note(("fetch", page))
        return page * 10

    @task
    def clean(value: int, factor: int) -> int:
        executions.note(("clean", value))
        return value * factor

    @flow(task_runner=runner)
    def pipeline(pages: int) -> list[int]:
        values = [fetch(page) for page in range(pages)]
        return [clean(value, 2).result() for value in values]

    executions.broken = {("clean", 10)}
    id = fails(lambda: pipeline.submit(3))
    executions.forget()

    assert pipeline.resume(id) == [0, 20, 40]
    assert executions.made == {("clean", 10): 1, ("clean", 20): 1}
    assert story.states() == {
        "fetch-0": "Replayed", "fetch-1": "Replayed", "fetch-2": "Replayed",
        "clean-0": "Replayed", "clean-1": "Completed", "clean-2": "Completed",
    }  # fmt: skip
    run = story.flow_run()
    assert (run.id, run.epoch, run.state, run.states[0].message) == (id, 2, "Completed", None)


def test_a_run_keeps_its_name_its_id_and_the_states_of_its_earlier_epochs(
    executions: Executions, history: History, story: Story
) -> None:
    @task
    def step() -> None:
        executions.note("step")

    @flow
    def named() -> None:
        step().result()

    executions.broken = {"step"}
    id = fails(named.submit)
    name = story.flow_run().name
    executions.forget()
    named.resume(name)
    run = story.flow_run()
    assert (run.name, run.id) == (name, id)
    with history.reader() as reader:
        assert len(list(reader.task_runs(reader.get_run(run.id)))) == 1
        [(earlier,)] = reader._connection.execute("SELECT earlier FROM task_runs").fetchall()
    assert [state[0] for state in json.loads(earlier)[0]["states"]] == ["Pending", "Running", "Failed"]


def test_equal_calls_in_loops_and_maps_are_told_apart_by_their_occurrence(executions: Executions) -> None:
    @task
    def draw(_bag: str) -> int:
        executions.note("draw")
        return executions.made["draw"]

    @task
    def check(number: int) -> int:
        executions.note(("check", number))
        return number

    @flow(task_runner=SequentialTaskRunner())
    def lottery() -> list[int]:
        return [check(draw("numbers")).result() for _ in range(4)]

    executions.broken = {("check", 3)}
    id = fails(lottery.submit)
    assert executions.made["draw"] == 3
    executions.broken.clear()
    assert lottery.resume(id) == [1, 2, 3, 4]
    assert executions.made == {
        "draw": 4, ("check", 1): 1, ("check", 2): 1, ("check", 3): 2, ("check", 4): 1,
    }  # fmt: skip


def test_a_large_map_resumes_at_the_level_of_one_item(executions: Executions) -> None:
    @task
    def step(number: int) -> int:
        executions.note(number)
        return number

    @flow
    def mapped() -> int:
        return sum(step.map(range(2_000)).result())

    executions.broken = {7, 1_234}
    id = fails(mapped.submit)
    executions.broken.clear()
    assert mapped.resume(id) == sum(range(2_000))
    again = {number for number, times in executions.made.items() if times > 1}
    assert 7 in again <= {7, 1_234}  # the second may not have begun when the first failed
    assert executions.made.total() == 2_000 + len(again)


@pytest.mark.parametrize(
    "argument",
    [
        [1, {"a": (2, 3)}, {"b"}],
        "a text that is longer than what a preview shows whole: " + "x" * 300,
        "postgres://ada:swordfish@host/db",
        10**20,
        float("inf"),
        b"bytes",
        None,
    ],
    ids=["nested", "long text", "url", "big int", "inf", "bytes", "none"],
)
def test_a_call_is_recognised_by_its_arguments(executions: Executions, argument: Any) -> None:
    @task
    def take(_value: Any) -> str:
        executions.note("take")
        return "taken"

    @task
    def end(text: str) -> str:
        executions.note("end")
        return text

    @flow
    def recognised() -> str:
        return end(take(argument)).result()

    executions.broken = {"end"}
    id = fails(recognised.submit)
    executions.forget()
    assert recognised.resume(id) == "taken"
    assert executions.made == {"end": 1}


def test_changed_arguments_are_another_call_and_so_is_what_takes_its_value(executions: Executions) -> None:
    pages = [1, 2]

    @task
    def fetch(page: int) -> int:
        executions.note(("fetch", page))
        return page

    @task
    def clean(value: int) -> int:
        executions.note(("clean", value))
        return value

    @flow
    def changed() -> list[int]:
        cleaned = [clean(fetch(page)).result() for page in pages]
        executions.note("end")
        return cleaned

    executions.broken = {"end"}
    id = fails(changed.submit)
    executions.forget()
    pages[1] = 3
    assert changed.resume(id) == [1, 3]
    assert executions.made == {("fetch", 3): 1, ("clean", 3): 1, "end": 1}


TASKS = """
@task
def scale(x):
    executions.note("scale")
    return x * {factor}

@task
def add_one(x):
    executions.note("add one")
    return x + 1

@task
def other():
    executions.note("other")
    return 5

@flow
def scaled():
    value, rest = add_one(scale(4)), other()
    total = value.result() + rest.result()
    executions.note("end")
    return total
"""


def test_changed_code_runs_again_and_so_does_what_depends_on_it(executions: Executions) -> None:
    def the_flow(factor: int) -> Any:
        names: dict[str, Any] = {"executions": executions, "flow": flow, "task": task}
        exec(TASKS.format(factor=factor), names)
        return names["scaled"]

    executions.broken = {"end"}
    id = fails(the_flow(2).submit)
    executions.forget()
    assert the_flow(3).resume(id) == 18
    assert executions.made == {"scale": 1, "add one": 1, "end": 1}


def test_a_person_names_what_runs_again(executions: Executions, story: Story) -> None:
    @task
    def fetch(page: int) -> int:
        executions.note(("fetch", page))
        return page

    @task
    def clean(value: int) -> int:
        executions.note(("clean", value))
        return value

    @flow
    def pipeline() -> list[int]:
        return [clean(fetch(page)).result() for page in range(3)]

    pipeline()
    id = story.flow_run().id
    executions.forget()
    assert pipeline.resume(id, rerun=["fetch[1]"]) == [0, 1, 2]
    assert executions.made == {("fetch", 1): 1, ("clean", 1): 1}
    executions.forget()
    pipeline.resume(id, rerun=["clean"])
    assert executions.made == {("clean", page): 1 for page in range(3)}


def test_a_failure_that_was_allowed_is_tried_again_and_so_is_what_took_it(executions: Executions) -> None:
    @task
    def fetch() -> str:
        executions.note("fetch")
        return "page"

    @task
    def tell(value: Any) -> str:
        executions.note("tell")
        return f"got {type(value).__name__}"

    @flow
    def tolerant() -> str:
        told = tell(allow_failure(fetch())).result()
        executions.note("end")
        return told

    executions.broken = {"fetch", "end"}
    id = fails(tolerant.submit)
    executions.forget()
    assert tolerant.resume(id) == "got str"
    assert executions.made == {"fetch": 1, "tell": 1, "end": 1}


def test_a_value_that_cannot_be_stored_is_made_again_and_nothing_downstream(
    executions: Executions, story: Story
) -> None:
    @task
    def open_it() -> Any:
        executions.note("open")
        return threading.Lock()

    @task
    def use(lock: Any) -> str:
        executions.note("use")
        return type(lock).__name__

    @flow
    def unstorable() -> str:
        told = use(open_it()).result()
        executions.note("end")
        return told

    executions.broken = {"end"}
    id = fails(unstorable.submit)
    assert "cannot be pickled" in str(story.task_runs()["open_it-0"].result_note)
    executions.forget()
    assert unstorable.resume(id) == "lock"
    assert executions.made == {"open": 1, "end": 1}


def test_wait_for_counts_as_an_upstream(executions: Executions) -> None:
    @task
    def prepare() -> None:
        executions.note("prepare")

    @task
    def load() -> str:
        executions.note("load")
        return "loaded"

    @flow
    def ordered() -> str:
        loaded = load(wait_for=[prepare()]).result()
        executions.note("end")
        return loaded

    executions.broken = {"end"}
    id = fails(ordered.submit)
    executions.forget()
    assert ordered.resume(id, rerun=["prepare"]) == "loaded"
    assert executions.made == {"prepare": 1, "load": 1, "end": 1}


def test_a_quoted_argument_is_recognised(executions: Executions) -> None:
    @task
    def count(rows: list[int]) -> int:
        executions.note("count")
        return len(rows)

    @flow
    def quoted() -> int:
        number = count(quote([1, 2, 3])).result()
        executions.note("end")
        return number

    executions.broken = {"end"}
    id = fails(quoted.submit)
    executions.forget()
    assert quoted.resume(id) == 3
    assert executions.made == {"end": 1}


def test_hooks_of_a_replayed_run_were_called_in_their_epoch(executions: Executions) -> None:
    @task(on_completion=lambda *_: executions.made.update(["hook"]))
    def step() -> None: ...

    @flow
    def hooked() -> None:
        step().result()
        executions.note("end")

    executions.broken = {"end"}
    id = fails(hooked.submit)
    executions.broken.clear()
    hooked.resume(id)
    assert executions.made["hook"] == 1


# -- async, children, subflows ------------------------------------------------------------------------


def test_async_flows_and_tasks_resume(executions: Executions) -> None:
    @task
    async def fetch(page: int) -> int:
        await asyncio.sleep(0)
        return executions.note(page)  # type: ignore[no-any-return]

    @flow
    async def gathered() -> list[int]:
        return list(await asyncio.gather(*[fetch(page) for page in range(4)]))

    async def fail() -> str:
        future = gathered.submit()
        await wait([future])
        return future.flow_run_id

    executions.broken = {2}
    id = asyncio.run(fail())
    executions.forget()
    assert asyncio.run(gathered.resume(id)) == [0, 1, 2, 3]
    assert executions.made == {2: 1}


def test_a_task_that_failed_half_way_replays_the_tasks_that_it_had_called(executions: Executions) -> None:
    @task
    def part(number: int) -> int:
        return executions.note(number)  # type: ignore[no-any-return]

    @task
    def whole() -> int:
        return sum(part(number).result() for number in range(4))

    @flow
    def nested() -> int:
        return whole().result()

    executions.broken = {2}
    id = fails(nested.submit)
    executions.forget()
    assert nested.resume(id) == 6
    assert executions.made == {2: 1, 3: 1}


def test_subflows_are_replayed_or_resumed_under_their_own_ids(executions: Executions, story: Story) -> None:
    @task
    def step(name: str) -> str:
        return executions.note(name)  # type: ignore[no-any-return]

    @flow
    def inner(name: str) -> str:
        executions.note(f"inner {name}")
        step(f"{name}1").result()
        return step(f"{name}2").result()

    @flow
    def outer() -> list[str]:
        return [inner(name) for name in "ab"]

    executions.broken = {"b2"}
    id = fails(outer.submit)
    before = {run.id for run in story.flow_runs()}
    executions.forget()
    assert outer.resume(id) == ["a2", "b2"]
    assert executions.made == {"inner b": 1, "b2": 1}
    assert {run.id for run in story.flow_runs()} == before
    assert sorted(run.state for run in story.flow_runs()) == ["Completed", "Completed", "Replayed"]


def test_a_subflow_whose_upstream_runs_again_is_not_replayed(executions: Executions) -> None:
    numbers = iter((1, 2))

    @task
    def draw() -> int:
        return next(numbers)

    @flow
    def double(number: int) -> int:
        executions.note(("double", number))
        return 2 * number

    @flow
    def outer() -> int:
        doubled = double(draw())
        executions.note("end")
        return doubled

    executions.broken = {"end"}
    id = fails(outer.submit)
    executions.forget()
    assert outer.resume(id, rerun=["draw"]) == 4
    assert executions.made == {("double", 2): 1, "end": 1}


# -- arguments ----------------------------------------------------------------------------------------


def test_a_flow_is_called_with_its_arguments_again(executions: Executions) -> None:
    @flow
    def report(month: int, *cities: str, style: str = "plain", **more: Any) -> Any:
        executions.note("report")
        return month, cities, style, more

    executions.broken = {"report"}
    id = fails(lambda: report.submit(6, "Oslo", "Rome", style="fine", draft=True))
    executions.forget()
    assert report.resume(id) == (6, ("Oslo", "Rome"), "fine", {"draft": True})
    assert report.resume(id, style="bold") == (6, ("Oslo", "Rome"), "bold", {"draft": True})


def test_secrets_are_not_written_and_have_to_be_given_again(executions: Executions, history: History) -> None:
    @flow
    def login(user: str, password: str, api_key: str = "none") -> str:
        executions.note("login")
        return f"{user}:{password}:{api_key}"

    executions.broken = {"login"}
    id = fails(lambda: login.submit("ada", "swordfish"))
    executions.forget()
    with history.reader() as reader:
        [(kept,)] = reader._connection.execute("SELECT arguments FROM flow_runs").fetchall()
    assert b"ada" in kept
    assert b"swordfish" not in kept
    with pytest.raises(ResumeError, match=r"without password: secrets are never written"):
        login.resume(id)
    assert login.resume(id, password="salmon") == "ada:salmon:none"


def test_arguments_that_were_not_stored_have_to_be_given_again(executions: Executions) -> None:
    @flow
    def locked(lock: Any) -> str:
        executions.note("locked")
        return type(lock).__name__

    executions.broken = {"locked"}
    id = fails(lambda: locked.submit(threading.Lock()))
    executions.forget()
    with pytest.raises(ResumeError, match=r"without lock: the arguments are not stored"):
        locked.resume(id)
    assert locked.resume(id, lock=threading.Lock()) == "lock"


# -- who may resume what ---------------------------------------------------------------------------------


def test_a_run_that_is_under_way_is_not_doubled(story: Story) -> None:
    has_begun, go_on = threading.Event(), threading.Event()

    @flow
    def waits() -> str:
        has_begun.set()
        go_on.wait(20)
        return "done"

    future = waits.submit()
    assert has_begun.wait(20)
    with pytest.raises(RunUnderWayError, match="it is not doubled"):
        waits.resume(future.flow_run_id)
    go_on.set()
    assert future.result(20) == "done"
    assert story.flow_run().epoch == 1


def test_a_cancelled_run_is_resumed_by_who_asks_for_that(executions: Executions) -> None:
    @task
    def first() -> str:
        return executions.note("first")  # type: ignore[no-any-return]

    has_begun = threading.Event()
    is_patient = True

    @flow
    def cancelled() -> str:
        value = first().result()
        has_begun.set()
        while is_patient:
            threading.Event().wait(0.001)
        return value

    future = cancelled.submit()
    assert has_begun.wait(20)
    future.cancel()
    with pytest.raises(FlowRunCancelled):
        future.result(20)
    is_patient = False
    assert cancelled.resume(future.flow_run_id) == "first"
    assert executions.made == {"first": 1}


def test_an_unknown_run_is_not_found() -> None:
    @flow
    def nothing() -> None: ...

    with pytest.raises(RunNotFoundError):
        nothing.resume("no-such-run")


def test_a_lone_task_cannot_be_resumed(story: Story) -> None:
    @task
    def alone() -> int:
        return 1

    @flow
    def nothing() -> None: ...

    alone().result()
    with pytest.raises(ResumeError, match="outside any flow"):
        nothing.resume(story.flow_run().id)


# -- retries of a flow ----------------------------------------------------------------------------------


def test_a_flow_is_tried_again_and_what_completed_is_not_executed_once_more(
    executions: Executions, runner: Any, story: Story
) -> None:
    @task
    def fetch(page: int) -> int:
        return executions.note(("fetch", page))[1]  # type: ignore[no-any-return]

    @flow(task_runner=runner, retries=3)
    def flaky() -> int:
        executions.note("flow")
        total = sum(fetch(page).result() for page in range(3))
        if executions.made["flow"] < 3:
            raise ConnectionError("no answer")
        return total

    assert flaky() == 3
    assert executions.made == {"flow": 3, ("fetch", 0): 1, ("fetch", 1): 1, ("fetch", 2): 1}
    run = story.flow_run()
    assert (run.state, run.epoch) == ("Completed", 3)
    assert set(story.states().values()) == {"Replayed"}
    assert [state.name for state in run.states] == ["AwaitingRetry", "Retrying", "Completed"]
    assert run.started_us == run.states[1].at_us


def test_values_that_cannot_be_stored_are_kept_in_memory_for_the_next_attempt(executions: Executions) -> None:
    @task
    def open_it() -> Any:
        executions.note("open")
        return threading.Lock()

    @flow(retries=1)
    def flaky() -> str:
        lock = open_it().result()
        executions.note("flow")
        if executions.made["flow"] == 1:
            raise ConnectionError("no answer")
        return type(lock).__name__

    assert flaky() == "lock"
    assert executions.made["open"] == 1


def test_only_the_failures_of_the_last_attempt_count(executions: Executions) -> None:
    @task
    def fetch() -> str:
        executions.note("fetch")
        if executions.made["fetch"] == 1:
            raise ConnectionError("no answer")
        return "page"

    @flow(retries=1)
    def unseen() -> None:
        fetch()

    unseen()
    assert executions.made == {"fetch": 2}


def test_a_flow_that_fails_each_time_raises_what_failed_last() -> None:
    @task
    def fetch() -> str:
        raise ConnectionError("no answer")

    @flow(retries=2)
    def hopeless() -> None:
        fetch()

    with pytest.raises(TaskFailures) as failures:
        hopeless()
    assert len(failures.value.exceptions) == 1


def test_parameters_that_do_not_fit_are_not_tried_again(story: Story) -> None:
    @flow(retries=3)
    def checked(number: int) -> int:
        return number

    with pytest.raises(ParameterError):
        checked("many")
    assert story.flow_run().epoch == 1


def test_a_flow_waits_between_its_attempts_as_long_as_it_says() -> None:
    attempts: list[int] = []

    @flow(retries=3, retry_delay_seconds=[5, 10])
    def flaky() -> int:
        attempts.append(1)
        if len(attempts) < 4:
            raise ConnectionError("no answer")
        return len(attempts)

    with ManualClock(automatic=True) as clock:
        assert flaky() == 4
    assert clock.delays == (5.0, 10.0, 10.0)


def test_a_cancel_cuts_the_delay_short(story: Story) -> None:
    waits = threading.Event()

    @flow(retries=1, retry_delay_seconds=1000)
    def flaky() -> None:
        waits.set()
        raise ConnectionError("no answer")

    future = flaky.submit()
    assert waits.wait(20)
    while story.flow_run().state != "AwaitingRetry":
        assert not future.done()
    future.cancel()
    with pytest.raises(FlowRunCancelled):
        future.result(20)
    assert story.flow_run().state == "Cancelled"


def test_a_cancel_just_before_the_delay_begins_is_heard(story: Story) -> None:
    called = threading.Event()

    @flow(retries=1, retry_delay_seconds=1000)
    def flaky() -> None:
        called.wait(20)
        raise ConnectionError("no answer")

    class CancelAsSoonAsItIsTold(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "failed at attempt 1" in record.getMessage():
                future.cancel()

    logger = logging.getLogger("headrace")
    logger.addHandler(handler := CancelAsSoonAsItIsTold())
    try:
        future = flaky.submit()
        called.set()
        with pytest.raises(FlowRunCancelled):
            future.result(20)
    finally:
        logger.removeHandler(handler)
    assert story.flow_run().state == "Cancelled"


def test_subflows_of_an_attempt_that_failed_are_replayed(executions: Executions) -> None:
    @flow
    def inner() -> str:
        return executions.note("inner")  # type: ignore[no-any-return]

    @flow(retries=1)
    def outer() -> str:
        value = inner()
        executions.note("outer")
        if executions.made["outer"] == 1:
            raise ConnectionError("no answer")
        return value

    assert outer() == "inner"
    assert executions.made == {"inner": 1, "outer": 2}


def test_an_async_flow_is_tried_again(executions: Executions) -> None:
    @task
    async def fetch() -> str:
        return executions.note("fetch")  # type: ignore[no-any-return]

    @flow(retries=1)
    async def flaky() -> str:
        value = await fetch()
        executions.note("flow")
        if executions.made["flow"] == 1:
            raise ConnectionError("no answer")
        return value

    assert asyncio.run(flaky()) == "fetch"
    assert executions.made == {"fetch": 1, "flow": 2}


def test_the_code_of_a_task_knows_its_attempt_not_the_flows() -> None:
    seen: list[int] = []

    @task(retries=1)
    def step() -> None:
        seen.append(get_run_context().attempt)
        if len(seen) == 1:
            raise ConnectionError("no answer")

    @flow(retries=1)
    def flaky() -> None:
        step().result()

    flaky()
    assert seen == [1, 2]


def test_a_value_whose_file_is_gone_is_made_again(
    executions: Executions, history: History, story: Story
) -> None:
    @task(persist_result=True)
    def make() -> bytes:
        executions.note("make")
        return bytes(2_000_000)

    @flow
    def large() -> int:
        size = len(make().result())
        executions.note("end")
        return size

    executions.broken = {"end"}
    id = fails(large.submit)
    executions.forget()
    with history.reader() as reader:
        home = reader.results_home
    shutil.rmtree(home)
    assert large.resume(id) == 2_000_000
    assert executions.made == {"make": 1, "end": 1}
