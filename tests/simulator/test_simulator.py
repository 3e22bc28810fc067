"""Random flows, played to their end; a failure names its seed."""

from __future__ import annotations

import sys

import pytest

from tests.simulator import driven, world
from tests.simulator.__main__ import main

PLAYS = {"orchestrator": world.play, "driver": driven.play}


@pytest.mark.parametrize("name", PLAYS)
@pytest.mark.parametrize("first", range(0, 600, 150))
def test_random_flows_keep_every_invariant(name: str, first: int) -> None:
    for seed in range(first, first + 150):
        try:
            PLAYS[name](seed)
        except Exception as error:
            error.add_note(f"Play it again: python -m tests.simulator --world {name} --seed {seed}")
            raise


@pytest.mark.nightly
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", PLAYS)
def test_very_many_random_flows_keep_every_invariant(name: str) -> None:
    for seed in range(1_000_000, 1_100_000):
        try:
            PLAYS[name](seed)
        except Exception as error:
            error.add_note(f"Play it again: python -m tests.simulator --world {name} --seed {seed}")
            raise


@pytest.mark.parametrize("play", PLAYS.values(), ids=PLAYS)
def test_a_seed_plays_the_same_flow_again(play: object) -> None:
    assert callable(play)
    assert [str(type(event)) for event in play(7).story] == [str(type(event)) for event in play(7).story]


def test_the_command_plays_many_flows(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["simulator", "--runs", "5"])
    assert main() == 0
    assert capsys.readouterr().out.count("nothing broke") == 2


def test_the_command_tells_the_seed_that_failed_and_the_story(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["simulator", "--runs", "50", "--world", "orchestrator"])
    monkeypatch.setattr("headrace.engine.orchestrator.Orchestrator._on_failure_retrieved", lambda *_: None)
    assert main() == 1
    printed = capsys.readouterr()
    assert "The seed that failed: " in printed.out
    assert "FlowStarted" in printed.err
