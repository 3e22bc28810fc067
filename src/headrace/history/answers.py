"""Gives the answer of a person to a flow run, wherever that runs, or will run again."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

from headrace.clock import now_us
from headrace.history.database import explain, open_database
from headrace.history.statements import statement

if TYPE_CHECKING:
    from headrace.history.reader import OpenQuestion, Run


def give_answer(location: str, run: Run, question: OpenQuestion, answer: Any) -> bool:
    """Records the answer and tells the process that runs the flow; ``False`` if the question is not open any more.

    Where that process is gone, the run takes the answer when it is resumed. Raises ``HistoryError``.
    """
    place = {"name": question.prompt, "occurrence": question.occurrence}
    with closing(open_database(location)) as database:
        assert database.lock is not None
        connection = database.connection
        try:
            with database.lock:
                connection.execute("BEGIN IMMEDIATE")
                values = {"flow_run": run.key, "answer": json.dumps(answer), **place}
                is_open = connection.execute(statement("answer_question"), values).rowcount == 1
                if is_open:
                    told = {"kind": "answer", "value": json.dumps({**place, "answer": answer})}
                    told_to = {"flow_run": run.key, "at_us": now_us()}
                    connection.execute(statement("record_request"), told | told_to)
                connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise explain(error, database.path) from error
    return is_open
