"""The pytest plugin: fixtures for the tests of flows.

It is loaded in every pytest session of a project that has Headrace installed: so it imports nothing until a
fixture of it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headrace.testing import ManualClock, RecordedHistory


def pytest_configure(config: pytest.Config) -> None:
    """Keep pytest from rewriting the assertions of the engine, as it does in every distribution with a plugin.

    It would parse each module as it is imported, some of them in threads of the engine, and the parser of Python 3.11
    cannot be in two threads at once (``SystemError: AST constructor recursion depth mismatch``). Pytest has no option for
    that, so this reaches for an attribute of its own; where it is called otherwise, all stays as pytest does it.
    """
    hook = getattr(config.pluginmanager, "rewrite_hook", None)
    marked: object = getattr(hook, "_must_rewrite", None)
    if isinstance(marked, set):
        marked.discard("headrace")


@pytest.fixture
def headrace_history() -> Iterator[RecordedHistory]:
    """A history in memory, of this test alone; it reads what the test's flow runs have recorded."""
    from headrace.testing import in_memory_history

    with in_memory_history() as history:
        yield history


@pytest.fixture
def headrace_clock() -> Iterator[ManualClock]:
    """A clock that ends delays of retries at once, in their order, and tells them: ``headrace_clock.delays``."""
    from headrace.testing import ManualClock

    with ManualClock(automatic=True) as clock:
        yield clock
