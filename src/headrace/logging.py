"""Log lines: to stderr for the person, and into the history for the run.

``stdout`` is never written to. Records of *any* logger that are made inside a run are kept under it from
INFO up, without changing what the program's own handlers show.
"""

from __future__ import annotations

import logging
import sys
import threading
from typing import TYPE_CHECKING, Any

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
    >>> from headrace.testing import in_memory_history
    >>> @flow
    ... def greet() -> None:
    ...     get_run_logger().info("Hello, %s", "Ada")
    >>> with in_memory_history() as history:
    ...     greet()
    ...     history.run("greet").logs()
    ['Hello, Ada']
    """
    scope = current_scope.get()
    if scope is None:
        message = (
            "get_run_logger() was called outside a flow or task run; use logging.getLogger(__name__) there"
        )
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
    # Not the exception's own traceback: it grows whenever somebody's `result()` raises it again.
    info = (type(error), error, call.traceback)
    _log_under(call, logging.ERROR, "Task run '%s' failed", call.display_name, exc_info=info)


def log_task_crash(call: Call, state: State) -> None:
    """A task run that crashed, with the reason, at ERROR: there is no traceback of it."""
    _log_under(call, logging.ERROR, "Task run '%s' crashed: %s", call.display_name, state.message)


def log_warning(call: Call, message: str) -> None:
    """What a person should know of a task run, at WARNING."""
    _log_under(call, logging.WARNING, "%s", message)


def _log_under(call: Call, level: int, message: str, *values: object, exc_info: Any = None) -> None:
    """Log a line that the history keeps under the task run."""
    token = current_scope.set(call)
    try:
        logger.log(level, message, *values, exc_info=exc_info)
    finally:
        current_scope.reset(token)


def log_defect(message: str, error: BaseException) -> None:
    """Something of the user's that the engine called, and that raised where it may not stop a run."""
    logger.error("%s", message, exc_info=(type(error), error, error.__traceback__))


# -- what the history keeps ----------------------------------------------------------------------


def keep_line(scope: Any, level: int, logger_name: str, message: str) -> None:
    """Keep a line under a run."""
    call = scope.call
    scope.driver.history.record(
        LogFact(
            scope.flow_run_id,
            None if call is None else call.id,
            scope.driver.now_us(),
            level,
            logger_name,
            message,
        )
    )


def _keep_record(record: logging.LogRecord) -> None:
    scope: Any = current_scope.get()
    if scope is None or record.levelno < logging.INFO:
        return
    try:
        message = record.getMessage()
    except Exception:  # whoever shows the record complains of it; the line itself is not lost
        message = f"{record.msg!s:.1000} <its arguments do not fit>"
    if record.exc_info and record.exc_info[1] is not None:
        message = f"{message}\n{_text_of(record.exc_info)}\n"
    keep_line(scope, record.levelno, record.name, message)


def _text_of(exc_info: Any) -> str:
    from headrace.tracebacks import format_with_frames

    return format_with_frames(*exc_info[1:]).removesuffix("\n")


class Capture:
    """Keeps log records while at least one flow run is under way.

    No handler is added and no level is set: ``logging.basicConfig`` works inside a flow, a program without handlers
    has its warnings printed by logging itself, and whoever does not propagate is heard, too. Instead the class of
    all loggers is taught two things: a record that a logger's filters let pass is kept in the history of its run,
    and where no logger but the root sets a level, records from INFO up are made. Those that would not have been
    made otherwise are shown to no handler.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._depth = 0
        self._call_handlers: Any = None
        self._effective_level: Any = None

    def __enter__(self) -> None:
        with self._lock:
            self._depth += 1
            if self._depth == 1:
                _show_our_lines()
                self._teach()
                _forget_known_levels()

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._depth -= 1
            if self._depth == 0:
                _forget_known_levels()

    def _teach(self) -> None:
        """Once a process. What others have taught the class before goes on as it was."""
        if self._call_handlers is not None:
            return
        self._call_handlers = logging.Logger.callHandlers
        self._effective_level = logging.Logger.getEffectiveLevel

        def call_handlers(logger: logging.Logger, record: logging.LogRecord) -> None:
            if not self._depth:
                self._call_handlers(logger, record)
                return
            if record.levelno >= self._effective_level(logger):
                self._call_handlers(logger, record)
            _keep_record(record)

        def effective_level(logger: logging.Logger) -> int:
            level: int = self._effective_level(logger)
            return logging.INFO if self._depth and level > logging.INFO and _asks_root(logger) else level

        logging.Logger.callHandlers = call_handlers  # type: ignore[assignment, method-assign]
        logging.Logger.getEffectiveLevel = effective_level  # type: ignore[assignment, method-assign]


capture = Capture()
"""The one capture of this process."""


def _asks_root(asking: logging.Logger) -> bool:
    """Whether the logger has its level from the root logger."""
    source: logging.Logger | None = asking
    while source is not None and source is not logging.root:
        if source.level:
            return False
        source = source.parent
    return source is not None


def _forget_known_levels() -> None:
    """Loggers remember what they are enabled for, until a level is set."""
    logging.root.setLevel(logging.root.level)


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


class _Lines(logging.Formatter):
    """Shows an exception with the very text that the history has of it."""

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        return super().formatException(ei) if ei[1] is None else _text_of(ei)


def _show_our_lines() -> None:
    """Show the engine's own lines on stderr, unless the program has configured our logger itself."""
    if logger.handlers:
        return
    from headrace import settings

    handler = _StderrHandler()
    handler.setFormatter(
        _Lines("%(asctime)s.%(msecs)03d | %(levelname)-7s | %(message)s", datefmt="%H:%M:%S")
    )
    handler.setLevel(settings.log_level())
    logger.addHandler(handler)
    if logger.level == logging.NOTSET:
        logger.setLevel(min(handler.level, logging.INFO))  # what is not shown is kept all the same
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
        scope: Any = current_scope.get()
        file = options.get("file")
        if scope is None or not scope.logs_prints or not (file is None or file is sys.stdout):
            self._original(*values, sep=sep, end=end, **options)
            return
        texts = [str(value) for value in values]
        self._original(*texts, sep=sep, end=end, **options)
        keep_line(scope, logging.INFO, "print", (" " if sep is None else sep).join(texts))


print_capture = PrintCapture()
"""The one capture of prints of this process."""
