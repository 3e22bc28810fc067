"""Every code block of README.md and docs/ is run, and what a page says is printed is what is printed.

A page is one story, played in an empty folder with a fresh Headrace home (and a copy of ``examples/``):

``python``            The page's blocks of this kind are one program: they run in order, in one process, as ``__main__``.
``python file=NAME``  Not run by itself: it is saved as NAME for the page's commands, one of which must use it.
``text``              Directly after a ``python`` block: exactly what that block prints on stdout. Elsewhere: an illustration.
``console``           Lines that begin with ``$ `` are commands. Those of ``headrace`` and ``python`` are run, after the page's
                      program, in order; the lines below a command are what a terminal shows (stdout and stderr). No lines
                      below: anything may be printed. A command ends with exit code 0, or says ``# exit code N`` behind it.
                      One that ends with `` &`` goes on beside the others until the page ends; the lines below it are waited
                      for. ``curl`` is run by a shell, where it is installed. Commands of other programs (``pip``, ``make``,
                      ``git``) are there to be read, unless they go on.

In expected output ``...`` alone on a line stands for any lines, and ``…`` inside a line for any text; space at the end of a
line does not count. Other kinds of block are ``toml``, ``sql``, ``json`` and ``mermaid``, which are not run; any kind that is
not named here is an error, so that no code stays untested by accident. The ports 4242 and 8786, wherever a page names them,
are in the tests ones that are free.
"""

from __future__ import annotations

import doctest
import importlib
import inspect
import os
import pkgutil
import re
import runpy
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

import headrace.task_runners
import headrace.testing
from headrace.engine.states import TRANSITIONS, StateName
from headrace.settings import SETTINGS
from headrace.testing import in_memory_history

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

PROJECT = Path(__file__).resolve().parent.parent
PAGES = [PROJECT / "README.md", PROJECT / "ARCHITECTURE.md", *sorted((PROJECT / "docs").rglob("*.md"))]
PORTS = ("4242", "8786")
STARTS_CLUSTERS = PROJECT / "docs" / "beyond-one-machine.md"
SECONDS_TO_START = 60
NOT_RUN = {"text", "toml", "sql", "json", "mermaid"}
END_OF_BLOCK = "\x1eend of the block in line {line}"
FENCE = re.compile(
    r"^(?P<indent> *)```(?P<kind>[\w-]*)(?: +file=(?P<file>\S+))?[^\n]*\n(?P<body>.*?)^(?P=indent)```$",
    re.DOTALL | re.MULTILINE,
)
EXIT_CODE = re.compile(r"\s+# exit code (\d+)$")


class Block(NamedTuple):
    """A fenced block of a page; ``line`` is that of its first line of content."""

    kind: str
    file: str | None
    line: int
    body: str
    follows_directly: bool


class Command(NamedTuple):
    """A command of a ``console`` block and what it is to print; ``None``: anything."""

    words: list[str]
    exit_code: int
    line: int
    expected: str | None
    goes_on: bool


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(PROJECT / "examples", tmp_path / "examples")
    return tmp_path


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if page.exists() and page != STARTS_CLUSTERS],
    ids=lambda page: page.relative_to(PROJECT).as_posix(),
)
def test_a_page_does_what_it_says(page: Path, folder: Path, user_environment: dict[str, str]) -> None:
    play(page, folder, user_environment)


@pytest.mark.timeout(300)
@pytest.mark.skipif(
    find_spec("distributed") is None or find_spec("ray") is None, reason="the extras are not installed"
)
def test_the_page_that_starts_clusters_does_what_it_says(
    folder: Path, user_environment: dict[str, str]
) -> None:
    play(STARTS_CLUSTERS, folder, user_environment)


def play(page: Path, folder: Path, environment: dict[str, str]) -> None:
    text = page.read_text("utf-8")
    for port in PORTS:
        text = text.replace(port, str(free_port()))
    blocks = list(read_blocks(text))
    commands = [command for block in blocks if block.kind == "console" for command in read_commands(block)]
    save_files(page, blocks, commands, folder)

    run_program(page, blocks, folder, environment)
    with ExitStack() as beside:
        for command in commands:
            if command.goes_on:
                beside.enter_context(started(page, command, folder, environment))
            else:
                run_command(page, command, folder, environment)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def read_blocks(text: str) -> Iterator[Block]:
    end_of_last = 0
    for match in FENCE.finditer(text):
        indent = match["indent"]
        body = re.sub(rf"^{indent}", "", match["body"], flags=re.MULTILINE) if indent else match["body"]
        between = text[end_of_last : match.start()]
        line = text.count("\n", 0, match.start("body")) + 1
        yield Block(match["kind"], match["file"], line, body, end_of_last > 0 and not between.strip())
        end_of_last = match.end()


def read_commands(block: Block) -> Iterator[Command]:
    start = block.line
    for part in re.split(r"^(?=\$ )", block.body, flags=re.MULTILINE):
        first, _, output = part.partition("\n")
        if first.startswith("$ "):
            said = EXIT_CODE.search(first)
            words = shlex.split(first.removeprefix("$ "), comments=True)
            goes_on = words[-1] == "&"
            if goes_on:
                words.pop()
            if words[0] == "curl" and shutil.which("curl"):
                words = ["sh", "-c", first.removeprefix("$ ")]
            if goes_on or words[0] in {"headrace", "python", "sh"}:
                expected = output if output.strip() else None
                yield Command(words, int(said[1]) if said else 0, start, expected, goes_on)
        start += part.count("\n")


def save_files(page: Path, blocks: list[Block], commands: list[Command], folder: Path) -> None:
    used = {word.partition(":")[0] for command in commands for word in command.words}
    for block in blocks:
        assert block.kind in NOT_RUN | {"python", "console"}, (
            f"{page.name}:{block.line}: {block.kind!r} is not run"
        )
        if block.file is not None:
            assert block.file in used, f"{page.name}:{block.line}: no command uses {block.file}"
            (folder / block.file).write_text(block.body, "utf-8")


def run_program(page: Path, blocks: list[Block], folder: Path, environment: dict[str, str]) -> None:
    program = [block for block in blocks if block.kind == "python" and block.file is None]
    if not program:
        return
    script = folder / f"{page.stem}.md.py"
    script.write_text(as_script(program), "utf-8")

    done = run([sys.executable, script.name], folder, environment, stderr=subprocess.PIPE)

    assert done.returncode == 0, f"{page.name}: the line numbers below are the page's\n{done.stderr}"
    outputs = done.stdout
    for block in program:
        printed, _, outputs = outputs.partition(END_OF_BLOCK.format(line=block.line) + "\n")
        following = blocks[blocks.index(block) + 1 :][:1]
        for text in following:
            if text.kind == "text" and text.follows_directly:
                compare(f"{page.name}:{text.line}", text.body, printed)


def as_script(program: list[Block]) -> str:
    """The blocks as one file in which each stands at the line where it stands in the page."""
    lines: list[str] = []
    for block in program:
        lines += [""] * (block.line - 1 - len(lines))
        lines += block.body.splitlines()
        lines.append(f"print({END_OF_BLOCK.format(line=block.line)!r})")
    return "\n".join(lines) + "\n"


def run_command(page: Path, command: Command, folder: Path, environment: dict[str, str]) -> None:
    done = run(as_executed(command), folder, environment, stderr=subprocess.STDOUT)

    where = f"{page.name}:{command.line}: {shlex.join(command.words)}"
    exit_code = done.returncode if done.returncode >= 0 else 128 - done.returncode
    assert exit_code == command.exit_code, f"{where}: exit code {exit_code}\n{done.stdout}"
    if command.expected is not None:
        compare(where, command.expected, done.stdout)


@contextmanager
def started(page: Path, command: Command, folder: Path, environment: dict[str, str]) -> Iterator[None]:
    """The command goes on meanwhile, and has printed what it is to print. It ends with all that it started."""
    process = subprocess.Popen(
        as_executed(command),
        cwd=folder,
        env={name: value for name, value in environment.items() if name != "PYTHONWARNINGS"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    beside = ExitStack()
    watchdog = threading.Timer(SECONDS_TO_START, os.killpg, (process.pid, signal.SIGKILL))
    watchdog.start()
    try:
        expected = as_pattern(command.expected or "")
        printed = ""
        while not expected.fullmatch(tidy(printed)):
            line = process.stdout.readline()
            assert line, f"{page.name}:{command.line}: {shlex.join(command.words)} ended:\n{printed}"
            printed += line
        watchdog.cancel()
        reading = threading.Thread(target=process.stdout.read)  # or the command would wait for a reader
        reading.start()
        beside.callback(reading.join, SECONDS_TO_START)
        yield
    finally:
        watchdog.cancel()
        with suppress(ProcessLookupError):  # it has ended, and all that it started
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        beside.close()
        process.stdout.close()


def as_executed(command: Command) -> list[str]:
    program, *arguments = command.words
    if program == "sh":
        return command.words
    executable = sys.executable if program == "python" else str(Path(sys.executable).with_name(program))
    return [executable, *arguments]


def run(
    command: list[str], folder: Path, environment: dict[str, str], *, stderr: int
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        timeout=100,
        check=False,
    )


def compare(where: str, expected: str, printed: str) -> None:
    matches = as_pattern(expected).fullmatch(tidy(printed))

    assert matches, f"{where}\nthe page says:\n{expected}\nprinted was:\n{printed}"


def as_pattern(expected: str) -> re.Pattern[str]:
    parts = []
    for line in tidy(expected).splitlines(keepends=True):
        if line.strip() == "...":
            parts.append(r"(?:[^\n]*\n)*?")
        else:
            parts.append("[^\n]*".join(map(re.escape, line.split("…"))))
    return re.compile("".join(parts))


def tidy(output: str) -> str:
    lines = [line.rstrip() for line in output.strip("\n").splitlines()]
    return "".join(f"{line}\n" for line in lines)


# What the pages say of the source -------------------------------------------------------------------


def test_the_states_of_the_page_are_those_of_the_engine() -> None:
    tool = runpy.run_path(str(PROJECT / "tools" / "states_diagram.py"))
    page = (PROJECT / "docs" / "semantics.md").read_text("utf-8")

    assert tool["updated"](page) == page, "run `python tools/states_diagram.py`"


def test_the_diagram_of_states_shows_every_change() -> None:
    diagram = runpy.run_path(str(PROJECT / "tools" / "states_diagram.py"))["diagram"]()

    drawn = set(re.findall(r"^    (\w+) --> (\w+)$", diagram, re.MULTILINE))
    live = [name.value for name in StateName if not name.type.is_terminal]
    after_any = {later for earlier, later in drawn if earlier == "live"}
    shown = {pair for pair in drawn if pair[0] != "live"} | {
        (name, later) for name in live for later in after_any
    }
    assert shown == {
        (earlier.value, later.value) for earlier in TRANSITIONS for later in TRANSITIONS[earlier]
    }


def test_every_rule_of_the_semantics_has_tests_that_are_named_after_it() -> None:
    page = (PROJECT / "docs" / "semantics.md").read_text("utf-8")
    rules = set(re.findall(r"^- \*\*([A-Z]\d)\*\* ", page, re.MULTILINE))
    held = {name[5:7].upper() for name in names_of_tests() if re.match(r"test_[a-z]\d_", name)}

    assert rules - {"C7"} == held  # of C7 the page says itself which tests hold it
    assert any(re.match("test_c1_.*retr", name) for name in names_of_tests())


def test_every_test_that_a_page_names_exists() -> None:
    tests = names_of_tests()
    named = {
        (page.name, name) for page in PAGES for name in re.findall(r"`(test_\w+)`", page.read_text("utf-8"))
    }

    assert {(page, name) for page, name in named if name not in tests} == set()
    assert ("guarantees.md", "test_eight_processes_write_at_once_and_lose_nothing") in named


def test_every_link_between_the_pages_leads_somewhere() -> None:
    for page in [*PAGES, PROJECT / "CHANGELOG.md"]:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_map_of_the_architecture_shows_every_module() -> None:
    page = (PROJECT / "ARCHITECTURE.md").read_text("utf-8")
    source = PROJECT / "src" / "headrace"
    modules = {f"{path.name}/" for path in source.iterdir() if (path / "__init__.py").exists()}
    modules |= {path.name for path in source.glob("*.py")} - {"__init__.py"}

    assert {name for name in modules if not re.search(rf"(?<!\w){re.escape(name)}", page)} == set()


def test_every_setting_is_explained() -> None:
    page = (PROJECT / "docs" / "index.md").read_text("utf-8")

    assert set(re.findall(r"^\| `(HEADRACE_\w+)`", page, re.MULTILINE)) == {
        setting.variable for setting in SETTINGS.values()
    }


def names_of_tests() -> set[str]:
    conformance = (PROJECT / "src" / "headrace" / "testing" / "conformance").glob("*.py")
    files = [*(PROJECT / "tests").rglob("test_*.py"), *conformance]
    return {name for file in files for name in re.findall(r"def (test_\w+)\(", file.read_text("utf-8"))}


# What the docstrings say ---------------------------------------------------------------------------


def test_every_example_in_a_docstring_does_what_it_says() -> None:
    _ = headrace.testing.TaskRunnerConformance  # by the door: its module is then imported as pytest wants it
    found = doctest.DocTestFinder(exclude_empty=True)
    told: list[str] = []
    runner = doctest.DocTestRunner(verbose=False)

    with in_memory_history():
        for info in pkgutil.walk_packages(headrace.__path__, "headrace."):
            for example in found.find(importlib.import_module(info.name)):
                runner.run(example, out=told.append)

    assert "".join(told) == ""
    assert runner.tries > 100


@pytest.mark.parametrize(
    "module", [headrace, headrace.task_runners, headrace.testing], ids=lambda m: m.__name__
)
def test_every_public_name_says_what_it_is_and_shows_it(module: ModuleType) -> None:
    told = {name: inspect.getdoc(getattr(module, name)) or "" for name in module.__all__}

    assert [
        name for name, text in told.items() if not text.partition("\n")[0].rstrip("`").endswith(".")
    ] == []
    assert [name for name, text in told.items() if ">>> " not in text] == []


# The harness itself --------------------------------------------------------------------------------


def test_a_page_whose_output_differs_fails(folder: Path, user_environment: dict[str, str]) -> None:
    page = folder / "page.md"
    page.write_text("```python\nprint(1)\n```\n\n```text\n2\n```\n", "utf-8")

    with pytest.raises(AssertionError, match=r"page\.md:6"):
        play(page, folder, user_environment)


def test_a_page_whose_program_raises_fails_with_the_line_of_the_page(
    folder: Path, user_environment: dict[str, str]
) -> None:
    page = folder / "page.md"
    page.write_text("# Title\n\n```python\nx = 1\n```\n\nMore.\n\n```python\nx / 0\n```\n", "utf-8")

    with pytest.raises(AssertionError, match=r"line 10, in <module>"):
        play(page, folder, user_environment)


def test_a_page_with_a_block_of_unknown_kind_fails(folder: Path, user_environment: dict[str, str]) -> None:
    page = folder / "page.md"
    page.write_text("```pycon\n>>> 1\n1\n```\n", "utf-8")

    with pytest.raises(AssertionError, match="'pycon' is not run"):
        play(page, folder, user_environment)


def test_a_page_may_save_a_file_and_run_it(folder: Path, user_environment: dict[str, str]) -> None:
    page = folder / "page.md"
    page.write_text(
        "```python file=two.py\nprint('a', id(object()))\nprint('b')\n```\n\n"
        "```console\n$ pip install nothing\n$ python two.py\na …\n...\n$ python -c 'exit(3)'  # exit code 3\n```\n",
        "utf-8",
    )

    play(page, folder, user_environment)


def test_a_command_may_go_on_beside_the_others(folder: Path, user_environment: dict[str, str]) -> None:
    page = folder / "page.md"
    page.write_text(
        "```console\n$ python -c 'print(1, flush=True); print(8786, flush=True); open(\"fifo\")' &\n...\n8786\n"
        '$ python -c \'open("fifo", "w")\'\n```\n',
        "utf-8",
    )
    os.mkfifo(folder / "fifo")

    play(page, folder, user_environment)


def test_a_command_that_is_to_go_on_and_ends_before_it_has_said_enough_fails(
    folder: Path, user_environment: dict[str, str]
) -> None:
    page = folder / "page.md"
    page.write_text("```console\n$ python -c 'print(1)' &\n1\n2\n```\n", "utf-8")

    with pytest.raises(AssertionError, match=r"page\.md:2: .* ended:"):
        play(page, folder, user_environment)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_a_page_may_ask_by_curl_and_is_to_say_what_comes(
    folder: Path, user_environment: dict[str, str]
) -> None:
    page = folder / "page.md"
    (folder / "answer.txt").write_text("42\n", "utf-8")
    page.write_text('```console\n$ curl -s "file://$(pwd)/answer.txt"\n41\n```\n', "utf-8")

    with pytest.raises(AssertionError, match=r"printed was:\s+42"):
        play(page, folder, user_environment)


def test_a_saved_file_that_no_command_uses_fails(folder: Path, user_environment: dict[str, str]) -> None:
    page = folder / "page.md"
    page.write_text("```python file=lost.py\n```\n", "utf-8")

    with pytest.raises(AssertionError, match=r"no command uses lost\.py"):
        play(page, folder, user_environment)


def test_the_blocks_of_a_page_are_one_program(folder: Path, user_environment: dict[str, str]) -> None:
    page = folder / "page.md"
    page.write_text(
        "```python\nx = 1\n```\nThen:\n```python\nprint(x)\nprint(__name__)\n```\n```text\n1\n__main__\n```\n",
        "utf-8",
    )

    play(page, folder, user_environment)
