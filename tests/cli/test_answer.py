"""`headrace answer`: from another terminal, checked where it is given, within a second."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from headrace import flow, pause
from headrace.engine.states import StateName
from tests.facts import Facts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from headrace import FlowRunFuture
    from headrace.history import History
    from tests.cli.conftest import Invoke, RunHeadrace


@flow(flow_run_name="asking")
def asking() -> Any:
    return pause("Deploy?"), pause("Where?", choices=["north", "south"])


def wait_for_question(history: History, future: FlowRunFuture[Any], prompt: str) -> None:
    while future.state.message != prompt:
        assert future.wait(timeout=0.01) is None
    history.flush()


@pytest.fixture
def future(history: History) -> Iterator[FlowRunFuture[Any]]:
    future = asking.submit()
    wait_for_question(history, future, "Deploy?")
    yield future
    while not future.done():  # so that its thread ends
        for answer in ("no", "north"):
            try:
                future.answer(answer)
            except (LookupError, ValueError):
                future.wait(timeout=0.01)


def test_an_answer_reaches_the_run(history: History, future: FlowRunFuture[Any], invoke: Invoke) -> None:
    result = invoke("answer", future.flow_run_id, "yes")
    assert (result.exit_code, result.stdout) == (0, "Answered 'Deploy?' of asking: yes.\n")
    wait_for_question(history, future, "Where?")
    told = json.loads(invoke("answer", "asking", "South", "--json").stdout)

    assert told == {"run": future.flow_run_id, "prompt": "Where?", "answer": "south"}
    assert future.result(timeout=5) == (True, "south")


def test_what_is_no_answer_is_refused_where_it_is_given(future: FlowRunFuture[Any], invoke: Invoke) -> None:
    result = invoke("answer", future.flow_run_id, "perhaps")

    assert result.exit_code == 2
    assert "Deploy? 'perhaps' is no answer: give yes or no." in result.stderr
    assert future.state.name == "Paused"


def test_a_question_has_one_answer(future: FlowRunFuture[Any], invoke: Invoke) -> None:
    assert invoke("answer", future.flow_run_id, "yes").exit_code == 0
    again = invoke("answer", future.flow_run_id, "no", "--prompt", "Deploy?")

    assert again.exit_code == 1
    assert future.wait(timeout=0) is None


def test_who_answers_second_is_told_that_it_was_answered(history: History, invoke: Invoke) -> None:
    """The process of the run has not heard of the first answer yet."""
    facts = Facts("01a208e3-9a37-7b08-aa92-3e49ec4314b6")
    history.record(facts.flow(StateName.PENDING, StateName.RUNNING, StateName.PAUSED))
    history.flush()

    result = invoke("answer", "busy-otter", "yes")

    assert result.exit_code == 1
    assert f"busy-otter ({facts.flow_run_id}) has been answered already: it goes on" in result.stderr


def test_which_question_is_meant_can_be_said(future: FlowRunFuture[Any], invoke: Invoke) -> None:
    other = invoke("answer", future.flow_run_id, "yes", "--prompt", "Something else?")
    assert other.exit_code == 1
    assert "does not ask 'Something else?': it asks 'Deploy?'" in other.stderr
    assert invoke("answer", future.flow_run_id, "yes", "--prompt", "Deploy?").exit_code == 0


def test_a_run_that_asks_nothing_is_one_clear_error(history: History, invoke: Invoke) -> None:
    @flow(flow_run_name="silent")
    def silent() -> None:
        pass

    silent()
    result = invoke("answer", "silent", "yes")
    assert result.exit_code == 1
    assert "does not wait for an answer: it is Completed" in result.stderr
    assert invoke("answer", "nobody", "yes").exit_code == 1


def test_show_says_what_a_paused_run_waits_for_and_which_command_answers_it(
    future: FlowRunFuture[Any], invoke: Invoke
) -> None:
    shown = invoke("runs", "show", future.flow_run_id).stdout
    assert "Deploy?" in shown
    assert f"headrace answer {future.flow_run_id} VALUE" in shown
    assert "(yes or no)" in shown
    questions = json.loads(invoke("runs", "show", future.flow_run_id, "--json").stdout)["questions"]
    assert questions == [{"prompt": "Deploy?", "expected": "yes or no", "choices": []}]


def test_the_list_says_it_too(future: FlowRunFuture[Any], invoke: Invoke) -> None:
    listed = invoke("runs", "list").stdout

    assert f"asking asks: Deploy? (yes or no)  headrace answer {future.flow_run_id} VALUE" in listed


PROGRAM = """
from headrace import flow, pause

@flow(flow_run_name="asking")
def asking():
    print(pause("How many?", type=int), flush=True)

asking()
"""


@pytest.fixture
def program(
    tmp_path: Path, user_environment: dict[str, str], run_headrace: RunHeadrace
) -> Iterator[subprocess.Popen[str]]:
    """A process whose flow waits for an answer."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], cwd=tmp_path, env=user_environment, stdout=subprocess.PIPE, text=True
    )
    while "Paused" not in run_headrace("runs", "list").stdout:
        assert process.poll() is None
    yield process
    process.kill()
    process.communicate()


def test_another_terminal_answers_a_process(
    program: subprocess.Popen[str], run_headrace: RunHeadrace
) -> None:
    assert run_headrace("answer", "asking", "-12").returncode == 0
    out, _ = program.communicate(timeout=10)

    assert out == "-12\n"


def test_a_paused_run_whose_process_was_killed_is_crashed_and_keeps_its_question_open(
    program: subprocess.Popen[str], run_headrace: RunHeadrace
) -> None:
    program.kill()
    program.wait()
    shown = json.loads(run_headrace("runs", "show", "asking", "--json").stdout)
    assert shown["state"] == "Crashed"
    assert [question["prompt"] for question in shown["questions"]] == ["How many?"]

    answered = run_headrace("answer", "asking", "3")
    assert answered.returncode == 0
    assert "takes the answer when it is resumed" in answered.stderr
