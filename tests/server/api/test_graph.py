"""A flow run as a graph: what is a node, and which edges there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.engine.states import StateName
from headrace.history import Reader
from headrace.history.deletion import delete_runs
from headrace.history.run_graph import Stretch, merged
from headrace.server.api.graph import get_graph

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from headrace.history import History

PENDING, RUNNING, COMPLETED, FAILED = (
    StateName.PENDING,
    StateName.RUNNING,
    StateName.COMPLETED,
    StateName.FAILED,
)


def record(history: History, *all_facts: Any) -> None:
    for fact in all_facts:
        history.record(fact)
    history.flush()


def by_id(graph: Any) -> dict[str, Any]:
    return {node["id"]: node for node in graph["nodes"]}


def test_few_task_runs_are_nodes_of_their_own(api: Any, history: History, facts: Any) -> None:
    record(
        history,
        facts.flow(),
        facts.task(1, task="load", index=0),
        facts.task(2, PENDING, RUNNING, FAILED, task="sum", index=0, upstreams=(1,)),
    )

    graph = api.get("/api/runs/run-1/graph")

    nodes = by_id(graph)
    assert list(nodes) == ["r:1", "r:2"]
    assert (nodes["r:2"]["label"], nodes["r:2"]["state_type"], nodes["r:2"]["kind"]) == (
        "sum-0",
        "FAILED",
        "task_run",
    )
    assert graph["edges"] == [["r:1", "r:2"]]
    assert not graph["is_truncated"]


def test_many_runs_of_a_task_are_one_node(api: Any, history: History, facts: Any) -> None:
    mapped = [facts.task(number, task="step", index=number - 2, upstreams=(1,)) for number in range(2, 32)]
    mapped[0] = facts.task(2, PENDING, RUNNING, task="step", index=0, upstreams=(1,))
    record(
        history,
        facts.flow(),
        facts.task(1, task="load", index=0),
        *mapped,
        facts.task(32, task="report", index=0, upstreams=tuple(range(2, 32))),
    )

    graph = api.get("/api/runs/run-1/graph")

    group = by_id(graph)["t:step"]
    assert (group["kind"], group["runs"], group["counts"], group["ended_us"]) == (
        "group", 30, {"COMPLETED": 29, "RUNNING": 1}, None,
    )  # fmt: skip
    assert sorted(graph["edges"]) == [["r:1", "t:step"], ["t:step", "r:32"]]


def test_an_expanded_task_shows_its_first_runs_and_the_rest_as_one(
    api: Any, history: History, facts: Any
) -> None:
    record(
        history,
        facts.flow(),
        facts.task(1, task="load", index=0),
        *[facts.task(number, task="step", index=number - 2, upstreams=(1,)) for number in range(2, 602)],
    )

    graph = api.get("/api/runs/run-1/graph", expand="step")

    nodes = by_id(graph)
    assert len([node for node in nodes if node.startswith("r:")]) == 501
    assert nodes["t:step"]["runs"] == 100
    assert ["r:1", "r:2"] in graph["edges"]
    assert ["r:1", "t:step"] in graph["edges"]


def test_a_chain_inside_a_task_leads_from_its_node_nowhere(api: Any, history: History, facts: Any) -> None:
    chain = [facts.task(number, upstreams=(number - 1,) if number > 1 else ()) for number in range(1, 31)]
    record(history, facts.flow(), *chain)
    assert api.get("/api/runs/run-1/graph")["edges"] == []


def test_a_subflow_hangs_on_the_task_run_that_called_it(
    api: Any, history: History, facts: Any, make_facts: Any
) -> None:
    record(history, facts.flow(), facts.task(1, task="call", index=0), facts.task(2, upstreams=("sub/1",)))
    record(history, make_facts("sub").flow(parent="run-1/1", flow="inner"), make_facts("sub").task(1))

    graph = api.get("/api/runs/run-1/graph")

    assert by_id(graph)["f:sub"]["run"] == "sub"
    assert sorted(graph["edges"]) == [["f:sub", "r:2"], ["r:1", "f:sub"]]


def test_what_came_from_another_flow_run_is_a_node_outside(api: Any, history: History, facts: Any) -> None:
    record(history, facts.flow(), facts.task(1, upstreams=("elsewhere/7", "elsewhere/8")))
    graph = api.get("/api/runs/run-1/graph")
    assert by_id(graph)["o:elsewhere"]["kind"] == "outside"
    assert graph["edges"] == [["o:elsewhere", "r:1"]]


def test_a_graph_that_is_too_large_says_so_and_stays_small(api: Any, history: History, facts: Any) -> None:
    many = [
        facts.task(
            number, task="\x01" * 300 + str(number), index=0, upstreams=(number - 1,) if number > 1 else ()
        )
        for number in range(1, 4001)
    ]
    record(history, facts.flow(), *many)
    assert api.get("/api/runs/run-1/graph")["is_truncated"]


def test_the_task_runs_of_an_ended_run_are_counted_once(
    api: Any, history: History, facts: Any, query: Callable[..., None]
) -> None:
    record(history, facts.flow(PENDING, RUNNING, COMPLETED), facts.task(1, task="load"))
    first = api.get("/api/runs/run-1/graph")
    query("UPDATE task_runs SET task = 'changed'")
    assert api.get("/api/runs/run-1/graph") == first
    assert [node["task"] for node in api.get("/api/runs/run-1/graph", expand="load")["nodes"]] == ["changed"]


def test_the_graph_of_a_run_under_way_is_made_anew(api: Any, history: History, facts: Any) -> None:
    record(history, facts.flow(), facts.task(1))
    assert list(by_id(api.get("/api/runs/run-1/graph"))) == ["r:1"]
    record(history, facts.task(2))
    assert list(by_id(api.get("/api/runs/run-1/graph"))) == ["r:1", "r:2"]


def test_the_graph_of_a_run_that_was_resumed_is_made_anew(api: Any, history: History, facts: Any) -> None:
    record(history, facts.flow(PENDING, RUNNING, FAILED), facts.task(1))
    assert list(by_id(api.get("/api/runs/run-1/graph"))) == ["r:1"]
    record(history, facts.flow(PENDING, RUNNING, COMPLETED, epoch=2), facts.task(2))
    assert list(by_id(api.get("/api/runs/run-1/graph"))) == ["r:1", "r:2"]


def test_a_subflow_that_was_deleted_leaves_the_graph_of_an_ended_run(
    api: Any, history: History, facts: Any, make_facts: Any
) -> None:
    record(history, facts.flow(PENDING, RUNNING, COMPLETED), facts.task(1, task="call"))
    record(history, make_facts("sub").flow(PENDING, RUNNING, COMPLETED, parent="run-1/1"))
    assert list(by_id(api.get("/api/runs/run-1/graph"))) == ["r:1", "f:sub"]
    delete_runs(history.location, ["sub"])
    assert list(by_id(api.get("/api/runs/run-1/graph"))) == ["r:1"]


def test_an_upstream_that_is_not_recorded_gives_no_edge(api: Any, history: History, facts: Any) -> None:
    record(history, facts.flow(), facts.task(1, upstreams=(7, "1/1")))
    assert api.get("/api/runs/run-1/graph")["edges"] == [["o:1", "r:1"]]


def test_the_runs_of_rare_tasks_are_found_wherever_they_lie(api: Any, history: History, facts: Any) -> None:
    rare = {10: "seldom", 60: "seldom", 40: "now and then", 80: "now and then", 99: "late"}
    tasks = {number: rare.get(number, "step") for number in range(1, 101)}
    record(
        history,
        facts.flow(),
        *[
            facts.task(number, task=task, index=number, upstreams=(max(number - 20, 1),))
            for number, task in tasks.items()
        ],
    )

    graph = api.get("/api/runs/run-1/graph")

    assert list(by_id(graph)) == ["r:10", "r:40", "r:60", "r:80", "r:99", "t:step"]
    assert by_id(graph)["t:step"]["runs"] == 95
    assert sorted(graph["edges"]) == [
        ["r:10", "t:step"], ["r:40", "r:60"], ["r:60", "r:80"], ["r:80", "t:step"],
        ["t:step", "r:10"], ["t:step", "r:40"], ["t:step", "r:99"],
    ]  # fmt: skip


def test_stretches_that_are_merged_have_nothing_in_common() -> None:
    found = merged([Stretch(20, 30), Stretch(1, 5), Stretch(3, 9), Stretch(4, 6), Stretch(30, 31)])
    assert found == [Stretch(1, 9), Stretch(20, 31)]


def test_task_runs_that_end_while_a_graph_is_made_are_shown_once(history: History, facts: Any) -> None:
    record(history, facts.flow(), *[facts.task(number, PENDING, RUNNING) for number in (1, 2)])

    class Late(Reader):
        """One that is asked for single task runs when these have just ended."""

        def ask(self, name: str, values: Mapping[str, object]) -> list[tuple[Any, ...]]:
            if name == "list_single_task_runs":
                record(history, facts.task(1), facts.task(2))
            return super().ask(name, values)

    with Late.open(history.location) as reader:
        graph = get_graph(reader, id="run-1", expand=())
    assert [(node.id, node.state_type) for node in graph.nodes] == [
        ("r:1", "COMPLETED"),
        ("r:2", "COMPLETED"),
    ]
