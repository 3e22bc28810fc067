"""Whether the process that claimed a run is still there.

On the same machine (same start of the same kernel, same pid namespace) that is known at once: a process is told by its
number and by when it started, so that a later one with the same number is no alibi. Elsewhere silence decides: a
process that has not renewed its heartbeat for 30 seconds is gone. Where both see the same kernel's clock, as two
containers do, those seconds are counted by one that stands still while the machine sleeps.
"""

from __future__ import annotations

import os
import sys
import time
from functools import cache
from typing import NamedTuple

SILENCE_SECONDS = 30.0
"""How long a process on another machine may be silent before it counts as gone."""


class ProcessIdentity(NamedTuple):
    """What tells a process from all others, on this machine and elsewhere."""

    pid: int
    host: str
    boot_id: str
    pid_namespace: str
    born: str

    def is_here(self) -> bool:
        """Whether this process would see it, were it there."""
        me = this_process()
        return (self.boot_id, self.pid_namespace) == (me.boot_id, me.pid_namespace) and (
            self.boot_id != "" or self.host == me.host
        )

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


class Heartbeat(NamedTuple):
    """When a process last said that it is there: by the clock on the wall, and by one that sleeps with the machine."""

    at_us: int
    awake_us: int


def this_process() -> ProcessIdentity:
    """The identity of the process that asks; a forked child has its own."""
    return _identity_of(os.getpid())


def heartbeat_now(now_us: int) -> Heartbeat:
    """A heartbeat of this moment."""
    return Heartbeat(now_us, time.monotonic_ns() // 1000)


def is_gone(owner: ProcessIdentity, last: Heartbeat, now: Heartbeat) -> bool:
    """Whether the process is no more. One that is here, and only silent, is not gone.

    >>> me = this_process()
    >>> is_gone(me, heartbeat_now(0), heartbeat_now(0))
    False
    >>> is_gone(me._replace(born="earlier"), heartbeat_now(0), heartbeat_now(0))
    True
    """
    if owner.is_here():
        return not _is_there(owner)
    shares_clock = owner.boot_id != "" and owner.boot_id == this_process().boot_id
    silent_us = now.awake_us - last.awake_us if shares_clock else now.at_us - last.at_us
    return silent_us > SILENCE_SECONDS * 1_000_000


@cache
def _identity_of(pid: int) -> ProcessIdentity:
    return ProcessIdentity(pid, _host(), _boot_id(), _pid_namespace(), _born(pid))


def _is_there(process: ProcessIdentity) -> bool:
    if sys.platform == "linux":
        return _born(process.pid) == process.born
    try:
        os.kill(process.pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # there is one, of another user
        return True
    return True


def _born(pid: int) -> str:
    """When the process started, in ticks since the kernel did; empty if there is none, or it only waits to be buried."""
    status = _read(f"/proc/{pid}/stat")
    # The name, in parentheses, may hold anything: state and start are counted from its end.
    fields = status.rpartition(")")[2].split()
    return fields[19] if len(fields) > 19 and fields[0] not in ("Z", "X") else ""


def _boot_id() -> str:
    return _read("/proc/sys/kernel/random/boot_id")


def _pid_namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def _host() -> str:
    try:
        return os.uname().nodename
    except AttributeError:
        return os.environ.get("COMPUTERNAME", "")


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""
