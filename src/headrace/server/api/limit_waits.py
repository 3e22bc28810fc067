"""What the API tells of waits for limits: who of a flow run waits for which, and who holds these."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.history.limit_waits import name_of, place_of, waits_of_run
from headrace.server.api.run_rows import NAME, cut
from headrace.server.api.views import LimitWait, Party

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headrace.history.reader import Reader, Run as RecordedRun

_MAX_WAITS = 20
_MAX_PARTIES = 5


def waits_of(reader: Reader, run: RecordedRun) -> list[LimitWait]:
    """The waits of a flow run that is under way, those for the same limits together."""
    if run.ended_us is not None:
        return []
    return [
        LimitWait(
            who=_parties(reader, run, wait.who),
            who_count=len(wait.who),
            limits=[cut(limit, NAME) for limit in wait.limits[:_MAX_PARTIES]],
            held_by=_parties(reader, run, wait.held_by),
            held_by_count=len(wait.held_by),
        )
        for wait in waits_of_run(reader, run)[:_MAX_WAITS]
    ]


def _parties(reader: Reader, run: RecordedRun, who: Sequence[str]) -> list[Party]:
    return [_party(reader, run, one) for one in who[:_MAX_PARTIES]]


def _party(reader: Reader, run: RecordedRun, who: str) -> Party:
    id_, number = place_of(who)
    return Party(cut(name_of(reader, run, who), NAME), id_, number)
