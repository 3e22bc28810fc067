"""Who waits for whom: the edges between the live runs of one flow run.

Only what may still happen is kept. A run that completed leaves nothing behind; one that did not leaves
its roots, for those who name it as an upstream.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Iterable


class Graph:
    """The waiting runs, by what they wait for.

    A run is released when *all* its upstreams have ended, also when the first of them failed: so the
    roots of a failure, and their order, do not depend on who was faster.

    >>> graph = Graph()
    >>> graph.add(2, upstreams=(1,), live={1})
    True
    >>> graph.end(1)
    [2]
    """

    __slots__ = ("_roots", "_unmet", "dependents")

    def __init__(self) -> None:
        self._unmet: dict[int, int] = {}
        self.dependents: dict[int, list[int]] = {}
        """Who waits for the end of a run, or has waited and left."""
        self._roots: dict[int, tuple[int, ...]] = {}

    def add(self, id: int, *, upstreams: tuple[int, ...], live: Container[int]) -> bool:
        """Note what a new run waits for; ``False`` if all of that has ended."""
        unmet = 0
        for upstream in upstreams:
            if upstream in live:
                self.dependents.setdefault(upstream, []).append(id)
                unmet += 1
        if unmet:
            self._unmet[id] = unmet
        return unmet > 0

    def roots_of(self, ids: Iterable[int]) -> tuple[int, ...]:
        """The runs for which these ended badly, each once, in order; empty when all completed."""
        if not self._roots:
            return ()
        roots: dict[int, None] = {}
        for id in ids:
            if id in self._roots:
                roots.update(dict.fromkeys(self._roots[id]))
        return tuple(roots)

    def leave(self, id: int) -> None:
        """The run waits no longer: it ends without having started."""
        self._unmet.pop(id, None)

    def note_failure(self, id: int, roots: tuple[int, ...]) -> None:
        """The run did not complete, for these roots. Said before ``end``."""
        self._roots[id] = roots

    def end(self, id: int) -> list[int]:
        """The run ended; who waits for nobody any more."""
        released: list[int] = []
        for dependent in self.dependents.pop(id, ()):
            unmet = self._unmet.get(dependent)
            if unmet is None:  # it has left
                continue
            if unmet > 1:
                self._unmet[dependent] = unmet - 1
            else:
                del self._unmet[dependent]
                released.append(dependent)
        return released
