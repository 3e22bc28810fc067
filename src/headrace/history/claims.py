"""Claiming a flow run that has ended, or whose process is to give it up: the next epoch begins.

All of it happens in one transaction, so of two that want the same run, one gets it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from headrace.clock import now_us
from headrace.engine.states import StateType
from headrace.errors import RunNotFoundError, RunUnderWayError
from headrace.history.liveness import Heartbeat, ProcessIdentity, heartbeat_now, is_gone
from headrace.history.statements import statement

if TYPE_CHECKING:
    import sqlite3

MOST_AUTOMATIC_RESUMES = 3
"""How often a run is resumed without a person: one that fails each time shall not go on for ever."""


class Claim(NamedTuple):
    """A flow run as its claimant takes it over. ``state`` and ``reason`` are how its last epoch ended."""

    key: int
    id: str
    flow: str
    name: str
    epoch: int
    state: str
    reason: str | None
    parent: str | None
    started_us: int | None
    """When it was first started."""


class Standing(NamedTuple):
    """How a flow run stands, for whoever thinks of going on with it."""

    key: int
    id: str
    flow: str
    name: str
    state: str
    state_type: str
    reason: str | None
    epoch: int
    parent: str | None
    automatic_resumes: int
    started_us: int | None
    owner: ProcessIdentity | None
    last: Heartbeat
    has_ended: bool

    @property
    def has_completed(self) -> bool:
        """Whether it gave its value."""
        return self.state_type == StateType.COMPLETED

    @property
    def is_settled(self) -> bool:
        """Whether nobody expects it to go on: it completed, or somebody cancelled it."""
        return self.state_type in (StateType.COMPLETED, StateType.CANCELLED)

    @property
    def is_under_way(self) -> bool:
        """Whether it has not ended, and its process is there, or may be."""
        return not self.has_ended and not (
            self.owner is not None and is_gone(self.owner, self.last, heartbeat_now(now_us()))
        )


def standing_of(connection: sqlite3.Connection, flow_run_id: str) -> Standing:
    """How the flow run of this id stands. Raises ``RunNotFoundError``."""
    row = connection.execute(statement("find_standing"), (flow_run_id,)).fetchone()
    if row is None:
        raise RunNotFoundError(f"The history has no flow run {flow_run_id}.")
    *own, pid, host, boot_id, pid_namespace, born, at_us, awake_us, has_ended = row
    owner = None if pid is None else ProcessIdentity(pid, host, boot_id, pid_namespace, born)
    last = Heartbeat(at_us or 0, awake_us or 0)
    return Standing._make([*own, owner, last, bool(has_ended)])


def claim(
    connection: sqlite3.Connection, flow_run_id: str, *, process: int, takes_over: bool, is_automatic: bool
) -> Claim:
    """The next epoch of a flow run, for this process. Within a transaction.

    ``takes_over``: also from a process that is still there. Raises ``RunUnderWayError`` if that is not asked for,
    ``RunNotFoundError``.
    """
    standing = standing_of(connection, flow_run_id)
    if standing.is_under_way and not takes_over:
        raise RunUnderWayError(
            f"Flow run {standing.name!r} ({standing.id}) is under way in {standing.owner or 'another process'}: it is"
            " not doubled. Cancel it, wait for it, or take it over if that process will never go on (--take-over)."
        )
    at_us = now_us()
    if not standing.has_ended:
        values = {"flow_run": standing.key, "at_us": at_us, "reason": "its flow run was taken over"}
        connection.execute(statement("crash_task_runs"), values)
    connection.execute(
        statement("claim_flow_run"),
        {
            "flow_run": standing.key,
            "process": process,
            "at_us": at_us,
            "reason": f"resumed after {standing.state}",
            "is_automatic": is_automatic,
        },
    )
    connection.execute(statement("forget_cancels"), {"flow_run": standing.key})
    return Claim(
        standing.key, standing.id, standing.flow, standing.name, standing.epoch + 1, standing.state, standing.reason,
        standing.parent, standing.started_us,
    )  # fmt: skip
