"""One flow run as one HTML file: the page's own scripts, and in it the answers that the API would give of that run.

The answers come from the same handlers as those of the server, under the keys by which the page asks: the path, and what the
query says in the order of its names. The file needs no server and no network, and may run no script but the page's.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from headrace.engine.states import StateName, StateType
from headrace.errors import LaunchError
from headrace.server.api import ENDPOINTS
from headrace.server.api.encoding import encoded
from headrace.server.api.endpoint import Json
from headrace.server.api.problems import RefusedError
from headrace.server.files import PAGE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from headrace.history.reader import Reader

DATA_ID = "headrace-export"
"""Where the page looks for the answers; it asks a server where there is no such element."""

_MOST_DETAILS = 2_000
_MOST_SUBFLOWS = 100
_MOST_PAGES = 20
_MOST_BYTES = 64_000_000
_LOG_LEVELS = (20, 30, 40, 50)
_LOG_PAGE = 1000
_ENOUGH_LINES = 100
"""With fewer lines than these the page goes on looking: as in `ui/src/run/logs/log_book.ts`."""
_STATES_PAGE = 500
_FAILED = (StateType.FAILED, StateType.CRASHED)

_FILE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link id="favicon" rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<div id="app"></div>
<noscript>This page shows a flow run by its own script, which needs JavaScript.</noscript>
<script type="application/json" id="{data_id}">{data}</script>
<script type="module">{script}</script>
</body>
</html>
"""


def export_html(reader: Reader, run_id: str, page: str = PAGE) -> str:
    """The file's text. ``page`` is the folder of the built page.

    Raises ``RunNotFoundError`` for a run that is not there, ``LaunchError`` where the page is not built.
    """
    script, style = (_asset(page, name) for name in ("app.js", "app.css"))
    answers = Answers(reader)
    answers.gather(run_id)
    run = json.loads(answers.texts[f"/api/runs/{run_id}"])
    return _FILE.format(
        policy=f"default-src 'none'; script-src {_digest(script)}; style-src {_digest(style)}; img-src data:; "
        "worker-src blob:; base-uri 'none'; form-action 'none'",
        title=html.escape(f"{run['name']} · {run['flow']}"),
        style=style,
        data_id=DATA_ID,
        data=answers.as_json(),
        script=script,
    )


class Answers:
    """What the page asks of one run, with what the API answers."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._endpoints = {endpoint.path: endpoint for endpoint in ENDPOINTS if endpoint.method == "GET"}
        self._room = _MOST_BYTES
        self.texts: dict[str, str] = {}
        """JSON text by key."""

    def as_json(self) -> str:
        """All of it as one JSON object that ends no script element, whatever names and messages say."""
        members = ",".join([f"{json.dumps(key)}:{text}" for key, text in self.texts.items()])
        return f"{{{members}}}".translate(_ESCAPES)

    def gather(self, run_id: str) -> None:
        """Asks all that the page would ask of that run; of very large ones the first pages."""
        self.ask("/api/runs/{id}", id=run_id)
        self.ask("/api/info")
        task_runs = self._gather_tabs(run_id)
        self._gather_logs(run_id)
        for level in _LOG_LEVELS:
            self._gather_last_logs(run_id, min_level=level)
        self._gather_states(run_id)
        for number in _failed_first(task_runs)[:_MOST_DETAILS]:
            self.ask("/api/runs/{id}/task-runs/{n}", id=run_id, n=number)
            self._gather_last_logs(run_id, task_run=number)
        self._gather_subflows(run_id)

    def ask(self, path: str, query: Mapping[str, Any] | None = None, **places: Any) -> Any:
        """The answer as plain values. One for which there is no room is left out, and ``None``."""
        endpoint = self._endpoints[path]
        told = query or {}
        values = {parameter.name: parameter.default for parameter in endpoint.parameters} | places
        for parameter in endpoint.parameters:
            if parameter.name in told:
                given = told[parameter.name]
                texts = given if isinstance(given, list) else [str(given)]
                values[parameter.name] = parameter.read(texts)
            elif parameter.is_repeatable:
                values[parameter.name] = ()
        if self._room <= 0:
            return None
        try:
            answer = endpoint.handler(self._reader, **values)
        except RefusedError:
            return None
        text = str(answer) if isinstance(answer, Json) else encoded(answer).decode()
        self._keep(key_of(path.format(**places), told), text)
        return json.loads(text)

    def _keep(self, key: str, text: str) -> None:
        self._room -= len(text)
        self.texts[key] = text

    def _gather_tabs(self, run_id: str) -> list[Mapping[str, Any]]:
        """What the tabs of a run ask for, its logs and states aside; gives the pages of its task runs."""
        pages = self._pages("/api/runs/{id}/timeline", run_id)
        self._pages("/api/runs/{id}/edges", run_id)
        self.ask("/api/runs/{id}/critical-path", id=run_id)
        self.ask("/api/runs/{id}/subflows", id=run_id)
        graph = self.ask("/api/runs/{id}/graph", id=run_id) or {"nodes": []}
        for node in graph["nodes"]:
            if node["kind"] == "group":  # it opens on a click
                self.ask("/api/runs/{id}/graph", {"expand": [node["task"]]}, id=run_id)
        return pages

    def _pages(self, path: str, run_id: str) -> list[Mapping[str, Any]]:
        """The pages that follow one another by ``next_after``; all, for without one of them the rest says nothing."""
        pages: list[Mapping[str, Any]] = []
        after: int | None = 0
        while after is not None:
            page = self.ask(path, {"after": after}, id=run_id)
            if page is None:
                return pages
            pages.append(page)
            after = page["next_after"]
        return pages

    def _gather_logs(self, run_id: str) -> None:
        """The log from its end backwards."""
        place: dict[str, Any] = {"tail": "true"}
        for count in range(_MOST_PAGES):
            page = self._ask_logs(run_id, **place)
            if page is None or not page["has_more"]:
                if count == 0:
                    self._ask_logs(run_id, after=0)  # the log as a file
                return
            if count == _MOST_PAGES - 1:
                self._end(f"/api/runs/{run_id}/logs", {"limit": _LOG_PAGE, **place}, page, has_more=False)
            place = {"before": page["first_key"]}

    def _gather_last_logs(self, run_id: str, **wanted: int) -> None:
        """The last lines that are wanted, from the end backwards, as far as the page looks for enough of them."""
        found = 0
        place: dict[str, Any] = {"tail": "true"}
        while page := self._ask_logs(run_id, **place, **wanted):
            found += len(page["items"])
            if found >= _ENOUGH_LINES or not page["has_more"]:
                return
            place = {"before": page["first_key"]}

    def _ask_logs(self, run_id: str, **place: Any) -> Any:
        return self.ask("/api/runs/{id}/logs", {"limit": _LOG_PAGE, **place}, id=run_id)

    def _gather_states(self, run_id: str) -> None:
        query: dict[str, Any] = {"limit": _STATES_PAGE}
        for count in range(_MOST_PAGES):
            page = self.ask("/api/runs/{id}/states", query, id=run_id)
            if page is None or page["next_cursor"] is None:
                return
            if count == _MOST_PAGES - 1:
                self._end(f"/api/runs/{run_id}/states", query, page, next_cursor=None)
            query = {"cursor": page["next_cursor"], "limit": _STATES_PAGE}

    def _end(self, path: str, query: Mapping[str, Any], page: Mapping[str, Any], **end: Any) -> None:
        """Says of the last page that is kept that none follows."""
        self.texts[key_of(path, query)] = encoded({**page, **end}).decode()

    def _gather_subflows(self, run_id: str) -> None:
        """Their summaries, and what opens inside the run's own timeline and graph."""
        waiting, known = [run_id], {run_id}
        while waiting and len(known) <= _MOST_SUBFLOWS:
            found = self.ask("/api/runs/{id}/subflows", id=waiting.pop(0)) or {"items": []}
            for subflow in found["items"][:_MOST_SUBFLOWS]:
                if subflow["id"] not in known:
                    known.add(subflow["id"])
                    waiting.append(subflow["id"])
                    self.ask("/api/runs/{id}", id=subflow["id"])
                    self._gather_tabs(subflow["id"])


def key_of(path: str, query: Mapping[str, Any]) -> str:
    """The key under which the page asks: the path, and the query in the order of its names."""
    pairs = [
        (name, item)
        for name in sorted(query)
        for item in (query[name] if isinstance(query[name], list) else [query[name]])
    ]
    asked = urlencode(pairs, safe="*").replace("~", "%7E")  # as JavaScript's URLSearchParams writes it
    return f"{path}?{asked}" if asked else path


_ESCAPES = {ord(mark): f"\\u{ord(mark):04x}" for mark in "<>&\u2028\u2029"}
"""Outside of its strings JSON has none of these."""


def _failed_first(pages: Iterable[Mapping[str, Any]]) -> list[int]:
    """The ids of the task runs on these pages, those that failed before the rest."""
    failed: list[int] = []
    others: list[int] = []
    for page in pages:
        has_failed = [StateName(state).type in _FAILED for state in page["states"]]
        for number, state in zip(page["id"], page["state"], strict=True):
            (failed if has_failed[state] else others).append(number)
    return failed + others


def _asset(page: str, name: str) -> str:
    """A built file as text that ends neither a script nor a style element."""
    path = os.path.join(page, name)
    if not os.path.exists(path):
        raise LaunchError(f"This installation has no page: {path} is missing. `make ui` builds it.")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    return text.replace("</script", r"<\/script").replace("</style", r"<\/style").replace("<!--", r"<\!--")


def _digest(content: str) -> str:
    """By which a policy allows that one script or style and no other."""
    digest = hashlib.sha256(content.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
