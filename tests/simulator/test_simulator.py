"""Random flows, played to their end; a failure names its seed."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from headrace.engine.orchestrator import Orchestrator
from tests.engine.story import Retrieved, read_event
from tests.simulator import driven, world
from tests.simulator.__main__ import WORLDS, main
from tests.simulator.rules import PlannedTask

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from headrace.engine.effects import Effect


def play_all(name: str, seeds: Iterable[int]) -> list[Any]:
    played = []
    for seed in seeds:
        try:
            played.append(WORLDS[name](seed))
        except Exception as error:
            error.add_note(f"Play it again: python -m tests.simulator --world {name} --seed {seed}")
            raise
    return played


FLOWS = {"orchestrator": 250, "driver": 200, "author": 60}


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("part", range(4))
def test_random_flows_keep_every_invariant(name: str, part: int) -> None:
    play_all(name, range(part * FLOWS[name], (part + 1) * FLOWS[name]))


@pytest.mark.nightly
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("first", range(1_000_000, 1_100_000, 25_000))
def test_very_many_random_flows_keep_every_invariant(name: str, first: int) -> None:
    for seed in range(first, first + 25_000):
        play_all(name, [seed])


# -- what they are made of -----------------------------------------------------------------------------


def test_random_flows_of_the_driver_leave_nothing_out() -> None:
    did: Counter[str] = Counter()
    ends: Counter[str] = Counter()
    slots: Counter[int | None] = Counter()
    for played in play_all("driver", range(200)):
        did += played.did
        slots[played.model.slots.count] += 1
        if played.defect is not None:
            ends["a defect"] += 1
            continue
        ends[f"flow {played.model.end.changes[-1][0]}"] += 1
        ends["unseen failures"] += bool(played.model.end.unseen)
        for seen in played.model.runs.values():
            ends[str(seen.end)] += 1
            ends["retries"] += seen.attempts > 1
            ends["upstreams"] += bool(seen.run.upstreams)
    happened = {
        "submit", "map", "child runs", "awaits a child", "a child failed", "allow_failure", "cancel", "cancel_flow",
        "interrupt", "look", "wait_for", "fire_timer", "end_other", "acts in a drain",
    }  # fmt: skip
    ended = {
        "flow Completed", "flow Failed", "flow Cancelled", "a defect", "unseen failures", "retries", "upstreams",
        "Completed", "Failed", "UpstreamFailed", "Cancelled",
    }  # fmt: skip
    assert {what for what in happened if did[what] < 10} == set()
    assert {what for what in ended if ends[what] < 10} == set()
    assert {count for count in (None, 1, 2, 3, 4) if slots[count] < 10} == set()


def test_random_flows_of_an_author_leave_nothing_out() -> None:
    happened: Counter[str] = Counter()
    for played in play_all("author", range(120)):
        outcome = played.author.results[played.plan.number].outcome
        happened[f"the flow ends with {type(outcome).__name__}"] += 1
        happened[f"{played.plan.slots} slots"] += 1
        for call in played.plan.calls:
            happened[type(call).__name__] += 1
            if isinstance(call, PlannedTask):
                happened["maps"] += bool(call.mapped)
                happened["children"] += bool(call.children)
                happened["grandchildren"] += any(child.children for child in call.children)
                happened["retries"] += 0 < call.fails <= call.retries
                happened["retries in vain"] += 0 < call.retries < call.fails
                happened["allow_failure"] += bool(call.tolerated)
                happened["wait_for"] += bool(call.after)
        for result in played.author.results.values():
            happened[result.state] += 1
    expected = {
        "the flow ends with list", "the flow ends with frozenset", "the flow ends with int",
        "None slots", "1 slots", "2 slots", "3 slots", "4 slots",
        "PlannedTask", "PlannedFlow", "maps", "children", "grandchildren", "retries", "retries in vain",
        "allow_failure", "wait_for", "Completed", "Failed", "UpstreamFailed", "Cancelled",
    }  # fmt: skip
    assert {what for what in expected if happened[what] < 5} == set()


def test_random_flows_of_the_orchestrator_leave_no_event_and_no_ending_out() -> None:
    told: Counter[str] = Counter()
    for played in play_all("orchestrator", range(500)):
        told.update(type(event).__name__ for event in played.story)
        told.update(str(seen.end) for seen in played.model.runs.values())
        told["repeated"] += any(seen.is_repeated for seen in played.model.runs.values())
        told["told again"] += played.told_again
        told["started ahead"] += played.started_ahead
        told[f"flow {played.model.end.changes[-1][0]}"] += 1
    events = {
        "Submitted", "Noticed", "Began", "Finished", "Withdrawn", "DeadlinePassed", "TimerFired", "CancelRequested",
        "Retrieved", "Lent", "Reclaimed", "Joined", "OutsiderEnded", "FlowStarted", "FlowGivenUp", "FunctionEnded",
        "Skipped", "Adopted", "Replayed", "Admitted", "Found", "repeated", "told again", "started ahead",
        "FlowPaused", "FlowWentOn",
    }  # fmt: skip
    endings = {
        "Completed", "Failed", "TimedOut", "Crashed", "Cancelled", "UpstreamFailed", "Cached", "Replayed",
    }  # fmt: skip
    of_flows = {"flow Completed", "flow Failed", "flow TimedOut", "flow Crashed", "flow Cancelled"}
    assert {what for what in events | endings | of_flows if told[what] < 5} == set()


# -- defects -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_a_defect_at_any_effect_of_a_flow_ends_it_wakes_everybody_and_is_kept(seed: int) -> None:
    points = driven.play(seed, fails_at=-1).points
    for point in range(points):
        try:
            played = driven.play(seed, fails_at=point)
        except Exception as error:
            error.add_note(f"seed {seed}, a defect at point {point} of {points}")
            raise
        assert played.driver.defect is played.defect is not None


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_a_defect_at_any_effect_of_many_flows_ends_them_wakes_everybody_and_is_kept() -> None:
    for seed in range(100, 400):
        for point in range(driven.play(seed, fails_at=-1).points):
            assert driven.play(seed, fails_at=point).defect is not None, (seed, point)


# -- the command ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WORLDS)
def test_a_seed_plays_the_same_flow_again(name: str) -> None:
    story = WORLDS[name](7).story
    assert len(story) > 5
    assert WORLDS[name](7).story == story
    assert WORLDS[name](8).story != story


def run_command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["simulator", *arguments])
    return main()


def test_the_command_plays_many_flows(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(monkeypatch, "--seed", "3", "--flows", "5") == 0
    assert capsys.readouterr().out.count(": 5 flows in ") == len(WORLDS)


def test_the_command_tells_the_story_of_one_flow(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(monkeypatch, "--seed", "3", "--world", "orchestrator", "--story") == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "The events of seed 3:"
    assert printed[1:-1] == [str(event) for event in world.play(3).story]


@pytest.mark.parametrize("name", WORLDS)
def test_the_command_tells_the_seed_that_failed_and_the_list_of_its_events(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    handle = Orchestrator.handle

    def handle_all_but_retrievals(self: Orchestrator, event: Any) -> Sequence[Effect]:
        return [] if isinstance(read_event(event), Retrieved) else handle(self, event)

    monkeypatch.setattr(Orchestrator, "handle", handle_all_but_retrievals)
    assert run_command(monkeypatch, "--flows", "100", "--world", name) == 1
    printed = capsys.readouterr().out
    seed = int(printed.rpartition("The seed that failed: ")[2].partition(".")[0])
    assert "FlowStarted(at_us=" in printed
    assert "Retrieved(id=" in printed
    assert run_command(monkeypatch, "--seed", str(seed), "--world", name) == 1
    assert capsys.readouterr().out == printed
