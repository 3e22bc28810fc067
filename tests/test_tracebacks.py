"""Exceptions as text: what Python would show, at a fraction of its cost."""

from __future__ import annotations

import asyncio
import logging
import re
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import headrace
from headrace import flow, task
from headrace.errors import FlowRunCancelled, ResumeError, RunNotFoundError, TaskTimedOut
from headrace.testing import in_memory_history
from headrace.tracebacks import failure_of, format_traceback, format_with_frames, strip_engine_frames

if TYPE_CHECKING:
    from types import TracebackType


def raise_it(error: BaseException, depth: int) -> None:
    if depth:
        raise_it(error, depth - 1)
    raise error


def caught(error: BaseException, depth: int = 2, cause: BaseException | None = None) -> BaseException:
    try:
        if cause is not None:
            try:
                raise cause
            except BaseException as first:
                raise error from first
        raise_it(error, depth)
    except BaseException as raised:
        return raised
    raise AssertionError("nothing was raised")


def noted(error: BaseException) -> BaseException:
    error.add_note("a note")
    error.add_note("and another\nof two lines")
    return error


def in_the_context_of(outer: BaseException) -> BaseException:
    try:
        try:
            raise KeyError("first")
        except KeyError:
            raise_it(outer, 1)
    except BaseException as raised:
        return raised
    raise AssertionError("nothing was raised")


def without_context() -> BaseException:
    try:
        try:
            raise KeyError("first")
        except KeyError:
            raise ValueError("second") from None
    except ValueError as raised:
        return raised


def with_a_suggestion() -> BaseException:
    try:
        numbr  # type: ignore[name-defined]  # noqa: B018
    except NameError as raised:
        return raised
    raise AssertionError("nothing was raised")


class UnspeakableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    "error",
    [
        caught(ValueError("one line")),
        caught(ValueError("two\nlines")),
        caught(ValueError()),
        caught(ValueError("deep"), depth=50),
        caught(noted(OSError(2, "no such file"))),
        caught(RuntimeError("effect"), cause=KeyError("cause")),
        caught(BaseExceptionGroup("several", [ValueError("a"), caught(TypeError("b"))])),
        caught(SyntaxError("bad", ("file.py", 1, 3, "a b", 1, 4))),
        caught(UnspeakableError()),
        in_the_context_of(ValueError("second")),
        without_context(),
        with_a_suggestion(),
        ValueError("never raised"),
    ],
)
def test_the_text_is_that_of_python(error: BaseException) -> None:
    as_python_has_it = "".join(traceback.format_exception(error))

    assert format_traceback(error) == as_python_has_it
    assert format_traceback(error) == as_python_has_it  # again, when its stack is known


def test_the_same_place_with_another_message_is_another_text() -> None:
    first, second = (failure_of(caught(ValueError(text))) for text in ("first", "second"))

    assert first.traceback.replace("first", "second") == second.traceback
    assert first.message == "first"


def test_other_ways_to_the_same_line_are_other_texts() -> None:
    shallow, deep = (format_traceback(caught(ValueError("x"), depth=depth)) for depth in (1, 2))

    assert deep.count("in raise_it") == shallow.count("in raise_it") + 1


def test_equal_lines_of_two_files_are_other_texts() -> None:
    texts = []
    for file in ("first.py", "second.py"):
        try:
            exec(compile("raise ValueError", file, "exec"), {})
        except ValueError as error:
            texts.append(format_traceback(error))

    assert ["first.py" in texts[0], "second.py" in texts[1]] == [True, True]


def test_a_thousand_failures_of_one_place_are_written_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    extracted = []
    extract = traceback.extract_tb

    def counted(frames: TracebackType | None) -> traceback.StackSummary:
        extracted.append(frames)
        return extract(frames)

    monkeypatch.setattr(traceback, "extract_tb", counted)

    texts = [format_traceback(caught(ValueError(str(number)))) for number in range(1_000)]

    assert len(extracted) <= 1
    assert texts[999].endswith("ValueError: 999\n")


def test_the_line_on_stderr_and_the_kept_one_have_the_same_text(capsys: pytest.CaptureFixture[str]) -> None:
    @task
    def fragile() -> None:
        raise ValueError("out of paper")

    @flow
    def printing() -> None:
        fragile().exception()

    with in_memory_history() as history:
        printing()
        run = history.run("printing")

    (line,) = run.logs("fragile-0")
    failure = run.task_run("fragile-0").failure
    assert failure is not None
    kept = failure.traceback
    assert line == f"Task run 'fragile-0' failed\n{kept}"
    if not logging.getLogger("headrace").propagate:
        assert kept in capsys.readouterr().err


def test_a_line_of_a_failure_without_frames_shows_none_of_who_raised_it_again() -> None:
    assert format_with_frames(caught(TaskTimedOut("late")), None) == "headrace.errors.TaskTimedOut: late\n"


def test_frames_of_the_engine_are_left_out_between_those_of_the_user() -> None:
    @task
    def breaks() -> None:
        raise ValueError("no")

    @task
    def asks() -> None:
        try:
            breaks().result()
        except ValueError as error:
            raise RuntimeError("asked in vain") from error

    @flow
    def asking() -> None:
        asks().exception()

    with in_memory_history() as history:
        asking()
        failure = history.run().task_run("asks-0").failure

    assert failure is not None
    assert functions_in(failure.traceback) == ["asks", "breaks", "asks"]


def test_frames_of_the_engine_alone_are_shown_of_what_may_be_a_defect() -> None:
    on_purpose, defect = raised_in_engine(FlowRunCancelled("cancelled")), raised_in_engine(LookupError("?"))
    for error in (on_purpose, defect):
        error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next  # without the test's own
        strip_engine_frames(error)

    assert functions_in(format_traceback(on_purpose)) == []
    assert functions_in(format_traceback(defect)) == ["engine"]


def test_below_the_frames_of_the_user_too() -> None:
    on_purpose, defect = raised_in_engine(FlowRunCancelled("cancelled")), raised_in_engine(LookupError("?"))
    for error in (on_purpose, defect):
        strip_engine_frames(error)

    assert functions_in(format_traceback(on_purpose)) == ["raised_in_engine"]
    assert functions_in(format_traceback(defect)) == ["raised_in_engine", "engine"]


def raised_in_engine(error: BaseException) -> BaseException:
    """The error as it comes out of a function of Headrace."""
    names: dict[str, Any] = {}
    code = "def engine(error):\n    raise error"
    exec(compile(code, str(Path(headrace.__file__).with_name("invented.py")), "exec"), names)
    try:
        names["engine"](error)
    except BaseException as raised:
        return raised
    raise AssertionError("nothing was raised")


def functions_in(text: str) -> list[str]:
    return re.findall(r'File ".*", line [0-9]+, in (\w+)', text)


def test_what_is_wrong_with_a_resume_is_raised_where_it_was_asked_for() -> None:
    @flow
    def report() -> None: ...

    with in_memory_history(), pytest.raises(RunNotFoundError) as nobody:
        report.resume("nobody")
    with in_memory_history():
        alone = task(lambda: None)()
        with pytest.raises(ResumeError) as lone:
            report.resume(run_id_of(alone))

    for raised in (nobody, lone):
        assert [entry.name for entry in traceback.extract_tb(raised.tb)] == [
            "test_what_is_wrong_with_a_resume_is_raised_where_it_was_asked_for"
        ]


def test_what_is_wrong_with_the_resume_of_an_async_flow_is_raised_where_it_is_awaited() -> None:
    @flow
    async def report() -> None: ...

    async def go_on(run_id: str) -> None:
        await report.resume(run_id)

    with in_memory_history():
        alone = task(lambda: None)()
        with pytest.raises(ResumeError) as lone:
            asyncio.run(go_on(run_id_of(alone)))

    assert traceback.extract_tb(lone.tb)[-1].name == "go_on"


def run_id_of(future: object) -> str:
    source: Any = future._source  # type: ignore[attr-defined]
    return str(source.driver.flow_run.flow_run_id)


def test_several_failures_that_nobody_retrieved_are_them() -> None:
    @task
    def breaks() -> None:
        raise ValueError

    @flow
    def unseen(count: int) -> None:
        for _ in range(count):
            breaks()

    with in_memory_history():
        with pytest.raises(ExceptionGroup, match=r"1 task run of flow run .* nobody retrieved it: breaks-0"):
            unseen(1)
        with pytest.raises(
            ExceptionGroup, match=r"2 task runs of flow run .* nobody retrieved them: breaks-0"
        ):
            unseen(2)
