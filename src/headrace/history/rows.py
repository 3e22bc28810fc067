"""Facts become rows: pure functions, nothing here touches a database.

These lines run in the writer thread while it holds the interpreter's lock, once for every task run, so they
take few steps for a plain one. ``None`` and ``bytes`` are never bound: the sqlite3 module sends both through
its adapter protocol, a microsecond each. Empty values and ``bytearray`` go instead; the statements turn the
empty ones into NULL.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from headrace.engine.states import StateName
from headrace.history.checksums import sealed, seed_of_flow_run, seed_of_task_run, seed_of_text
from headrace.history.deeds import Deed
from headrace.history.facts import (
    PICKLE,
    FlowRunFact,
    LogFact,
    PlainTaskRunFact,
    ReplayFact,
    StoredResult,
    TaskCodeFact,
    TaskRunFact,
    WaitFact,
)
from headrace.previews import text_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headrace.engine.states import Change
    from headrace.history.facts import AttemptFact, CacheFact, Failure, Kept

AnyTaskRunFact = PlainTaskRunFact | TaskRunFact

_PENDING = StateName.PENDING
_COMPLETED = StateName.COMPLETED
_NOTHING = bytearray()
_NO_RESULT = StoredResult(None, None)


class Batch(NamedTuple):
    """The facts of one transaction, merged."""

    flow_runs: dict[str, FlowRunFact]
    task_runs: dict[str, dict[int, AnyTaskRunFact]]
    logs: list[LogFact]
    deeds: list[Deed]
    replays: list[ReplayFact]
    codes: list[TaskCodeFact]
    waits: list[WaitFact]

    def leave_out(self, flow_run_id: str) -> None:
        """Forget all that is of this flow run."""
        self.flow_runs.pop(flow_run_id, None)
        self.task_runs.pop(flow_run_id, None)
        self.logs[:] = [fact for fact in self.logs if fact.flow_run_id != flow_run_id]
        self.waits[:] = [fact for fact in self.waits if fact.flow_run_id != flow_run_id]
        self.replays[:] = [fact for fact in self.replays if fact.flow_run_id != flow_run_id]
        self.codes[:] = [fact for fact in self.codes if fact.flow_run_id != flow_run_id]


def merge(facts: Iterable[object]) -> Batch:
    """The latest fact of each run, and every log line and deed in its order. What else there is is passed over."""
    flow_runs: dict[str, FlowRunFact] = {}
    task_runs: dict[str, dict[int, AnyTaskRunFact]] = {}
    logs: list[LogFact] = []
    waits: list[WaitFact] = []
    deeds: list[Deed] = []
    replays: list[ReplayFact] = []
    codes: list[TaskCodeFact] = []
    for fact in facts:
        if type(fact) is PlainTaskRunFact or type(fact) is TaskRunFact:
            try:
                task_runs[fact[0]][fact[1]] = fact
            except KeyError:
                task_runs[fact[0]] = {fact[1]: fact}
        elif type(fact) is FlowRunFact:
            flow_runs[fact[0]] = fact
        elif type(fact) is LogFact:
            logs.append(fact)
        elif type(fact) is ReplayFact:
            replays.append(fact)
        elif type(fact) is TaskCodeFact:
            codes.append(fact)
        elif type(fact) is Deed:
            deeds.append(fact)
        elif type(fact) is WaitFact:
            waits.append(fact)
    return Batch(flow_runs, task_runs, logs, deeds, replays, codes, waits)


class TaskRunRows(NamedTuple):
    """Values of task run rows, one row behind the other, for the two statements that write them."""

    completed: list[object]
    """For ``record_completed_task_runs``."""
    other: list[object]
    """For ``record_task_runs``."""
    pickled_bytes: int
    """How many bytes of results are among them."""
    released: list[tuple[str, str]]
    """Cache keys that need not be waited for any longer, and who held them."""
    has_refreshed: bool
    """Whether values that were cached count no more."""


def task_run_rows(flow_run_key: int, facts: Iterable[AnyTaskRunFact], epoch: int = 1) -> TaskRunRows:
    """The rows of task runs of one flow run. The short statement is for those of its first epoch."""
    base = flow_run_key << 32
    seed = seed_of_flow_run(flow_run_key)
    completed: list[object] = []
    other: list[object] = []
    pickled_bytes = 0
    released: list[tuple[str, str]] = []
    has_refreshed = False
    started_us: int | None
    ended_us: int | None
    worker: str | None
    for fact in facts:
        if isinstance(fact, PlainTaskRunFact):
            (_, number, task, index, submitted_us, started_us, ended_us, upstreams, parameters, worker,
             (pickled, preview, note, kept)) = fact  # fmt: skip
            if pickled is not None and kept is None and epoch == 1:
                size = len(pickled)
                pickled_bytes += size
                waited_for = ids_json(upstreams) if upstreams else ""
                parameters = parameters or ""
                completed += (
                    base | number, task, index, submitted_us, started_us, ended_us,
                    waited_for, parameters, worker, preview or "",
                    sealed(pickled, seed_of_task_run(seed, number, index, task + waited_for + parameters)),
                )  # fmt: skip
                continue
            full = (
                fact.in_full()
            )  # its epoch, why there is no pickle, or where it is, has no room in the short form
        else:
            full = fact
        (_, number, parent, task, index, name, tags, states, started_us, ended_us, attempt_count, attempts,
         upstreams, parameters, worker, result, failure, call_key, cache) = full[:]  # fmt: skip
        _, preview, note, kept = result = result or _NO_RESULT
        content = result.content
        waited_for = ids_json(upstreams) if upstreams else ""
        blob = _NOTHING
        if content is not None:
            pickled_bytes += len(content)
        elif kept is not None and kept.key:
            content = kept.key.encode()  # of a file: whose it is
        if content is not None:
            known_by = task + waited_for + (parameters or "") + (call_key or "")
            blob = sealed(content, seed_of_task_run(seed, number, index, known_by))
        first_name, submitted_us, first_reason = states[0]
        is_plain = False
        if len(states) == 3:
            _, second_us, second_reason = states[1]
            third_name, third_us, third_reason = states[2]
            # The transitions leave only Running between these two.
            is_plain = (
                first_name is _PENDING
                and third_name is _COMPLETED
                and second_us == started_us
                and third_us == ended_us
                and not (first_reason or second_reason or third_reason)
            )
        has_extras = tags or parent or name or attempts or note or failure or call_key or kept or cache
        if is_plain and attempt_count == 1 and epoch == 1 and not has_extras:
            completed += (
                base | number, task, index, submitted_us, started_us, ended_us,
                waited_for, parameters or "", worker or "", preview or "", blob,
            )  # fmt: skip
        else:
            other += (
                base | number, task, index, "" + states[-1][0], submitted_us, started_us or 0, ended_us or 0,
                waited_for, parameters or "", worker or "", preview or "", blob,
                "" if is_plain else states_json(states), attempt_count, parent or 0, name or "",
                texts_json(tags) if tags else "", attempts_json(attempts) if attempts else "", note or "",
                failure_json(failure) if failure else "", epoch, call_key or "", *_how_kept(kept),
                *_by_cache(cache),
            )  # fmt: skip
            if cache is not None and ended_us is not None:
                released.append((cache.key, f"{full.flow_run_id}/{number}"))
                has_refreshed = has_refreshed or cache.refreshes
    return TaskRunRows(completed, other, pickled_bytes, released, has_refreshed)


def _by_cache(cache: CacheFact | None) -> tuple[object, ...]:
    """Key, end of validity and source; each is empty where the run did not go by the cache."""
    if cache is None:
        return "", 0, ""
    return cache.key, cache.expires_us or 0, cache.source or ""


def _how_kept(kept: Kept | None) -> tuple[object, ...]:
    """Key, serializer and size; each is empty where the result is kept plainly."""
    if kept is None:
        return "", "", 0
    return kept.key or "", "" if kept.serializer == PICKLE else kept.serializer, kept.size if kept.key else 0


def flow_run_row(fact: FlowRunFact, environment: str | None, process: int) -> list[object]:
    """The row of a flow run, for ``record_flow_run``."""
    result = fact.result or _NO_RESULT
    content = result.content
    return [
        fact.id, fact.kind, fact.flow, fact.name, fact.version or "",
        texts_json(fact.tags) if fact.tags else "",
        "" + fact.states[-1].name, states_json(fact.states), fact.states[0].at_us,
        fact.started_us or 0, fact.ended_us or 0, fact.parent or "", fact.task_runner, fact.parameters or "",
        result.preview or "", result.note or "",
        failure_json(fact.failure) if fact.failure else "", fact.provenance or "", environment or "",
        _NOTHING if content is None else sealed(content, seed_of_text(fact.id)),
        fact.epoch, process, fact.run_key or "", fact.call_key or "",
        *_arguments(fact), *_how_kept(result.kept),
    ]  # fmt: skip


def _arguments(fact: FlowRunFact) -> tuple[object, object]:
    """What is kept of them, and the key of their file."""
    arguments = fact.arguments
    if arguments is None:
        return _NOTHING, ""
    content = arguments.content
    key = arguments.kept.key if arguments.kept is not None else None
    return _NOTHING if content is None else sealed(content, seed_of_text(fact.id)), key or ""


def log_row(flow_run_key: int, fact: LogFact) -> tuple[object, ...]:
    """The row of a log line, for ``record_logs``."""
    return (flow_run_key, fact.task_run or 0, fact.at_us, fact.level, fact.logger, fact.message)


def states_json(states: tuple[Change, ...]) -> str:
    """``[["Pending",1],["Failed",2,"reason"]]``: the reason is left out where there is none."""
    return (
        "["
        + ",".join(
            [
                '["' + name + f'",{at_us}]' if not reason else '["' + name + f'",{at_us},{text_json(reason)}]'
                for name, at_us, reason in states
            ]
        )
        + "]"
    )


def ids_json(ids: tuple[int | str, ...]) -> str:
    """``[1,"<flow run id>/2"]``: the upstreams of a task run."""
    return "[" + ",".join([str(id_) if type(id_) is int else text_json(str(id_)) for id_ in ids]) + "]"


def texts_json(texts: tuple[str, ...]) -> str:
    """A JSON array of texts."""
    return "[" + ",".join([text_json(text) for text in texts]) + "]"


def attempts_json(attempts: tuple[AttemptFact, ...]) -> str:
    """A JSON array of objects with the names of ``AttemptFact``."""
    return (
        "["
        + ",".join(
            [
                f'{{"number":{attempt.number},"started_us":{attempt.started_us},"ended_us":{attempt.ended_us},'
                f'"worker":{text_json(attempt.worker)},'
                f'"failure":{failure_json(attempt.failure) if attempt.failure else "null"}}}'
                for attempt in attempts
            ]
        )
        + "]"
    )


def failure_json(failure: Failure) -> str:
    """A JSON object with the names of ``Failure``."""
    return (
        f'{{"type":{text_json(failure.type)},"message":{text_json(failure.message)},'
        f'"traceback":{text_json(failure.traceback)}}}'
    )


def clean(value: object) -> object:
    """A value that SQLite takes: a text that UTF-8 cannot say has its lone surrogates spelled out."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    return value
