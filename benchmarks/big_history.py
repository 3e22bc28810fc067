"""Makes a history to look at: ``python -m benchmarks.big_history PATH [--runs N] [--task-runs N] [--log-lines N] [--hold]``.

1,000 flow runs of twelve flows over the last four weeks, in every state, with tags, parameters, retries, failures with their
tracebacks, subflows and log lines; and one flow run of 100,000 task runs, 10,000 of them a map. The facts go the way of every
run, through ``History.record``: so the file is what real runs would have left, whatever the schema is, and it takes seconds.
The same seed makes the same runs.

What is under way belongs to this process, and is Crashed for whoever looks when it has ended: ``--hold`` keeps it there.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace.clock import now_us
from headrace.engine.states import State, StateName
from headrace.history import History
from headrace.history.facts import AttemptFact, Failure, FlowRunFact, LogFact, StoredResult, TaskRunFact

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from headrace.history.facts import Fact

SEED = 20_130_101
SECOND = 1_000_000
DAY = 86_400 * SECOND
NONE_PICKLED = b"\x80\x05N."

FLOWS: dict[str, tuple[str, ...]] = {
    "nightly_report": ("fetch_orders", "join_customers", "aggregate", "render", "send"),
    "ingest_flights": ("list_files", "download", "parse", "load"),
    "train_model": ("load_features", "split", "fit", "evaluate", "publish"),
    "refresh_prices": ("fetch_quotes", "check_quotes", "store"),
    "sync_inventory": ("read_warehouse", "read_shop", "compare", "apply"),
    "backfill_events": ("plan_days", "load_day", "verify_day"),
    "thumbnail_images": ("find_images", "resize", "upload"),
    "score_customers": ("load_customers", "score", "write_scores"),
    "clean_addresses": ("read_addresses", "normalise", "deduplicate", "write_addresses"),
    "weekly_digest": ("collect", "summarise", "send"),
    "check_backups": ("list_backups", "restore_sample", "compare_sample"),
    "rotate_keys": ("find_old_keys", "make_keys", "distribute"),
}
SUBFLOWS = {"nightly_report": "clean_addresses", "train_model": "score_customers"}
TAGS = ("nightly", "eu", "us", "manual", "critical", "backfill")
ADJECTIVES = ("amber", "brave", "calm", "dusty", "eager", "fuzzy", "gentle", "hasty", "icy", "jolly")
ANIMALS = ("otter", "heron", "lynx", "magpie", "newt", "osprey", "pike", "quail", "raven", "stoat")
FAILURES = (
    ("ValueError", "could not convert string to float: 'n/a'"),
    ("ConnectionError", "connection to warehouse.example.org:5432 was reset by the peer"),
    ("KeyError", "'customer_id'"),
    ("TimeoutError", "no answer within 30.0 seconds"),
)
ENDINGS = ("Completed",) * 14 + ("Failed",) * 3 + ("Crashed", "Cancelled", "TimedOut")
"""How runs end, as often as they do."""
UNDER_WAY = ("Running", "Running", "Running", "Paused", "AwaitingRetry", "Pending", "Cancelling")
"""The states of the newest runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much there is of what. ``log_lines`` are those of the great run."""

    runs: int = 1_000
    task_runs: int = 100_000
    map_size: int = 10_000
    log_lines: int = 20_000


def make(path: str, size: Size | None = None) -> str:
    """Adds the runs to the history at a path, which is made if there is none: the id of the great one."""
    size = size or Size()
    source = random.Random(SEED)
    now = now_us()
    great = "great-" + f"{source.getrandbits(64):016x}"
    history = History.open(path)
    try:
        for number in range(size.runs):
            for fact in small_run(
                source, now - (size.runs - number) * 28 * DAY // size.runs, number, size.runs
            ):
                history.record(fact)
        for fact in great_run(source, great, now - 1_200 * SECOND, size):
            history.record(fact)
        history.flush()
        if history.failure is not None:
            raise history.failure
    finally:
        history.close()
    return great


# Runs as they are every day ------------------------------------------------------------------------


def small_run(source: random.Random, start: int, number: int, of: int) -> list[Fact]:
    """One flow run with its task runs, log lines and maybe a subflow."""
    flow = source.choice(list(FLOWS))
    is_newest = number >= of - len(UNDER_WAY)
    state = StateName(UNDER_WAY[number - of] if is_newest else source.choice(ENDINGS))
    return flow_run(source, f"{source.getrandbits(128):032x}", flow, state, start)


def flow_run(
    source: random.Random, id: str, flow: str, state: StateName, start: int, parent: str | None = None
) -> list[Fact]:
    """The facts of one flow run in that state, and those of its subflow. The flow run itself comes first."""
    facts: list[Fact] = []
    names = FLOWS[flow]
    width = source.randint(2, 12)
    has_failed = state in (StateName.FAILED, StateName.TIMED_OUT)
    at = start + source.randint(1_000, 20_000)
    last: tuple[int, ...] = ()
    number = 0
    for depth, task in enumerate(names):
        is_last = depth == len(names) - 1
        runs = width if depth == 1 else 1
        ids = tuple(range(number + 1, number + runs + 1))
        ends = []
        for index, id_ in enumerate(ids):
            ending = StateName.COMPLETED
            if is_last and index == runs - 1 and state is not StateName.COMPLETED:
                ending = _task_state(state)
            fact = task_run(source, id, id_, task, index, ending, at, last)
            facts += [fact, *log_lines(source, id, fact)]
            ends.append(fact.ended_us or at)
        number += runs
        last = ids
        at = max(ends) + source.randint(200, 5_000)
    facts.append(LogFact(id, None, start + 500, 20, "headrace.flow_runs", f"{flow} began"))
    if flow in SUBFLOWS and parent is None:
        subflow = f"{source.getrandbits(128):032x}"
        facts += flow_run(source, subflow, SUBFLOWS[flow], StateName.COMPLETED, start, f"{id}/1")
    failure = failure_of(source, names[-1]) if has_failed else None
    ended = at if state.type.is_terminal else None
    parameters = {
        "day": f"2026-{source.randint(1, 12):02d}-{source.randint(1, 28):02d}",
        "region": source.choice(TAGS),
    }
    itself = FlowRunFact(
        id, "flow", flow, f"{source.choice(ADJECTIVES)}-{source.choice(ANIMALS)}", "1.4",
        tuple(sorted(source.sample(TAGS, source.randint(0, 2)))), _flow_states(state, start, at), start + 800, ended,
        parent, "ConcurrentTaskRunner", json.dumps(parameters),
        StoredResult(NONE_PICKLED, str(source.randint(1, 10**6))) if state is StateName.COMPLETED else None,
        failure, json.dumps({"entry_point": f"flows/{flow}.py:{flow}", "commit": "c0ffee5", "host": "build-7", "user": "ana"}),
    )  # fmt: skip
    return [itself, *facts]


def task_run(
    source: random.Random,
    flow_run_id: str,
    id: int,
    task: str,
    index: int,
    state: StateName,
    at: int,
    upstreams: tuple[int, ...],
    *,
    typical_us: int = 400_000,
    workers: int = 8,
) -> TaskRunFact:
    """A task run that was submitted at that time: one in thirty was tried again before it ended so."""
    worker = f"thread-{source.randint(1, workers)}"
    started = at + source.randint(100, 30_000)
    changes = [State(StateName.PENDING, at)]
    attempts: list[AttemptFact] = []
    if source.random() < 0.033 and state is not StateName.PENDING:
        failed = started + source.randint(1_000, typical_us)
        attempts.append(AttemptFact(1, started, failed, worker, failure_of(source, task)))
        changes += [
            State(StateName.RUNNING, started),
            State(StateName.AWAITING_RETRY, failed, "retry 1 of 2"),
        ]
        started = failed + source.randint(10_000, typical_us)
    ended = started + int(typical_us * source.lognormvariate(0, 0.6))
    if state is not StateName.PENDING:
        changes.append(State(StateName.RUNNING if not attempts else StateName.RETRYING, started))
    if state not in (StateName.PENDING, StateName.RUNNING):
        changes.append(State(state, ended))
    has_failed = state is StateName.FAILED
    failure = failure_of(source, task) if has_failed else None
    if attempts:
        attempts.append(AttemptFact(2, started, ended, worker, failure))
    return TaskRunFact(
        flow_run_id, id, None, task, index, None, (), tuple(changes), None if state is StateName.PENDING else started,
        ended if state.type.is_terminal else None, max(len(attempts), 1), tuple(attempts), upstreams,
        json.dumps({"number": index}), worker,
        StoredResult(NONE_PICKLED, str(index)) if state is StateName.COMPLETED else None, failure,
    )  # fmt: skip


def log_lines(source: random.Random, flow_run_id: str, run: TaskRunFact) -> Iterator[LogFact]:
    """What a task run says: now and then a warning, an error where it failed."""
    at = run.started_us or run.states[0][1]
    yield LogFact(flow_run_id, run.id, at, 20, run.task, f"{run.task} of part {run.index} began")
    if source.random() < 0.1:
        message = f"part {run.index} has {source.randint(1, 99)} rows \x1b[33mwithout a key\x1b[0m"
        yield LogFact(flow_run_id, run.id, at + 100, 30, run.task, message)
    if run.failure is not None:
        yield LogFact(flow_run_id, run.id, at + 200, 40, run.task, run.failure.message)


def failure_of(source: random.Random, task: str) -> Failure:
    """What was raised, with a traceback as Python writes it."""
    kind, message = source.choice(FAILURES)
    traceback = (
        "Traceback (most recent call last):\n"
        f'  File "/srv/flows/steps.py", line {source.randint(20, 400)}, in {task}\n'
        "    return convert(rows, strict=True)\n"
        '  File "/srv/flows/convert.py", line 31, in convert\n'
        "    value = float(row[column])\n"
        f"{kind}: {message}\n"
    )
    return Failure(kind, message, traceback)


def _task_state(state: StateName) -> StateName:
    """How the last task run of a flow run stands that is in this state."""
    match state:
        case StateName.FAILED | StateName.TIMED_OUT:
            return StateName.FAILED
        case StateName.CRASHED | StateName.CANCELLED:
            return state
        case StateName.PENDING:
            return StateName.PENDING
        case _:
            return StateName.RUNNING


def _flow_states(state: StateName, start: int, end: int) -> tuple[State, ...]:
    changes = [State(StateName.PENDING, start)]
    if state is not StateName.PENDING:
        changes.append(State(StateName.RUNNING, start + 800))
    if state not in (StateName.PENDING, StateName.RUNNING):
        reason = None if state is StateName.COMPLETED else "1 of its task runs did not complete"
        changes.append(State(state, end, reason))
    return tuple(changes)


# The great one -------------------------------------------------------------------------------------


def great_run(source: random.Random, id: str, start: int, size: Size) -> Iterator[Fact]:
    """A plan, a map over it, waves of steps in chains after that, and a report of all: on 64 workers, some with failures."""
    yield _great(source, id, StateName.RUNNING, start, start, size)
    yield task_run(source, id, 1, "plan", 0, StateName.COMPLETED, start, ())
    number = 1
    at = start + 2 * SECOND
    mapped: Sequence[int] = ()
    steps = ("load_part", "clean_part", "join_part", "score_part", "write_part")
    for wave in range(10**6):
        count = min(size.map_size, size.task_runs - number - 1)
        if count < 1:
            break
        task = "process" if wave == 0 else steps[wave % len(steps)]
        first = number + 1
        wave_us = 90 * SECOND
        for index in range(count):
            upstream = (mapped[index % len(mapped)],) if mapped else (1,)
            state = StateName.FAILED if source.random() < 0.004 else StateName.COMPLETED
            yield task_run(
                source, id, first + index, task, index + wave // len(steps) * size.map_size, state,
                at + index * wave_us // count, upstream, workers=64,
            )  # fmt: skip
        number += count
        mapped = range(first, first + count)
        at += wave_us + SECOND
    yield task_run(source, id, number + 1, "report", 0, StateName.COMPLETED, at, tuple(mapped[:50]))
    for line in range(size.log_lines):
        moment = start + line * (at - start) // size.log_lines
        message = f"part {line} of {size.log_lines} has {source.randint(10, 10**6)} rows in {source.choice(ANIMALS)}.parquet"
        yield LogFact(
            id, 2 + line % (number - 1), moment, source.choice((10, 20, 20, 20, 30, 40)), "steps", message
        )
    yield _great(source, id, StateName.FAILED, start, at + 5 * SECOND, size)


def _great(source: random.Random, id: str, state: StateName, start: int, end: int, size: Size) -> FlowRunFact:
    has_ended = state.type.is_terminal
    return FlowRunFact(
        id, "flow", "process_everything", "great-heron", "2.0", ("nightly",), _flow_states(state, start, end),
        start + 800, end if has_ended else None, None, "ConcurrentTaskRunner", json.dumps({"parts": size.map_size}), None,
        failure_of(source, "process") if has_ended else None,
        json.dumps({"entry_point": "flows/everything.py:process_everything", "commit": "c0ffee5", "host": "build-7"}),
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.big_history", description="Make a history to look at."
    )
    parser.add_argument("path")
    parser.add_argument("--runs", type=int, default=1_000)
    parser.add_argument("--task-runs", type=int, default=100_000)
    parser.add_argument("--log-lines", type=int, default=20_000)
    parser.add_argument("--hold", action="store_true", help="stay there, so that what is under way stays so")
    arguments = parser.parse_args()
    size = Size(runs=arguments.runs, task_runs=arguments.task_runs, log_lines=arguments.log_lines)
    print(make(arguments.path, size))
    if arguments.hold:
        signal.pause()


if __name__ == "__main__":
    main()
