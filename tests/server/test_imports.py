"""What the server's process loads: nothing that unpickles, nothing of the user's, and nothing heavy for a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.server.conftest import Site

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import RunPython
    from tests.server.conftest import Ui

OF_A_USER = """
from dataclasses import dataclass
from headrace import flow, task

@dataclass
class Otter:
    name: str

@task
def catch(name: str) -> Otter:
    return Otter(name)

@flow
def river(count: int) -> list[Otter]:
    return catch.map([f"otter {number}" for number in range(count)]).result()
"""
TELL_WHAT_IS_LOADED = "import atexit, sys; atexit.register(lambda: print(*sys.modules))"
FORBIDDEN = {
    "cloudpickle", "headrace.flow_runs", "headrace.flows", "headrace.history.pickles", "headrace.tasks", "of_a_user",
    "pydantic",
}  # fmt: skip
QUERIES = {"/api/runs/compare": "?a={id}&b={id}", "/api/search": "?text=otter"}
ASKED_FOR_OTHERWISE = {"/login", "/api/events", "/api/launches/{number}", "/api/openapi.json"}


def test_all_pages_are_answered_without_a_pickle_without_code_of_the_user_and_without_pydantic(
    start_ui: Callable[..., Ui], run_python: RunPython, tmp_path: Path
) -> None:
    (tmp_path / "of_a_user.py").write_text(OF_A_USER, "utf-8")
    run_python("-c", "from of_a_user import river; river(3)")
    ui = start_ui(TELL_WHAT_IS_LOADED)
    (run,) = ui.get("/api/runs").json()["items"]

    with ui.stream() as stream:
        stream.until("hello")
        for route in Site(":nowhere:").routes:
            if "GET" in (route.methods or ()) and route.path not in ASKED_FOR_OTHERWISE:
                address = route.path + QUERIES.get(route.path, "")
                answer = ui.get(address.replace("{id}", run["id"]).replace("{n}", "1"))
                assert answer.status_code == 200, address

    loaded = set(ui.end().split())
    assert "headrace.server.app" in loaded
    assert loaded & FORBIDDEN == set()
