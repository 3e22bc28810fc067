"""``headrace.client`` against a server on a socket: every call arrives, and every refusal is an exception that says why."""

from __future__ import annotations

from inspect import signature
from typing import TYPE_CHECKING, Any

import pytest

from headrace.access_token import read_or_make_token
from headrace.client import Client
from headrace.clock import now_us
from headrace.errors import HeadraceError, RequestRefusedError, RunNotFoundError, ServerUnavailableError
from headrace.history import History
from headrace.server.access import Access
from headrace.server.addresses import DEFAULT_HOST, listen, names_of, port_of, url_of
from headrace.server.api import ENDPOINTS
from headrace.server.app import create_app, create_routes
from headrace.server.events import Hub
from headrace.server.serving import Server, running
from headrace.server.source import Source
from headrace.server.watch import Watch
from tests.facts import Facts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOKEN = "a-token-of-forty-characters-for-this-test"


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    history = History.open(str(tmp_path / "history.db"))
    facts = Facts()
    history.record(facts.flow(tags=("eu",)))
    history.record(facts.task(1))
    history.record(facts.log("a line"))
    history.flush()
    yield history
    history.close()


@pytest.fixture
def url(history: History) -> Iterator[str]:
    with listen(DEFAULT_HOST, 0, has_own_token=False) as listener:
        port = port_of(listener)
        access = Access(TOKEN, port=port, started_us=now_us())
        source = Source(history.location)
        hub = Hub(Watch(source))
        app = create_app(create_routes(source, access, hub), access, names_of(DEFAULT_HOST, port))
        with running(Server(app, before_stop=hub.close), listener):
            yield url_of(DEFAULT_HOST, port)


@pytest.fixture
def client(url: str) -> Client:
    return Client(url, token=TOKEN)


def test_a_url_may_go_without_its_scheme(url: str) -> None:
    assert Client(url.removeprefix("http://"), token=TOKEN).list_tags() == ["eu"]


def test_a_client_has_a_method_for_every_endpoint() -> None:
    asked = {endpoint.name for endpoint in ENDPOINTS} - {"get_openapi"}
    assert asked <= set(dir(Client))


@pytest.mark.parametrize(
    "endpoint",
    [
        endpoint
        for endpoint in ENDPOINTS
        if endpoint.name in ("list_runs", "get_timeline", "get_graph", "search")
    ],
    ids=lambda endpoint: endpoint.name,
)
def test_a_method_takes_what_its_endpoint_does(endpoint: Any) -> None:
    takes = signature(getattr(Client, endpoint.name)).parameters
    is_open = any(parameter.kind is parameter.VAR_KEYWORD for parameter in takes.values())
    assert is_open or {parameter.name for parameter in endpoint.parameters} <= set(takes)


def test_runs_are_read(client: Client) -> None:
    assert [run["id"] for run in client.list_runs(tag="eu", roots_only=True)["items"]] == ["run-1"]
    assert [run["id"] for run in client.iterate_runs()] == ["run-1"]
    assert client.list_runs(tag="us")["items"] == []
    assert client.get_run("run-1")["name"] == "busy-otter"
    assert client.get_info()["history"]


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.get_histogram(buckets=3)["buckets"],
        lambda client: client.list_flow_names(),
        lambda client: client.list_tags(),
        lambda client: client.list_flows(),
        lambda client: client.search("otter")["items"],
        lambda client: client.compare_runs("run-1", "run-1")["tasks"],
        lambda client: client.get_timeline("run-1", after=0)["id"],
        lambda client: client.get_graph("run-1", expand=["a", "b"])["nodes"],
        lambda client: client.get_critical_path("run-1"),
        lambda client: [client.get_task_run("run-1", 1)],
        lambda client: client.list_logs("run-1", tail=True)["items"],
        lambda client: client.list_states("run-1", limit=2)["items"],
        lambda client: [client.get_form("run-1")],
        lambda client: client.cancel_runs(["run-1"], reason="enough")["asked"],
        lambda client: client.delete_runs(["run-1"], include_unfinished=True)["deleted"],
    ],
)
def test_a_call_is_answered(client: Client, ask: Any) -> None:
    assert ask(client)


def test_what_may_be_empty_is_told_as_such(client: Client) -> None:
    assert client.list_subflows("run-1") == []
    assert client.list_edges("run-1", limit=5)["upstream"] == []


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda client: client.get_run("nope"), RunNotFoundError, "no flow run with the id 'nope'"),
        (lambda client: client.get_run("a b?c#d"), RunNotFoundError, "id 'a b"),
        (lambda client: client.list_runs(limit=0), RequestRefusedError, "limit"),
        (lambda client: client.list_runs(colour="red"), RequestRefusedError, "colour"),
        (lambda client: client.resume_run("run-1"), RequestRefusedError, "under way"),
        (lambda client: client.retry_failed("run-1"), RequestRefusedError, "busy-otter"),
        (lambda client: client.run_again("run-1"), RequestRefusedError, "run"),
        (lambda client: client.answer_run("run-1", prompt="?", value=True), RequestRefusedError, "ask"),
        (lambda client: client.get_launch(7), RunNotFoundError, "process 7"),
    ],
)
def test_a_refusal_is_an_exception_that_says_why(
    client: Client, ask: Any, error: type[HeadraceError], message: str
) -> None:
    with pytest.raises(error, match=message):
        ask(client)


def test_without_the_token_nothing_is_told(url: str) -> None:
    with pytest.raises(RequestRefusedError):
        Client(url, token="wrong").get_info()


def test_the_token_is_read_from_its_file(url: str) -> None:
    """The server here has another one, so it refuses: what counts is that one is sent."""
    read_or_make_token()
    with pytest.raises(RequestRefusedError):
        Client(url).get_info()


def test_no_server_is_an_exception_that_says_how_to_start_one() -> None:
    with listen(DEFAULT_HOST, 0, has_own_token=False) as listener:
        port = port_of(listener)
    with pytest.raises(ServerUnavailableError, match="headrace ui"):
        Client(url_of(DEFAULT_HOST, port), token=TOKEN).get_info()
