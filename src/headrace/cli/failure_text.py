"""Failures in few lines: what was raised, and where in the user's code."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from headrace.cli.safe_text import clip, safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from headrace.history.reader import FailureView, TaskRun

_FRAME = re.compile(r'^ *\|?  File "(?P<file>[^"]+)", line (?P<line>\d+), in (?P<function>.+)$')
_OF_OTHERS = re.compile(r"[/\\](site-packages|dist-packages|lib[/\\]python3\.\d+)[/\\]|^<", re.IGNORECASE)
_LONGEST = 300


def headline(failure: FailureView, longest: int = _LONGEST) -> str:
    """``Type: message`` in one safe line."""
    text = f"{failure.type}: {failure.message}" if failure.message else failure.type
    return clip(safe(" ".join(text.split())), longest)


def place(failure: FailureView) -> str | None:
    """``file.py:12 in function``: the innermost frame of the user's own code, or else the innermost of all."""
    frames = [match for line in failure.traceback.splitlines() if (match := _FRAME.match(line))]
    if not frames:
        return None
    last = next((frame for frame in reversed(frames) if not _is_of_others(frame)), frames[-1])
    return safe(f"{last['file']}:{last['line']} in {last['function']}")


def last_lines(failure: FailureView, count: int) -> list[str]:
    """The end of the traceback without the exception itself: the innermost frames, as safe lines.

    Where these are all of code that the user has installed, the last frame of his own comes first.
    """
    lines = failure.traceback.rstrip().splitlines()
    starts = [number for number, line in enumerate(lines) if _FRAME.match(line)]
    if not starts:
        return []
    ends = [*starts[1:], _end_of_frame(lines, starts[-1])]
    frames = [
        [safe(line.rstrip()) for line in lines[start:end]] for start, end in zip(starts, ends, strict=True)
    ]
    first = len(frames) - 1
    while first > 0 and sum(map(len, frames[first - 1 :])) <= count:
        first -= 1
    chosen = [line for frame in frames[first:] for line in frame][-count:]
    own = [number for number, start in enumerate(starts) if not _is_of_others(_FRAME.match(lines[start]))]
    if own and own[-1] < first:
        return [*frames[own[-1]], "  ...", *chosen]
    return chosen


def alike(failed: Iterable[TaskRun]) -> list[list[TaskRun]]:
    """Task runs that failed, those of one task together that raised the same type at the same place."""
    kinds: dict[object, list[TaskRun]] = {}
    for task_run in failed:
        failure = task_run.failure
        what = (failure.type, place(failure)) if failure is not None else task_run.states[-1].message
        kind = (task_run.task, task_run.state, what)
        kinds.setdefault(kind, []).append(task_run)
    return list(kinds.values())


def is_told(failure: FailureView, failed: Sequence[TaskRun]) -> bool:
    """Whether the flow ended by what its task runs raised, by what followed from that, or by Ctrl-C."""
    if failure.type == "KeyboardInterrupt" or (
        failed and failure.type in ("TaskFailures", "UpstreamFailedError")
    ):
        return True
    return any(run.failure is not None and headline(run.failure) == headline(failure) for run in failed)


def names_of(task_runs: list[TaskRun], most: int = 4) -> str:
    """``a-1, a-2 and 28 more``."""
    names = ", ".join([safe(task_run.name) for task_run in task_runs[:most]])
    return f"{names} and {len(task_runs) - most:,} more" if len(task_runs) > most else names


def _end_of_frame(lines: list[str], start: int) -> int:
    """The line of code and its markers are indented deeper than the frame."""
    indent = len(lines[start]) - len(lines[start].lstrip())
    end = start + 1
    while end < len(lines) and len(lines[end]) - len(lines[end].lstrip()) > indent:
        end += 1
    return end


def _is_of_others(frame: re.Match[str] | None) -> bool:
    """Whether the frame is of Python's own code or of an installed package."""
    return frame is not None and _OF_OTHERS.search(frame["file"]) is not None
