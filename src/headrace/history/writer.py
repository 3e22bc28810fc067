"""Writes a batch of facts in one transaction.

Nothing here knows about threads or waiting: one caller at a time.
"""

from __future__ import annotations

import logging
import sqlite3
from contextlib import contextmanager, nullcontext
from types import MappingProxyType
from typing import TYPE_CHECKING

from headrace.clock import now_us
from headrace.history.environment import environment
from headrace.history.facts import PlainTaskRunFact, StoredResult, WaitFact
from headrace.history.liveness import heartbeat_now, this_process
from headrace.history.rows import clean, flow_run_row, log_row, merge, task_run_rows
from headrace.history.statements import RowStatement, statement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Protocol

    from headrace.history.database import Database
    from headrace.history.facts import FlowRunFact, LogFact, ReplayFact, TaskCodeFact
    from headrace.history.rows import AnyTaskRunFact, Batch

    class Claim(Protocol):
        """A flow run that this process owns, as far as it knows."""

        @property
        def epoch(self) -> int:
            """How often it has been claimed, as far as this process knows."""


STORED_RESULTS_LIMIT = 256 * 1024 * 1024
"""How many bytes of results one flow run keeps."""

_DROPPED = (
    "not stored: the results of this flow run fill 256 MiB (persist_result=True would keep it in a file)"
)
_KEYS_KEPT = 10_000
_BAD_VALUES = (UnicodeEncodeError, OverflowError, sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError,
               sqlite3.ProgrammingError)  # fmt: skip

NO_CLAIMS: Mapping[str, Claim] = MappingProxyType({})

_logger = logging.getLogger("headrace.history")


class Writer:
    """The writing side of one database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._connection = database.connection
        self._variable_limit = database.connection.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER)
        self._rows: dict[str, RowStatement] = {}
        self._keys: dict[str, int] = {}
        self._stored_bytes: dict[int, int] = {}
        self._environment: str | None = None
        self._process: int | None = None
        self._is_process_committed = False
        self._epochs: dict[str, int] = {}
        self._ended: set[str] = set()
        self._version = 0

    def write(self, facts: Iterable[object], claims: Mapping[str, Claim] = NO_CLAIMS) -> dict[str, str]:
        """Commits the facts, all or none. A fact that SQLite cannot take is left out and logged.

        Facts of a run that somebody else has claimed since are refused: gives who has, by the ids of such runs.
        """
        batch = merge(facts)
        with self.transaction():
            lost = self._leave_out_what_was_lost(batch, claims) if claims else {}
            self._write_flow_runs(batch.flow_runs)
            stored_bytes = self._write_task_runs(batch.task_runs)
            self._write_logs(batch.logs)
            self._write_replays(batch.replays)
            self._write_codes(batch.codes)
            self._write_waits(batch.waits)
            for deed in batch.deeds:
                deed.do(self)
        self._stored_bytes |= stored_bytes
        if len(self._keys) > _KEYS_KEPT:
            self._keys.clear()
            self._ended.clear()
        return lost

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Commits what happens in the block, all or nothing, under the lock between processes."""
        lock = self.database.lock
        with nullcontext() if lock is None else lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise
        self._is_process_committed = self._process is not None

    @property
    def connection(self) -> sqlite3.Connection:
        """For deeds, within the transaction."""
        return self._connection

    @property
    def process_key(self) -> int:
        """The key of this process among those that claimed runs. Written when it is first asked for."""
        if self._process is None:
            at_us = now_us()
            values = (*this_process(), at_us, *heartbeat_now(at_us))
            self._process = self._connection.execute(statement("record_process"), values).fetchone()[0]
        return self._process

    def register(self) -> int:
        """The key of this process, which is committed from here on."""
        if not self._is_process_committed:
            self.beat()
        return self.process_key

    def beat(self) -> None:
        """Says that this process is there."""
        at_us, awake_us = heartbeat_now(now_us())
        with self.transaction() as connection:
            values = {"process": self.process_key, "at_us": at_us, "awake_us": awake_us}
            connection.execute(statement("record_heartbeat"), values)

    def write_flow_run(self, fact: FlowRunFact) -> None:
        """Writes one flow run, within a transaction."""
        self._write_flow_runs({fact.id: fact})

    def _leave_out_what_was_lost(self, batch: Batch, claims: Mapping[str, Claim]) -> dict[str, str]:
        """Within the transaction: who has claimed which runs of the batch. Looked up only if others have written."""
        version = self._connection.execute("PRAGMA data_version").fetchone()[0]
        if version == self._version:
            return {}
        self._version = version
        lost = {}
        for id_ in list(claims):
            if id_ not in self._ended and (who := self._successor(id_, claims[id_].epoch)):
                lost[id_] = who
                batch.leave_out(id_)
        return lost

    def _successor(self, id_: str, epoch: int) -> str | None:
        row = self._connection.execute(statement("find_claim"), (id_,)).fetchone()
        if row is None:
            return None
        _, recorded_epoch, state, has_ended, pid, host = row
        if recorded_epoch > epoch:
            return f"process {pid} on {host} has taken it over (epoch {recorded_epoch})"
        if has_ended and recorded_epoch == epoch:
            return f"it was found to be {state}, since this process had been silent for too long"
        return None

    def _write_flow_runs(self, flow_runs: Mapping[str, FlowRunFact]) -> None:
        for id_, fact in flow_runs.items():
            digest = self._write_environment() if fact.provenance else None
            row = self._write_row(statement("record_flow_run"), flow_run_row(fact, digest, self.process_key))
            if row is not None:
                self._keys[id_] = row[0]
            if fact.ended_us is not None:
                self._ended.add(id_)
            if fact.epoch > 1:
                self._epochs[id_] = fact.epoch

    def _write_environment(self) -> str:
        if self._environment is None:
            mine = environment()
            self._connection.execute(statement("record_environment"), (mine.digest, mine.packages))
            self._environment = mine.digest
        return self._environment

    def _write_task_runs(self, task_runs: Mapping[str, Mapping[int, AnyTaskRunFact]]) -> dict[int, int]:
        """Gives how many bytes of results each flow run has stored with these."""
        stored_bytes: dict[int, int] = {}
        for flow_run_id, facts in task_runs.items():
            key = self._key_of(flow_run_id)
            if key is None:
                _logger.error("%d task runs of flow run %s are not recorded: the history has no such flow run",
                              len(facts), flow_run_id)  # fmt: skip
                continue
            before = self._stored_bytes.get(key, 0)
            epoch = self._epochs.get(flow_run_id, 1)
            rows = task_run_rows(key, facts.values(), epoch)
            if before + rows.pickled_bytes > STORED_RESULTS_LIMIT:
                kept, stored_bytes[key] = self._within_limit(flow_run_id, facts.values(), before)
                rows = task_run_rows(key, kept, epoch)
            elif rows.pickled_bytes:
                stored_bytes[key] = before + rows.pickled_bytes
            self._write_rows("record_completed_task_runs", rows.completed)
            self._write_rows("record_task_runs", rows.other)
            if rows.released:
                self._connection.executemany(statement("release_cache_claim"), rows.released)
            if rows.has_refreshed:
                self._connection.execute(statement("count_cache_clearing"))
        return stored_bytes

    def _within_limit(
        self, flow_run_id: str, facts: Iterable[AnyTaskRunFact], before: int
    ) -> tuple[list[AnyTaskRunFact], int]:
        """The facts without the results that no longer find room, from the first such result on."""
        kept: list[AnyTaskRunFact] = []
        stored = before
        if stored < STORED_RESULTS_LIMIT:
            _logger.warning(
                "Flow run %s has stored 256 MiB of results in the history, which stores no more of them: "
                "those with persist_result=True go to files, of others there are previews",
                flow_run_id,
            )
        for fact in facts:
            content = None if fact.result is None else fact.result.content
            if fact.result is not None and content is not None:
                if stored + len(content) > STORED_RESULTS_LIMIT:
                    stored = STORED_RESULTS_LIMIT
                    full = fact.in_full() if isinstance(fact, PlainTaskRunFact) else fact
                    kept.append(full._replace(result=_without_room(fact.result, content)))
                    continue
                stored += len(content)
            kept.append(fact)
        return kept, stored

    def _write_logs(self, logs: Iterable[LogFact]) -> None:
        values: list[object] = []
        for fact in logs:
            key = self._key_of(fact.flow_run_id)
            if key is not None:
                values += log_row(key, fact)
        self._write_rows("record_logs", values)

    def _write_waits(self, waits: Iterable[WaitFact]) -> None:
        for fact in waits:
            key = self._key_of(fact.flow_run_id)
            if key is not None:
                self._write_row(statement("record_wait"), [key, *fact[1:]])

    def find_wait(self, flow_run_id: str, kind: str, name: str, occurrence: int) -> WaitFact | None:
        """What is recorded of a sleep or a pause."""
        values = (flow_run_id, kind, name, occurrence)
        row = self._connection.execute(statement("find_wait"), values).fetchone()
        if row is None:
            return None
        until_us, question, answer, is_over = row
        return WaitFact(*values, until_us, question, answer, bool(is_over))

    def _write_replays(self, replays: Iterable[ReplayFact]) -> None:
        """All in one statement: between two of them, this thread would have to get hold of the interpreter again."""
        rows = [
            (key << 32 | fact.id, fact.at_us, self._epochs.get(fact.flow_run_id, 1))
            for fact in replays
            if (key := self._key_of(fact.flow_run_id)) is not None
        ]
        if rows:
            import json  # not loaded for a first epoch

            self._connection.execute(statement("replay_task_runs"), {"replays": json.dumps(rows)})

    def _write_codes(self, codes: Iterable[TaskCodeFact]) -> None:
        for fact in codes:
            from headrace.code_digests import code_digest  # only where tasks are called

            key = self._key_of(fact.flow_run_id)
            if key is not None:
                values = (key, fact.task, code_digest(fact.function))
                self._connection.execute(statement("record_task_code"), values)

    def _key_of(self, flow_run_id: str) -> int | None:
        key = self._keys.get(flow_run_id)
        if key is None:
            row = self._connection.execute(statement("find_flow_run_key"), (flow_run_id,)).fetchone()
            if row is None:
                return None
            key = self._keys[flow_run_id] = row[0]
        return key

    def _write_rows(self, name: str, values: list[object]) -> None:
        if not values:
            return
        rows = self._rows.get(name)
        if rows is None:
            rows = self._rows[name] = RowStatement(name, variable_limit=self._variable_limit)
        for text, chunk in rows.chunks(values):
            try:
                self._connection.execute(text, chunk)
            except _BAD_VALUES:
                self._write_one_by_one(rows, chunk)

    def _write_one_by_one(self, rows: RowStatement, chunk: list[object]) -> None:
        """One row cannot be written: the others shall be."""
        for start in range(0, len(chunk), rows.width):
            for text, values in rows.chunks(chunk[start : start + rows.width]):
                self._write_row(text, values)

    def _write_row(self, text: str, values: list[object]) -> tuple[int, ...] | None:
        """Writes one row, cleaned where it has to be, or logs why that is not possible."""
        try:
            try:
                cursor = self._connection.execute(text, values)
            except UnicodeEncodeError:
                cursor = self._connection.execute(text, [clean(value) for value in values])
            row: tuple[int, ...] | None = cursor.fetchone()
            cursor.fetchall()
        except _BAD_VALUES as error:
            _logger.error(  # noqa: TRY400 - the traceback would say nothing more
                "The history left a row out: %s. The row: %.300r", error, values[:6]
            )
            return None
        return row

    def _roll_back(self) -> None:
        """Nothing of the transaction stays, nor what was learnt in it."""
        self._keys.clear()
        self._environment = None
        if not self._is_process_committed:
            self._process = None
        self._version = 0
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")


def _without_room(result: StoredResult, content: bytes) -> StoredResult:
    """The result where the history has no room for its content: in a file, if that is wanted."""
    kept = result.kept
    if kept is None or kept.overflow is None:
        return StoredResult(None, result.preview, _DROPPED)
    return kept.overflow.keep_content(content, kept.serializer, result.preview)
