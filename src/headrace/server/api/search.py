"""What the API finds in names, messages and log lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.engine.states import StateType
from headrace.history import searching
from headrace.history.searching import Part, Place
from headrace.server.api.endpoint import Endpoint
from headrace.server.api.paging import cursor_of, fitting, keys_of
from headrace.server.api.parameters import CURSOR, Parameter, limit
from headrace.server.api.problems import refused
from headrace.server.api.run_rows import NAME, cut
from headrace.server.api.views import FoundRun, Hit, HitPage

if TYPE_CHECKING:
    from headrace.history.reader import Reader
    from headrace.server.api.views import HitKind

_BEFORE = 60
_EXCERPT = 240


def search(reader: Reader, *, text: str, cursor: str | None, limit: int) -> HitPage:
    """A page of hits: flow runs first, then task runs, then log lines, each the newest first."""
    if not text.strip():
        raise refused("text is empty: give what to look for.")
    place = searching.START
    if cursor is not None:
        part, before = keys_of(cursor, 2)
        if part not in set(Part):
            raise refused(
                "cursor is none that this server gave: take next_cursor of a page, or leave it out."
            )
        place = Place(Part(part), before)
    found, further = searching.search(reader, text, place=place, limit=limit)
    hits = fitting([_hit_of(hit, text) for hit in found])
    if len(hits) < len(found):
        further = Place(found[len(hits) - 1].part, found[len(hits) - 1].key)
    return HitPage(hits, None if further is None else cursor_of(*further))


def excerpt_of(message: str, text: str) -> str:
    """The piece of a message in which the text stands."""
    at = max(message.lower().find(text.lower()), 0)
    begin = max(at - _BEFORE, 0)
    piece = message[begin : begin + _EXCERPT]
    return ("…" if begin else "") + piece + ("…" if begin + _EXCERPT < len(message) else "")


def _hit_of(hit: searching.Hit, text: str) -> Hit:
    run = FoundRun(
        hit.run, cut(hit.run_name, NAME), cut(hit.flow, NAME), hit.state, StateType(hit.state_type).value
    )
    return Hit(run, _kind_of(hit), hit.task_run, hit.at_us, excerpt_of(hit.text, text))


def _kind_of(hit: searching.Hit) -> HitKind:
    if hit.part is Part.LOGS:
        return "log"
    if not hit.is_named:
        return "message"
    return "run" if hit.part is Part.FLOW_RUNS else "task_run"


ENDPOINTS = (
    Endpoint(
        path="/api/search",
        handler=search,
        summary="Looks for a text in names, messages and log lines. A page may be empty and yet have a next one",
        answer=HitPage,
        parameters=(
            Parameter(name="text", about="what to look for, in any case", is_required=True),
            CURSOR,
            limit(50, 200),
        ),
    ),
)
