"""Who waits for whom: the edges between the live runs of one flow run.

Only what may still happen is kept. A run that completed leaves nothing behind; one that did not leaves
its roots, for those who name it as an upstream later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Iterable


Released = tuple[int, tuple[int, ...]]
"""The id of a run that waits for nobody any more, and its roots: the failed runs that keep it from starting."""


class Graph:
    """The waiting runs, by what they wait for.

    A run is released when *all* its upstreams have ended, also when the first of them failed: so the
    roots of a failure do not depend on who was faster.

    >>> graph = Graph()
    >>> graph.add(2, upstreams=(1,), tolerated=(), live={1})
    >>> graph.end(1)
    [(2, ())]
    """

    __slots__ = ("_blame", "_roots", "_unmet", "dependents")

    def __init__(self) -> None:
        self._unmet: dict[int, int] = {}
        self._blame: dict[int, dict[int, None]] = {}
        self.dependents: dict[int, list[tuple[int, bool]]] = {}
        self._roots: dict[int, tuple[int, ...]] = {}

    def add(
        self, id: int, *, upstreams: tuple[int, ...], tolerated: tuple[int, ...], live: Container[int]
    ) -> Released | None:
        """Note what a new run waits for; it is released at once when all of that has ended."""
        unmet = self._note_dependent(id, upstreams, live, is_tolerant=False)
        if tolerated:
            unmet += self._note_dependent(id, tolerated, live, is_tolerant=True)
        roots = self.roots_of(upstreams)
        if not unmet:
            return id, roots
        self._unmet[id] = unmet
        if roots:
            self._blame[id] = dict.fromkeys(roots)
        return None

    def _note_dependent(
        self, id: int, upstreams: tuple[int, ...], live: Container[int], *, is_tolerant: bool
    ) -> int:
        """How many of the upstreams have yet to end."""
        unmet = 0
        for upstream in upstreams:
            if upstream in live:
                self.dependents.setdefault(upstream, []).append((id, is_tolerant))
                unmet += 1
        return unmet

    def roots_of(self, ids: Iterable[int]) -> tuple[int, ...]:
        """The runs for which these ended badly, each once, in order; empty when all completed."""
        if not self._roots:
            return ()
        roots: dict[int, None] = {}
        for id in ids:
            roots.update(dict.fromkeys(self._roots.get(id, ())))
        return tuple(roots)

    def waiting_for(self, id: int) -> list[int]:
        """Who waits for the end of the run, or has waited and left."""
        return [dependent for dependent, _ in self.dependents.get(id, ())]

    def leave(self, id: int) -> None:
        """The run waits no longer: it ends without having started."""
        self._unmet.pop(id, None)
        self._blame.pop(id, None)

    def note_failure(self, id: int, roots: tuple[int, ...]) -> None:
        """The run did not complete, for these roots. Said before ``end``."""
        self._roots[id] = roots

    def end(self, id: int) -> list[Released]:
        """The run ended; who is released by that."""
        roots = self._roots.get(id, ())
        released: list[Released] = []
        for dependent, is_tolerant in self.dependents.pop(id, ()):
            unmet = self._unmet.get(dependent)
            if unmet is None:  # it has left
                continue
            if roots and not is_tolerant:
                self._blame.setdefault(dependent, {}).update(dict.fromkeys(roots))
            if unmet > 1:
                self._unmet[dependent] = unmet - 1
            else:
                del self._unmet[dependent]
                released.append((dependent, tuple(self._blame.pop(dependent, ())) if self._blame else ()))
        return released
