"""Flow runs that are killed again and again, and resumed until they complete: see ``campaign.py`` for what is checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chaos.__main__ import RUNNERS
from tests.chaos.campaign import play

if TYPE_CHECKING:
    from pathlib import Path

KILLS = {"sequential": 44, "concurrent": 44, "processes": 12}
KILLS_AT_NIGHT = {"sequential": 700, "concurrent": 700, "processes": 600}
PARTS = 4


@pytest.mark.timeout(180)
@pytest.mark.parametrize("runner", RUNNERS)
def test_what_was_acknowledged_before_a_kill_is_executed_once_and_the_result_is_the_same(
    tmp_path: Path, runner: str
) -> None:
    tally = play(tmp_path, runner=runner, kills=KILLS[runner], seed=0)
    print(tally)
    assert tally.kills.total() == KILLS[runner]


@pytest.mark.nightly
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("runner", RUNNERS)
def test_two_thousand_kills_lose_nothing_and_double_nothing(tmp_path: Path, runner: str, part: int) -> None:
    tally = play(tmp_path, runner=runner, kills=KILLS_AT_NIGHT[runner] // PARTS, seed=1 + part)
    print(tally)
    assert tally.kills.total() == KILLS_AT_NIGHT[runner] // PARTS


def test_the_kills_are_as_many_as_is_said() -> None:
    assert sum(KILLS.values()) == 100
    assert sum(count // PARTS * PARTS for count in KILLS_AT_NIGHT.values()) == 2000
