"""Keeps the process alive as long as something is to be brought to its end in threads that do not."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class _Keeper:
    """A thread that Python waits for at its end, and that waits for all that is kept."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._kept = 0
        self._is_there = False

    def keep(self) -> None:
        """One more."""
        with self._changed:
            self._kept += 1
            if not self._is_there:
                self._is_there = True
                threading.Thread(target=self._wait, name="headrace-keeper", daemon=False).start()

    def release(self) -> None:
        """One less."""
        with self._changed:
            self._kept -= 1
            self._changed.notify()

    def _wait(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not self._kept)
            self._is_there = False


_keeper = _Keeper()


def keep_alive_until(register: Callable[[Callable[[], None]], object]) -> None:
    """Let the process not end before the callback that is handed to ``register`` is called."""
    _keeper.keep()
    register(_keeper.release)


def _forget_after_fork() -> None:
    _keeper.__init__()  # type: ignore[misc]


def _register() -> None:
    import os

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_forget_after_fork)


_register()
