"""What the orchestrator decides, as lists of events and their effects."""

from __future__ import annotations

import weakref

import pytest

from headrace.engine.effects import PostAgain, Settle
from headrace.engine.events import AttemptFinished, CancelRequested, Ending, RunReplayed
from headrace.engine.orchestrator import Orchestrator
from headrace.engine.policies import SlotPolicy
from headrace.engine.states import StateName
from headrace.engine.task_run import IllegalTransitionError, TaskRun
from tests.engine.story import Stage, Start, Story

LONG = 5_000


@pytest.fixture
def flow() -> Story:
    """A flow run that has started, with as many slots as it wants."""
    return started()


def started(*, slots: int | None = None, held: bool = False, ahead: bool = False) -> Story:
    story = Story(slots=slots, held=held, starts_ahead=ahead)
    story.start_flow()
    return story


# -- one task run ------------------------------------------------------------------------------------


def test_a_run_without_upstreams_starts_at_once_and_is_settled_when_it_returns(flow: Story) -> None:
    assert flow.submit(1) == ["start 1"]
    assert flow.finish(1) == ["settle 1 Completed"]
    assert flow.states(1) == [StateName.PENDING, StateName.RUNNING, StateName.COMPLETED]


@pytest.mark.parametrize(
    ("ending", "name"),
    [
        (Ending.RAISED, StateName.FAILED),
        (Ending.CANCELLED, StateName.CANCELLED),
        (Ending.CRASHED, StateName.CRASHED),
    ],
)
def test_every_ending_of_an_attempt_has_its_state_and_its_reason(
    flow: Story, ending: Ending, name: StateName
) -> None:
    flow.submit(1)
    assert flow.finish(1, ending) == [f"settle 1 {name}"]
    assert flow.reason(1) == f"it {ending.value}"
    assert flow.roots(1) == (1,)


def test_a_start_that_is_reported_is_recorded_and_calls_hooks(flow: Story) -> None:
    flow.submit(1)
    assert flow.begin(1) == ["record 1 Running", "hooks 1 Running"]
    assert flow.finish(1) == ["settle 1 Completed"]
    assert flow.states(1) == [StateName.PENDING, StateName.RUNNING, StateName.COMPLETED]


def test_a_start_that_is_reported_twice_is_heard_once(flow: Story) -> None:
    flow.submit(1)
    flow.begin(1)
    assert flow.begin(1) == []


def test_a_run_that_is_noticed_is_recorded_where_it_stands(flow: Story) -> None:
    flow.submit(1)
    flow.submit(2, 1)
    assert flow.notice(2) == ["record 2 Pending"]


def test_a_run_that_is_noticed_after_its_end_is_not_recorded_again(flow: Story) -> None:
    flow.submit(1)
    flow.finish(1)
    assert flow.notice(1) == []


def test_a_noticed_run_that_returns_has_all_its_states(flow: Story) -> None:
    flow.submit(1)
    flow.notice(1)
    assert flow.finish(1) == ["settle 1 Completed"]
    assert flow.states(1) == [StateName.PENDING, StateName.RUNNING, StateName.COMPLETED]


def test_reports_of_an_attempt_that_is_over_change_nothing(flow: Story) -> None:
    flow.submit(1, retries=1)
    flow.fail(1, retry_after=0.0)
    assert flow.begin(1, number=1) == []
    assert flow.finish(1, number=1) == []
    assert flow.withdraw(1, number=1) == []
    assert flow.give_up(1, number=1) == []
    assert flow.finish(1, number=2) == ["settle 1 Completed"]
    assert flow.finish(1, number=2) == []


def test_time_never_runs_backwards_in_a_run_when_reports_overtake_requests(flow: Story) -> None:
    flow.submit(1)
    late = flow.at()
    flow.now_us += 10
    flow.submit(2, 1)
    flow.engine.change(2, StateName.UPSTREAM_FAILED, late)
    times = [at_us for _, at_us, _ in flow.engine.changes(2)]
    assert times == sorted(times)


def test_an_event_of_an_unknown_kind_is_a_defect() -> None:
    with pytest.raises(StopIteration):
        Orchestrator(at_us=0).handle(object())  # type: ignore[arg-type]


def test_an_event_that_extends_a_known_one_is_handled_as_that(flow: Story) -> None:
    class Call(TaskRun):
        """As the driver extends it."""

    call = Call(1, flow.at())
    assert flow.engine.hear(call, flow.engine.orchestrator.handle(call))[1] == [Start(1, number=1)]
    flow.fail(1)
    assert flow.end_function() == ["end Failed unseen=[1]"]


# -- upstreams -----------------------------------------------------------------------------------------


def test_a_run_starts_when_the_last_of_its_upstreams_has_completed(flow: Story) -> None:
    flow.submit(1)
    flow.submit(2)
    assert flow.submit(3, 1, 2) == []
    assert flow.stage(3) is Stage.WAITING
    assert flow.finish(1) == ["settle 1 Completed"]
    assert flow.finish(2) == ["settle 2 Completed", "start 3"]


def test_an_upstream_that_has_completed_is_not_waited_for(flow: Story) -> None:
    flow.submit(1)
    flow.finish(1)
    assert flow.submit(2, 1) == ["start 2"]


def test_a_run_whose_upstream_fails_ends_without_running_and_so_do_those_after_it(flow: Story) -> None:
    flow.submit(1)
    flow.submit(2, 1)
    flow.submit(3, 2)
    flow.submit(4)
    assert flow.fail(1) == ["settle 1 Failed", "settle 2 UpstreamFailed", "settle 3 UpstreamFailed"]
    assert flow.roots(3) == (1,)
    assert flow.submit(5, 3) == ["settle 5 UpstreamFailed"]
    assert flow.finish(4) == ["settle 4 Completed"]


def test_neither_the_roots_nor_their_order_depend_on_who_fails_first(flow: Story) -> None:
    flow.submit(1)
    flow.submit(2)
    flow.submit(3, 1, 2)
    assert flow.fail(2) == ["settle 2 Failed"]
    assert flow.fail(1) == ["settle 1 Failed", "settle 3 UpstreamFailed"]
    assert flow.roots(3) == (1, 2)


def test_roots_known_at_the_start_and_roots_learnt_while_waiting_come_together(flow: Story) -> None:
    flow.submit(1)
    flow.submit(2)
    flow.fail(2)
    assert flow.submit(3, 1, 2) == []
    assert flow.fail(1) == ["settle 1 Failed", "settle 3 UpstreamFailed"]
    assert flow.roots(3) == (1, 2)


def test_a_tolerated_upstream_only_has_to_end(flow: Story) -> None:
    flow.submit(1)
    assert flow.submit(2, allow_failure=(1,)) == []
    assert flow.fail(1) == ["settle 1 Failed", "start 2"]


def test_a_tolerated_upstream_is_never_blamed(flow: Story) -> None:
    flow.submit(1)
    flow.submit(2)
    flow.submit(3, 2, allow_failure=(1,))
    flow.fail(1)
    assert flow.fail(2) == ["settle 2 Failed", "settle 3 UpstreamFailed"]
    assert flow.roots(3) == (2,)


def test_an_upstream_that_is_both_strict_and_tolerated_is_strict(flow: Story) -> None:
    flow.submit(1)
    flow.submit(2, 1, allow_failure=(1,))
    assert flow.fail(1) == ["settle 1 Failed", "settle 2 UpstreamFailed"]


def test_a_run_whose_upstream_was_cancelled_ends_upstream_failed(flow: Story) -> None:
    flow.submit(1)
    flow.submit(2, 1)
    flow.cancel(1)
    assert flow.withdraw(1) == ["settle 1 Cancelled", "settle 2 UpstreamFailed"]


def test_a_chain_of_any_length_ends_without_deep_recursion(flow: Story) -> None:
    flow.submit(1)
    for id in range(2, LONG):
        flow.submit(id, id - 1)
    assert len(flow.fail(1)) == LONG - 1


# -- retries -------------------------------------------------------------------------------------------


def test_a_failed_attempt_is_tried_again_after_its_delay(flow: Story) -> None:
    flow.submit(1, retries=1)
    assert flow.fail(1, retry_after=1.5) == ["record 1 AwaitingRetry", "hooks 1 AwaitingRetry", "timer 1 1.5"]
    assert flow.stage(1) is Stage.DELAYED
    assert flow.fire_timer(1) == ["start 1"]
    assert flow.begin(1, number=2) == ["record 1 Retrying", "hooks 1 Retrying"]
    assert flow.fail(1, number=2, retry_after=1.5) == ["settle 1 Failed"]


def test_a_retry_without_delay_needs_no_timer(flow: Story) -> None:
    flow.submit(1, retries=1)
    assert flow.fail(1, retry_after=0.0) == ["record 1 AwaitingRetry", "hooks 1 AwaitingRetry", "start 1"]
    assert flow.finish(1, number=2) == ["settle 1 Completed"]
    assert flow.states(1)[2:] == [StateName.AWAITING_RETRY, StateName.RETRYING, StateName.COMPLETED]


def test_a_failure_that_shall_not_be_tried_again_is_not(flow: Story) -> None:
    flow.submit(1, retries=3)
    assert flow.fail(1) == ["settle 1 Failed"]


def test_a_timer_that_fires_after_the_end_changes_nothing(flow: Story) -> None:
    flow.submit(1, retries=1)
    flow.fail(1, retry_after=1.5)
    assert flow.cancel(1) == ["settle 1 Cancelled"]
    assert flow.fire_timer(1) == []


def test_downstreams_wait_for_the_last_attempt(flow: Story) -> None:
    flow.submit(1, retries=1)
    flow.submit(2, 1)
    assert "start 2" not in flow.fail(1, retry_after=0.0)
    assert flow.finish(1, number=2) == ["settle 1 Completed", "start 2"]


# -- slots ---------------------------------------------------------------------------------------------


def test_who_finds_no_free_slot_waits_in_the_queue_in_order() -> None:
    flow = started(slots=1)
    assert flow.submit(1) == ["start 1"]
    assert flow.submit(2) == []
    assert flow.submit(3) == []
    assert flow.stage(2) is Stage.QUEUED
    assert flow.finish(1) == ["settle 1 Completed", "start 2"]
    assert flow.finish(2) == ["settle 2 Completed", "start 3"]
    flow.finish(3)
    assert flow.free_slots == 1


def test_who_waits_in_the_queue_goes_before_who_waited_for_the_run_that_ended() -> None:
    flow = started(slots=1)
    flow.submit(1)
    flow.submit(2, 1)
    flow.submit(3)
    assert flow.finish(1) == ["settle 1 Completed", "start 3"]
    assert flow.finish(3) == ["settle 3 Completed", "start 2"]


def test_a_run_that_needs_no_slot_starts_past_the_queue() -> None:
    flow = started(slots=1)
    flow.submit(1)
    assert flow.submit(2, needs_slot=False) == ["start 2"]


def test_a_run_that_needed_no_slot_frees_none() -> None:
    flow = started(slots=1)
    flow.submit(1)
    flow.submit(2, needs_slot=False)
    assert flow.finish(2) == ["settle 2 Completed"]
    assert flow.submit(3) == []
    assert flow.stage(3) is Stage.QUEUED


def test_waiting_for_a_slot_is_a_state_of_its_own_for_a_run_that_is_noticed() -> None:
    flow = started(slots=1)
    flow.submit(1)
    flow.submit(2)
    assert flow.notice(2) == ["record 2 AwaitingSlot"]
    assert flow.notice(2) == ["record 2 AwaitingSlot"]
    flow.finish(1)
    flow.finish(2)
    assert flow.states(2)[:3] == [StateName.PENDING, StateName.AWAITING_SLOT, StateName.RUNNING]


def test_a_run_that_was_noticed_before_says_that_it_waits_for_a_slot() -> None:
    flow = started(slots=1)
    flow.submit(1, needs_slot=False)
    flow.submit(2)
    flow.submit(3, 1)
    flow.notice(3)
    assert flow.finish(1) == ["settle 1 Completed", "record 3 AwaitingSlot"]


def test_a_run_that_ended_in_the_queue_takes_no_slot() -> None:
    flow = started(slots=1)
    flow.submit(1)
    flow.submit(2)
    flow.submit(3)
    assert flow.cancel(2) == ["settle 2 Cancelled"]
    assert flow.finish(1) == ["settle 1 Completed", "start 3"]


def test_the_slot_is_free_while_a_run_waits_for_its_retry() -> None:
    flow = started(slots=1)
    flow.submit(1, retries=1)
    flow.submit(2)
    assert flow.fail(1, retry_after=1.5)[2:] == ["start 2", "timer 1 1.5"]
    assert flow.fire_timer(1) == ["record 1 AwaitingSlot"]
    assert flow.finish(2) == ["settle 2 Completed", "start 1"]


def test_the_slot_is_held_between_attempts_where_runs_go_one_after_another() -> None:
    flow = started(slots=1, held=True)
    flow.submit(1, retries=1)
    flow.submit(2)
    assert "start 2" not in flow.fail(1, retry_after=1.5)
    assert flow.fire_timer(1) == ["start 1"]
    assert flow.finish(1, number=2) == ["settle 1 Completed", "start 2"]


def test_a_retry_of_a_run_without_slot_frees_none() -> None:
    flow = started(slots=1)
    flow.submit(1, retries=1, needs_slot=False)
    flow.fail(1, retry_after=1.5)
    assert flow.free_slots == 1


# -- lending -------------------------------------------------------------------------------------------


def test_a_run_that_blocks_lends_its_slot_and_has_it_back_before_anybody_else() -> None:
    flow = started(slots=1)
    flow.submit(1)
    flow.submit(2)
    flow.submit(3)
    assert flow.lend(1, awaited=2) == ["start 2"]
    assert flow.finish(2) == ["settle 2 Completed"]
    assert flow.finish(1) == ["settle 1 Completed", "start 3"]


def test_who_stops_waiting_has_the_slot_back() -> None:
    flow = started(slots=2)
    flow.submit(1)
    flow.submit(2)
    flow.lend(1, awaited=2)
    assert flow.free_slots == 1
    assert flow.reclaim(1, awaited=2) == []
    assert flow.free_slots == 0


def test_nobody_lends_for_a_run_that_has_ended() -> None:
    flow = started(slots=1)
    flow.submit(1)
    flow.submit(2)
    assert flow.lend(1, awaited=99) == []


def test_a_run_lends_while_it_waits_for_a_run_of_another_flow() -> None:
    flow = started(slots=1)
    flow.submit(1)
    flow.submit(2)
    assert flow.lend(1, awaited=0) == ["start 2"]
    flow.reclaim(1, awaited=0)
    assert flow.finish(2) == ["settle 2 Completed"]
    assert flow.free_slots == 0


@pytest.mark.parametrize("slots", [None, 1])
def test_who_holds_no_slot_lends_none(slots: int | None) -> None:
    flow = Story(slots=slots)
    flow.submit(1, needs_slot=False)
    flow.lend(1, awaited=0)
    flow.lend(99, awaited=0)
    assert flow.free_slots == slots


def test_a_run_that_never_lent_reclaims_nothing() -> None:
    flow = started(slots=1)
    flow.submit(1)
    flow.reclaim(1, awaited=0)
    assert flow.free_slots == 0


def test_a_run_whose_threads_wait_for_two_others_lends_its_one_slot_once() -> None:
    flow = started(slots=1)
    for id in range(1, 5):
        flow.submit(id)
    assert flow.lend(1, awaited=2) == ["start 2"]
    assert flow.lend(1, awaited=3) == []
    assert flow.finish(2) == ["settle 2 Completed", "start 3"]
    assert flow.finish(3) == ["settle 3 Completed"]
    assert flow.finish(1) == ["settle 1 Completed", "start 4"]


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (None, "cancelled on request"),
        ("cancelled on request", "cancelled on request"),
        ("it goes on unheard", "cancelled on request; it goes on unheard"),
    ],
)
def test_what_was_cancelled_ends_for_the_reason_of_that(flow: Story, told: str | None, reason: str) -> None:
    flow.submit(1)
    flow.begin(1)
    flow.cancel(1)
    assert flow.stop(1, told) == ["settle 1 Cancelled"]
    assert flow.reason(1) == reason


def test_what_nobody_cancelled_ends_for_the_reason_that_its_report_tells(flow: Story) -> None:
    flow.submit(1)
    flow.begin(1)
    flow.stop(1, "interrupted")
    assert flow.reason(1) == "interrupted"


def test_a_lender_that_ends_unheard_does_not_free_its_slot_twice() -> None:
    flow = started(slots=1)
    for id in range(1, 4):
        flow.submit(id)
    assert flow.lend(1, awaited=2) == ["start 2"]
    flow.cancel(1)
    assert flow.give_up(1) == ["settle 1 Cancelled"]
    assert flow.finish(2) == ["settle 2 Completed", "start 3"]
    flow.finish(3)
    assert flow.reclaim(1, awaited=2) == []
    assert flow.free_slots == 1


def test_the_loans_of_others_stay_when_a_lender_ends() -> None:
    flow = started(slots=2)
    for id in range(1, 5):
        flow.submit(id)
    assert flow.lend(1, awaited=3) == ["start 3"]
    assert flow.lend(2, awaited=3) == ["start 4"]
    flow.cancel(1)
    flow.give_up(1)
    assert flow.free_slots == 0
    flow.finish(3)
    assert flow.free_slots == 0
    flow.finish(4)
    assert flow.free_slots == 1
    flow.finish(2)
    assert flow.free_slots == 2


def test_one_of_two_lenders_stops_waiting_and_the_other_goes_on() -> None:
    flow = started(slots=2)
    for id in range(1, 4):
        flow.submit(id)
    flow.lend(1, awaited=3)
    flow.lend(2, awaited=3)
    flow.reclaim(1, awaited=3)
    assert flow.free_slots == 0
    flow.finish(3)
    assert flow.free_slots == 0


def test_a_loan_is_over_when_its_attempt_is() -> None:
    flow = started(slots=1)
    flow.submit(1, retries=1)
    flow.lend(1, awaited=0)
    flow.fail(1, retry_after=1.5)
    assert flow.free_slots == 1


def test_a_run_that_waits_for_itself_can_be_cancelled() -> None:
    flow = started(slots=1)
    flow.submit(1)
    flow.lend(1, awaited=1)
    flow.cancel(1)
    assert flow.give_up(1) == ["settle 1 Cancelled"]
    assert flow.free_slots == 1


# -- cancelling a task run -----------------------------------------------------------------------------


def test_a_run_that_waits_is_cancelled_at_once_and_not_released_later(flow: Story) -> None:
    flow.submit(1)
    flow.submit(2, 1)
    assert flow.cancel(2) == ["settle 2 Cancelled"]
    assert flow.finish(1) == ["settle 1 Completed"]


def test_an_attempt_is_interrupted_and_the_run_ends_with_its_report(flow: Story) -> None:
    flow.submit(1)
    flow.begin(1)
    assert flow.cancel(1) == ["record 1 Cancelling", "interrupt 1#1"]
    assert flow.finish(1, Ending.CANCELLED) == ["settle 1 Cancelled"]


def test_one_cancel_is_enough(flow: Story) -> None:
    flow.submit(1)
    assert flow.cancel(1) == ["interrupt 1#1"]
    assert flow.cancel(1) == []


def test_what_cannot_be_stopped_goes_on_unheard(flow: Story) -> None:
    flow.submit(1)
    flow.cancel(1)
    assert flow.give_up(1) == ["settle 1 Cancelled"]
    assert "unheard" in str(flow.reason(1))
    assert flow.finish(1) == []


def test_an_attempt_that_returns_in_spite_of_a_cancel_has_completed(flow: Story) -> None:
    flow.submit(1)
    flow.begin(1)
    flow.cancel(1)
    assert flow.finish(1) == ["settle 1 Completed"]


@pytest.mark.parametrize("is_known_to_run", [False, True])
def test_a_cancelled_run_is_not_tried_again(flow: Story, *, is_known_to_run: bool) -> None:
    flow.submit(1, retries=3)
    if is_known_to_run:
        flow.begin(1)
    flow.cancel(1)
    assert flow.fail(1, retry_after=0.0) == ["settle 1 Failed"]


def test_a_cancelled_ending_is_not_tried_again(flow: Story) -> None:
    flow.submit(1, retries=3)
    assert flow.finish(1, Ending.CANCELLED, retry_after=0.0) == ["settle 1 Cancelled"]


def test_cancelling_what_has_ended_changes_nothing(flow: Story) -> None:
    flow.submit(1)
    flow.finish(1)
    assert flow.cancel(1) == []


# -- the flow run --------------------------------------------------------------------------------------


def test_a_flow_run_ends_with_its_function_when_nothing_else_runs(flow: Story) -> None:
    assert flow.end_function() == ["end Completed"]
    assert flow.engine.has_ended


def test_a_flow_run_ends_with_its_last_task_run(flow: Story) -> None:
    flow.submit(1)
    assert flow.end_function() == []
    assert flow.finish(1) == ["settle 1 Completed", "end Completed"]


def test_a_task_called_after_the_end_is_cancelled(flow: Story) -> None:
    flow.end_function()
    assert flow.submit(1) == ["settle 1 Cancelled"]
    assert flow.reason(1) == "the flow run has ended"
    assert flow.cancel() == []


def test_a_function_that_raised_lets_what_runs_finish_and_cancels_the_rest(flow: Story) -> None:
    flow.submit(1)
    flow.begin(1)
    flow.submit(2, 1)
    flow.submit(3, 2)
    assert flow.end_function(Ending.RAISED) == ["settle 2 Cancelled", "settle 3 Cancelled"]
    assert flow.reason(3) == "flow failed"
    assert flow.finish(1) == ["settle 1 Completed", "end Failed"]


def test_a_function_that_raised_takes_back_attempts_that_have_not_begun(flow: Story) -> None:
    flow.submit(1)
    assert flow.end_function(Ending.RAISED) == ["withdraw 1#1"]
    assert flow.withdraw(1) == ["settle 1 Cancelled", "end Failed"]


def test_a_function_that_raised_lets_started_runs_have_their_retries() -> None:
    flow = started(slots=1)
    flow.submit(1, retries=1)
    flow.fail(1, retry_after=1.5)
    assert flow.end_function(Ending.RAISED) == []
    assert flow.fire_timer(1) == ["start 1"]
    assert flow.finish(1, number=2) == ["settle 1 Completed", "end Failed"]


def test_a_tolerant_run_is_not_started_by_the_cancel_of_its_upstream(flow: Story) -> None:
    flow.submit(1)
    flow.submit(2, 1)
    flow.submit(3, allow_failure=(2,))
    assert flow.end_function(Ending.RAISED) == ["settle 2 Cancelled", "settle 3 Cancelled", "withdraw 1#1"]


def test_a_function_that_crashed_makes_the_flow_run_crashed(flow: Story) -> None:
    assert flow.end_function(Ending.CRASHED) == ["end Crashed"]


def test_a_cancelled_flow_run_stops_what_runs_and_starts_nothing_more() -> None:
    flow = started(slots=1, held=True)
    flow.submit(1, retries=1)
    flow.submit(2)
    flow.fail(1, retry_after=1.5)
    assert flow.cancel() == ["flow Cancelling", "stop the flow", "settle 1 Cancelled", "settle 2 Cancelled"]
    assert flow.submit(3) == ["settle 3 Cancelled"]
    assert flow.cancel() == []
    assert flow.end_function() == ["end Cancelled"]


def test_a_cancelled_flow_run_interrupts_attempts_and_does_not_try_them_again(flow: Story) -> None:
    flow.submit(1, retries=1)
    assert flow.cancel() == ["flow Cancelling", "stop the flow", "interrupt 1#1"]
    assert flow.end_function(Ending.CANCELLED) == []
    assert flow.fail(1, retry_after=0.0) == ["settle 1 Failed", "end Cancelled unseen=[1]"]


def test_a_function_that_was_cancelled_cancels_the_flow_run(flow: Story) -> None:
    flow.submit(1)
    assert flow.end_function(Ending.CANCELLED) == ["flow Cancelling", "stop the flow", "interrupt 1#1"]
    assert flow.withdraw(1) == ["settle 1 Cancelled", "end Cancelled"]


def test_a_function_that_ends_by_the_cancel_of_its_flow_run_changes_nothing_more(flow: Story) -> None:
    flow.submit(1)
    flow.cancel()
    assert flow.end_function(Ending.CANCELLED) == []
    assert flow.withdraw(1) == ["settle 1 Cancelled", "end Cancelled"]


def test_a_cancel_that_comes_before_the_start_is_heard() -> None:
    flow = Story()
    assert flow.cancel() == ["flow Running", "flow Cancelling", "stop the flow"]
    assert flow.start_flow() == []
    assert flow.end_function() == ["end Cancelled"]


def test_a_flow_run_that_would_change_against_the_table_is_a_defect(flow: Story) -> None:
    flow.end_function()
    with pytest.raises(IllegalTransitionError, match="flow run: Cancelling may not follow Completed"):
        flow.engine.orchestrator._change_flow((StateName.CANCELLING, 9, None))


# -- timeouts ------------------------------------------------------------------------------------------


def test_the_deadline_of_an_attempt_is_set_when_it_begins(flow: Story) -> None:
    flow.submit(1, timeout=3.0)
    assert flow.begin(1) == ["record 1 Running", "hooks 1 Running", "deadline 1#1 3"]
    assert flow.begin(1) == []


def test_an_attempt_that_passes_its_deadline_is_interrupted_and_its_run_ends_timed_out(flow: Story) -> None:
    flow.submit(1, timeout=3.0)
    flow.submit(2, 1)
    flow.begin(1)
    assert flow.pass_deadline(1) == ["interrupt 1#1"]
    assert flow.time_out(1) == ["settle 1 TimedOut", "settle 2 UpstreamFailed"]
    assert flow.states(1) == ["Pending", "Running", "TimedOut"]
    assert flow.end_function() == ["end Failed unseen=[1]"]


def test_what_passed_its_deadline_is_tried_again_with_a_deadline_of_its_own(flow: Story) -> None:
    flow.submit(1, retries=1, timeout=3.0)
    flow.begin(1)
    flow.pass_deadline(1)
    assert flow.time_out(1, retry_after=1.5) == [
        "record 1 AwaitingRetry",
        "hooks 1 AwaitingRetry",
        "timer 1 1.5",
    ]
    assert flow.reason(1) == "it timed out"
    assert flow.fire_timer(1) == ["start 1"]
    assert flow.begin(1, 2) == ["record 1 Retrying", "hooks 1 Retrying", "deadline 1#2 3"]
    assert flow.pass_deadline(1, 1) == []
    assert flow.time_out(1, number=1) == []
    assert flow.pass_deadline(1, 2) == ["interrupt 1#2"]
    assert flow.time_out(1, number=2, retry_after=1.5) == ["settle 1 TimedOut"]


def test_an_attempt_that_ended_before_it_could_be_interrupted_ends_as_it_did(flow: Story) -> None:
    flow.submit(1, timeout=3.0)
    flow.begin(1)
    flow.pass_deadline(1)
    assert flow.finish(1) == ["settle 1 Completed"]
    assert flow.pass_deadline(1) == []


def test_a_run_is_interrupted_once_by_its_deadline_and_a_cancel(flow: Story) -> None:
    for id in (1, 2):
        flow.submit(id, retries=1, timeout=3.0)
        flow.begin(id)
    flow.pass_deadline(1)
    assert flow.cancel(1) == ["record 1 Cancelling"]
    assert flow.time_out(1, retry_after=1.5) == ["settle 1 TimedOut"]
    flow.cancel(2)
    assert flow.pass_deadline(2) == []
    assert flow.finish(2, Ending.CANCELLED) == ["settle 2 Cancelled"]


def test_a_flow_run_that_passes_its_deadline_stops_all_and_ends_timed_out() -> None:
    flow = Story(timeout=60.0)
    assert flow.start_flow() == ["flow Running", "deadline of the flow 60"]
    flow.submit(1)
    assert flow.pass_deadline() == ["flow Cancelling", "stop the flow", "interrupt 1#1"]
    assert flow.pass_deadline() == flow.cancel() == []
    assert flow.finish(1, Ending.CANCELLED) == ["settle 1 Cancelled"]
    assert flow.end_function(Ending.RAISED) == ["end TimedOut"]
    assert flow.pass_deadline() == flow.give_up_flow() == []


def test_a_flow_run_that_was_cancelled_does_not_time_out() -> None:
    flow = Story(timeout=60.0)
    flow.start_flow()
    flow.cancel()
    assert flow.pass_deadline() == []
    assert flow.end_function(Ending.CANCELLED) == ["end Cancelled"]


def test_a_function_that_does_not_stop_is_given_up(flow: Story) -> None:
    flow.cancel()
    assert flow.give_up_flow() == ["end Cancelled"]
    assert flow.end_function() == []


def test_a_subflow_that_does_not_stop_is_given_up(flow: Story) -> None:
    flow.join(-1, owned=True)
    assert flow.end_function(Ending.CANCELLED) == ["flow Cancelling", "stop the flow"]
    assert flow.give_up_flow() == ["end Cancelled"]
    assert flow.end_outsider(-1, completed=False) == []


def test_who_joins_a_flow_run_that_is_given_up_is_not_waited_for(flow: Story) -> None:
    flow.submit(1)
    flow.cancel()
    assert flow.give_up_flow() == []
    flow.join(-1, owned=True)
    assert flow.give_up(1) == ["settle 1 Cancelled", "end Cancelled"]


# -- failures, seen and unseen -------------------------------------------------------------------------


def test_a_failure_that_nobody_retrieved_fails_the_flow_run(flow: Story) -> None:
    flow.submit(1)
    flow.fail(1)
    assert flow.end_function() == ["end Failed unseen=[1]"]


def test_a_crash_that_nobody_retrieved_fails_the_flow_run(flow: Story) -> None:
    flow.submit(1)
    flow.finish(1, Ending.CRASHED)
    assert flow.end_function() == ["end Failed unseen=[1]"]


def test_a_failure_that_was_retrieved_does_not_fail_the_flow_run(flow: Story) -> None:
    flow.submit(1)
    flow.fail(1)
    flow.retrieve(1)
    assert flow.end_function() == ["end Completed"]


def test_a_run_that_was_cancelled_does_not_fail_the_flow_run(flow: Story) -> None:
    flow.submit(1)
    flow.cancel(1)
    flow.withdraw(1)
    assert flow.end_function() == ["end Completed"]


def test_only_the_root_of_failed_runs_is_unseen(flow: Story) -> None:
    flow.submit(1)
    flow.submit(2, 1)
    flow.fail(1)
    assert flow.end_function() == ["end Failed unseen=[1]"]


def test_retrieving_a_run_that_did_not_start_retrieves_its_roots(flow: Story) -> None:
    flow.submit(1)
    flow.submit(2, 1)
    flow.fail(1)
    flow.retrieve(2)
    assert flow.end_function() == ["end Completed"]


@pytest.mark.parametrize("is_early", [False, True])
def test_allowing_a_failure_retrieves_it(flow: Story, *, is_early: bool) -> None:
    flow.submit(1)
    if is_early:
        flow.submit(2, allow_failure=(1,))
    flow.fail(1)
    if not is_early:
        flow.submit(2, allow_failure=(1,))
    flow.finish(2)
    assert flow.end_function() == ["end Completed"]


def test_a_failure_of_a_run_that_somebody_asks_for_while_it_ends_is_retrieved(flow: Story) -> None:
    flow.submit(1)
    flow.retrieve(1)
    flow.fail(1)
    assert flow.end_function() == ["end Completed"]


def test_a_failure_that_somebody_waits_for_is_retrieved_by_its_end(flow: Story) -> None:
    flow.submit(1)
    flow.engine.be_waited_for(1)
    flow.fail(1)
    assert flow.end_function() == ["end Completed"]


def test_a_returned_failure_that_is_allowed_is_retrieved(flow: Story) -> None:
    flow.submit(1)
    flow.submit(2)
    flow.fail(1)
    assert flow.end_function(allow_failure=(1, 2)) == []
    assert flow.fail(2) == ["settle 2 Failed", "end Completed"]


def test_a_returned_failure_speaks_for_itself(flow: Story) -> None:
    flow.submit(1)
    flow.submit(2, 1)
    flow.submit(3)
    flow.fail(1)
    flow.fail(3)
    assert flow.end_function(returned=(2,)) == ["end Failed unseen=[3] returned=[2]"]


def test_a_returned_run_that_completed_is_not_told(flow: Story) -> None:
    flow.submit(1)
    flow.end_function(returned=(1,))
    assert flow.finish(1) == ["settle 1 Completed", "end Completed"]


# -- runs of other flows -------------------------------------------------------------------------------


def test_a_run_of_another_flow_is_an_upstream_like_any_other(flow: Story) -> None:
    flow.join(-1)
    assert flow.submit(1, -1) == []
    assert flow.end_outsider(-1) == ["start 1"]
    assert flow.submit(2, -1) == ["start 2"]


def test_a_failed_run_of_another_flow_is_a_root_and_not_ours_to_retrieve(flow: Story) -> None:
    flow.join(-1)
    flow.submit(1, -1)
    assert flow.end_outsider(-1, completed=False) == ["settle 1 UpstreamFailed"]
    assert flow.roots(1) == (-1,)
    assert flow.end_function() == ["end Completed"]


def test_a_flow_run_waits_for_its_subflows(flow: Story) -> None:
    flow.join(-1, owned=True)
    assert flow.end_function() == []
    assert flow.end_outsider(-1) == ["end Completed"]


def test_a_flow_run_waits_for_runs_of_other_flows_only_if_it_returns_them(flow: Story) -> None:
    flow.join(-1)
    flow.join(-2)
    assert flow.end_function(returned=(-2,)) == []
    assert flow.end_outsider(-2, completed=False) == ["end Failed returned=[-2]"]


def test_a_flow_run_waits_for_a_run_of_another_flow_that_it_returns_and_that_may_fail(flow: Story) -> None:
    flow.join(-1)
    assert flow.end_function(allow_failure=(-1,)) == []
    assert flow.end_outsider(-1, completed=False) == ["end Completed"]


def test_a_failed_subflow_that_nobody_retrieved_fails_the_flow_run(flow: Story) -> None:
    flow.join(-1, owned=True)
    flow.end_outsider(-1, completed=False)
    assert flow.end_function() == ["end Failed unseen=[-1]"]


@pytest.mark.parametrize("is_early", [False, True])
def test_a_failed_subflow_is_retrieved_also_by_who_saw_its_end_sooner(flow: Story, *, is_early: bool) -> None:
    flow.join(-1, owned=True)
    if is_early:
        flow.retrieve(-1)
    flow.end_outsider(-1, completed=False)
    if not is_early:
        flow.retrieve(-1)
    assert flow.end_function() == ["end Completed"]


# -- a run starts ahead of its upstreams' ends ---------------------------------------------------------


@pytest.fixture
def ahead() -> Story:
    """A flow run whose task runner waits for upstreams itself, with as many slots as it wants."""
    return started(ahead=True)


def test_a_run_starts_ahead_when_all_its_upstreams_are_with_the_task_runner(ahead: Story) -> None:
    ahead.submit(1)
    ahead.submit(2)
    assert ahead.submit(3, 1, 2) == ["start 3"]
    assert ahead.stage(3) is Stage.AHEAD
    assert ahead.finish(1) == ["settle 1 Completed"]
    assert ahead.stage(3) is Stage.AHEAD
    assert ahead.finish(2) == ["settle 2 Completed"]
    assert ahead.stage(3) is Stage.ACTIVE
    assert ahead.finish(3) == ["settle 3 Completed"]
    assert ahead.states(3) == [StateName.PENDING, StateName.RUNNING, StateName.COMPLETED]
    assert ahead.number(3) == 1


def test_no_run_starts_ahead_where_the_task_runner_does_not_wait_for_upstreams(flow: Story) -> None:
    flow.submit(1)
    assert flow.submit(2, 1) == []


def test_a_chain_starts_ahead_as_one(ahead: Story) -> None:
    ahead.submit(1)
    assert [ahead.submit(id, id - 1) for id in range(2, 6)] == [[f"start {id}"] for id in range(2, 6)]
    for id in range(1, 6):
        assert ahead.finish(id) == [f"settle {id} Completed"]


def test_a_run_starts_ahead_with_an_upstream_that_has_completed_beside_one_that_runs(ahead: Story) -> None:
    ahead.submit(1)
    ahead.finish(1)
    ahead.submit(2)
    assert ahead.submit(3, 1, 2) == ["start 3"]


def test_a_run_does_not_start_ahead_when_an_upstream_has_failed(ahead: Story) -> None:
    ahead.submit(1)
    ahead.submit(2)
    ahead.fail(1)
    assert ahead.submit(3, 1, 2) == []
    assert ahead.finish(2) == ["settle 2 Completed", "settle 3 UpstreamFailed"]


def test_a_run_does_not_start_ahead_when_an_upstream_waits_for_its_retry(ahead: Story) -> None:
    ahead.submit(1, retries=1)
    ahead.fail(1, retry_after=1.5)
    assert ahead.submit(2, 1) == []
    assert ahead.fire_timer(1) == ["start 1", "start 2"]


def test_a_run_does_not_start_ahead_when_an_upstream_is_being_cancelled(ahead: Story) -> None:
    ahead.submit(1)
    ahead.cancel(1)
    assert ahead.submit(2, 1) == []
    assert ahead.finish(1) == ["settle 1 Completed", "start 2"]


def test_a_run_does_not_start_ahead_of_a_run_of_another_flow(ahead: Story) -> None:
    ahead.join(-1)
    ahead.submit(1)
    assert ahead.submit(2, -1) == []
    assert ahead.submit(3, 2) == []
    assert ahead.submit(4, -1, 1) == []
    assert ahead.end_outsider(-1) == ["start 2", "start 3"]
    assert ahead.submit(5, -1, 1) == ["start 5"]
    assert ahead.finish(1) == ["settle 1 Completed", "start 4"]


def test_a_run_does_not_start_ahead_of_an_upstream_that_may_fail(ahead: Story) -> None:
    ahead.submit(1)
    ahead.submit(2)
    ahead.join(-1)
    assert ahead.submit(3, 1, allow_failure=(2,)) == []
    assert ahead.submit(4, 1, allow_failure=(-1,)) == []
    ahead.fail(2)
    assert ahead.submit(5, 1, allow_failure=(2,)) == ["start 5"]
    assert ahead.finish(1) == ["settle 1 Completed", "start 3"]
    assert ahead.end_outsider(-1, completed=False) == ["start 4"]


@pytest.mark.parametrize(("slots", "ahead"), [(1, 0), (2, 0), (3, 0), (4, 1), (5, 1), (6, 2), (1_000, 499)])
def test_runs_start_ahead_only_while_more_than_half_of_the_slots_are_free(slots: int, ahead: int) -> None:
    flow = started(slots=slots, ahead=True)
    flow.submit(1)
    for id in range(2, slots + 2):
        assert flow.submit(id, 1) == ([f"start {id}"] if id <= ahead + 1 else [])
    assert flow.free_slots == slots - 1 - ahead


def test_a_run_that_found_no_slot_to_start_ahead_starts_when_its_upstream_has_ended() -> None:
    flow = started(slots=4, ahead=True)
    flow.submit(1)
    assert flow.submit(2, 1) == ["start 2"]
    assert flow.submit(3, 1) == []
    assert flow.submit(4, 2) == []
    assert (flow.stage(3), flow.stage(4)) == (Stage.WAITING, Stage.WAITING)
    assert flow.finish(1) == ["settle 1 Completed", "start 3"]
    assert flow.finish(3) == ["settle 3 Completed"]
    assert flow.finish(2) == ["settle 2 Completed", "start 4"]
    assert flow.finish(4) == ["settle 4 Completed"]
    assert flow.free_slots == 4


def test_independent_runs_start_at_once_beside_a_slow_upstream_with_more_dependents_than_slots() -> None:
    flow = started(slots=10, ahead=True)
    flow.submit(1)
    for id in range(2, 32):
        flow.submit(id, 1)
    for id in range(32, 82):
        assert flow.submit(id) == [f"start {id}"]
        assert flow.finish(id) == [f"settle {id} Completed"]
    assert [flow.submit(id) for id in range(82, 88)] == [[f"start {id}"] for id in range(82, 87)] + [[]]
    assert flow.finish(82) == ["settle 82 Completed", "start 87"]
    assert flow.finish(1) == ["settle 1 Completed", "start 6"]


def test_the_last_slot_is_not_taken_ahead_of_an_upstream_that_waits_for_who_needs_it() -> None:
    flow = started(slots=1, ahead=True)
    flow.submit(1)
    flow.lend(1, 0)
    assert flow.submit(2, 1) == []
    assert flow.submit(3) == ["start 3"]
    assert flow.finish(3) == ["settle 3 Completed"]
    flow.reclaim(1, 0)
    assert flow.finish(1) == ["settle 1 Completed", "start 2"]


def test_a_run_that_found_no_slot_to_start_ahead_queues_when_its_upstream_has_ended() -> None:
    flow = started(slots=1, ahead=True)
    flow.submit(1)
    flow.submit(2, 1)
    flow.submit(3)
    assert flow.finish(1) == ["settle 1 Completed", "start 3"]
    assert flow.stage(2) is Stage.QUEUED
    assert flow.finish(3) == ["settle 3 Completed", "start 2"]


def test_a_run_that_found_no_slot_to_start_ahead_starts_with_the_next_attempt_of_its_upstream() -> None:
    flow = started(slots=4, ahead=True)
    flow.submit(1, retries=1)
    flow.submit(2)
    assert flow.submit(3, 1) == []
    assert flow.finish(2) == ["settle 2 Completed"]
    assert flow.fail(1, retry_after=1.5) == ["record 1 AwaitingRetry", "hooks 1 AwaitingRetry", "timer 1 1.5"]
    assert flow.free_slots == 4
    assert flow.fire_timer(1) == ["start 1", "start 3"]
    assert flow.stage(3) is Stage.AHEAD


def test_a_run_that_needs_no_slot_starts_ahead_when_its_upstream_comes_out_of_the_queue() -> None:
    flow = started(slots=1, ahead=True)
    flow.submit(1)
    flow.submit(2)
    assert flow.submit(3, 2, needs_slot=False) == []
    assert flow.submit(4, 3) == []
    assert flow.finish(1) == ["settle 1 Completed", "start 2", "start 3"]
    assert flow.finish(2) == ["settle 2 Completed"]
    assert flow.finish(3) == ["settle 3 Completed", "start 4"]


def test_a_chain_longer_than_half_of_the_slots_moves_on_part_by_part() -> None:
    flow = started(slots=10, ahead=True)
    flow.submit(1)
    for id in range(2, LONG + 1):
        assert flow.submit(id, id - 1) == ([f"start {id}"] if id <= 5 else [])
    for id in range(1, LONG + 1):
        next_part = range(id + 1, min(id + 5, LONG) + 1) if id % 5 == 0 else ()
        assert flow.finish(id) == [f"settle {id} Completed", *(f"start {later}" for later in next_part)]
    assert flow.free_slots == 10


def test_a_chain_that_needs_no_slots_starts_ahead_without_deep_recursion() -> None:
    flow = started(slots=1, ahead=True)
    flow.submit(1)
    flow.submit(2)
    for id in range(3, LONG):
        flow.submit(id, id - 1, needs_slot=False)
    assert len(flow.finish(1)) == LONG - 1


# -- word of a run that started ahead overtakes word of its upstream ------------------------------------


def test_word_that_overtakes_word_of_the_upstream_is_kept_and_told_again(ahead: Story) -> None:
    ahead.submit(1)
    ahead.submit(2, 1)
    assert ahead.begin(2) == []
    assert ahead.finish(2) == []
    assert ahead.states(2) == [StateName.PENDING]
    assert ahead.finish(1) == ["settle 1 Completed", "again began 2#1", "again finished 2#1"]
    assert ahead.tell_again() == ["record 2 Running", "hooks 2 Running"]
    assert ahead.tell_again() == ["settle 2 Completed"]


def test_early_word_of_a_chain_is_told_again_link_by_link(ahead: Story) -> None:
    ahead.submit(1)
    for id in (2, 3):
        ahead.submit(id, id - 1)
    for id in (3, 2):
        assert ahead.finish(id) == []
    assert ahead.finish(1) == ["settle 1 Completed", "again finished 2#1"]
    assert ahead.tell_again() == ["settle 2 Completed", "again finished 3#1"]
    assert ahead.tell_again() == ["settle 3 Completed"]


def test_an_early_failure_is_tried_again_when_its_time_has_come(ahead: Story) -> None:
    ahead.submit(1)
    ahead.submit(2, 1, retries=1)
    assert ahead.fail(2, retry_after=0.0) == []
    assert ahead.finish(1) == ["settle 1 Completed", "again finished 2#1"]
    assert ahead.tell_again() == ["record 2 AwaitingRetry", "hooks 2 AwaitingRetry", "start 2"]
    assert ahead.number(2) == 2


def test_early_word_is_kept_no_longer_than_until_its_time_has_come() -> None:
    class Report(AttemptFinished):
        """One to which weak references are possible."""

    orchestrator = Orchestrator(at_us=0, slots=SlotPolicy(starts_ahead=True))
    orchestrator.handle(TaskRun(1, 1))
    orchestrator.handle(TaskRun(2, 2, upstreams=(1,)))
    report = Report(2, 1, 3, 4, Ending.RETURNED)
    orchestrator.handle(report)
    told_again = orchestrator.handle(AttemptFinished(1, 1, 1, 3, Ending.RETURNED))[-1]
    assert told_again == PostAgain(report)
    orchestrator.handle(report)
    kept = weakref.ref(report)
    del report, told_again
    assert kept() is None


def test_early_word_of_another_attempt_is_not_kept(ahead: Story) -> None:
    ahead.submit(1)
    ahead.submit(2, 1)
    assert ahead.begin(2, number=2) == []
    assert ahead.finish(2, number=2) == []
    assert ahead.finish(1) == ["settle 1 Completed"]


def test_a_run_ahead_is_not_stopped_by_word_that_nobody_waits_for(ahead: Story) -> None:
    ahead.submit(1)
    ahead.submit(2, 1)
    assert ahead.withdraw(2) == []
    assert ahead.give_up(2) == []
    assert ahead.fire_timer(2) == []
    assert ahead.stage(2) is Stage.AHEAD


def test_a_run_ahead_that_is_noticed_is_recorded_as_pending(ahead: Story) -> None:
    ahead.submit(1)
    ahead.submit(2, 1)
    assert ahead.notice(2) == ["record 2 Pending"]


# -- a run that started ahead will not run, or not yet -------------------------------------------------


def test_a_run_ahead_whose_upstream_fails_is_called_back_and_was_never_tried(ahead: Story) -> None:
    ahead.submit(1)
    ahead.submit(2, 1)
    ahead.submit(3, 2)
    assert ahead.fail(1) == [
        "settle 1 Failed",
        "interrupt 2#1",
        "settle 2 UpstreamFailed",
        "interrupt 3#1",
        "settle 3 UpstreamFailed",
    ]
    assert (ahead.number(2), ahead.number(3)) == (0, 0)
    assert ahead.roots(3) == (1,)
    assert ahead.withdraw(2) == []
    assert ahead.skip(3) == []
    assert ahead.end_function() == ["end Failed unseen=[1]"]


def test_a_run_ahead_is_called_back_only_when_the_last_of_its_upstreams_has_ended(ahead: Story) -> None:
    ahead.submit(1)
    ahead.submit(2)
    ahead.submit(3, 1, 2)
    assert ahead.fail(1) == ["settle 1 Failed"]
    assert ahead.finish(2) == ["settle 2 Completed", "interrupt 3#1", "settle 3 UpstreamFailed"]


def test_a_run_that_is_called_back_gives_its_slot_to_the_next() -> None:
    flow = started(slots=4, ahead=True)
    flow.submit(1)
    flow.submit(2, 1)
    for id in range(3, 7):
        flow.submit(id)
    assert flow.fail(1) == [
        "settle 1 Failed",
        "interrupt 2#1",
        "settle 2 UpstreamFailed",
        "start 5",
        "start 6",
    ]
    assert flow.free_slots == 0


def test_nobody_starts_ahead_of_a_run_that_is_doomed() -> None:
    flow = started(slots=6, ahead=True)
    for id in range(1, 6):
        flow.submit(id, *([id - 1] if id > 1 else []))
    assert flow.fail(1) == [
        "settle 1 Failed",
        "interrupt 2#1",
        "settle 2 UpstreamFailed",
        "interrupt 3#1",
        "settle 3 UpstreamFailed",
        "settle 4 UpstreamFailed",
        "settle 5 UpstreamFailed",
    ]
    assert flow.free_slots == 6


def test_nobody_starts_ahead_of_a_run_that_is_doomed_and_of_one_that_minds_no_failure(ahead: Story) -> None:
    ahead.submit(1)
    ahead.submit(2, allow_failure=(1,))
    ahead.submit(3, 1)
    ahead.submit(4, 2, 3)
    assert ahead.fail(1) == ["settle 1 Failed", "interrupt 3#1", "settle 3 UpstreamFailed", "start 2"]
    assert ahead.finish(2) == ["settle 2 Completed", "settle 4 UpstreamFailed"]


def test_an_attempt_ahead_that_is_skipped_waits_again_and_starts_with_its_upstreams_next(
    ahead: Story,
) -> None:
    ahead.submit(1, retries=1)
    ahead.submit(2, 1)
    ahead.fail(1, retry_after=1.5)
    assert ahead.skip(2) == []
    assert ahead.stage(2) is Stage.WAITING
    assert ahead.number(2) == 0
    assert ahead.fire_timer(1) == ["start 1", "start 2"]
    assert ahead.finish(1, number=2) == ["settle 1 Completed"]
    assert ahead.finish(2) == ["settle 2 Completed"]
    assert ahead.number(2) == 1


def test_a_skipped_attempt_frees_its_slot() -> None:
    flow = started(slots=4, ahead=True)
    flow.submit(1, retries=1)
    flow.submit(2, 1)
    for id in range(3, 7):
        flow.submit(id)
    assert flow.fail(1, retry_after=1.5)[2:] == ["start 5", "timer 1 1.5"]
    assert flow.skip(2) == ["start 6"]
    assert flow.finish(3) == ["settle 3 Completed"]
    assert flow.fire_timer(1) == ["start 1"]
    assert flow.finish(1, number=2) == ["settle 1 Completed", "start 2"]
    for id in (2, 4, 5, 6):
        flow.finish(id)
    assert flow.free_slots == 4


def test_a_skip_that_overtakes_the_failure_of_the_upstream_is_waited_out(ahead: Story) -> None:
    ahead.submit(1)
    ahead.submit(2, 1)
    assert ahead.skip(2) == []
    assert ahead.fail(1) == ["settle 1 Failed", "settle 2 UpstreamFailed"]
    assert ahead.number(2) == 0


def test_early_word_of_an_attempt_that_was_skipped_after_all_is_not_told_again(ahead: Story) -> None:
    ahead.submit(1)
    ahead.submit(2, 1)
    ahead.begin(2)
    ahead.skip(2)
    assert ahead.finish(1) == ["settle 1 Completed", "start 2"]


def test_early_word_of_an_attempt_that_was_skipped_is_not_told_for_the_next_one(ahead: Story) -> None:
    ahead.submit(1, retries=1)
    ahead.submit(2, 1)
    ahead.begin(2)
    ahead.skip(2)
    assert ahead.fail(1, retry_after=0.0)[2:] == ["start 1", "start 2"]
    assert ahead.finish(1, number=2) == ["settle 1 Completed"]


def test_an_attempt_that_is_skipped_after_its_upstream_completed_by_another_attempt_is_started_again(
    ahead: Story,
) -> None:
    ahead.submit(1, retries=1)
    ahead.submit(2, 1)
    ahead.fail(1, retry_after=0.0)
    assert ahead.finish(1, number=2) == ["settle 1 Completed"]
    assert ahead.skip(2) == ["start 2"]
    assert ahead.number(2) == 1
    assert ahead.finish(2) == ["settle 2 Completed"]


def test_an_attempt_that_is_skipped_although_its_upstreams_have_completed_is_started_again_only_once(
    ahead: Story,
) -> None:
    ahead.submit(1)
    ahead.finish(1)
    ahead.submit(2, 1)
    ahead.submit(3, 2)
    assert ahead.skip(2) == ["start 2"]
    assert ahead.skip(2) == ["settle 2 Crashed", "interrupt 3#1", "settle 3 UpstreamFailed"]
    assert ahead.reason(2) == "the value of an upstream was lost"
    assert ahead.end_function() == ["end Failed unseen=[2]"]


def test_a_skip_of_an_attempt_that_is_over_changes_nothing(ahead: Story) -> None:
    assert ahead.skip(1) == []
    ahead.submit(1, retries=1)
    ahead.fail(1, retry_after=1.5)
    assert ahead.skip(1) == []
    ahead.fire_timer(1)
    assert ahead.skip(1) == []
    assert ahead.stage(1) is Stage.ACTIVE


def test_a_cancelled_run_that_is_skipped_is_cancelled(ahead: Story) -> None:
    ahead.submit(1, retries=1)
    ahead.submit(2, 1)
    ahead.fail(1, retry_after=0.0)
    ahead.finish(1, number=2)
    assert ahead.cancel(2) == ["interrupt 2#1"]
    assert ahead.skip(2) == ["settle 2 Cancelled"]
    assert ahead.reason(2) == "cancelled before it started"


def test_a_run_that_is_skipped_after_its_flow_failed_is_not_started_again(ahead: Story) -> None:
    ahead.submit(1, retries=1)
    ahead.submit(2, 1)
    ahead.fail(1, retry_after=0.0)
    ahead.finish(1, number=2)
    assert ahead.end_function(Ending.RAISED) == ["withdraw 2#1"]
    assert ahead.skip(2) == ["settle 2 Cancelled", "end Failed"]
    assert ahead.reason(2) == "flow failed"


# -- a run that started ahead is cancelled --------------------------------------------------------------


def test_a_run_ahead_is_cancelled_at_once_and_called_back(ahead: Story) -> None:
    ahead.submit(1)
    ahead.submit(2, 1)
    ahead.submit(3, 2)
    ahead.begin(2)
    assert ahead.cancel(2) == [
        "interrupt 2#1",
        "settle 2 Cancelled",
        "interrupt 3#1",
        "settle 3 UpstreamFailed",
    ]
    assert ahead.number(2) == 0
    assert ahead.states(2) == [StateName.PENDING, StateName.CANCELLED]
    assert ahead.cancel(2) == []
    assert ahead.finish(1) == ["settle 1 Completed"]


def test_a_cancelled_upstream_that_cannot_be_stopped_dooms_who_started_ahead(ahead: Story) -> None:
    ahead.submit(1)
    ahead.submit(2, 1)
    assert ahead.cancel(1) == ["interrupt 1#1"]
    assert ahead.give_up(1) == ["settle 1 Cancelled", "interrupt 2#1", "settle 2 UpstreamFailed"]
    assert ahead.finish(2) == []


def test_a_cancelled_run_whose_early_word_is_told_again_ends_as_it_says(ahead: Story) -> None:
    ahead.submit(1)
    ahead.submit(2, 1)
    ahead.finish(2)
    ahead.finish(1)
    assert ahead.cancel(2) == ["interrupt 2#1"]
    assert ahead.tell_again() == ["settle 2 Completed"]


def test_early_word_that_is_told_again_after_the_end_of_its_run_changes_nothing(ahead: Story) -> None:
    ahead.submit(1)
    ahead.submit(2, 1)
    ahead.finish(2)
    ahead.finish(1)
    ahead.cancel(2)
    ahead.withdraw(2)
    assert ahead.tell_again() == []


@pytest.mark.parametrize("ending", [Ending.RAISED, Ending.CRASHED])
def test_a_function_that_raised_calls_back_who_started_ahead(ahead: Story, ending: Ending) -> None:
    ahead.submit(1)
    ahead.begin(1)
    ahead.submit(2, 1)
    ahead.submit(3, 2)
    assert ahead.end_function(ending) == [
        "interrupt 2#1",
        "interrupt 3#1",
        "settle 2 Cancelled",
        "settle 3 Cancelled",
    ]
    assert ahead.number(3) == 0
    assert ahead.finish(1)[0] == "settle 1 Completed"


def test_a_function_that_raised_starts_nobody_ahead_with_a_retry() -> None:
    flow = started(slots=1, ahead=True)
    flow.submit(1, retries=1)
    flow.submit(2, 1)
    flow.fail(1, retry_after=1.5)
    assert flow.end_function(Ending.RAISED) == ["settle 2 Cancelled"]
    assert flow.fire_timer(1) == ["start 1"]
    assert flow.finish(1, number=2) == ["settle 1 Completed", "end Failed"]


def test_a_cancelled_flow_run_calls_back_who_started_ahead(ahead: Story) -> None:
    ahead.submit(1)
    ahead.submit(2, 1)
    assert ahead.cancel() == [
        "flow Cancelling",
        "stop the flow",
        "interrupt 2#1",
        "settle 2 Cancelled",
        "interrupt 1#1",
    ]
    assert ahead.end_function() == []
    assert ahead.withdraw(1) == ["settle 1 Cancelled", "end Cancelled"]


def test_a_flow_run_waits_for_who_started_ahead(ahead: Story) -> None:
    ahead.submit(1)
    ahead.submit(2, 1)
    ahead.finish(2)
    assert ahead.end_function() == []
    assert ahead.finish(1) == ["settle 1 Completed", "again finished 2#1"]
    assert ahead.tell_again() == ["settle 2 Completed", "end Completed"]


# -- runs that ended elsewhere -------------------------------------------------------------------------

PLAIN = (StateName.RUNNING, StateName.COMPLETED)
BAD = (StateName.RUNNING, StateName.FAILED)


def test_a_child_run_that_completed_elsewhere_is_settled_with_its_hooks(flow: Story) -> None:
    flow.submit(1)
    assert flow.adopt(2, *PLAIN) == ["hooks 2 Running", "settle 2 Completed"]
    assert flow.finish(1) == ["settle 1 Completed"]
    assert flow.end_function() == ["end Completed"]


def test_an_adopted_run_calls_the_hooks_of_each_state_that_has_some_in_order(flow: Story) -> None:
    flow.submit(1)
    names = (
        StateName.RUNNING, StateName.AWAITING_RETRY, StateName.AWAITING_SLOT, StateName.RETRYING,
        StateName.CANCELLING, StateName.CANCELLED,
    )  # fmt: skip
    assert flow.adopt(2, *names, roots=(2,)) == [
        "hooks 2 Running",
        "hooks 2 AwaitingRetry",
        "hooks 2 Retrying",
        "settle 2 Cancelled",
    ]
    assert flow.finish(1) == ["settle 1 Completed"]
    assert flow.end_function() == ["end Completed"]


def test_a_child_run_that_never_ran_elsewhere_calls_no_hooks_of_running(flow: Story) -> None:
    flow.submit(1)
    assert flow.adopt(2, StateName.CANCELLED, roots=(2,)) == ["settle 2 Cancelled"]


@pytest.mark.parametrize("name", [StateName.FAILED, StateName.TIMED_OUT, StateName.CRASHED])
@pytest.mark.parametrize("is_seen", [False, True])
def test_a_failure_elsewhere_fails_the_flow_run_unless_it_was_seen_there(
    flow: Story, name: StateName, *, is_seen: bool
) -> None:
    flow.submit(1)
    flow.adopt(2, StateName.RUNNING, name, roots=(2,), is_seen=is_seen)
    flow.finish(1)
    assert flow.end_function() == ["end Completed" if is_seen else "end Failed unseen=[2]"]


def test_only_the_root_of_failures_elsewhere_is_unseen(flow: Story) -> None:
    flow.submit(1)
    flow.adopt(2, *BAD, roots=(2,))
    assert flow.adopt(3, StateName.UPSTREAM_FAILED, roots=(2,)) == ["settle 3 UpstreamFailed"]
    assert flow.roots(3) == (2,)
    flow.finish(1)
    assert flow.end_function() == ["end Failed unseen=[2]"]


def test_who_looks_at_a_run_that_failed_for_one_elsewhere_sees_that(flow: Story) -> None:
    flow.submit(1)
    flow.adopt(2, *BAD, roots=(2,))
    flow.adopt(3, StateName.UPSTREAM_FAILED, roots=(2,))
    flow.finish(1)
    flow.retrieve(3)
    assert flow.end_function() == ["end Completed"]


def test_an_adopted_run_takes_no_slot_and_is_not_live() -> None:
    flow = started(slots=1)
    flow.submit(1)
    flow.adopt(2, *PLAIN)
    assert flow.engine.live == {1}
    assert flow.free_slots == 0
    assert flow.cancel(2) == []
    assert flow.notice(2) == []


def test_child_runs_that_ended_elsewhere_are_settled_before_their_parent_and_the_flow_run(
    flow: Story,
) -> None:
    flow.submit(1)
    assert flow.end_function() == []
    assert flow.adopt(2, *BAD, roots=(2,), is_seen=False) == ["hooks 2 Running", "settle 2 Failed"]
    assert flow.finish(1) == ["settle 1 Completed", "end Failed unseen=[2]"]


def test_a_child_run_of_an_attempt_that_goes_on_unheard_is_settled_after_the_end_of_the_flow_run(
    flow: Story,
) -> None:
    flow.submit(1)
    flow.cancel(1)
    flow.give_up(1)
    assert flow.end_function() == ["end Completed"]
    assert flow.adopt(2, *BAD, roots=(2,)) == ["hooks 2 Running", "settle 2 Failed"]


# -- a flow run that waits for a person ------------------------------------------------------------------


def test_a_flow_run_is_paused_while_its_function_waits_for_a_person_and_then_runs_again(flow: Story) -> None:
    assert flow.pause(1, "Deploy?") == ["flow Paused"]
    assert flow.submit(1) == ["start 1"]
    assert flow.go_on(1) == ["flow Running"]
    assert flow.finish(1) == ["settle 1 Completed"]
    assert flow.end_function() == ["end Completed"]


def test_of_several_waits_the_first_that_is_open_is_the_reason(flow: Story) -> None:
    assert flow.pause(1, "first?") == ["flow Paused"]
    assert flow.pause(2, "second?") == []
    assert flow.go_on(1) == ["flow Running", "flow Paused"]
    assert flow.go_on(2) == ["flow Running"]
    assert flow.go_on(2) == []


def test_a_paused_flow_run_can_be_cancelled_and_does_not_run_again(flow: Story) -> None:
    flow.pause(1)
    assert "flow Cancelling" in flow.cancel()
    assert flow.go_on(1) == []
    assert flow.pause(2) == []
    assert flow.end_function(Ending.CANCELLED) == ["end Cancelled"]


def test_a_function_that_ends_while_it_waits_has_waited_long_enough(flow: Story) -> None:
    flow.pause(1)
    assert flow.end_function() == ["flow Running", "end Completed"]
    assert flow.go_on(1) == []
    assert flow.pause(2) == []


def test_one_who_waited_on_after_the_function_was_given_up_changes_nothing(flow: Story) -> None:
    flow.pause(1)
    flow.cancel()
    assert flow.give_up_flow() == ["end Cancelled"]
    assert flow.go_on(1) == []


# -- the admission desk --------------------------------------------------------------------------------


def test_a_run_that_needs_admission_starts_when_it_is_admitted(flow: Story) -> None:
    assert flow.submit(1, needs_admission=True) == ["admit 1?"]
    assert flow.stage(1) is Stage.AT_DESK
    assert flow.admit(1) == ["start 1"]
    assert flow.finish(1) == ["settle 1 Completed"]


def test_a_run_whose_value_is_found_ends_without_an_attempt(flow: Story) -> None:
    flow.submit(1, needs_admission=True)
    assert flow.submit(2, 1) == []
    assert flow.find(1) == ["settle 1 Cached", "start 2"]
    assert flow.states(1) == [StateName.PENDING, StateName.CACHED]
    assert (flow.reason(1), flow.roots(1), flow.number(1)) == ("as before", (), 0)


def test_a_run_is_asked_about_when_its_upstreams_have_completed(flow: Story) -> None:
    flow.submit(1)
    assert flow.submit(2, 1, needs_admission=True) == []
    assert flow.stage(2) is Stage.UNADMITTED
    assert flow.finish(1) == ["settle 1 Completed", "admit 2?"]


def test_a_run_is_not_asked_about_when_an_upstream_has_failed(flow: Story) -> None:
    flow.submit(1)
    flow.submit(2, 1, needs_admission=True)
    assert flow.fail(1) == ["settle 1 Failed", "settle 2 UpstreamFailed"]


def test_a_run_at_the_desk_holds_no_slot() -> None:
    flow = started(slots=1)
    flow.submit(1, needs_admission=True)
    assert flow.submit(2) == ["start 2"]
    assert flow.admit(1) == []
    assert flow.stage(1) is Stage.QUEUED
    assert flow.finish(2) == ["settle 2 Completed", "start 1"]


def test_a_run_is_admitted_once_and_not_again_for_its_retry(flow: Story) -> None:
    flow.submit(1, retries=1, needs_admission=True)
    flow.admit(1)
    assert flow.fail(1, retry_after=0.0) == ["record 1 AwaitingRetry", "hooks 1 AwaitingRetry", "start 1"]


def test_a_run_that_needs_admission_never_starts_ahead_and_lets_none_start_ahead_of_it() -> None:
    flow = started(ahead=True)
    assert flow.submit(1) == ["start 1"]
    assert flow.submit(2, 1, needs_admission=True) == []
    assert flow.submit(3, 2) == []
    assert flow.finish(1) == ["settle 1 Completed", "admit 2?"]
    assert flow.admit(2) == ["start 2", "start 3"]


def test_a_run_at_the_desk_can_be_cancelled_and_a_late_answer_changes_nothing(flow: Story) -> None:
    for id in (1, 2):
        flow.submit(id, needs_admission=True)
        assert flow.cancel(id) == [f"settle {id} Cancelled"]
    assert flow.admit(1) == []
    assert flow.find(2) == []


def test_runs_at_the_desk_end_cancelled_when_the_flow_fails(flow: Story) -> None:
    flow.submit(1, needs_admission=True)
    assert flow.end_function(Ending.RAISED) == ["settle 1 Cancelled", "end Failed"]


def test_the_flow_ends_after_the_runs_at_the_desk(flow: Story) -> None:
    flow.submit(1, needs_admission=True)
    assert flow.end_function() == []
    assert flow.find(1) == ["settle 1 Cached", "end Completed"]


def test_a_run_at_the_desk_that_is_noticed_is_recorded(flow: Story) -> None:
    flow.submit(1, needs_admission=True)
    assert flow.notice(1) == ["record 1 Pending"]
    assert flow.find(1) == ["settle 1 Cached"]


def test_a_run_whose_value_is_known_when_it_is_called_ends_at_once() -> None:
    orchestrator = Orchestrator(at_us=0)
    run = TaskRun(1, 1, needs_admission=True)
    effects = orchestrator.handle(RunReplayed(run, StateName.CACHED, "as before"))
    assert [effect.run for effect in effects if isinstance(effect, Settle)] == [run]
    assert run.changes == [(StateName.PENDING, 1, None), (StateName.CACHED, 1, "as before")]
    assert not orchestrator.live_runs


def test_a_run_whose_value_is_known_is_cancelled_where_nothing_is_to_start() -> None:
    orchestrator = Orchestrator(at_us=0)
    orchestrator.handle(CancelRequested(None, 1, "enough"))
    run = TaskRun(1, 2)
    orchestrator.handle(RunReplayed(run, StateName.CACHED))
    assert run.name is StateName.CANCELLED


# -- limits: a run waits at the desk, and does so before each attempt ------------------------------------


def test_a_run_that_waits_for_a_limit_says_so_and_holds_no_slot() -> None:
    flow = started(slots=1)
    flow.submit(1, needs_admission=True)
    assert flow.delay(1) == ["record 1 AwaitingSlot"]
    assert flow.reason(1) == "waits for limit db"
    assert flow.submit(2) == ["start 2"]
    assert flow.admit(1) == []
    assert flow.stage(1) is Stage.QUEUED
    assert flow.finish(2) == ["settle 2 Completed", "start 1"]
    assert flow.finish(1) == ["settle 1 Completed"]
    assert flow.states(1).count(StateName.AWAITING_SLOT) == 1


def test_a_run_that_waits_for_a_limit_is_cancelled_at_once(flow: Story) -> None:
    flow.submit(1, needs_admission=True)
    flow.delay(1)
    assert flow.cancel(1) == ["settle 1 Cancelled"]
    assert flow.delay(1) == []
    assert flow.admit(1) == []


def test_each_attempt_of_a_run_that_keeps_to_limits_is_admitted(flow: Story) -> None:
    flow.submit(1, retries=1, needs_admission=True, is_readmitted=True)
    assert flow.admit(1) == ["start 1"]
    assert flow.fail(1, retry_after=0.0)[-1] == "admit 1?"
    assert flow.delay(1) == ["record 1 AwaitingSlot"]
    assert flow.admit(1) == ["start 1"]
    assert flow.finish(1, number=2) == ["settle 1 Completed"]


def test_a_run_is_admitted_once_unless_it_says_otherwise() -> None:
    assert not TaskRun(1, at_us=0).is_readmitted


def test_an_attempt_of_another_run_is_not_asked_about_once_more(flow: Story) -> None:
    flow.submit(1, retries=1, needs_admission=True)
    flow.admit(1)
    assert flow.fail(1, retry_after=0.0)[-1] == "start 1"


# -- runs of earlier epochs -------------------------------------------------------------------------------


def test_a_call_that_completed_in_an_earlier_epoch_ends_at_once_without_a_slot() -> None:
    flow = Story(slots=1)
    flow.start_flow()
    flow.submit(1)
    assert flow.replay(2) == ["settle 2 Replayed"]
    assert flow.states(2) == [StateName.PENDING, StateName.REPLAYED]
    assert (flow.number(2), flow.free_slots) == (0, 0)


def test_what_waits_for_a_replayed_run_starts_like_any_other(flow: Story) -> None:
    flow.replay(1)
    assert flow.submit(2, 1) == ["start 2"]
    assert flow.roots(1) == ()


def test_a_replayed_run_is_no_failure_of_the_flow(flow: Story) -> None:
    flow.replay(1)
    assert flow.end_function() == ["end Completed"]


def test_nothing_is_replayed_any_more_once_the_flow_is_cancelled(flow: Story) -> None:
    flow.cancel()
    assert flow.replay(1) == ["settle 1 Cancelled"]


def test_the_next_attempt_of_a_flow_waits_and_then_retries() -> None:
    flow = Story(is_retry=True)
    assert flow.start_flow() == ["flow Retrying"]
    assert flow.end_function() == ["end Completed"]
