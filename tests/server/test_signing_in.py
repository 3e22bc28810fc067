"""A browser that follows a printed link is in, and stays in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from headrace.clock import now_us
from headrace.server.access import make_link
from tests.server.conftest import PORT, TOKEN

if TYPE_CHECKING:
    from tests.server.conftest import Site


@pytest.fixture
def link(site: Site) -> str:  # made after the server has started
    return "/login?token=" + make_link(TOKEN, port=PORT, now_us=now_us())


def test_a_link_becomes_a_cookie_that_scripts_and_other_sites_do_not_get(site: Site, link: str) -> None:
    answer = site.get(link)

    cookie, *attributes = answer.headers["set-cookie"].split("; ")
    assert {attribute.lower() for attribute in attributes} == {"httponly", "path=/", "samesite=strict"}
    assert 'content="0; url=/"' in answer.text
    assert site.get("/api/info", cookie=cookie).status_code == 200


def test_a_used_link_says_so(site: Site, link: str) -> None:
    site.get(link)

    answer = site.get(link, accept="text/html")

    assert answer.status_code == 401
    assert "used already" in answer.text
    assert "headrace ui --link" in answer.text
    assert "set-cookie" not in answer.headers


def test_a_preview_does_not_use_the_link_up(site: Site, link: str) -> None:
    site.request("HEAD", link)

    assert site.get(link).status_code == 200


def test_what_is_sent_never_comes_back_as_a_page(site: Site) -> None:
    answer = site.get("/login?token=<script>alert(1)</script>", accept="text/html")

    assert "script" not in answer.text
