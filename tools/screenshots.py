"""Take the pictures of docs/images/: flows are run for real, and each page is photographed, light and dark.

    python tools/screenshots.py

It needs a Chromium (tools/install_chromium.sh) and the dependency group `test`. Nothing of the user's own history is read.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from playwright.sync_api import Page

PROJECT = Path(__file__).resolve().parent.parent
IMAGES = PROJECT / "docs" / "images"
HEADRACE = (sys.executable, "-c", "from headrace.cli import main; main()")
SETTLED_MILLISECONDS = 1200
FLOWS = """
import time
from headrace import flow, get_run_logger, task

@task
def fetch(shop: int) -> int:
    time.sleep(0.02 + shop % 5 / 50)
    get_run_logger().info("shop %d sold %d", shop, shop * 7)
    return shop * 7

@task(retries=2)
def total(sales: list[int], currency: str) -> int:
    if currency == "lost":
        raise LookupError(f"no rate for {currency!r}")
    time.sleep(0.2)
    return sum(sales)

@task
def report(amount: int) -> str:
    time.sleep(0.1)
    return f"{amount} sold"

@flow
def nightly_sales(shops: int = 18, currency: str = "EUR") -> str:
    return report(total(fetch.map(range(shops)), currency)).result()

@flow
def refresh_prices(shops: int = 6) -> list[int]:
    return [future.result() for future in fetch.map(range(shops))]

@flow
def forecast_demand(shops: int = 4) -> int:
    return sum(future.result() for future in fetch.map(range(shops)))

@flow
def send_invoices(customers: int = 3) -> list[str]:
    return [report(customer).result() for customer in range(customers)]

for shops in (12, 14, 15, 18):
    nightly_sales(shops)
    refresh_prices()
    forecast_demand(shops // 3)
    send_invoices(shops - 11)
try:
    nightly_sales(9, "lost")
except Exception:
    pass
"""


def main() -> None:
    """Make a history, serve it, and write the pictures."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"HEADRACE_HOME": folder, "HEADRACE_LOG_LEVEL": "WARNING"}
        Path(folder, "sales.py").write_text(FLOWS, "utf-8")
        subprocess.run([sys.executable, "sales.py"], cwd=folder, env=environment, check=True)
        server = subprocess.Popen(
            [*HEADRACE, "ui", "--no-browser", "--port", "0"],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert server.stdout is not None
            _photograph(server.stdout.readline().split(" at ")[1].split()[0])
        finally:
            server.terminate()
            server.wait()


def _photograph(link: str) -> None:
    chromium = subprocess.check_output(
        ["/bin/sh", PROJECT / "tools" / "install_chromium.sh"], text=True
    ).strip()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.goto(link)
        page.get_by_role("row").filter(has_text="nightly_sales").first.wait_for()
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
            _each_page(page, theme)
        browser.close()


def _each_page(page: Page, theme: str) -> None:
    page.get_by_role("link", name="Runs", exact=True).click()
    rows = page.get_by_role("row").filter(has_text="nightly_sales")
    rows.first.wait_for()
    _save(page, f"runs-{theme}")
    rows.filter(has_text="Completed").first.get_by_role("link").first.click()
    for tab in ("Timeline", "Graph", "Logs"):
        page.get_by_role("tab", name=tab).click()
        _save(page, f"{tab.lower()}-{theme}")
    page.get_by_role("link", name="Runs", exact=True).click()
    rows.filter(has_text="Failed").first.get_by_role("link").first.click()
    page.get_by_role("tab", name="Tasks").click()
    page.get_by_role("grid", name="Task runs").get_by_text("total").first.click()
    _save(page, f"task-run-{theme}")
    page.get_by_role("link", name="Flows", exact=True).click()
    _save(page, f"flows-{theme}")
    page.get_by_role("link", name="Runs", exact=True).click()
    rows.filter(has_text="Failed").first.get_by_role("checkbox").check()
    rows.filter(has_text="Completed").first.get_by_role("checkbox").check()
    page.get_by_role("toolbar", name="Selected runs").get_by_role("link", name="Compare").click()
    page.get_by_role("table", name="Parameters that differ").wait_for()
    _save(page, f"compare-{theme}")


def _save(page: Page, name: str) -> None:
    page.wait_for_timeout(SETTLED_MILLISECONDS)  # until a picture stands still
    page.screenshot(path=IMAGES / f"{name}.png")


if __name__ == "__main__":
    main()
