"""SQL statements by name: each lies in its own file under ``sql/``, with a comment of its purpose.

Nothing here runs a statement.
"""

from __future__ import annotations

import os

_FOLDER = os.path.join(os.path.dirname(__file__), "sql")
_texts: dict[str, str] = {}


def statement(name: str) -> str:
    """The text of ``sql/<name>.sql``, read once a process, without its leading comment."""
    text = _texts.get(name)
    if text is None:
        with open(os.path.join(_FOLDER, f"{name}.sql"), encoding="utf-8") as file:
            text = "".join(line for line in file if not line.startswith("--"))
        _texts[name] = text
    return text


class RowStatement:
    """One ``INSERT ... VALUES (...)`` that writes many rows at once, in chunks of a few fixed sizes.

    A statement of many rows is one step for SQLite: the interpreter's lock changes hands once a chunk and
    not once a row. Few sizes, so that the compiled statements stay in the connection's cache. A chunk may
    be filled up with copies of its last row where the statement is an upsert, to which a copy changes nothing.
    """

    SIZES = (64, 16, 4, 1)

    def __init__(self, name: str, *, variable_limit: int) -> None:
        head, _, rest = statement(name).partition("VALUES ")
        row, conflict, tail = rest.partition("ON CONFLICT")
        self._head = head
        self._row = row.strip()
        self._tail = f"\n{conflict}{tail}"
        self.width = row.count("?")
        self._may_repeat_rows = "DO UPDATE" in tail
        self._sizes = tuple(size for size in self.SIZES if size * self.width <= variable_limit)
        self._texts: dict[int, str] = {}

    def chunks(self, values: list[object]) -> list[tuple[str, list[object]]]:
        """The statements, with their values, that write the rows which lie one behind the other in ``values``."""
        width = self.width
        row_count = len(values) // width
        if row_count == 1:
            return [(self._text(1), values)]
        result: list[tuple[str, list[object]]] = []
        start = 0
        while start < row_count:
            size = self._next_size(row_count - start)
            chunk = values[start * width : (start + size) * width]
            missing = size - len(chunk) // width
            if missing:
                chunk += chunk[-width:] * missing
            result.append((self._text(size), chunk))
            start += size
        return result

    def _next_size(self, row_count: int) -> int:
        if self._may_repeat_rows:
            for size in reversed(self._sizes):
                if row_count <= size <= row_count * 1.5:
                    return size
        return next(size for size in self._sizes if size <= row_count)

    def _text(self, size: int) -> str:
        text = self._texts.get(size)
        if text is None:
            text = self._texts[size] = f"{self._head}VALUES {', '.join([self._row] * size)}{self._tail}"
        return text
