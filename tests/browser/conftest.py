"""The page as a person has it: `headrace ui` in a process of its own, and a tab of Chromium that came in by its link."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from playwright.sync_api import Browser, Dialog, Page, StorageState, expect, sync_playwright

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)
HEADRACE = (sys.executable, "-c", "from headrace.cli import main; main()")
PATIENCE_SECONDS = 20.0
TELL_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) => tellViolation(event.violatedDirective + " " + event.blockedURI));
"""


class Person(NamedTuple):
    """Somebody with a terminal in an empty folder, who writes scripts and runs them."""

    folder: Path

    @property
    def home(self) -> Path:
        """Their folder of Headrace, which nobody has used before."""
        return self.folder / "headrace-home"

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """``python *arguments``, which goes on meanwhile."""
        return self._open((sys.executable, *arguments))

    def headrace(self, *arguments: str) -> str:
        """What ``headrace *arguments`` prints."""
        with self._open((*HEADRACE, *arguments)) as process:
            printed, _ = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == 0, printed
        return printed

    def run(self, script: str, *, exit_code: int = 0) -> None:
        """Runs a program from its text, to its end."""
        name = f"script_{len(list(self.folder.glob('script_*.py')))}.py"
        (self.folder / name).write_text(script, "utf-8")
        with self.start(name) as process:
            printed, _ = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == exit_code, printed

    def serve(self, port: int = 0) -> tuple[subprocess.Popen[str], str]:
        """`headrace ui`, and the link that it prints."""
        process = self._open((*HEADRACE, "ui", "--no-browser", "--port", str(port)))
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "http://" in line, line
        return process, line.split(" at ")[1].split()[0]

    def _open(self, command: tuple[str, ...]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=os.environ | {"HEADRACE_HOME": str(self.home), "NO_COLOR": "1", "PYTHONUTF8": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium; not one for all tests, since Playwright keeps a loop running in this thread as long as it is there."""
    if CHROMIUM is None:
        told = "no Chromium is installed: tools/install_chromium.sh does that"
        if os.environ.get("CI"):
            pytest.fail(told)
        pytest.skip(told)
    expect.set_options(timeout=PATIENCE_SECONDS * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield browser
        browser.close()


class Entrance(NamedTuple):
    """A page that is served, and how a tab comes in: by a link, which works once, or as a browser that came in before."""

    address: str
    session: StorageState | None = None


@pytest.fixture
def person(tmp_path: Path) -> Person:
    return Person(tmp_path)


@pytest.fixture
def entrance(person: Person) -> Iterator[Entrance]:
    server, link = person.serve()
    yield Entrance(link)
    end(server)


@pytest.fixture(scope="module")
def open_house(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Person], Entrance]]:
    """Serves a person's history to all tests of a module, which only look at it."""
    servers = []

    def open_house(person: Person) -> Entrance:
        server, link = person.serve()
        servers.append(server)
        with browser.new_context() as context:
            page = context.new_page()
            page.goto(link)
            expect(page.get_by_role("navigation", name="Pages")).to_be_visible()
            return Entrance(link.partition("/login")[0], context.storage_state())

    yield open_house
    for server in servers:
        end(server)


@pytest.fixture
def page(browser: Browser, entrance: Entrance) -> Iterator[Page]:
    """The page of runs. In the end, nothing was refused by the policy, and no error was left in the console."""
    with tab(browser, storage_state=entrance.session) as page:
        page.goto(entrance.address)
        yield page


@contextmanager
def tab(browser: Browser, **options: Any) -> Iterator[Page]:
    """A tab in which no script fails, no dialog opens, and nothing is tried that the policy forbids."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, **options)
    context.set_default_timeout(PATIENCE_SECONDS * 1000)
    faults: list[str] = []

    def tell(violation: str) -> None:
        faults.append(violation)

    context.expose_function("tellViolation", tell)
    context.add_init_script(TELL_VIOLATIONS)
    page = context.new_page()
    page.on("pageerror", lambda error: faults.append(str(error)))

    def note(dialog: Dialog) -> None:
        faults.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    page.on("dialog", note)
    try:
        yield page
        page.evaluate("0")  # what it had to tell has been told
    finally:
        context.close()
    assert faults == []


def end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    process.wait(timeout=PATIENCE_SECONDS)
    if process.stdout is not None:
        process.stdout.close()
