"""Who owns a run: processes that are gone, those that were taken over from, and what others ask of an owner."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from headrace.clock import duration
from headrace.engine.states import StateName
from headrace.errors import HistoryUnavailableError
from headrace.history import History, journal, liveness
from headrace.history.liveness import Heartbeat, is_gone, this_process
from headrace.history.rescuer import rescue_at

if TYPE_CHECKING:
    from tests.history.conftest import Query

SECOND = 1_000_000
NOW = Heartbeat(10_000 * SECOND, 500 * SECOND)


class Owned:
    """Stands for a flow run: hears what the history tells it."""

    epoch = 1

    def __init__(self, flow_run_id: str = "run-1") -> None:
        self.flow_run_id = flow_run_id
        self.requests: list[tuple[str, str | None]] = []
        self.losses: list[str] = []
        self.was_told = threading.Event()

    def note_request(self, kind: str, value: str | None) -> None:
        self.requests.append((kind, value))
        self.was_told.set()

    def note_loss(self, reason: str) -> None:
        self.losses.append(reason)
        self.was_told.set()


# -- whether a process is gone --------------------------------------------------------------------


def test_this_process_is_there() -> None:
    assert not is_gone(this_process(), Heartbeat(0, 0), NOW)


def test_a_silent_process_of_this_machine_is_not_gone_as_long_as_it_is_there() -> None:
    with subprocess.Popen(["sleep", "60"]) as sleeper:
        identity = liveness._identity_of(sleeper.pid)
        sleeper.send_signal(signal.SIGSTOP)
        assert not is_gone(identity, Heartbeat(0, 0), NOW)
        sleeper.kill()
    assert is_gone(identity, NOW, NOW)


def test_a_process_that_waits_to_be_buried_is_gone() -> None:
    with subprocess.Popen(["sleep", "60"]) as sleeper:
        identity = liveness._identity_of(sleeper.pid)
        os.kill(sleeper.pid, signal.SIGKILL)
        os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
        assert is_gone(identity, NOW, NOW)


def test_a_later_process_of_the_same_number_is_no_alibi() -> None:
    assert is_gone(this_process()._replace(born="1"), NOW, NOW)


@pytest.mark.parametrize(("silent_seconds", "gone"), [(29, False), (31, True)])
def test_in_another_container_thirty_seconds_of_silence_decide_by_the_kernels_clock(
    silent_seconds: int, gone: bool
) -> None:
    container = this_process()._replace(pid_namespace="pid:[1]")
    a_day_ago = NOW.at_us - 86_400 * SECOND  # the clock on the wall was moved
    assert is_gone(container, Heartbeat(a_day_ago, NOW.awake_us - silent_seconds * SECOND), NOW) is gone


@pytest.mark.parametrize(("silent_seconds", "gone"), [(29, False), (31, True)])
def test_on_another_machine_they_are_counted_on_the_wall(silent_seconds: int, gone: bool) -> None:
    elsewhere = this_process()._replace(boot_id="another", host="far-away")
    assert is_gone(elsewhere, Heartbeat(NOW.at_us - silent_seconds * SECOND, 0), NOW) is gone


def test_a_forked_child_is_a_process_of_its_own() -> None:
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        os.write(writing, str(this_process().pid).encode())
        os._exit(0)
    os.waitpid(pid, 0)
    assert int(os.read(reading, 20)) == pid != this_process().pid
    os.close(reading)
    os.close(writing)


# -- what a process that is gone leaves behind ------------------------------------------------------


def pretend_that_the_owner_died(query: Query) -> None:
    query("UPDATE processes SET born = 'once'")


def test_what_a_gone_process_left_under_way_ends_crashed(
    history: History, path: str, facts: Any, query: Query
) -> None:
    history.record(facts.flow())
    history.record(facts.task(1))
    history.record(facts.task(2, StateName.PENDING, StateName.RUNNING))
    history.record(facts.task(3, StateName.PENDING))
    history.record(facts.log("fetching page 7"))
    history.flush()
    assert rescue_at(path) == []
    pretend_that_the_owner_died(query)

    assert rescue_at(path) == ["run-1"]

    with history.reader() as reader:
        run = reader.get_run("run-1")
        tasks = list(reader.task_runs(run))
    assert (run.state, run.ended_us) == ("Crashed", run.states[-1].at_us)
    assert f"process {os.getpid()} on " in str(run.states[-1].message)
    assert "its last log line: fetching page 7" in str(run.states[-1].message)
    assert [task.state for task in tasks] == ["Completed", "Crashed", "Cancelled"]
    assert [state.name for state in tasks[1].states] == ["Pending", "Running", "Crashed"]
    assert rescue_at(path) == []


@pytest.mark.parametrize("states", ["'[]'", '\'[["Running", "soon", null]]\'', "7"])
def test_what_a_gone_process_left_in_a_damaged_row_is_told_as_a_damage(
    history: History, path: str, facts: Any, query: Query, states: str
) -> None:
    history.record(facts.flow())
    history.flush()
    pretend_that_the_owner_died(query)
    query(f"UPDATE flow_runs SET states = {states}")

    with pytest.raises(
        HistoryUnavailableError, match=r"is damaged: a row cannot be read .* `headrace doctor`"
    ):
        rescue_at(path)
    with pytest.raises(HistoryUnavailableError, match="is damaged: a row cannot be read"):
        history.claim("run-1")


def test_a_run_ends_at_its_last_sign_of_life_not_when_it_is_found(
    history: History, path: str, facts: Any, query: Query
) -> None:
    history.record(facts.flow())
    history.flush()
    query("UPDATE processes SET born = 'once', heartbeat_us = 1700000077000000")
    rescue_at(path)
    [(ended_us, began_us, reason)] = query(
        "SELECT ended_us, started_us, json_extract(states, '$[#-1][2]') FROM flow_runs"
    )
    assert ended_us == 1_700_000_077_000_000
    assert f"is gone, last known alive after {duration(ended_us - began_us)}" in reason
    assert "; that was at 2023-11-14 22:14:37 UTC" in reason


def test_an_owner_ends_what_others_have_left(
    path: str, facts: Any, make_facts: Any, query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", LEAVES_A_RUN_UNDER_WAY, path], capture_output=True, text=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    monkeypatch.setattr(journal, "_LOOK_ROUND_SECONDS", 0.01)
    history = History.open(path)
    owned = Owned()
    history.attend(owned)
    history.record(facts.flow())
    history.flush()
    deadline = threading.Event()
    while query("SELECT state FROM flow_runs WHERE id = 'left'") != [("Crashed",)]:
        assert not deadline.wait(0.02)
    history.close()


def test_a_look_round_that_fails_keeps_nothing_from_being_written(
    history: History, facts: Any, query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_failed = threading.Event()

    def fail(*_: object) -> None:
        has_failed.set()
        raise RuntimeError("on purpose")

    monkeypatch.setattr(journal, "_LOOK_ROUND_SECONDS", 0.01)
    monkeypatch.setattr(journal, "_rescue", fail)
    history.attend(Owned())
    history.record(facts.flow())
    assert has_failed.wait(20)
    history.record(facts.log("still here"))

    assert history.flush(20)
    assert query("SELECT message FROM logs") == [("still here",)]


LEAVES_A_RUN_UNDER_WAY = """
import os, signal, sys
from headrace.engine.states import State, StateName
from headrace.history import History
from headrace.history.facts import FlowRunFact
history = History.open(sys.argv[1])
states = (State(StateName.PENDING, 1), State(StateName.RUNNING, 2))
history.record(FlowRunFact("left", "flow", "f", "n", None, (), states, 2, None, None, "r", None, None, None, None))
history.flush()
os.kill(os.getpid(), signal.SIGKILL)
"""


# -- epochs -----------------------------------------------------------------------------------------


@pytest.fixture
def owned(history: History, facts: Any) -> Owned:
    owned = Owned()
    history.attend(owned)
    history.record(facts.flow())
    history.flush()
    return owned


def test_what_a_process_writes_after_it_was_taken_over_from_is_refused_and_it_is_told(
    history: History, facts: Any, query: Query, owned: Owned
) -> None:
    query("UPDATE flow_runs SET epoch = 2")
    history.record(facts.task(1))
    history.record(facts.log("late"))
    history.record(facts.flow(StateName.PENDING, StateName.RUNNING, StateName.COMPLETED))
    history.flush()
    assert owned.was_told.wait(10)
    assert query("SELECT state, epoch FROM flow_runs") == [("Running", 2)]
    assert query("SELECT count(*) FROM task_runs") == query("SELECT count(*) FROM logs") == [(0,)]
    (reason,) = owned.losses
    assert "has taken it over (epoch 2)" in reason


def test_a_run_that_was_found_crashed_is_no_longer_its_silent_owners(
    history: History, facts: Any, query: Query, owned: Owned
) -> None:
    query("UPDATE flow_runs SET state = 'Crashed', ended_us = 5")
    history.record(facts.task(1))
    history.flush()
    assert owned.was_told.wait(10)
    assert "silent for too long" in owned.losses[0]
    assert query("SELECT count(*) FROM task_runs") == [(0,)]


def test_the_runs_of_others_in_the_same_batch_are_written(
    history: History, facts: Any, make_facts: Any, query: Query, owned: Owned
) -> None:
    query("UPDATE flow_runs SET epoch = 2")
    other = make_facts("run-2")
    for fact in (facts.task(1), other.flow(), other.task(1), other.log("here")):
        history.record(fact)
    history.flush()
    assert query("SELECT flow_run, id FROM task_runs") == [(2, 1)]
    assert query("SELECT message FROM logs") == [("here",)]


def test_the_end_of_a_run_that_this_process_wrote_itself_is_no_loss(
    history: History, facts: Any, query: Query, owned: Owned
) -> None:
    history.record(facts.flow(StateName.PENDING, StateName.RUNNING, StateName.CRASHED))
    history.flush()
    query("INSERT INTO requests (flow_run, kind, at_us) VALUES (1, 'nothing', 0)")  # others write, too
    history.record(facts.log("afterwards"))
    history.flush()
    assert query("SELECT message FROM logs") == [("afterwards",)]
    assert owned.losses == []


def test_a_later_epoch_keeps_what_the_run_was_before(
    history: History, facts: Any, query: Query, owned: Owned
) -> None:
    history.record(facts.task(1, StateName.PENDING, StateName.RUNNING, StateName.FAILED))
    history.record(facts.flow(StateName.PENDING, StateName.RUNNING, StateName.FAILED))
    history.flush()
    owned.epoch = 2
    history.record(facts.flow(StateName.PENDING, StateName.RUNNING, epoch=2))
    history.record(facts.task(1))
    history.flush()
    assert query("SELECT state, epoch FROM task_runs") == [("Completed", 2)]
    assert query("SELECT earlier ->> '$[0].epoch', earlier ->> '$[0].states[2][0]' FROM task_runs") == [
        (1, "Failed")
    ]
    assert query("SELECT earlier ->> '$[0].states[2][0]' FROM flow_runs") == [("Failed",)]


# -- requests ---------------------------------------------------------------------------------------


def test_an_owner_hears_what_another_process_asks(query: Query, owned: Owned) -> None:
    query("INSERT INTO requests (flow_run, kind, value, at_us) VALUES (1, 'cancel', 'enough', 0)")
    query("INSERT INTO requests (flow_run, kind, value, at_us) VALUES (7, 'cancel', 'of another', 0)")
    assert owned.was_told.wait(10)
    assert owned.requests == [("cancel", "enough")]


def test_an_owner_says_now_and_then_that_it_is_there(
    query: Query, owned: Owned, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "_HEARTBEAT_SECONDS", 0.0)
    for _ in range(2):
        query("UPDATE processes SET heartbeat_us = 0")
        query("INSERT INTO requests (flow_run, kind, at_us) VALUES (1, 'x', 0)")
        assert owned.was_told.wait(10)  # it has looked round
        owned.was_told.clear()
    assert query("SELECT heartbeat_us > 0 FROM processes") == [(1,)]
