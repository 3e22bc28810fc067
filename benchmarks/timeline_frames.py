"""The timeline of a flow run of 100,000 task runs, zoomed and panned in a browser: milliseconds from frame to frame.

The browser is Debian's Chromium without a screen and without a graphics card, driven by Playwright; the page is served by
``headrace ui`` from a history that ``benchmarks.big_history`` makes. A script in the page turns the wheel before each of 150
frames, and the browser says when each began: a mean of 20 ms is 50 frames a second, and it draws no more than 60. The
slowest tenth of the frames is in the raw samples.
"""

from __future__ import annotations

import contextlib
import os
import re
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import big_history
from benchmarks.clusters import is_here
from benchmarks.measuring import PROJECT, Row, user_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page, ViewportSize

    from benchmarks.measuring import Session

CHROMIUM = "/usr/bin/chromium"
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
SCREEN: ViewportSize = {"width": 1440, "height": 900}
LANES = {"worker": "Workers", "task": "Tasks", "run": "Task runs"}
MOST_MS = 20.0

TURN_THE_WHEEL = """
async ({frames, closer, sideways}) => {
  const canvas = document.querySelector('.timeline-lanes');
  const box = canvas.getBoundingClientRect();
  const at = {clientX: box.left + box.width * 0.6, clientY: box.top + 120, bubbles: true, cancelable: true};
  const turn = (deltaX, deltaY) => canvas.dispatchEvent(new WheelEvent('wheel', {...at, deltaX, deltaY}));
  const frame = () => new Promise(requestAnimationFrame);
  for (let step = 0; step < closer; step++) turn(0, -120);
  await frame();
  const begun = [];
  for (let number = 0; number <= frames; number++) {
    begun.push(await frame());
    const sign = number % 60 < 30 ? 1 : -1;
    if (sideways) turn(25 * sign, 0); else turn(0, -60 * sign);
  }
  canvas.dispatchEvent(new MouseEvent('dblclick', at));
  return begun.slice(1).map((time, number) => time - begun[number]);
}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """What is done before each frame, and how much closer than the whole the timeline is seen before."""

    name: str
    closer: int
    is_sideways: bool


MOVEMENTS = (
    Movement(name="zoom", closer=0, is_sideways=False),
    Movement(name="pan", closer=6, is_sideways=True),
    Movement(name="pan, close", closer=14, is_sideways=True),
)


def measure(session: Session) -> list[Row]:
    if not is_here("timeline", "playwright") or not Path(CHROMIUM).exists():
        return []
    task_runs, frames = session.size(100_000, 500), session.size(150, 10)
    size = big_history.Size(runs=1, task_runs=task_runs, map_size=task_runs // 10, log_lines=10)
    history = str(Path(os.environ["HEADRACE_HOME"], "history.db"))
    run = big_history.make(history, size)
    rows: list[Row] = []
    with served(history) as link, page_at(link) as page:
        for lanes, label in LANES.items():
            page.goto(f"{link.partition('/login')[0]}/runs/{run}?tab=timeline&lanes={lanes}")
            page.get_by_role("application", name=f"Timeline of {task_runs:,} task runs").wait_for()
            rows += [measure_movement(session, page, movement, frames, label) for movement in MOVEMENTS]
    return rows


def measure_movement(session: Session, page: Page, movement: Movement, frames: int, lanes: str) -> Row:
    wishes = {"frames": frames, "closer": movement.closer, "sideways": movement.is_sideways}

    def ours() -> dict[str, float]:
        times = sorted(page.evaluate(TURN_THE_WHEEL, wishes))
        return {
            "mean": statistics.fmean(times),
            "slowest tenth": statistics.fmean(times[-len(times) // 10 :]),
        }

    samples = session.take_turns(ours, rounds=3)
    return Row(
        what=f"timeline by {lanes.lower()}, {movement.name}: a frame",
        unit="ms",
        ours=samples["mean"],
        ours_allowed=MOST_MS,
        others={"slowest tenth": samples["slowest tenth"]},
    )


@contextlib.contextmanager
def served(history: str) -> Iterator[str]:
    """``headrace ui`` on a history at a free port: the link that lets a browser in."""
    server = subprocess.Popen(
        [sys.executable, "-m", "headrace", "ui", "--port", "0", "--no-browser"],
        cwd=PROJECT,
        env=user_environment() | {"HEADRACE_DATABASE": history},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        said = server.stdout.readline()
        link = re.search(r"http://\S+", said)
        if link is None:
            raise RuntimeError(f"headrace ui gave no link: {said!r}")
        yield link[0]
    finally:
        server.terminate()
        server.wait()


@contextlib.contextmanager
def page_at(link: str) -> Iterator[Page]:
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - may not be installed

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport=SCREEN)
        page.goto(link)
        yield page
        browser.close()
