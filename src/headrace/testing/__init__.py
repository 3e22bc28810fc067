"""What the tests of your own flows need: a history in memory, a clock that you set, and a suite for task runners.

>>> from headrace import flow
>>> from headrace.testing import in_memory_history
>>> @flow
... def greet(name: str) -> str:
...     return f"Hello, {name}!"
>>> with in_memory_history() as history:
...     greet("Ada")
...     history.run("greet").state
'Hello, Ada!'
'Completed'

``TaskRunnerConformance`` needs pytest; nothing else here does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.testing.manual_clock import ManualClock
from headrace.testing.recorded import RecordedHistory, RecordedRun, in_memory_history

if TYPE_CHECKING:
    from headrace.testing.conformance import TaskRunnerConformance

__all__ = ["ManualClock", "RecordedHistory", "RecordedRun", "TaskRunnerConformance", "in_memory_history"]


def __getattr__(name: str) -> Any:
    if name != "TaskRunnerConformance":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import pytest

    pytest.register_assert_rewrite("headrace.testing.conformance")
    from headrace.testing.conformance import TaskRunnerConformance

    return TaskRunnerConformance
