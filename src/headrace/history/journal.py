"""The stream of facts: whoever runs a flow adds to it at no cost, one thread a process writes it down.

Invariants:

- The database is always a prefix of the stream: batches are taken from its front, one at a time, and a batch is
  one transaction. It is tried again until it is written or the history has failed for good.
- No wake-up is lost: the thread says that it sleeps, and then looks at the stream once more.
- Only the writer thread, or whoever holds ``_writing`` in its place, touches the connection.
- While flow runs are attended, the thread looks round a few times a second, whether or not there is something to write.
- What was admitted is freed again, whatever becomes of the result: a mark stands in the stream from then on.
"""

from __future__ import annotations

import atexit
import logging
import os
import sqlite3
import threading
import time
import warnings
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from headrace import settings
from headrace.clock import now_us
from headrace.completion import Gate
from headrace.errors import HeadraceError, HistoryError, HistoryUnavailableError, HistoryWarning
from headrace.history.database import (
    CLOSES_CHEAPLY,
    IN_MEMORY,
    REFUSALS,
    UNREADABLE,
    explain,
    is_busy,
    open_database,
    unreadable,
)
from headrace.history.deeds import Deed
from headrace.history.statements import statement
from headrace.history.writer import Writer
from headrace.interrupts import calls_user_code, deliver, noted, shielded

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from headrace.history.claims import Claim, Standing
    from headrace.history.database import Database
    from headrace.history.facts import Fact, FlowRunFact, WaitFact
    from headrace.history.keeping import ResultPlace
    from headrace.history.lease_book import LeaseBook
    from headrace.history.lease_desk import LeaseDesk
    from headrace.history.reader import Reader

    class Attended(Protocol):
        """A flow run that this process owns, and what it is told by others. It must not block."""

        @property
        def epoch(self) -> int:
            """How often it has been claimed."""

        @property
        def flow_run_id(self) -> str:
            """Its id."""

        def note_request(self, kind: str, value: str | None) -> None:
            """Another process asks for something: to cancel it, to answer it."""

        def note_loss(self, reason: str) -> None:
            """Somebody else has the run now: what is still recorded of it here is refused."""


T = TypeVar("T")

UNWRITTEN_LIMIT = 64 * 1024 * 1024
"""How many bytes of results may wait for the writer before producers wait, too."""

_MAX_BATCH = 8192
_LIGHT_INTERVAL_SECONDS = 0.005
_BUSY_INTERVAL_SECONDS = 0.015
_BUSY_BATCH = 200
_GIVE_UP_SECONDS = 300.0
_TIDY_LOG_BYTES = 1024 * 1024
_EXIT_LOG_BYTES = 4 * 1024 * 1024
_MAX_LOG_BYTES = 64 * 1024 * 1024
_LOOK_EVERY_FACTS = 20_000
_SLOW_SECONDS = 5.0
_PAUSE_SECONDS = 2.0
_LOOK_ROUND_SECONDS = 0.25
_HEARTBEAT_SECONDS = 2.0
_RESCUE_SECONDS = 10.0

_logger = logging.getLogger("headrace.history")


class _Mark:
    """A place in the stream: ``callback`` is called when everything before it is committed."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback = callback


_open_histories: set[History] = set()


class History:
    """Where facts go, and how one knows that they have arrived.

    >>> history = History.open(":memory:")
    >>> history.flush()
    True
    >>> history.close()
    """

    location: str
    failure: HistoryError | None
    """Why nothing is recorded any more; ``None`` as long as all is well."""

    @classmethod
    def open(cls, location: str, *, is_durable: bool | None = None) -> History:
        """The history at a file path or ``":memory:"``, made if there is none.

        ``is_durable``: what is committed outlives a power failure (default: the setting ``durability``).
        Raises ``HistoryUnavailableError``, ``NotAHistoryError`` or ``HistoryVersionError``.
        """
        if is_durable is None:
            is_durable = settings.durability() == "full"
        return cls(location, Writer(open_database(location, is_durable=is_durable)), is_durable=is_durable)

    def __init__(self, location: str, writer: Writer, *, is_durable: bool = False) -> None:
        self.location = location
        self._is_durable = is_durable
        self.persists_results = settings.persists_results()
        """Whether large results are kept where neither task nor flow says so."""
        self._begin(writer)
        _watch(self)

    def _begin(self, writer: Writer | None) -> None:
        """An empty stream and no thread: at the start, and in a forked child."""
        self.failure = None
        self._writer = writer
        self._stream: deque[Fact | _Mark | Deed] = deque()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._writing = threading.Lock()
        self._bell = threading.Lock()
        self._bell.acquire()
        self._asleep = True
        self._is_urgent = False
        self._is_closed = False
        self._last_batch = 0
        self._log_may_be_long = True
        self._facts_since_look = 0
        self._counting = threading.Lock()
        self._unwritten = 0
        self._when_room: list[Callable[[], None]] = []
        self._has_warned_of_lock = False
        self._waiting_since: float | None = None
        self._attended: dict[str, Attended] = {}
        self._next_look = 0.0
        self._next_heartbeat = 0.0
        self._next_rescue = 0.0
        self._seen_version = 0
        self._last_request = 0
        self._result_place: ResultPlace | None = None
        self._lease_desk: LeaseDesk | None = None

    # The producers' side.

    def record(self, fact: Fact) -> None:
        """Adds a fact to the stream. Never blocks, never raises."""
        self._stream.append(fact)
        if self._asleep and self._bell.locked():  # not locked: it rings already
            self._ring()

    @shielded
    def admit(self, nbytes: int) -> None:
        """Waits while more than 64 MiB of results are unwritten, then counts ``nbytes`` more.

        Called once for each large result of a task by the thread that produced it, outside every lock and event
        loop. The result of a flow needs none of this: its end waits for the flush.
        """
        if not self.has_room:
            self._wait_for_room()
        self.count(nbytes)

    @property
    def has_room(self) -> bool:
        """Whether ``admit`` would not have to wait."""
        return self._unwritten <= UNWRITTEN_LIMIT or self.failure is not None or self._is_closed

    @calls_user_code  # it waits as long as user code may, and a Ctrl-C cuts it as short
    def _wait_for_room(self) -> None:
        if noted.is_set:
            deliver()
        gate = Gate(retrieves=False)
        self.when_there_is_room(gate)
        gate.wait(None)

    @shielded
    def when_there_is_room(self, callback: Callable[[], None]) -> None:
        """Has ``callback`` called once, when there is room: by whoever makes it, or at once in the caller's thread."""
        with self._counting:
            has_room = self.has_room
            if not has_room:
                self._when_room.append(callback)
        if has_room:
            callback()
        elif self._thread is None:  # none could be started: the interpreter is shutting down
            self._write_next()

    def count(self, nbytes: int) -> None:
        """Counts a result as unwritten until the writer has passed this place of the stream. Never blocks."""
        with self._counting:
            self._unwritten += nbytes
        self._stream.append(_Mark(partial(self._make_room, nbytes)))
        if self._asleep:
            self._ring()

    def flush(self, timeout: float | None = None) -> bool:
        """Waits until all that was recorded so far is committed.

        Gives ``False`` if the time ran out or the history has failed: see ``failure``.
        """
        if self._asleep and not self._stream:
            return self.failure is None
        done = threading.Lock()
        done.acquire()
        self.when_flushed(done.release)
        first = _SLOW_SECONDS if timeout is None else min(timeout, _SLOW_SECONDS)
        if not done.acquire(timeout=first):
            if timeout is not None and timeout <= first:
                return False
            self._tell_of_slowness()
            if not done.acquire(timeout=-1 if timeout is None else timeout - first):
                return False
        return self.failure is None

    def when_flushed(self, callback: Callable[[], None]) -> None:
        """Has the writer thread call ``callback`` when all that was recorded so far is committed, or cannot be.

        Once the history is closed that is at once, in the caller's thread.
        """
        if self._is_closed:
            callback()
            return
        self._stream.append(_Mark(callback))
        self._is_urgent = True
        self._ring()
        if self._thread is None:  # none could be started: the interpreter is shutting down
            self._write_next()

    def transact(self, work: Callable[[Writer], T], then: Callable[[T | None], None]) -> None:
        """Has ``work`` done within the next transaction, after all that was recorded so far; then calls ``then``.

        The writer thread does both, so neither may block. ``work`` may be called again if the transaction fails.
        ``then`` is given what it gave, once that is committed; ``None`` if it raised, or if the history has failed.
        """
        if self._is_closed:
            then(None)
            return
        self._stream.append(Deed(work, then))
        self._is_urgent = True
        self._ring()
        if self._thread is None:  # none could be started: the interpreter is shutting down
            self._write_next()

    def attend(self, flow_run: Attended) -> None:
        """From now on this process owns the flow run: it is told what others want of it, and if others take it."""
        if not self._attended:
            soon = time.monotonic() + _LOOK_ROUND_SECONDS
            self._next_look = self._next_heartbeat = self._next_rescue = soon
        self._attended[flow_run.flow_run_id] = flow_run

    def dismiss(self, flow_run: Attended) -> None:
        """The flow run has ended here, and is recorded."""
        self._attended.pop(flow_run.flow_run_id, None)

    def find_wait(self, flow_run_id: str, kind: str, name: str, occurrence: int) -> WaitFact | None:
        """What an earlier epoch has recorded of a sleep or a pause."""
        with self._writing:
            return self._open_writer().find_wait(flow_run_id, kind, name, occurrence)

    def claim(self, flow_run_id: str, *, takes_over: bool = False, is_automatic: bool = False) -> Claim:
        """Makes an earlier flow run this process's own, in its next epoch.

        Raises ``RunUnderWayError`` if its process is still there and ``takes_over`` is not asked for, and ``HistoryError``.
        """
        from headrace.history.claims import claim  # few processes resume

        def take(writer: Writer) -> Claim:
            _rescue(writer.database)
            with writer.transaction() as connection:
                return claim(
                    connection, flow_run_id, process=writer.process_key, takes_over=takes_over, is_automatic=is_automatic,
                )  # fmt: skip

        self.flush()
        return self._patiently(take)

    def replay_flow_run(self, flow_run_id: str) -> int:
        """Records that a subflow of an earlier epoch gave its value once more: when."""
        at_us = now_us()

        def note(writer: Writer) -> None:
            with writer.transaction() as connection:
                values = {"id": flow_run_id, "at_us": at_us, "process": writer.process_key}
                connection.execute(statement("replay_flow_run"), values)

        try:
            self._patiently(note)
        except HistoryError as error:  # the value is there all the same
            self._fail(error)
        return at_us

    def find_key(self, flow: str, run_key: str) -> Standing | None:
        """How the run of a flow stands that was started with this idempotency key."""
        from headrace.history.claims import standing_of

        def find(writer: Writer) -> Standing | None:
            database = writer.database
            _rescue(database)
            row = database.connection.execute(statement("find_run_by_key"), (flow, run_key)).fetchone()
            return None if row is None else standing_of(database.connection, row[0])

        return self._patiently(find)

    def start_with_key(self, fact: FlowRunFact) -> str | None:
        """Records a flow run that bears an idempotency key, at once; the id of the one that has that key already."""

        def start(writer: Writer) -> str | None:
            with writer.transaction() as connection:
                row = connection.execute(statement("find_run_by_key"), (fact.flow, fact.run_key)).fetchone()
                if row is not None:
                    return row[0]  # type: ignore[no-any-return]
                writer.write_flow_run(fact)
                return None

        return self._patiently(start)

    def _patiently(self, act: Callable[[Writer], T]) -> T:
        """What this gives, which reads and writes at once. Waits as long as another program keeps the file locked.

        Raises ``HistoryError`` when it has been locked for five minutes, and for whatever else the file refuses.
        """
        give_up_at = time.monotonic() + _GIVE_UP_SECONDS
        while True:
            try:
                with self._writing:
                    return act(self._open_writer())
            except REFUSALS as error:
                if isinstance(error, HistoryError):
                    raise
                if not is_busy(error) or time.monotonic() > give_up_at:
                    raise explain(error, self.location) from error
                self._tell_of_lock()
                time.sleep(0.02)
            except UNREADABLE as error:
                if isinstance(error, HeadraceError):
                    raise
                raise unreadable(error, self.location) from error

    @property
    def lease_desk(self) -> LeaseDesk:
        """Where this process asks for leases on limits."""
        if self._lease_desk is None:
            from headrace.history.lease_desk import LeaseDesk  # few processes need it

            with self._starting:
                desk: LeaseDesk | None = self._lease_desk  # another thread may have been faster
                self._lease_desk = desk or LeaseDesk(self._open_lease_book)
        return self._lease_desk

    def _open_lease_book(self) -> LeaseBook:
        """By a connection of its own, but for a history in memory, of which there is only one."""
        from headrace.history.lease_book import LeaseBook

        with self._writing:
            writer = self._open_writer()
            process = writer.register()
            is_own = self.location != IN_MEMORY
            database = open_database(self.location) if is_own else writer.database
        return LeaseBook(database, process, self._writing, is_own=is_own)

    def close(self) -> None:
        """Commits what is recorded, moves it into the database file, and closes that. Facts that follow are dropped."""
        if self._is_closed:
            return
        self.flush()
        if self._lease_desk is not None:
            self._lease_desk.close()
        self._is_closed = True
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            self._ring()
            thread.join()
        self._write_next()  # what came meanwhile
        with self._writing:
            self._stream = deque(maxlen=0)
            writer, self._writer = self._writer, None
            if writer is not None:
                if self.failure is None:
                    self._tidy(writer, above_bytes=0)
                writer.database.close()
        self._forget_files()
        _unwatch(self)

    def reader(self) -> Reader:
        """A reader of what is committed. That of an in-memory history ends with it.

        Raises ``HistoryUnavailableError`` for one in memory that is closed.
        """
        from headrace.history.reader import Reader  # not needed by a process that only runs flows

        if self.location != IN_MEMORY:
            return Reader.open(self.location)
        if self._is_closed:
            raise HistoryUnavailableError(
                "This history was in memory, is closed, and what it held is gone: read it before that."
            )
        with self._writing:
            return Reader(self.location, self._open_writer().database.connection, self._writing)

    def result_place(self) -> ResultPlace:
        """Where files of results go: a folder of this history's own, made at the first call."""
        if self._result_place is None:
            from headrace.history.keeping import make_place  # few flows need it

            with self.reader() as reader:
                home, identity = reader.results_home, reader.identity
            base = None if self.location == IN_MEMORY else settings.results()
            location, prefix = (home, "") if base is None else (f"{base}/{identity}", f"{base}/{identity}/")
            self._result_place = make_place(location, prefix, is_durable=self._is_durable)
        return self._result_place

    def _forget_files(self) -> None:
        """Files of an in-memory history go with it."""
        if self._result_place is not None and self.location == IN_MEMORY:
            from shutil import rmtree

            rmtree(self._result_place.location, ignore_errors=True)
            self._result_place = None

    # The ends of a process, and the beginning of another.

    def finish(self) -> None:
        """At the end of the process: all is committed. The log stays for the next opener, unless it is long.

        A fact that still follows opens the database once more.
        """
        self.flush()
        self._forget_files()
        if self._writer is None or not self._writing.acquire(blocking=False):
            return
        try:
            if self.failure is None:
                self._tidy(self._writer, above_bytes=_EXIT_LOG_BYTES)
            if CLOSES_CHEAPLY and self.location != IN_MEMORY:
                writer, self._writer = self._writer, None
                writer.database.close()
        finally:
            self._writing.release()

    def pause(self) -> bool:
        """Waits until no transaction runs and lets none begin, so that the process can be copied."""
        return self._writing.acquire(timeout=_PAUSE_SECONDS)

    def go_on(self) -> None:
        """Ends ``pause``."""
        self._writing.release()

    def start_afresh(self) -> None:
        """In a forked child: what the parent has recorded it writes itself, and its connection is never touched."""
        writer = self._writer
        if writer is not None:
            _of_the_parent.append(writer)
            if writer.database.lock is not None:
                writer.database.lock.close()
        if self._lease_desk is not None:
            _of_the_parent.append(self._lease_desk)
        self._begin(None)

    # The writer thread's side.

    def _ring(self) -> None:
        if self._thread is None:
            self._start()
        try:
            self._bell.release()
        except RuntimeError:  # it rings already
            return

    def _start(self) -> None:
        with self._starting:
            if self._thread is None and not self._is_closed:
                thread = threading.Thread(target=self._run, name="headrace-history", daemon=True)
                try:
                    thread.start()
                except (
                    RuntimeError
                ):  # the interpreter is shutting down: flush() writes in the caller's thread
                    return
                self._thread = thread

    def _run(self) -> None:
        # Held here for as long as the process lives, for Python 3.11: an interpreter that ends closes what it can
        # reach, and closing would copy the log into the database; it does not reach a sleeping thread's frame.
        connection = self._writer and self._writer.database.connection
        while not self._is_closed:
            self._sleep()
            self._linger()
            self._write_next()
            if self._attended and time.monotonic() >= self._next_look:
                self._look_round()
        del connection

    def _sleep(self) -> None:
        """Waits for something to write, without polling."""
        while not self._stream and not self._is_closed:
            self._asleep = True
            if self._stream:  # added before the line above was seen
                break
            if not self._log_may_be_long and not self._attended:
                self._bell.acquire()
            elif not self._bell.acquire(timeout=_LOOK_ROUND_SECONDS):
                self._use_the_pause()
        self._asleep = False

    def _use_the_pause(self) -> None:
        if self._log_may_be_long:
            self._log_may_be_long = False
            with self._writing:
                if self._writer is not None and self.failure is None:
                    self._tidy(self._writer, above_bytes=_TIDY_LOG_BYTES)
        if self._attended:
            self._look_round()

    def _look_round(self) -> None:
        """Say that this process is there, hear what others want of its flow runs, and end what others left."""
        now = time.monotonic()
        self._next_look = now + _LOOK_ROUND_SECONDS
        requests: list[tuple[int, str, str, str | None]] = []
        try:
            with self._writing:
                if self.failure is None:
                    if now >= self._next_heartbeat:
                        self._next_heartbeat = now + _HEARTBEAT_SECONDS
                        self._open_writer().beat()
                        self._log_may_be_long = True
                    if now >= self._next_rescue:
                        self._next_rescue = now + _RESCUE_SECONDS
                        _rescue(self._open_writer().database, self._open_writer().process_key)
                    requests = self._new_requests()
        except Exception as error:  # whatever it is: without this thread no run would come to its end
            _logger.debug("A look round %s failed, and is tried again: %s", self.location, error)
        for key, flow_run_id, kind, value in requests:
            self._last_request = key
            flow_run = self._attended.get(flow_run_id)
            if flow_run is not None:
                flow_run.note_request(kind, value)

    def _new_requests(self) -> list[tuple[int, str, str, str | None]]:
        writer = self._open_writer()
        connection = writer.database.connection
        version = connection.execute("PRAGMA data_version").fetchone()[0]
        if version == self._seen_version:
            return []
        self._seen_version = version
        values = {"after": self._last_request, "process": writer.process_key}
        return connection.execute(statement("list_requests"), values).fetchall()

    def _linger(self) -> None:
        """Gives facts the time to arrive that will be merged with those that are there."""
        self._bell.acquire(blocking=False)
        if not self._is_urgent and not self._is_closed:
            is_busy_now = self._last_batch >= _BUSY_BATCH
            self._bell.acquire(timeout=_BUSY_INTERVAL_SECONDS if is_busy_now else _LIGHT_INTERVAL_SECONDS)

    def _write_next(self) -> None:
        """Takes the front of the stream, commits it, and calls those who wait for that."""
        with self._writing:
            self._is_urgent = False
            take = self._stream.popleft
            size = len(self._stream)
            if size > _MAX_BATCH:
                size = _MAX_BATCH
                self._is_urgent = True
            batch = [take() for _ in range(size)]
            self._last_batch = size
            marks = [item for item in batch if type(item) is _Mark or type(item) is Deed]
            if len(marks) < size or any(type(mark) is Deed for mark in marks):
                self._commit(batch)
        for mark in marks:
            try:
                mark.callback()
            except Exception:
                _logger.exception("A callback of History.when_flushed raised")

    def _commit(self, batch: list[Fact | _Mark | Deed]) -> None:
        if self.failure is None:
            self._waiting_since = time.monotonic()
            while not self._try_to_commit(batch):
                pass
            self._waiting_since = None
            self._log_may_be_long = True
            self._look_at_log(len(batch))

    def _look_at_log(self, fact_count: int) -> None:
        """Keeps the log bounded in a process that is never idle. A look costs little, but not nothing."""
        self._facts_since_look += fact_count
        if self._facts_since_look > _LOOK_EVERY_FACTS or self._unwritten:
            self._facts_since_look = 0
            if self._writer is not None and self.failure is None:
                self._tidy(self._writer, above_bytes=_MAX_LOG_BYTES)

    def _try_to_commit(self, batch: list[Fact | _Mark | Deed]) -> bool:
        """Whether that is the end of it: written, or failed for good."""
        try:
            lost = self._open_writer().write(batch, self._attended)
            for flow_run_id, who in lost.items():
                self._attended.pop(flow_run_id).note_loss(who)
        except Exception as error:
            waited = time.monotonic() - (self._waiting_since or 0)
            if is_busy(error) and waited < _GIVE_UP_SECONDS:
                self._tell_of_lock()
                time.sleep(0.02)
                return False
            self._fail(error)
        for item in batch:
            if type(item) is Deed:
                item.is_committed = self.failure is None
        return True

    def _open_writer(self) -> Writer:
        """The writer; in a forked child a new one at the first use."""
        if self._writer is None:
            self._writer = Writer(open_database(self.location, is_durable=self._is_durable))
        return self._writer

    def _make_room(self, freed: int) -> None:
        """So many bytes of results are written, or never will be: those who waited for that go on."""
        with self._counting:
            self._unwritten -= freed
            waiting: list[Callable[[], None]] = []
            if self.has_room:
                waiting, self._when_room = self._when_room, waiting
        for callback in waiting:
            callback()

    def _tidy(self, writer: Writer, *, above_bytes: int) -> None:
        """Moves the log into the database once it is long. Failing at that loses nothing."""
        try:
            if writer.database.log_size() > above_bytes:
                writer.database.checkpoint()
        except (sqlite3.Error, OSError) as error:
            _logger.debug("The write-ahead log of %s stays as it is: %s", self.location, error)

    def _fail(self, error: Exception) -> None:
        self.failure = error if isinstance(error, HistoryError) else explain(error, self.location)
        text = f"{self.failure} Runs go on, but from here on nothing of them is recorded."
        _logger.error(text, exc_info=None if isinstance(error, (sqlite3.Error, OSError)) else error)
        _warn(text)

    def _tell_of_lock(self) -> None:
        if not self._has_warned_of_lock:
            self._has_warned_of_lock = True
            text = (
                f"Another program keeps the history {self.location} locked (a database shell in a transaction?). "
                "Waiting for it: nothing is lost so far."
            )
            _logger.warning(text)

    def _tell_of_slowness(self) -> None:
        waiting_since = self._waiting_since
        if waiting_since is not None and not self._has_warned_of_lock:
            _logger.warning(
                "The history %s has been waiting for %.0f s to write: is another process that writes to it stopped?",
                self.location,
                time.monotonic() - waiting_since,
            )


def _rescue(database: Database, me: int | None = None) -> None:
    from headrace.history.rescuer import rescue  # not needed by a process whose flows are short

    rescue(database, me)


def _warn(text: str) -> None:
    try:
        warnings.warn(text, HistoryWarning, stacklevel=2)
    except HistoryWarning:  # the user has turned warnings into errors; this thread must go on
        return


# A process has few histories: they are known from opening to closing, for its end and for forked children.


def _watch(history: History) -> None:
    _open_histories.add(history)


def _unwatch(history: History) -> None:
    _open_histories.discard(history)


def _write_everything() -> None:
    """At the end of the process: every fact is written. The log stays for the next one, unless it is long."""
    for history in list(_open_histories):
        history.finish()


_paused: list[History] = []
_of_the_parent: list[object] = []


def _before_fork() -> None:
    """No thread may be inside SQLite while the process is copied: its mutexes would stay locked in the child."""
    _paused.extend(history for history in list(_open_histories) if history.pause())


def _after_fork_in_parent() -> None:
    while _paused:
        _paused.pop().go_on()


def _after_fork_in_child() -> None:
    _paused.clear()
    for history in list(_open_histories):
        history.start_afresh()


atexit.register(_write_everything)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child
    )
