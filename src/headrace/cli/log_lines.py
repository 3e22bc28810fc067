"""Which of the library's own log lines ``headrace run`` shows, and how. What the history keeps does not depend on it."""

from __future__ import annotations

import logging

from headrace import logging as ours
from headrace.cli.safe_text import safe_lines


def choose_log_lines(*, has_view: bool, is_quiet: bool) -> None:
    """Shows what is not shown otherwise, unless the program has configured our logger itself."""
    if ours.logger.handlers:
        return
    ours._show_our_lines()
    for handler in ours.logger.handlers:
        if is_quiet:
            handler.setLevel(logging.ERROR)
        handler.addFilter(_is_not_in_the_view if has_view else _is_not_our_answer)
        if handler.formatter is not None:
            handler.setFormatter(_Safe(handler.formatter))


class _Safe(logging.Formatter):
    """Lines that do nothing to a terminal, whatever names and messages there are in them."""

    def __init__(self, formatter: logging.Formatter) -> None:
        super().__init__()
        self._formatter = formatter

    def format(self, record: logging.LogRecord) -> str:
        return safe_lines(self._formatter.format(record))


def _is_not_in_the_view(record: logging.LogRecord) -> bool:
    """Beginnings, ends and failures of runs are what the view and the summary show."""
    return record.name != "headrace" or not str(record.msg).startswith(("Flow run '%s'", "Task run '%s'"))


def _is_not_our_answer(record: logging.LogRecord) -> bool:
    """Parameters that do not fit are the command's own answer."""
    return _is_not_in_the_view(record) or ": ParameterError: " not in record.getMessage()
