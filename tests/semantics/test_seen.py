"""What is seen: rules V1 to V4."""

from __future__ import annotations

import asyncio
import contextvars
import importlib.metadata
import json
import logging
import os
import sys
import threading
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from pydantic import BaseModel, SecretBytes, SecretStr

from headrace import allow_failure, flow, get_run_context, get_run_logger, task
from headrace.errors import ParameterError
from headrace.history import History, use_history
from headrace.history.reader import Reader
from headrace.previews import MAX_CHARACTERS
from headrace.testing import ManualClock
from tests.git import git, needs_git

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from headrace import Task
    from headrace.history.reader import Run
    from tests.conftest import RunPython
    from tests.semantics.conftest import Story, Way

    MakeTask = Callable[..., Task[..., Any]]

DEADLINE_SECONDS = 20
LIBRARY = logging.getLogger("a_library.part")


@task
def double(x: int) -> int:
    return 2 * x


@task
def fail(message: str) -> int:
    raise ValueError(message)


# -- V1: stdout is the user's, stderr is ours ----------------------------------------------------

PROGRAM = """
import logging, sys
from headrace import flow, get_run_logger, task

logging.basicConfig(level=logging.INFO, format="theirs %(message)s")

@task(log_prints=True)
def double(x):
    print("doubling", x)
    get_run_logger().info("from the run logger")
    logging.getLogger("library").warning("from a library")
    return 2 * x

@task
def fail():
    raise ValueError("no")

@flow(log_prints=True)
def program(exit):
    print("begin")
    print(double(21).result())
    print("on stderr", file=sys.stderr)
    fail().exception()
    if exit == "raise":
        raise RuntimeError("at the end")
    if exit == "unseen":
        fail()
    return "the value"

print(program(sys.argv[1]))
"""


def write(folder: Path, text: str, name: str = "program.py") -> str:
    (folder / name).write_text(text, "utf-8")
    return name


@pytest.mark.parametrize("level", ["DEBUG", "INFO", "ERROR"])
def test_v1_stdout_carries_only_what_the_user_prints(
    run_python: RunPython, tmp_path: Path, user_environment: dict[str, str], level: str
) -> None:
    user_environment["HEADRACE_LOG_LEVEL"] = level

    done = run_python(write(tmp_path, PROGRAM), "return")

    assert done.stdout == "begin\ndoubling 21\n42\nthe value\n"
    assert "on stderr" in done.stderr
    assert "theirs from a library" in done.stderr
    assert "ValueError: no" in done.stderr


@pytest.mark.parametrize("ending", ["raise", "unseen"])
def test_v1_a_flow_that_fails_says_so_on_stderr_alone(
    run_python: RunPython, tmp_path: Path, ending: str
) -> None:
    done = run_python(write(tmp_path, PROGRAM), ending, check=False)

    assert done.returncode == 1
    assert done.stdout == "begin\ndoubling 21\n42\n"
    assert "ended Failed" in done.stderr
    assert ("RuntimeError: at the end" if ending == "raise" else "TaskFailures") in done.stderr


@pytest.mark.parametrize(("level", "shows_tasks", "shows_flow"), [
    ("DEBUG", True, True), ("INFO", False, True), ("ERROR", False, False),
])  # fmt: skip
def test_v1_ordinary_states_of_task_runs_are_shown_from_debug_on(
    run_python: RunPython, tmp_path: Path, user_environment: dict[str, str],
    level: str, shows_tasks: bool, shows_flow: bool,
) -> None:  # fmt: skip
    user_environment["HEADRACE_LOG_LEVEL"] = level

    errors = run_python(write(tmp_path, PROGRAM), "return").stderr

    assert ("Task run 'double-0' is Completed" in errors) == shows_tasks
    assert ("of flow 'program' ended Completed" in errors) == shows_flow
    assert "Task run 'fail-0' failed" in errors


def test_v1_the_answers_of_the_command_line_go_to_stdout(run_python: RunPython, tmp_path: Path) -> None:
    run_python(write(tmp_path, PROGRAM), "return")

    listed = run_python("-c", "from headrace.cli import main; main()", "runs", "list", "--json")
    unknown = run_python("-c", "from headrace.cli import main; main()", "runs", "show", "nobody", check=False)

    assert [run["flow"] for run in json.loads(listed.stdout)] == ["program"]
    assert listed.stderr == ""
    assert unknown.returncode != 0
    assert (unknown.stdout, "nobody" in unknown.stderr) == ("", True)


class Heard(logging.Handler):
    """What the engine's own logger says, from DEBUG up."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def levels(self, beginning: str) -> dict[str, int]:
        """The lines that begin like that, with their levels."""
        told = {record.getMessage(): record.levelno for record in self.records}
        return {message: level for message, level in told.items() if message.startswith(beginning)}


@pytest.fixture
def heard() -> Iterator[Heard]:
    ours = logging.getLogger("headrace")
    before = ours.level
    handler = Heard()
    ours.addHandler(handler)
    ours.setLevel(logging.DEBUG)
    yield handler
    ours.setLevel(before)
    ours.removeHandler(handler)


def test_v1_ordinary_states_log_at_debug_and_failures_at_error(heard: Heard, way: Way) -> None:
    def body() -> Any:
        failed = fail("no")
        return [double(1), allow_failure(failed), allow_failure(double(failed))]

    way.run(body)

    for name, message, level in (
        ("double-0", "is Completed", logging.DEBUG),
        ("fail-0", "failed", logging.ERROR),
    ):
        told = heard.levels(f"Task run '{name}'")
        if_it_lasts = {f"Task run '{name}' is Running": logging.DEBUG}
        assert told.items() - if_it_lasts.items() == {(f"Task run '{name}' {message}", level)}
    downstream = heard.levels("Task run 'double-1'")
    assert list(downstream.values()) == [logging.DEBUG]
    assert "UpstreamFailed" in next(iter(downstream))
    (failure,) = [record for record in heard.records if record.getMessage() == "Task run 'fail-0' failed"]
    assert failure.exc_info is not None
    assert str(failure.exc_info[1]) == "no"


def test_v1_retries_and_cancels_are_ordinary_states(heard: Heard) -> None:
    attempts: list[int] = []

    @task(retries=1, retry_delay_seconds=60)
    def fail_once() -> None:
        attempts.append(1)
        if len(attempts) == 1:
            raise ValueError("once")

    @task(retries=1, retry_delay_seconds=60)
    def given_up() -> None:
        raise ValueError("always")

    with ManualClock() as clock:

        @flow
        def retrying() -> None:
            cancelled = given_up()
            fail_once()
            clock.wait_until_pending(2)
            cancelled.cancel()
            clock.advance(60)

        retrying()

    told = heard.levels("Task run 'fail_once-0'") | heard.levels("Task run 'given_up-0'")
    assert any("Cancelled" in message for message in told)
    assert any("fail_once-0' is Completed" in message for message in told)
    assert set(told.values()) == {logging.DEBUG}


def test_v1_flow_runs_log_their_beginning_and_end_at_info_and_failures_at_error(heard: Heard) -> None:
    @flow(name="good", flow_run_name="one")
    def good() -> None: ...

    @flow(name="bad", flow_run_name="two")
    def bad() -> None:
        raise ValueError("no")

    good()
    with pytest.raises(ValueError, match="no"):
        bad()

    assert list(heard.levels("Flow run 'one'").values()) == [logging.INFO, logging.INFO]
    assert list(heard.levels("Flow run 'two'").values()) == [logging.INFO, logging.ERROR]


# -- V2: log records and prints are kept under their run -----------------------------------------


@pytest.fixture(autouse=True)
def loggers_of_a_plain_program(quiet_root: logging.Logger) -> None:
    """Nobody has configured logging."""


def kept(story: Story, flow_name: str | None = None) -> list[tuple[str | None, str, int, str]]:
    """Who said what: task run (or ``None``), logger, level, text; the engine's own lines left out."""
    names = {task_run.id: name for name, task_run in story.task_runs(flow_name).items()}
    return [
        (None if line.task_run is None else names[line.task_run], line.logger, line.level, line.message)
        for line in story.lines(flow_name)
        if line.logger != "headrace"
    ]


def speak() -> None:
    """A line of each level, from a logger that knows nothing of runs."""
    LIBRARY.debug("debug")
    LIBRARY.info("info %s", 1)
    LIBRARY.warning("warning")
    LIBRARY.error("error")


SPOKEN = [
    ("a_library.part", logging.INFO, "info 1"),
    ("a_library.part", logging.WARNING, "warning"),
    ("a_library.part", logging.ERROR, "error"),
]


def test_v2_records_of_any_logger_are_kept_from_info_up(way: Way, make_task: MakeTask, story: Story) -> None:
    speaking = make_task(speak, name="speaking")

    def body() -> Any:
        speak()
        return speaking()

    way.run(body)

    lines = kept(story)
    assert [line[1:] for line in lines if line[0] is None] == SPOKEN
    assert [line[1:] for line in lines if line[0] == "speaking-0"] == SPOKEN
    assert len(lines) == 2 * len(SPOKEN)


def test_v2_each_run_keeps_its_own_lines(way: Way, make_task: MakeTask, story: Story) -> None:
    speaking = make_task(lambda number: LIBRARY.info("number %d", number), name="speaking")

    way.run(lambda: [speaking(number) for number in range(20)])

    assert sorted((line[0], line[3]) for line in kept(story)) == sorted(
        (f"speaking-{number}", f"number {number}") for number in range(20)
    )


def test_v2_the_logger_of_the_run_is_kept_too(way: Way, make_task: MakeTask, story: Story) -> None:
    speaking = make_task(lambda: get_run_logger().warning("in the task"), name="speaking")

    def body() -> Any:
        get_run_logger().info("in the flow")
        get_run_logger().debug("not kept")
        return speaking()

    way.run(body)

    assert [(line[0], line[2], line[3]) for line in kept(story)] == [
        (None, logging.INFO, "in the flow"),
        ("speaking-0", logging.WARNING, "in the task"),
    ]


def test_v2_threads_that_carry_the_context_of_a_run_speak_for_it(story: Story) -> None:
    @task
    def with_a_thread() -> None:
        context = contextvars.copy_context()
        thread = threading.Thread(target=context.run, args=(LIBRARY.info, "from a thread"))
        thread.start()
        thread.join(DEADLINE_SECONDS)

    @task
    async def with_a_worker() -> None:
        await asyncio.to_thread(LIBRARY.info, "from a worker")

    @flow
    def speaking() -> None:
        with_a_thread().result()
        with_a_worker().result()

    speaking()

    assert [(line[0], line[3]) for line in kept(story)] == [
        ("with_a_thread-0", "from a thread"),
        ("with_a_worker-0", "from a worker"),
    ]


def test_v2_a_child_run_and_a_subflow_keep_theirs(story: Story) -> None:
    @task
    def child() -> None:
        LIBRARY.info("child")

    @task
    def parent() -> None:
        LIBRARY.info("parent")
        child().result()

    @flow(name="inner")
    def inner() -> None:
        LIBRARY.info("inner")

    @flow(name="outer")
    def outer() -> None:
        parent().result()
        inner()

    outer()

    assert [(line[0], line[3]) for line in kept(story, "outer")] == [
        ("parent-0", "parent"),
        ("child-0", "child"),
    ]
    assert [line[3] for line in kept(story, "inner")] == ["inner"]


def test_v2_a_logger_that_does_not_propagate_and_one_with_handlers_are_kept(story: Story) -> None:
    closed = logging.getLogger("closed")
    handler = Heard()
    closed.addHandler(handler)
    closed.propagate = False

    @flow
    def speaking() -> None:
        closed.info("in the flow")
        closed.warning("shown and kept")

    try:
        speaking()
    finally:
        closed.propagate = True
        closed.removeHandler(handler)

    assert [line[3] for line in kept(story)] == ["in the flow", "shown and kept"]
    assert [record.getMessage() for record in handler.records] == ["shown and kept"]


def test_v2_who_sets_a_level_or_a_filter_is_obeyed(story: Story) -> None:
    strict, filtered = logging.getLogger("strict"), logging.getLogger("filtered")
    strict.setLevel(logging.ERROR)

    def lets_pass(record: logging.LogRecord) -> bool:
        return "secret" not in record.getMessage()

    filtered.addFilter(lets_pass)

    @flow
    def speaking() -> None:
        strict.warning("below its level")
        strict.error("at its level")
        filtered.info("a secret")
        filtered.info("no such thing")

    try:
        speaking()
    finally:
        strict.setLevel(logging.NOTSET)
        filtered.removeFilter(lets_pass)

    assert [line[3] for line in kept(story)] == ["at its level", "no such thing"]


def test_v2_what_is_said_outside_a_run_is_kept_nowhere(story: Story) -> None:
    @flow
    def silent() -> None: ...

    LIBRARY.warning("before")
    silent()
    LIBRARY.warning("after")

    assert kept(story) == []


def test_v2_a_record_keeps_its_traceback(story: Story) -> None:
    @flow
    def speaking() -> None:
        try:
            int("x")
        except ValueError:
            LIBRARY.exception("no number")

    speaking()

    (line,) = kept(story)
    assert line[2] == logging.ERROR
    assert line[3].startswith("no number\nTraceback (most recent call last):\n")
    assert line[3].rstrip().endswith("ValueError: invalid literal for int() with base 10: 'x'")


@contextmanager
def stdout_of(capsys: pytest.CaptureFixture[str]) -> Iterator[list[str]]:
    """The lines that are printed in the block, once it is over."""
    capsys.readouterr()
    lines: list[str] = []
    yield lines
    lines += capsys.readouterr().out.splitlines()


def say(*values: object) -> None:
    print("said", *values)


def test_v2_a_task_with_log_prints_keeps_what_it_prints(
    way: Way, make_task: MakeTask, story: Story, capsys: pytest.CaptureFixture[str]
) -> None:
    keeping = make_task(lambda: say("by one"), name="keeping", log_prints=True)
    other = make_task(lambda: say("by another"), name="other")

    def body() -> Any:
        say("by the flow")
        return [keeping(), other()]

    with stdout_of(capsys) as lines:
        way.run(body)

    assert kept(story) == [("keeping-0", "print", logging.INFO, "said by one")]
    assert sorted(lines) == ["said by another", "said by one", "said by the flow"]


def test_v2_the_tasks_of_a_flow_with_log_prints_inherit_it_unless_they_say_otherwise(
    way: Way, make_task: MakeTask, story: Story, capsys: pytest.CaptureFixture[str]
) -> None:
    inheriting = make_task(lambda: say("by a task"), name="inheriting")
    refusing = make_task(lambda: say("by none"), name="refusing", log_prints=False)

    def body() -> Any:
        say("by the flow")
        return [inheriting(), refusing()]

    with stdout_of(capsys) as lines:
        way.run(body, log_prints=True)

    assert [(line[0], line[3]) for line in kept(story)] == [
        (None, "said by the flow"),
        ("inheriting-0", "said by a task"),
    ]
    assert sorted(lines) == ["said by a task", "said by none", "said by the flow"]


def test_v2_a_print_is_kept_as_it_is_printed(story: Story, capsys: pytest.CaptureFixture[str]) -> None:
    with stdout_of(capsys) as lines:

        @flow(log_prints=True)
        def printing() -> None:
            print("a", 1, None, sep="-", end="!\n")
            print()
            print("to stdout", file=sys.stdout, flush=True)
            print("to stderr", file=sys.stderr)

        printing()

    assert [line[3] for line in kept(story)] == ["a-1-None", "", "to stdout"]
    assert lines == ["a-1-None!", "", "to stdout"]


def test_v2_prints_in_threads_and_of_lone_tasks_are_kept(story: Story) -> None:
    @task(log_prints=True)
    async def in_a_thread() -> None:
        await asyncio.to_thread(say, "elsewhere")

    in_a_thread().result()

    assert [(line[0], line[3]) for line in kept(story)] == [("in_a_thread-0", "said elsewhere")]


# -- V3: previews --------------------------------------------------------------------------------


class Hostile:
    """Whoever asks what it looks like finds out."""

    asked = 0

    def __repr__(self) -> str:
        type(self).asked += 1
        raise AssertionError("a preview has asked for the repr")

    __str__ = __repr__

    def __format__(self, specification: str) -> str:
        return repr(self)


@dataclass(repr=False)
class HostileFields(Hostile):
    inner: Any


class HostileList(list[Any]):
    def __repr__(self) -> str:
        raise AssertionError("a preview has asked for the repr")

    __str__ = __repr__
    __iter__ = __len__ = __getitem__ = __repr__  # type: ignore[assignment]


def test_v3_previews_never_call_a_users_repr(way: Way, make_task: MakeTask, story: Story) -> None:
    values = [Hostile(), [Hostile()], {"key": Hostile()}, HostileFields(Hostile()), HostileList([1])]
    passing = make_task(lambda value, *, by_name: value, name="passing")
    Hostile.asked = 0

    def body() -> None:
        for value in values:
            passing(value, by_name=value)

    way.run(body)

    assert Hostile.asked == 0
    runs = story.task_runs()
    assert {run.state for run in runs.values()} == {"Completed"}
    assert runs["passing-0"].result_preview == '"<Hostile>"'
    for run in runs.values():
        json.loads(run.parameters or "")
        json.loads(run.result_preview or "")


def test_v3_previews_of_a_flow_never_call_a_users_repr(story: Story) -> None:
    Hostile.asked = 0

    @flow
    def passing(value: Any, *others: Any, **named: Any) -> Any:
        return [value, others, named]

    passing(Hostile(), Hostile(), HostileFields(Hostile()), by_name=[Hostile()])

    run = story.flow_run()
    assert Hostile.asked == 0
    assert json.loads(run.parameters or "") == {
        "value": "<Hostile>", "others": ["<Hostile>", {"inner": "<Hostile>"}], "named": {"by_name": ["<Hostile>"]},
    }  # fmt: skip
    assert "<Hostile>" in (run.result_preview or "")


def test_v3_previews_are_bounded_json(make_task: MakeTask, story: Story) -> None:
    nested: list[Any] = []
    for _ in range(10_000):
        nested = [nested]
    cyclic: dict[str, Any] = {}
    cyclic["self"] = cyclic
    big = ["x" * 10_000_000, list(range(1_000_000)), {str(n): "y" * 500 for n in range(1_000)}, nested, cyclic,
           10 ** 5_000, b"z" * 1_000_000]  # fmt: skip
    passing = make_task(lambda value: value, name="passing")

    @flow
    def passing_on(big: list[Any]) -> list[Any]:
        return [passing(value) for value in big]

    passing_on(big)

    of_flow = story.flow_run()
    assert len(of_flow.parameters or "") < 2 * MAX_CHARACTERS
    assert len(of_flow.result_preview or "") < 2 * MAX_CHARACTERS
    json.loads(of_flow.parameters or "")
    json.loads(of_flow.result_preview or "")
    for run in story.task_runs().values():
        assert run.state == "Completed"
        for preview in (run.parameters, run.result_preview):
            assert preview is not None
            assert len(preview) < 2 * MAX_CHARACTERS
            json.loads(preview)


class Login(BaseModel):
    user: str
    phrase: SecretStr


@dataclass
class Account:
    user: str
    password: str


class Key(NamedTuple):
    user: str
    api_key: str


SECRET = "sw0rdf1sh"
OPEN = "a-text-for-all-to-see"


def secrets() -> dict[str, Any]:
    """A secret in each of its disguises, under the name of the parameter that it is passed as."""
    return {
        "token": SECRET,
        "db_password": SECRET,
        "apiKey": [SECRET],
        "client_secret": {"any": {"thing": SECRET}},
        "phrase": SecretStr(SECRET),
        "raw": SecretBytes(SECRET.encode()),
        "phrases": [SecretStr(SECRET), {"x": SecretStr(SECRET)}],
        "login": Login(user="ada", phrase=SecretStr(SECRET)),
        "account": Account("ada", SECRET),
        "key_pair": Key("ada", SECRET),
        "config": {"user": "ada", "passwd": SECRET, "nested": [{"Authorization": f"Bearer {SECRET}"}]},
        "url": f"postgres://ada:{SECRET}@db.example.org/prod",
    }


@pytest.fixture
def file_history(tmp_path: Path) -> Iterator[tuple[History, Path]]:
    """A history in a file, and the folder in which everything that belongs to it lies."""
    folder = tmp_path / "history"
    folder.mkdir()
    with closing(History.open(str(folder / "history.db"))) as opened, use_history(opened):
        yield opened, folder


def bytes_of(folder: Path) -> bytes:
    """Every byte of every file of the history: the database, its write-ahead log and the rest."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    assert any(path.name.endswith("-wal") for path in files)
    return b"".join(path.read_bytes() for path in files)


def assert_kept_without_secret(history: History, folder: Path) -> None:
    assert history.flush(DEADLINE_SECONDS)
    content = bytes_of(folder)
    assert OPEN.encode() in content
    assert SECRET.encode() not in content


def test_v3_secret_parameters_are_masked_before_the_first_write(
    file_history: tuple[History, Path], make_task: MakeTask, way: Way
) -> None:
    received: list[dict[str, Any]] = []
    using = make_task(lambda seen, **given: received.append(given), name="using", task_run_name=None)

    def body() -> None:
        using(OPEN, **secrets()).result() if not way.is_async_flow else using(OPEN, **secrets())

    way.run(body)

    assert received == [secrets()]
    assert_kept_without_secret(*file_history)


def test_v3_secret_parameters_of_flows_and_subflows_are_masked(file_history: tuple[History, Path]) -> None:
    @flow(name="inner")
    def inner(
        seen: str, phrase: SecretStr, password: str = SECRET, login: Login | None = None, **given: Any
    ) -> int:
        assert phrase.get_secret_value() == SECRET
        return len(given)

    @flow(name="outer")
    def outer(seen: str, **given: Any) -> int:
        return inner(seen, **given)

    assert outer(OPEN, **secrets()) == len(secrets()) - 2
    assert_kept_without_secret(*file_history)


def test_v3_plain_text_that_is_to_become_a_secret_is_masked_as_one(
    file_history: tuple[History, Path],
) -> None:
    """What is given for a ``SecretStr`` is text until it has been checked, and the run begins before that."""
    got: list[str] = []

    @flow(flow_run_name="with {phrase}")
    def coercing(
        seen: str, phrase: SecretStr, login: Login, logins: list[Login], raw: SecretBytes | None = None
    ) -> None:
        got.extend(each.get_secret_value() for each in (phrase, login.phrase, logins[0].phrase))
        assert raw is not None

    given: Any = {"user": "ada", "phrase": SECRET}
    coercing(OPEN, SECRET, given, [given], raw=SECRET)

    assert got == [SECRET] * 3
    assert_kept_without_secret(*file_history)


def test_v3_names_of_runs_do_not_tell_secrets(file_history: tuple[History, Path]) -> None:
    @task(task_run_name="{user} with {password}")
    def using(user: str, password: str, phrase: SecretStr) -> None: ...

    @flow(flow_run_name="{user} with {api_key} and {phrase}")
    def naming(user: str, api_key: str, phrase: SecretStr) -> None:
        using(user, SECRET, phrase).result()

    naming(OPEN, SECRET, SecretStr(SECRET))

    assert_kept_without_secret(*file_history)


def test_v3_a_failure_does_not_tell_the_secrets_among_its_arguments(
    file_history: tuple[History, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    @task(retries=1)
    def failing(seen: str, password: str, **given: Any) -> None:
        local = password + "!"
        raise ValueError(seen, given["phrase"], given["phrases"], len(local))

    @task
    def misused(seen: str) -> None: ...

    @flow
    def outer(seen: str, **given: Any) -> None:
        assert failing(seen, SECRET, **given).exception() is not None
        assert isinstance(misused(seen, password=SECRET, **given).exception(), TypeError)
        raise RuntimeError(f"after {seen}")

    with pytest.raises(RuntimeError, match=OPEN):
        outer(OPEN, **secrets())

    assert_kept_without_secret(*file_history)
    assert SECRET not in capsys.readouterr().err


def test_v3_parameters_that_do_not_fit_are_told_without_their_secrets(
    file_history: tuple[History, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    @flow(name="inner")
    def inner(password: int, login: Login, config: dict[str, int], phrase: SecretStr, seen: int) -> None: ...

    @flow(name="outer")
    def outer(seen: str) -> None:
        inner(SECRET, {"phrase": SECRET}, {"token": SECRET}, [SECRET], seen)

    with pytest.raises(ParameterError) as caught:
        outer(OPEN)

    told = str(caught.value)
    assert [name for name in ("password", "login", "config", "phrase", "seen") if name in told] == [
        "password", "login", "config", "phrase", "seen",
    ]  # fmt: skip
    assert SECRET not in told
    assert_kept_without_secret(*file_history)
    assert SECRET not in capsys.readouterr().err


def test_v3_arguments_that_do_not_bind_are_told_without_the_defaults(
    file_history: tuple[History, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    @flow(name="inner")
    def inner(user: str, password: str = SECRET, thing: Any = Hostile()) -> None:  # noqa: B008
        ...

    @flow(name="outer")
    def outer(seen: str) -> None:
        try:
            inner()
        except TypeError as error:
            raise ValueError(seen) from error

    with pytest.raises(ValueError, match=OPEN) as caught:
        outer(OPEN)

    assert "missing a required argument: 'user'" in str(caught.value.__cause__)
    assert SECRET not in str(caught.value.__cause__)
    assert_kept_without_secret(*file_history)
    assert SECRET not in capsys.readouterr().err


LOGIN_PROGRAM = f"""
import sys
from headrace import flow, task

@task
def connect(url, password):
    return len(password)

@flow(name="login")
def login(token: str, seen: str):
    return connect(f"https://ada:{{token}}@example.org", password=token).result()

if __name__ == "__main__":
    login(sys.argv[2], "{OPEN}")
"""


@pytest.mark.parametrize("command", [
    ["program.py", "--token", SECRET, f"--password={SECRET}", f"https://ada:{SECRET}@example.org"],
    ["-c", "from headrace.cli import main; main()", "run", "program.py", "-p", f"token={SECRET}", "-p", f"seen={OPEN}"],
], ids=["program", "command line"])  # fmt: skip
def test_v3_the_arguments_of_the_program_are_masked(
    run_python: RunPython, tmp_path: Path, user_environment: dict[str, str], command: list[str]
) -> None:
    write(tmp_path, LOGIN_PROGRAM)

    done = run_python(*command)

    home = tmp_path / "headrace-home"
    content = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert OPEN.encode() in content
    assert SECRET.encode() not in content
    assert SECRET not in done.stdout + done.stderr
    with Reader.open(str(home / "history.db")) as reader:
        arguments = reader.get_run(reader.list_runs()[0].id).provenance["arguments"]
    assert "**********" in " ".join(arguments)


# -- V4: provenance ------------------------------------------------------------------------------

TOLD_PROGRAM = """
import os, sys
from headrace import flow, task

@task
def double(x):
    return 2 * x

@flow
def inner():
    return 1

@flow
def told():
    return inner() + double(1).result()

told()
double(2)
print(os.getpid())
"""


@pytest.fixture
def repository(tmp_path: Path, user_environment: dict[str, str]) -> Path:
    """A Git repository with a program in it, in the folder where programs are run."""
    for name in [name for name in user_environment if name.startswith("GIT_")]:
        del user_environment[name]
    user_environment["GIT_CONFIG_GLOBAL"] = os.devnull
    git(tmp_path, "init", "-q", "-b", "main")
    write(tmp_path, TOLD_PROGRAM)
    git(tmp_path, "add", "program.py")
    git(tmp_path, "commit", "-q", "-m", "a program")
    return tmp_path


def recorded(folder: Path) -> tuple[dict[str, Run], dict[str, str]]:
    """The newest run of each flow, and the packages that it ran with."""
    with Reader.open(str(folder / "headrace-home" / "history.db")) as reader:
        runs = [reader.get_run(summary.id) for summary in reversed(reader.list_runs(0))]
        return {run.flow: run for run in runs}, dict(reader.packages(runs[-1]))


@needs_git
def test_v4_a_run_records_where_it_came_from(run_python: RunPython, repository: Path) -> None:
    done = run_python("program.py", "--month", "3", "a file.csv")

    runs, packages = recorded(repository)
    assert set(runs) == {"told", "inner", "double"}
    for name, run in runs.items():
        told = run.provenance
        assert told["entry_point"].endswith(f"program.py:{name}")
        assert told["arguments"] == ["program.py", "--month", "3", "a file.csv"]
        assert (told["commit"], told["dirty"]) == (git(repository, "rev-parse", "HEAD"), False)
        assert told["python"] == ".".join(str(part) for part in sys.version_info[:3])
        assert told["implementation"] == sys.implementation.name
        assert told["platform"] == sys.platform
        assert told["host"] == os.uname().nodename
        assert told["user"] == user_of_this_process()
        assert told["pid"] == int(done.stdout)
        assert run.environment is not None
    for package in ("pydantic", "cloudpickle", "headrace"):
        assert packages[package] == importlib.metadata.version(package)


def user_of_this_process() -> str:
    import pwd

    return pwd.getpwuid(os.geteuid()).pw_name


@needs_git
def test_v4_changes_that_are_not_committed_make_it_dirty(run_python: RunPython, repository: Path) -> None:
    first = git(repository, "rev-parse", "HEAD")
    (repository / "program.py").write_text(TOLD_PROGRAM + "# changed\n", "utf-8")
    run_python("program.py")
    assert [recorded(repository)[0]["told"].provenance[key] for key in ("commit", "dirty")] == [first, True]

    git(repository, "commit", "-q", "-a", "-m", "changed")
    run_python("program.py")
    second = git(repository, "rev-parse", "HEAD")
    assert second != first
    assert [recorded(repository)[0]["told"].provenance[key] for key in ("commit", "dirty")] == [second, False]


def test_v4_outside_a_repository_the_rest_is_recorded(
    run_python: RunPython, tmp_path: Path, user_environment: dict[str, str]
) -> None:
    user_environment["GIT_CEILING_DIRECTORIES"] = str(tmp_path)
    done = run_python(write(tmp_path, TOLD_PROGRAM))

    told = recorded(tmp_path)[0]["told"].provenance
    assert (told["commit"], told["dirty"], told["pid"]) == (None, None, int(done.stdout))


def test_v4_a_run_in_this_process_tells_this_process(way: Way, story: Story) -> None:
    way.run(lambda: double(1))

    told = story.flow_run().provenance
    assert told["pid"] == os.getpid()
    assert told["entry_point"].rpartition(":")[2] in {"sync_body", "async_body"}
    assert told["entry_point"].rpartition(":")[0].endswith("conftest.py")


def test_v1_what_is_known_in_a_task_alone_is_an_error_that_says_so_in_a_flow() -> None:
    @task
    def work() -> None:
        with pytest.raises(AttributeError, match="a task run has no parameters in its context"):
            _ = get_run_context().parameters

    @flow
    def working() -> None:
        run = get_run_context()
        for name in ("attempt", "task_name", "task_run_id", "task_run_name"):
            with pytest.raises(
                AttributeError, match=f"a flow run has no {name}: that is known inside a task"
            ):
                getattr(run, name)
        work().result()

    working()
