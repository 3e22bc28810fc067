"""Where the time of our turns goes: every thread under ``cProfile``, added up.

Python 3.12 and later profile the calling thread only. Profiled code is several times slower, and small functions are
overstated: trust the order, not the numbers.
"""

from __future__ import annotations

import cProfile
import pstats
import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.measuring import Turn

LINES_SHOWN = 60
_PROFILES_EACH_THREAD = sys.version_info < (3, 12)


class Profile:
    """Runs turns under the profiler; ``show()`` prints what they did, the functions that took most themselves first."""

    def __init__(self) -> None:
        self._profilers: list[cProfile.Profile] = []

    def __call__(self, turn: Turn) -> dict[str, float]:
        if _PROFILES_EACH_THREAD:
            threading.setprofile(self._begin_in_thread)
        profiler = self._begin()
        try:
            return turn()
        finally:
            profiler.disable()
            threading.setprofile(None)

    def show(self) -> None:
        if not self._profilers:
            print("Nothing of this benchmark runs in this process: there is nothing to profile.")
            return
        stats = pstats.Stats(self._profilers[0])
        for profiler in self._profilers[1:]:
            stats.add(profiler)
        stats.strip_dirs().sort_stats("tottime").print_stats(LINES_SHOWN)

    def _begin(self) -> cProfile.Profile:
        profiler = cProfile.Profile()
        self._profilers.append(profiler)
        profiler.enable()
        return profiler

    def _begin_in_thread(self, *_: Any) -> None:
        """The first thing that happens in a new thread: from here on its own profiler sees it."""
        self._begin()
