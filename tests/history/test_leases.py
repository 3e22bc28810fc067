"""Leases hold across processes: nobody gets more than there is, and those of the dead are free at once."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest

from headrace.engine.leases import Claim
from headrace.errors import HistoryUnavailableError
from headrace.history import History
from headrace.history.lease_book import clear_limit, set_rate, set_slots
from tests.history.test_processes import finish, start

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headrace.history.lease_desk import Lease, LeaseDesk
    from tests.history.conftest import Query

DB = {"db": Claim(slots=1)}


@pytest.fixture
def other(path: str, history: History) -> Iterator[History]:
    """The same history, opened once more, as another process would."""
    other = History.open(path)
    yield other
    other.close()


def wait_for(lease: Lease) -> None:
    assert lease.block(10), "the lease was not granted"
    assert lease.error is None


def has_arrived(desk: LeaseDesk) -> None:
    """Whatever was asked before has been decided, since this is."""
    probe = desk.ask({"nobody else's": Claim(slots=1, most=100)}, "a test")
    wait_for(probe)
    desk.end(probe)


def test_a_lease_waits_until_another_is_given_back(path: str, history: History) -> None:
    set_slots(path, "db", 1)
    desk = history.lease_desk
    first, second = desk.ask(DB, "first"), desk.ask(DB, "second")
    wait_for(first)
    has_arrived(desk)
    assert not second.is_done

    desk.end(first)
    wait_for(second)


def test_a_limit_holds_for_all_who_write_to_the_history(path: str, history: History, other: History) -> None:
    set_slots(path, "db", 2)
    leases = [desk.ask(DB, "x") for desk in (history.lease_desk, other.lease_desk) for _ in range(2)]
    has_arrived(history.lease_desk)
    has_arrived(other.lease_desk)

    assert sorted(lease.is_done for lease in leases) == [False, False, True, True]


def test_one_that_waits_elsewhere_goes_on_when_a_slot_is_free(
    path: str, history: History, other: History
) -> None:
    set_slots(path, "db", 1)
    held = history.lease_desk.ask(DB, "here")
    wait_for(held)
    waiting = other.lease_desk.ask(DB, "there")
    has_arrived(other.lease_desk)
    history.lease_desk.end(held)

    wait_for(waiting)


def test_who_asked_first_goes_first_wherever_it_is(path: str, history: History, other: History) -> None:
    set_slots(path, "db", 1)
    held = history.lease_desk.ask(DB, "here")
    wait_for(held)
    order: list[str] = []
    leases = {}
    for name, asker in [("1", other), ("2", history), ("3", other), ("4", history)]:
        desk = asker.lease_desk
        leases[name] = desk, desk.ask(DB, name)
        has_arrived(desk)
        leases[name][1].add_done_callback(lambda name=name: order.append(name))  # type: ignore[misc]
    history.lease_desk.end(held)
    for name in "1234":
        desk, lease = leases[name]
        wait_for(lease)
        desk.end(lease)

    assert order == ["1", "2", "3", "4"]


def test_one_that_is_not_wanted_any_more_is_not_granted_and_holds_up_nobody(
    path: str, history: History, query: Query
) -> None:
    set_slots(path, "db", 1)
    desk = history.lease_desk
    held, unwanted, wanted = (desk.ask(DB, name) for name in ("held", "unwanted", "wanted"))
    wait_for(held)
    has_arrived(desk)
    desk.end(unwanted)
    desk.end(held)
    wait_for(wanted)
    desk.end(wanted)
    has_arrived(desk)

    assert not unwanted.is_done
    has_arrived(desk)
    assert query("SELECT count(*) FROM leases WHERE demand LIKE '%db%'") == [(0,)]


def test_one_that_is_given_back_before_it_was_noted_is_never_noted(history: History, query: Query) -> None:
    desk = history.lease_desk
    gate = threading.Event()

    def hold_the_desk_up() -> None:
        gate.wait(10)

    desk.ask(DB, "x").add_done_callback(hold_the_desk_up)
    lease = desk.ask(DB, "x")
    desk.end(lease)
    gate.set()
    has_arrived(desk)

    assert not lease.is_done


def test_a_limit_that_is_raised_lowered_or_cleared_takes_effect_at_once(path: str, history: History) -> None:
    set_slots(path, "db", 0)
    desk = history.lease_desk
    first, second, third = (desk.ask(DB, str(number)) for number in range(3))
    has_arrived(desk)
    assert not first.is_done

    set_slots(path, "db", 1)
    wait_for(first)
    has_arrived(desk)
    assert not second.is_done
    set_slots(path, "db", 2)
    wait_for(second)
    assert clear_limit(path, "db")
    wait_for(third)
    assert not clear_limit(path, "db")


def test_what_there_is_no_room_for_ever_is_an_error(path: str, history: History) -> None:
    set_slots(path, "db", 2)
    lease = history.lease_desk.ask({"db": Claim(slots=3)}, "x")

    assert lease.block(10)
    assert isinstance(lease.error, ValueError)
    assert "there are 2" in str(lease.error)


def test_tokens_come_back_with_time_and_no_more_than_were_set(path: str, history: History) -> None:
    set_rate(path, "mails", 20, 1_000_000)
    desk = history.lease_desk
    leases = [desk.ask({"mails": Claim(tokens=1)}, "x") for _ in range(25)]
    has_arrived(desk)
    assert sum(lease.is_done for lease in leases) in range(20, 24)

    for lease in leases:
        wait_for(lease)


def test_a_history_in_memory_has_limits_too() -> None:
    history = History.open(":memory:")
    desk = history.lease_desk
    demand = {"db": Claim(slots=1, most=1)}
    first, second = desk.ask(demand, "1"), desk.ask(demand, "2")
    wait_for(first)
    assert not second.is_done
    desk.end(first)
    wait_for(second)
    history.close()


def test_a_history_that_cannot_be_used_refuses_whoever_waits(path: str, history: History) -> None:
    set_slots(path, "db", 0)
    desk = history.lease_desk
    waiting = desk.ask(DB, "x")
    has_arrived(desk)
    assert desk._book is not None
    desk._book._database.connection.execute("PRAGMA query_only = 1")

    refused = desk.ask(DB, "y")
    assert refused.block(10)
    assert waiting.block(10)
    assert isinstance(waiting.error, HistoryUnavailableError)
    assert str(refused.error) == str(waiting.error)


# Real processes

HOLD = """
from headrace.engine.leases import Claim
history = History.open(sys.argv[1])
lease = history.lease_desk.ask({"db": Claim(slots=1)}, "the other process")
assert lease.block(20)
print("held", flush=True)
sys.stdin.readline()
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no kill -9 here")
def test_the_slots_of_a_process_that_is_killed_are_free_at_once(path: str, history: History) -> None:
    set_slots(path, "db", 1)
    holder = start(HOLD, path, stdin=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    waiting = history.lease_desk.ask(DB, "x")
    has_arrived(history.lease_desk)
    assert not waiting.is_done

    holder.kill()
    holder.communicate()
    assert waiting.block(2)


COUNT = """
from headrace.engine.leases import Claim
path, counter, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
history = History.open(path)
desk = history.lease_desk
worst = 0

def hold():
    global worst
    for _ in range(rounds):
        lease = desk.ask({"db": Claim(slots=1)}, "x")
        assert lease.block(30)
        name = f"{counter}/{os.getpid()}-{threading.get_ident()}"
        open(name, "w").close()
        worst = max(worst, len(os.listdir(counter)))
        os.unlink(name)
        desk.end(lease)

threads = [threading.Thread(target=hold) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
history.close()
print(worst)
"""


def test_four_processes_with_four_threads_each_never_hold_more_than_there_are(
    path: str, tmp_path: object, history: History
) -> None:
    set_slots(path, "db", 3)
    counter = f"{tmp_path}/counter"
    os.mkdir(counter)  # noqa: PTH102
    processes = [start(COUNT, path, counter, "20") for _ in range(4)]
    worst = [int(finish(process)) for process in processes]

    assert 1 <= max(worst) <= 3


FORK = """
from headrace.engine.leases import Claim
history = History.open(sys.argv[1])
lease = history.lease_desk.ask({"db": Claim(slots=1)}, "parent")
assert lease.block(20)
pid = os.fork()
if pid == 0:
    mine = history.lease_desk.ask({"db": Claim(slots=1)}, "child")
    os._exit(0 if not mine.block(0.3) else 1)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
history.lease_desk.end(lease)
history.close()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_has_a_desk_of_its_own_and_holds_nothing_of_its_parent(
    path: str, history: History, query: Query
) -> None:
    set_slots(path, "db", 1)
    finish(start(FORK, path))

    assert query("PRAGMA integrity_check") == [("ok",)]
    lease = history.lease_desk.ask(DB, "x")
    wait_for(lease)
