"""Hypothesis drives the orchestrator with any events in any order; after each, everything that must hold is checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.simulator.world import World

if TYPE_CHECKING:
    from collections.abc import Callable


class OrchestratorMachine(RuleBasedStateMachine):
    """The simulator's world, with hypothesis to choose: it shrinks what it finds to the shortest list of events."""

    world: World

    def choosing(self, data: st.DataObject) -> World:
        self.world.choose = _chooser(data)
        return self.world

    @initialize(data=st.data())
    def begin_flow(self, data: st.DataObject) -> None:
        self.world = World(_chooser(data))

    @precondition(lambda self: not self.world.has_started)
    @rule(data=st.data())
    def start_flow(self, data: st.DataObject) -> None:
        self.choosing(data).start_flow()

    @rule(data=st.data())
    def submit(self, data: st.DataObject) -> None:
        self.choosing(data).submit()

    @rule(data=st.data())
    def map(self, data: st.DataObject) -> None:
        self.choosing(data).map()

    @precondition(lambda self: self.world.begun)
    @rule(data=st.data())
    def call_child(self, data: st.DataObject) -> None:
        self.choosing(data).call_child()

    @precondition(lambda self: self.world.begun)
    @rule(data=st.data())
    def adopt(self, data: st.DataObject) -> None:
        self.choosing(data).adopt()

    @rule(data=st.data())
    def replay(self, data: st.DataObject) -> None:
        self.choosing(data).replay()

    @precondition(lambda self: self.world.model.live)
    @rule(data=st.data())
    def wait_for(self, data: st.DataObject) -> None:
        self.choosing(data).wait_for()

    @precondition(lambda self: self.world.ready())
    @rule(data=st.data())
    def begin_attempt(self, data: st.DataObject) -> None:
        self.choosing(data).begin()

    @precondition(lambda self: self.world.begun)
    @rule(data=st.data())
    def report_start(self, data: st.DataObject) -> None:
        self.choosing(data).report_start()

    @precondition(lambda self: self.world.begun)
    @rule(data=st.data())
    def finish_attempt(self, data: st.DataObject) -> None:
        self.choosing(data).finish()

    @precondition(lambda self: self.world.reports)
    @rule(data=st.data())
    def report(self, data: st.DataObject) -> None:
        self.choosing(data).report()

    @precondition(lambda self: self.world.posted)
    @rule(data=st.data())
    def tell_again(self, data: st.DataObject) -> None:
        self.choosing(data).tell_again()

    @precondition(lambda self: self.world.vain())
    @rule(data=st.data())
    def skip_attempt(self, data: st.DataObject) -> None:
        self.choosing(data).skip()

    @precondition(lambda self: self.world.has_losses())
    @rule(data=st.data())
    def lose_value(self, data: st.DataObject) -> None:
        self.choosing(data).lose_value()

    @precondition(lambda self: self.world.spent())
    @rule(data=st.data())
    def report_again(self, data: st.DataObject) -> None:
        self.choosing(data).report_again()

    @precondition(lambda self: self.world.interrupts)
    @rule(data=st.data())
    def resolve_interrupt(self, data: st.DataObject) -> None:
        self.choosing(data).resolve_interrupt()

    @precondition(lambda self: self.world.at_desk)
    @rule(data=st.data())
    def answer_at_desk(self, data: st.DataObject) -> None:
        self.choosing(data).answer_at_desk()

    @precondition(lambda self: self.world.timers)
    @rule(data=st.data())
    def fire_timer(self, data: st.DataObject) -> None:
        self.choosing(data).fire_timer()

    @precondition(lambda self: self.world.deadlines)
    @rule(data=st.data())
    def pass_deadline(self, data: st.DataObject) -> None:
        self.choosing(data).pass_deadline()

    @precondition(lambda self: self.world.is_to_stop)
    @rule(data=st.data())
    def give_up_flow(self, data: st.DataObject) -> None:
        self.choosing(data).give_up_flow()

    @precondition(lambda self: self.world.model.runs)
    @rule(data=st.data())
    def notice_or_cancel_or_retrieve(self, data: st.DataObject) -> None:
        world = self.choosing(data)
        world.pick((world.notice, world.cancel_run, world.retrieve))()

    @precondition(lambda self: self.world.begun)
    @rule(data=st.data())
    def lend(self, data: st.DataObject) -> None:
        self.choosing(data).lend()

    @precondition(lambda self: self.world.loans)
    @rule(data=st.data())
    def reclaim(self, data: st.DataObject) -> None:
        self.choosing(data).reclaim()

    @precondition(lambda self: self.world.model.function is None)
    @rule(data=st.data())
    def join_outsider(self, data: st.DataObject) -> None:
        self.choosing(data).join_outsider()

    @precondition(lambda self: self.world.live_outsiders())
    @rule(data=st.data())
    def end_outsider(self, data: st.DataObject) -> None:
        self.choosing(data).end_outsider()

    @precondition(lambda self: self.world.has_started and self.world.model.function is None)
    @rule(data=st.data())
    def pause_flow(self, data: st.DataObject) -> None:
        self.choosing(data).pause_flow()

    @precondition(lambda self: self.world.model.pauses)
    @rule(data=st.data())
    def let_flow_go_on(self, data: st.DataObject) -> None:
        self.choosing(data).let_flow_go_on()

    @rule(data=st.data())
    def cancel_flow(self, data: st.DataObject) -> None:
        self.choosing(data).cancel_flow()

    @precondition(lambda self: self.world.has_started and self.world.model.function is None)
    @rule(data=st.data())
    def end_function(self, data: st.DataObject) -> None:
        self.choosing(data).end_function()

    def teardown(self) -> None:
        """All that is under way ends, the first thing first."""
        if hasattr(self, "world"):
            self.world.choose = lambda _count: 0
            self.world.come_to_an_end()


def _chooser(data: st.DataObject) -> Callable[[int], int]:
    return lambda count: data.draw(st.integers(0, count - 1))


TestOrchestrator: Any = OrchestratorMachine.TestCase
TestOrchestrator.settings = settings(
    max_examples=120, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
