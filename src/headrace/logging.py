"""Log lines: to stderr for the person, and into the history for the run.

``stdout`` is never written to. Records of *any* logger that are made inside a run are kept under it from
INFO up, without changing what the program's own handlers show.
"""

from __future__ import annotations

import logging
import sys
import threading
from typing import TYPE_CHECKING, Any

from headrace.clock import now_us
from headrace.context import current_scope
from headrace.history.facts import LogFact

if TYPE_CHECKING:
    from headrace.engine.states import State
    from headrace.task_runners.call import Call

logger = logging.getLogger("headrace")
_run_logger = logging.getLogger("headrace.runs")


def get_run_logger() -> logging.Logger:
    """The logger for code inside a flow or a task: its lines go to stderr, and into the history of the run.

    Raises ``RuntimeError`` outside a run.

    >>> from headrace import flow, get_run_logger
    >>> @flow
    ... def greet():
    ...     get_run_logger().info("Hello")
    """
    scope = current_scope.get()
    if scope is None:
        message = "get_run_logger() was called outside a flow or task run; use logging.getLogger(__name__) there"
        raise RuntimeError(message)
    return _run_logger


# -- what the engine says ------------------------------------------------------------------------


def logs_task_states() -> bool:
    """Whether ordinary states of task runs are logged at all."""
    return logger.isEnabledFor(logging.DEBUG)


def log_task_state(call: Call, state: State) -> None:
    """An ordinary state of a task run, at DEBUG."""
    logger.debug("Task run '%s' is %s", call.display_name, state)


def log_task_failure(call: Call, error: BaseException) -> None:
    """A failed task run, with its traceback, at ERROR."""
    _with_scope(call, logger.error, "Task run '%s' failed", call.display_name, error=error)


def log_defect(message: str, error: BaseException) -> None:
    """Something of the user's that the engine called, and that raised where it may not stop a run."""
    logger.error("%s", message, exc_info=_exc_info(error))


def _with_scope(scope: Any, log: Any, message: str, *args: Any, error: BaseException) -> None:
    token = current_scope.set(scope)
    try:
        log(message, *args, exc_info=_exc_info(error))
    finally:
        current_scope.reset(token)


def _exc_info(error: BaseException) -> tuple[type[BaseException], BaseException, Any]:
    return (type(error), error, error.__traceback__)


# -- what the history keeps ----------------------------------------------------------------------


class HistoryHandler(logging.Handler):
    """Keeps the records that are made inside a run, under that run."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)

    def emit(self, record: logging.LogRecord) -> None:
        """Hand the record to the history of the run in which it is made, if it is made in one."""
        scope: Any = current_scope.get()
        if scope is None:
            return
        try:
            message = record.getMessage()
            if record.exc_info and record.exc_info[1] is not None:
                from headrace.tracebacks import format_traceback

                message = f"{message}\n{format_traceback(record.exc_info[1])}"
        except Exception:
            self.handleError(record)
            return
        keep_line(scope, record.levelno, record.name, message)


def keep_line(scope: Any, level: int, logger_name: str, message: str) -> None:
    """Keep a line under a run."""
    call = scope.call
    scope.driver.history.record(
        LogFact(scope.flow_run_id, None if call is None else call.id, now_us(), level, logger_name, message)
    )


class _AsBefore(logging.Filter):
    """Lets a handler of the program show what it showed before we lowered the root logger's level."""

    def __init__(self, root_level: int) -> None:
        super().__init__()
        self._root_level = root_level

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno >= self._root_level:
            return True
        source: logging.Logger | None = logging.getLogger(record.name)
        while source is not None and source is not logging.root:
            if source.level:
                return True
            source = source.parent
        return False


class Capture:
    """Keeps log records while at least one flow run is under way."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._depth = 0
        self._handler = HistoryHandler()
        self._root_level = logging.WARNING
        self._as_before: dict[logging.Handler, _AsBefore] = {}

    def __enter__(self) -> None:
        with self._lock:
            self._depth += 1
            if self._depth == 1:
                self._begin()

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._depth -= 1
            if self._depth == 0:
                self._end()

    def _begin(self) -> None:
        _show_our_lines()
        root = logging.root
        self._root_level = root.level
        if root.level > logging.INFO:
            self._as_before = {handler: _AsBefore(root.level) for handler in root.handlers}
            for handler, before in self._as_before.items():
                handler.addFilter(before)
            root.setLevel(logging.INFO)
        if not root.handlers:
            self._handler.addFilter(_last_resort)
        root.addHandler(self._handler)
        logger.addHandler(self._handler)

    def _end(self) -> None:
        logger.removeHandler(self._handler)
        logging.root.removeHandler(self._handler)
        self._handler.removeFilter(_last_resort)
        for handler, before in self._as_before.items():
            handler.removeFilter(before)
        if self._as_before or self._root_level > logging.INFO:
            logging.root.setLevel(self._root_level)
        self._as_before = {}


capture = Capture()
"""The one capture of this process."""


def _last_resort(record: logging.LogRecord) -> bool:
    """Where the program has no handler, logging itself prints warnings; our handler must not end that."""
    last = logging.lastResort
    is_ours = record.name == "headrace" or record.name.startswith("headrace.")
    if last is not None and not is_ours and len(logging.root.handlers) == 1 and record.levelno >= last.level:
        last.handle(record)
    return True


class _StderrHandler(logging.StreamHandler[Any]):
    """Writes to whatever ``sys.stderr`` is at the time."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> Any:
        return sys.stderr

    @stream.setter
    def stream(self, _value: Any) -> None:
        raise NotImplementedError


def _show_our_lines() -> None:
    """Show the engine's own lines on stderr, unless the program has configured our logger itself."""
    if logger.handlers:
        return
    from headrace import settings

    handler = _StderrHandler()
    handler.setFormatter(
        logging.Formatter("%(asctime)s.%(msecs)03d | %(levelname)-7s | %(message)s", datefmt="%H:%M:%S")
    )
    logger.addHandler(handler)
    if logger.level == logging.NOTSET:
        logger.setLevel(settings.log_level())
    logger.propagate = False


# -- print ---------------------------------------------------------------------------------------


class PrintCapture:
    """Keeps what runs with ``log_prints=True`` print, and lets it be printed all the same."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._original: Any = None

    def install(self) -> None:
        """Put our ``print`` in the place of the builtin one, once a process."""
        import builtins

        with self._lock:
            if self._original is None:
                self._original = builtins.print
                builtins.print = self._print

    def _print(self, *values: Any, sep: str | None = None, end: str | None = None, **options: Any) -> None:
        self._original(*values, sep=sep, end=end, **options)
        scope: Any = current_scope.get()
        if scope is None or not scope.logs_prints or options.get("file") not in (None, sys.stdout):
            return
        text = (" " if sep is None else sep).join(str(value) for value in values)
        keep_line(scope, logging.INFO, "print", text)


print_capture = PrintCapture()
"""The one capture of prints of this process."""

