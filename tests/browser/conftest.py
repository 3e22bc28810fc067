"""The page as a person has it: `headrace ui` in a process of its own, and a tab of Chromium that came in by its link."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator
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
NOTE_VIOLATIONS = """
window.violations = [];
addEventListener("securitypolicyviolation", (event) => violations.push(event.violatedDirective + " " + event.blockedURI));
"""


class Person(NamedTuple):
    """Somebody with a terminal in an empty folder, who writes scripts and runs them."""

    folder: Path
    environment: dict[str, str]

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
            env=self.environment,
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


@pytest.fixture
def person(tmp_path: Path, user_environment: dict[str, str]) -> Person:
    environment = {name: value for name, value in user_environment.items() if name != "PYTHONWARNINGS"}
    return Person(tmp_path, environment)


@pytest.fixture
def link(person: Person) -> Iterator[str]:
    server, link = person.serve()
    yield link
    end(server)


@pytest.fixture
def page(browser: Browser, link: str) -> Iterator[Page]:
    """The page of runs. In the end, nothing was refused by the policy, and no error was left in the console."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(PATIENCE_SECONDS * 1000)
    context.add_init_script(NOTE_VIOLATIONS)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("dialog", lambda dialog: faults.append(f"a dialog: {dialog.message}"))
    page.goto(link)
    yield page
    faults += page.evaluate("window.violations ?? []")
    context.close()
    assert faults == []


def end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    process.wait(timeout=PATIENCE_SECONDS)
    if process.stdout is not None:
        process.stdout.close()
