"""Who waits for whom."""

from __future__ import annotations

from headrace.engine.graph import Graph


def waiting(graph: Graph, id: int, *upstreams: int) -> bool:
    """Add a run; whatever it waits for is live."""
    return graph.add(id, upstreams=upstreams, live=set(upstreams))


def test_a_run_whose_upstreams_have_all_ended_waits_for_nobody() -> None:
    assert not Graph().add(2, upstreams=(1,), live=set())


def test_a_run_is_released_by_the_last_of_its_upstreams() -> None:
    graph = Graph()
    assert waiting(graph, 3, 1, 2)
    assert graph.end(1) == []
    assert graph.end(2) == [3]
    assert graph.end(2) == []


def test_runs_are_released_in_the_order_in_which_they_were_added() -> None:
    graph = Graph()
    for id in (4, 2, 3):
        waiting(graph, id, 1)
    assert graph.end(1) == [4, 2, 3]


def test_a_run_that_names_an_upstream_twice_is_released_once() -> None:
    graph = Graph()
    waiting(graph, 2, 1, 1)
    assert graph.end(1) == [2]


def test_who_has_left_is_not_released() -> None:
    graph = Graph()
    waiting(graph, 2, 1)
    waiting(graph, 3, 1)
    graph.leave(2)
    assert graph.end(1) == [3]


def test_the_roots_of_runs_come_in_the_order_of_the_runs_and_each_once() -> None:
    graph = Graph()
    graph.note_failure(3, (3,))
    graph.note_failure(2, (1, 2))
    assert graph.roots_of((5, 2, 3, 2)) == (1, 2, 3)
    assert graph.roots_of((3, 2)) == (3, 1, 2)


def test_what_completed_has_no_roots() -> None:
    graph = Graph()
    assert graph.roots_of((1,)) == ()
    graph.note_failure(2, (2,))
    assert graph.roots_of((1,)) == ()
