"""Where the server listens: on this machine, unless the user has chosen a token for others."""

from __future__ import annotations

import socket

import pytest

from headrace.errors import ServingError
from headrace.server.addresses import listen, names_of, port_of, url_of


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.2"])
def test_this_machine_needs_no_token_of_the_user(host: str) -> None:
    with listen(host, 0, has_own_token=False) as listener, socket.create_connection(listener.getsockname()):
        assert port_of(listener) > 0


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "8.8.8.8", "224.0.0.1"])
def test_other_machines_are_not_let_in_without_one(host: str) -> None:
    with pytest.raises(ServingError, match="--token-file"):
        listen(host, 0, has_own_token=False)


def test_other_machines_are_let_in_with_one() -> None:
    with listen("0.0.0.0", 0, has_own_token=True) as listener:
        assert listener.getsockname()[0] == "0.0.0.0"


def test_a_port_that_is_taken_is_told_with_what_to_do() -> None:
    with (
        listen("127.0.0.1", 0, has_own_token=False) as first,
        pytest.raises(ServingError, match=r"is taken.*--link.*--port"),
    ):
        listen("127.0.0.1", port_of(first), has_own_token=False)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 300, "", "x\udcff"])
def test_a_host_that_does_not_exist_is_one_error(host: str) -> None:
    with pytest.raises(ServingError, match="is no address"):
        listen(host, 0, has_own_token=False)


def test_an_address_of_another_machine_is_one_error() -> None:
    with pytest.raises(ServingError, match="Nothing can listen"):
        listen("192.0.2.1", 0, has_own_token=True)


def test_the_names_are_whole_and_have_their_port() -> None:
    assert names_of("127.0.0.1", 4242) == {"127.0.0.1:4242", "localhost:4242", "[::1]:4242"}
    assert names_of("::1", 80) >= {"[::1]", "[::1]:80", "localhost"}
    assert "runs.example.com" in names_of("0.0.0.0", 4242, ["Runs.Example.com"])


def test_a_url_of_an_address_with_colons_is_one() -> None:
    assert url_of("::1", 4242) == "http://[::1]:4242"
