"""Slots that are lent: who blocks until something has ended lets others run meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.context import current_scope
from headrace.engine.events import SlotLent, SlotReclaimed

if TYPE_CHECKING:
    from headrace.futures import Source
    from headrace.task_runners.call import Call

Loan = tuple["Call", int]


def lend_slot(source: Source | None) -> Loan | None:
    """Let the slot of the task run that this code belongs to serve others, until ``source`` has ended.

    ``None`` as a source stands for any of several. Gives what ``reclaim_slot`` takes.
    """
    scope = current_scope.get()
    call = scope.call if scope is not None else None
    if call is None:
        return None
    holder = call if call.holds_slot else call.driver.slot_holder(call)
    if holder is None:
        return None
    is_sibling = source is not None and source.driver is holder.driver
    awaited: int = source.id if is_sibling else 0  # type: ignore[union-attr]
    holder.driver.post(SlotLent(holder.id, awaited))
    return holder, awaited


def reclaim_slot(loan: Loan | None) -> None:
    """The wait is over, whatever came of it."""
    if loan is not None:
        holder, awaited = loan
        holder.driver.post(SlotReclaimed(holder.id, awaited))
