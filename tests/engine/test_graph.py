"""Who waits for whom."""

from __future__ import annotations

from headrace.engine.graph import Graph


def waiting(
    graph: Graph, id: int, *upstreams: int, tolerated: tuple[int, ...] = ()
) -> tuple[int, tuple[int, ...]] | None:
    """Add a run; whatever it waits for is live."""
    return graph.add(id, upstreams=upstreams, tolerated=tolerated, live={*upstreams, *tolerated})


def test_a_run_whose_upstreams_have_all_ended_is_released_at_once() -> None:
    graph = Graph()
    assert graph.add(2, upstreams=(1,), tolerated=(), live=set()) == (2, ())


def test_a_run_is_released_by_the_last_of_its_upstreams() -> None:
    graph = Graph()
    assert waiting(graph, 3, 1, 2) is None
    assert graph.end(1) == []
    assert graph.end(2) == [(3, ())]
    assert graph.end(2) == []


def test_a_failed_upstream_is_blamed_only_when_the_last_one_has_ended() -> None:
    graph = Graph()
    waiting(graph, 3, 1, 2)
    graph.note_failure(1, (1,))
    assert graph.end(1) == []
    assert graph.end(2) == [(3, (1,))]


def test_a_run_that_names_a_failed_upstream_later_is_released_with_its_roots() -> None:
    graph = Graph()
    graph.note_failure(1, (1,))
    graph.note_failure(2, (1, 9))
    assert graph.add(3, upstreams=(1, 2), tolerated=(), live=set()) == (3, (1, 9))


def test_roots_known_at_the_start_and_roots_learnt_while_waiting_come_together() -> None:
    graph = Graph()
    graph.note_failure(1, (1,))
    assert graph.add(3, upstreams=(1, 2), tolerated=(), live={2}) is None
    graph.note_failure(2, (2,))
    assert graph.end(2) == [(3, (1, 2))]


def test_a_tolerated_upstream_is_waited_for_and_never_blamed() -> None:
    graph = Graph()
    assert waiting(graph, 2, tolerated=(1,)) is None
    graph.note_failure(1, (1,))
    assert graph.end(1) == [(2, ())]


def test_an_upstream_that_is_both_strict_and_tolerated_is_strict() -> None:
    graph = Graph()
    waiting(graph, 2, 1, tolerated=(1,))
    graph.note_failure(1, (1,))
    assert graph.end(1) == [(2, (1,))]


def test_who_has_left_is_not_released() -> None:
    graph = Graph()
    waiting(graph, 2, 1)
    waiting(graph, 3, 1)
    graph.leave(2)
    assert graph.end(1) == [(3, ())]


def test_roots_of_what_completed_are_none() -> None:
    graph = Graph()
    graph.note_failure(2, (1, 2))
    assert graph.roots_of((5, 2, 2)) == (1, 2)
