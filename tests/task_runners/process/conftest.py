"""What the tests of the process runner share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from headrace.task_runners import ProcessTaskRunner
from headrace.testing import in_memory_history
from headrace.testing.conformance.turnstile import Turnstile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headrace.testing import RecordedHistory


@pytest.fixture
def history() -> Iterator[RecordedHistory]:
    with in_memory_history() as history:
        yield history


@pytest.fixture
def turnstile() -> Iterator[Turnstile]:
    with Turnstile() as turnstile:
        yield turnstile


@pytest.fixture(scope="package")
def kept_workers() -> Iterator[None]:
    """Workers go from test to test, which saves each of them some tenths of a second."""
    with ProcessTaskRunner():
        yield


@pytest.fixture
def runner(kept_workers: None) -> ProcessTaskRunner:
    return ProcessTaskRunner(max_workers=2)
