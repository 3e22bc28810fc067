"""`pause`: the flow run is Paused until a person has answered, here or from another terminal."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from headrace import flow, pause, task
from headrace.history.facts import PAUSE
from headrace.questions import Question
from headrace.testing import ManualClock, in_memory_history

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headrace import FlowRunFuture
    from headrace.testing import RecordedHistory


@pytest.fixture(autouse=True)
def history() -> Iterator[RecordedHistory]:
    with in_memory_history() as history:
        yield history


@flow
def deploy() -> str:
    return "deployed" if pause("Deploy?") else "left"


def wait_until_paused(future: FlowRunFuture[Any], prompt: str | None = None) -> None:
    """By real time, for it is another thread that comes so far."""
    waited = threading.Event()
    for _ in range(2000):
        if future.state.name == "Paused" and prompt in (None, future.state.message):
            return
        waited.wait(0.005)
    raise AssertionError(f"not paused: {future.state}")


@pytest.mark.parametrize(("given", "value"), [(True, "deployed"), ("no", "left"), ("Yes", "deployed")])
def test_the_answer_is_what_pause_gives(given: Any, value: str) -> None:
    future = deploy.submit()
    wait_until_paused(future)
    future.answer(given)

    assert future.result(timeout=10) == value


def test_the_run_is_paused_with_the_prompt_and_then_runs_again(history: RecordedHistory) -> None:
    future = deploy.submit()
    wait_until_paused(future)
    assert str(future.state) == "Paused: Deploy?"
    future.answer(True)
    future.result(timeout=10)

    assert history.run().states == ["Pending", "Running", "Paused", "Running", "Completed"]
    assert history.run().row.states[2].message == "Deploy?"


def test_tasks_go_on_meanwhile() -> None:
    done = threading.Event()

    @task
    def work() -> None:
        done.set()

    @flow
    def asking() -> bool:
        work()
        answer: bool = pause("Go on?")
        return answer

    future = asking.submit()
    wait_until_paused(future)
    assert done.wait(10)
    future.answer(False)
    assert future.result(timeout=10) is False


def test_an_async_flow_may_ask_several_things_at_once(history: RecordedHistory) -> None:
    @flow
    async def asking() -> list[str]:
        answers: list[str] = await asyncio.gather(
            pause("Name?", type=str), pause("Colour?", choices=["red", "blue"])
        )
        return answers

    future = asking.submit()
    wait_until_both_are_asked(future)
    with pytest.raises(LookupError, match="several answers"):
        future.answer("red")
    future.answer("Ada", prompt="Name?")
    wait_until_paused(future, "Colour?")
    future.answer("RED")

    assert future.result(timeout=10) == ["Ada", "red"]
    assert history.run().states.count("Paused") == 2


def wait_until_both_are_asked(future: FlowRunFuture[Any]) -> None:
    while True:
        try:
            future.answer("green", prompt="Colour?")
        except ValueError:  # it is asked, and this is no answer
            return
        except LookupError:
            assert future.wait(timeout=0.005) is None


def test_several_flows_of_a_process_wait_for_their_own_answers() -> None:
    futures = [deploy.submit() for _ in range(3)]
    for future in futures:
        wait_until_paused(future)
    for future, answer in zip(futures, ("yes", "no", "yes"), strict=True):
        future.answer(answer)

    assert [future.result(timeout=10) for future in futures] == ["deployed", "left", "deployed"]


def test_what_is_no_answer_is_refused_and_the_question_stays_open() -> None:
    future = deploy.submit()
    wait_until_paused(future)
    with pytest.raises(ValueError, match="'perhaps' is no answer: give yes or no"):
        future.answer("perhaps")
    with pytest.raises(LookupError, match="does not wait"):
        future.answer("yes", prompt="Something else?")
    future.answer("no")
    assert future.result(timeout=10) == "left"
    with pytest.raises(LookupError, match="does not wait for an answer"):
        future.answer("yes")


def test_nobody_can_answer_what_was_never_asked() -> None:
    @flow
    def silent() -> None:
        pass

    with pytest.raises(LookupError, match="does not wait for an answer"):
        silent.submit().answer(True)


def test_the_first_answer_counts() -> None:
    future = deploy.submit()
    wait_until_paused(future)
    run: Any = future._source
    run.note_request("answer", json.dumps({"name": "Deploy?", "occurrence": 0, "answer": True}))
    run.note_request("answer", json.dumps({"name": "Deploy?", "occurrence": 0, "answer": False}))
    run.note_request("answer", json.dumps({"name": "Other?", "occurrence": 0, "answer": False}))

    assert future.result(timeout=10) == "deployed"


def test_who_has_waited_long_enough_goes_on_without_an_answer(history: RecordedHistory) -> None:
    @flow
    def impatient() -> str:
        try:
            pause("Anybody?", timeout_seconds=3600)
        except TimeoutError as error:
            return str(error)
        return "answered"

    @flow
    async def impatient_on_loop() -> None:
        await pause("Anybody?", timeout_seconds=3600)

    with ManualClock() as clock:
        futures: list[Any] = [impatient.submit(), impatient_on_loop.submit()]
        clock.wait_until_pending(2)
        clock.advance(3600)
        assert futures[0].result(timeout=10) == "nobody has answered 'Anybody?' within 3600 s"
        assert isinstance(futures[1].exception(timeout=10), TimeoutError)
    reader = history.history.reader()
    assert all(not reader.open_questions(run.row) for run in history.runs())


def test_a_question_is_recorded_while_it_is_open_and_its_answer_after(history: RecordedHistory) -> None:
    future = deploy.submit()
    wait_until_paused(future)
    history.history.flush()
    reader = history.history.reader()
    run = reader.get_run(future.flow_run_id)
    [question] = reader.open_questions(run)
    assert question.prompt == "Deploy?"
    assert Question.from_json(question.question).expected == "yes or no"

    future.answer(True)
    future.result(timeout=10)
    assert reader.open_questions(run) == []
    found = history.history.find_wait(future.flow_run_id, PAUSE, "Deploy?", 0)
    assert found is not None
    assert (found.answer, found.is_over) == ("true", True)


@flow
def asking_sync() -> None:
    pause("Go on?")


@flow
async def asking_async() -> None:
    await pause("Go on?")


@pytest.mark.parametrize("asking", [asking_sync, asking_async])
def test_a_cancel_ends_the_wait(asking: Any) -> None:
    future = asking.submit()
    wait_until_paused(future)
    future.cancel()
    state: Any = future.wait(timeout=10)
    assert state.name == "Cancelled"


def test_a_function_that_ends_while_it_asks_leaves_its_run_as_any_other() -> None:
    @flow
    async def hasty() -> str:
        asking = asyncio.ensure_future(pause("Go on?"))
        await asyncio.sleep(0)
        assert not asking.done()
        return "gone"

    assert asyncio.run(hasty()) == "gone"


@pytest.mark.parametrize("asking", [asking_sync, asking_async])
def test_the_timeout_of_a_flow_ends_the_wait(asking: Any, history: RecordedHistory) -> None:
    with ManualClock() as clock:
        future = asking.with_options(timeout_seconds=60).submit()
        wait_until_paused(future)
        clock.advance(60)
        state: Any = future.wait(timeout=10)
    assert state.name == "TimedOut"
    assert history.run().states[1:] == ["Running", "Paused", "Cancelling", "TimedOut"]


def test_only_the_function_of_a_flow_can_ask() -> None:
    @task
    def asking() -> None:
        pause("Go on?")

    error = asking().exception()
    assert isinstance(error, RuntimeError)
    assert "only the function of a flow" in str(error)
    with pytest.raises(RuntimeError, match="outside a flow"):
        pause("Go on?")


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"type": list}, TypeError),
        ({"type": int, "choices": [1]}, TypeError),
        ({"choices": []}, ValueError),
        ({"choices": "yes"}, ValueError),
        ({"choices": [object()]}, TypeError),
        ({"choices": ["yes", True]}, ValueError),
    ],
)
def test_what_cannot_be_asked_is_an_error_of_the_program(options: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        Question.of(options.get("type"), options.get("choices"))


@pytest.mark.parametrize(
    ("question", "text", "value"),
    [
        (Question(), " YES ", True),
        (Question(), "off", False),
        (Question("int"), "-3", -3),
        (Question("float"), "2.5", 2.5),
        (Question("str"), " a text ", "a text"),
        (Question("str", (1, 2.5, "x", False)), "2.5", 2.5),
        (Question("str", (1, 2.5, "x", False)), "No", False),
    ],
)
def test_a_text_is_read_as_the_answer_that_is_wanted(question: Question, text: str, value: object) -> None:
    read = question.read(text)
    assert (read, type(read)) == (value, type(value))
    assert Question.from_json(question.to_json()) == question


@pytest.mark.parametrize(
    ("question", "text", "expected"),
    [
        (Question(), "perhaps", "yes or no"),
        (Question("int"), "2.5", "a whole number"),
        (Question("float"), "much", "a number"),
        (Question("str", ("a", "b", "c")), "d", "a, b or c"),
        (Question("str", ("only",)), "d", "only"),
    ],
)
def test_what_is_no_answer_says_what_is_one(question: Question, text: str, expected: str) -> None:
    with pytest.raises(ValueError, match=f"is no answer: give {expected}"):
        question.read(text)


@pytest.mark.parametrize(
    ("question", "value", "checked"),
    [
        (Question("float"), 2, 2.0),
        (Question("str"), "text", "text"),
        (Question("int"), "7", 7),
        (Question("str", ("a", 2)), 2, 2),
    ],
)
def test_a_value_is_an_answer_too(question: Question, value: object, checked: object) -> None:
    assert question.check(value) == checked
    assert type(question.check(value)) is type(checked)


@pytest.mark.parametrize(
    ("question", "value"),
    [(Question("int"), True), (Question("int"), 2.5), (Question(), 1), (Question("str", ("a",)), 1)],
)
def test_a_value_of_another_kind_is_none(question: Question, value: object) -> None:
    with pytest.raises(ValueError, match="is no answer"):
        question.check(value)
