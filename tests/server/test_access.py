"""Links let one browser in, once, for a while; sessions and the token are known, and nothing else is."""

from __future__ import annotations

import pytest

from headrace.server.access import LINK_LIFETIME_US, Access, make_link

TOKEN = "t" * 40
START = 1_700_000_000_000_000


@pytest.fixture
def access() -> Access:
    return Access(TOKEN, port=4242, started_us=START)


def test_a_link_gives_a_session(access: Access) -> None:
    session = access.let_in(make_link(TOKEN, port=4242, now_us=START), now_us=START)

    assert session
    assert access.knows_session(session)
    assert not access.knows_session(session + "x")
    assert not access.knows_session("")


def test_a_link_is_used_up(access: Access) -> None:
    link = make_link(TOKEN, port=4242, now_us=START)

    assert access.let_in(link, now_us=START)
    assert access.let_in(link, now_us=START) is None
    assert access.let_in(link, now_us=START + LINK_LIFETIME_US) is None


def test_two_links_of_one_moment_are_two(access: Access) -> None:
    first, second = (make_link(TOKEN, port=4242, now_us=START) for _ in range(2))

    assert access.let_in(first, now_us=START) != access.let_in(second, now_us=START)


@pytest.mark.parametrize(
    ("made_us", "now_us"),
    [(START - 1, START), (START, START + LINK_LIFETIME_US + 1), (START + 5, START + 4)],
    ids=["before the start", "too old", "in the future"],
)
def test_a_link_of_another_time_is_refused(access: Access, made_us: int, now_us: int) -> None:
    assert access.let_in(make_link(TOKEN, port=4242, now_us=made_us), now_us=now_us) is None


@pytest.mark.parametrize(
    "link",
    [
        "", ".", "..", "x", "1.2.3", f"{START}..", "\ud800", "é.é.é", TOKEN,
        make_link(TOKEN, port=4243, now_us=START),
        make_link(TOKEN + "x", port=4242, now_us=START),
        make_link(TOKEN, port=4242, now_us=START) + ".",
        make_link(TOKEN, port=4242, now_us=START)[:-1],
        make_link(TOKEN, port=4242, now_us=START).replace(str(START), str(START + 1)),
    ],
)  # fmt: skip
def test_what_the_token_did_not_sign_lets_nobody_in(access: Access, link: str) -> None:
    assert access.let_in(link, now_us=START + 2) is None


def test_sessions_are_bounded_and_the_oldest_ends(access: Access) -> None:
    sessions = [
        access.let_in(make_link(TOKEN, port=4242, now_us=START), now_us=START) or "" for _ in range(201)
    ]

    assert [access.knows_session(session) for session in (sessions[0], sessions[1], sessions[-1])] == [
        False, True, True,
    ]  # fmt: skip


def test_the_token_is_known_and_what_begins_like_it_is_not(access: Access) -> None:
    assert access.knows_token(TOKEN)
    assert not any(map(access.knows_token, ["", TOKEN[:-1], TOKEN + "x", "é"]))
