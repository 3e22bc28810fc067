"""Starts recorded flows as processes of their own, and knows how those fare.

A process outlives the server: it has a session of its own, and writes into a file that has no name and that only its user can
read. Its parameters come by its standard input, so that no list of processes shows a secret.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from contextlib import suppress
from fcntl import F_GETFL, F_SETFL, fcntl
from itertools import count
from typing import TYPE_CHECKING, Literal

from headrace.clock import now_us
from headrace.errors import LaunchError
from headrace.history.browsing import run_of_process
from headrace.history.database import resolve
from headrace.history.liveness import this_process
from headrace.server.action_views import Launch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headrace.history.reader import Reader
    from headrace.server.recorded_program import Program

SHOWN_BYTES = 4096
_LOOKS_EVERY_SECONDS = 5.0
_MAX_OUTPUT_BYTES = 16 * 1024 * 1024
_MAX_KEPT = 200

Kind = Literal["resume", "run_again"]


class Launches:
    """The processes that this server has started: the latest of them, by number."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._started: dict[int, Launched] = {}
        self._lock = threading.Lock()

    def start(
        self,
        kind: Kind,
        program: Program,
        command: Sequence[str],
        parameters: str,
        *,
        flow: str,
        history: str,
        run: str | None = None,
    ) -> Launched:
        """Starts a command of the program, with ``parameters`` (a JSON object) as its input. Raises ``LaunchError``.

        ``history`` is the file in which it records the run; ``run`` is the id of that, if it is known already.
        """
        with self._lock:
            ended = [number for number, launched in self._started.items() if launched.has_ended]
            for number in ended[: max(0, len(self._started) + 1 - _MAX_KEPT)]:
                self._started.pop(number).close()
            if len(self._started) >= _MAX_KEPT:
                raise LaunchError(
                    f"{_MAX_KEPT} processes that were started here have not ended: wait for one."
                )
            number = next(self._numbers)
            launched = Launched(
                number, kind, program, command, parameters, flow=flow, history=history, run=run
            )
            self._started[number] = launched
        return launched

    def get(self, number: int) -> Launched | None:
        """The process of that number, if it is one of the latest."""
        return self._started.get(number)


class Launched:
    """One process that was started."""

    def __init__(
        self,
        number: int,
        kind: Kind,
        program: Program,
        command: Sequence[str],
        parameters: str,
        *,
        flow: str,
        history: str,
        run: str | None,
    ) -> None:
        self.number = number
        self.kind: Kind = kind
        self.exit_code: int | None = None
        self._flow = flow
        self._run = run
        self._started_us = now_us()
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - as long as somebody may look at it
        # Whoever writes does so at the end, also after the file was cut.
        fcntl(self._output, F_SETFL, fcntl(self._output, F_GETFL) | os.O_APPEND)
        try:
            self._process = subprocess.Popen(
                command,
                cwd=program.folder,
                env=_environment(program, history),
                stdin=subprocess.PIPE,
                stdout=self._output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:  # a path with a NUL
            self._output.close()
            raise LaunchError(
                f"{program.interpreter} cannot be started in {program.folder}: {error}."
            ) from error
        attend = threading.Thread(
            target=self._attend, args=(parameters.encode(),), name="headrace-launch", daemon=True
        )
        attend.start()

    @property
    def has_ended(self) -> bool:
        """Whether the process is gone."""
        return self.exit_code is not None

    def close(self) -> None:
        """Nobody asks for its output any more: it has ended."""
        self._output.close()

    def look(self, reader: Reader) -> Launch:
        """How it fares."""
        if self._run is None:
            process = (self._process.pid, this_process().host)
            self._run = run_of_process(reader, process, self._flow, since_us=self._started_us)
        return Launch(
            id=self.number,
            run=self._run,
            kind=self.kind,
            state="ended" if self.has_ended else "running",
            exit_code=self.exit_code,
            output=self._end_of_output(SHOWN_BYTES).decode("utf-8", "replace"),
        )

    def _attend(self, parameters: bytes) -> None:
        """Gives it its parameters, keeps its output small, and buries it."""
        stdin = self._process.stdin
        assert stdin is not None
        with suppress(OSError), stdin:  # it may have ended, or not read on
            stdin.write(parameters)
        while True:
            try:
                self.exit_code = self._process.wait(_LOOKS_EVERY_SECONDS)
            except subprocess.TimeoutExpired:
                self._bound_output()
            else:
                return

    def _bound_output(self) -> None:
        if os.fstat(self._output.fileno()).st_size > _MAX_OUTPUT_BYTES:
            end = self._end_of_output(SHOWN_BYTES)
            os.ftruncate(self._output.fileno(), 0)
            os.write(self._output.fileno(), end)

    def _end_of_output(self, most_bytes: int) -> bytes:
        descriptor = self._output.fileno()
        size = os.fstat(descriptor).st_size
        return os.pread(descriptor, most_bytes, max(0, size - most_bytes))


def _environment(program: Program, history: str) -> Mapping[str, str]:
    """The server's own, with its history in the place of whichever the folder's settings name."""
    environment = {**os.environ, "HEADRACE_DATABASE": resolve(history)}
    environment.pop("PYTHONHOME", None)  # that of the server's Python, which may be another
    if program.root is not None:
        paths = [program.root, environment.get("PYTHONPATH", "")]
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    return environment


LAUNCHES = Launches()
"""Those of this server: one process, one register."""
