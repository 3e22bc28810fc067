"""What the live page shows, for programs: the calls of the API as methods, with nothing but the standard library.

>>> from headrace.client import Client
>>> client = Client("http://127.0.0.1:4242")              # doctest: +SKIP
>>> [run["name"] for run in client.list_runs(state="FAILED")["items"]]   # doctest: +SKIP
['busy-otter']

Answers are the JSON of the API as plain dicts and lists; `/api/openapi.json` describes them. Times are microseconds since 1970.
The history itself can be read without a server, too: see ``headrace.history``.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import ProxyHandler, Request, build_opener

from headrace.access_token import default_path, read_token
from headrace.errors import RequestRefusedError, RunNotFoundError, ServerUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

DEFAULT_URL = "http://127.0.0.1:4242"

_Json = dict[str, Any]
_REFUSALS = range(400, 500)


class Client:
    """Asks the server of ``headrace ui`` at ``url``.

    ``127.0.0.1:4242`` is ``http://127.0.0.1:4242``. ``token`` lets it in; by default it is read from the file that the
    server made for this user. Every method raises ``RunNotFoundError`` for what is not there, ``RequestRefusedError`` for
    what cannot be done, and ``ServerUnavailableError`` when there is no answer.
    """

    def __init__(
        self, url: str = DEFAULT_URL, *, token: str | None = None, timeout_seconds: float = 30.0
    ) -> None:
        self._url = (url if "://" in url else f"http://{url}").rstrip("/")
        self._token = token if token is not None else read_token(default_path())
        self._timeout_seconds = timeout_seconds
        self._opener = build_opener(ProxyHandler({}))  # the token is for the server alone

    # What ran, and what runs.

    def get_info(self) -> _Json:
        """What answers."""
        return self._get("/api/info")

    def list_runs(self, *, cursor: str | None = None, limit: int | None = None, **filters: Any) -> _Json:
        """A page of flow runs, newest first: ``items`` and ``next_cursor``.

        ``filters``: ``state``, ``flow``, ``tag``, ``text``, ``since_us``, ``until_us``, ``roots_only``.
        """
        return self._get("/api/runs", cursor=cursor, limit=limit, **filters)

    def iterate_runs(self, **filters: Any) -> Iterator[_Json]:
        """Every flow run, newest first, page after page."""
        cursor = None
        while True:
            page = self.list_runs(cursor=cursor, limit=200, **filters)
            yield from page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def get_histogram(self, *, buckets: int | None = None, **filters: Any) -> _Json:
        """How many flow runs were created when, by the type of their state."""
        return self._get("/api/runs/histogram", buckets=buckets, **filters)

    def list_flow_names(self) -> list[str]:
        """The names of all flows."""
        names: list[str] = self._get("/api/flow-names")["items"]
        return names

    def list_tags(self) -> list[str]:
        """The tags of all flow runs."""
        tags: list[str] = self._get("/api/tags")["items"]
        return tags

    def list_flows(self) -> list[_Json]:
        """Every flow: its last runs, how often it completes, and how long that takes."""
        flows: list[_Json] = self._get("/api/flows")["items"]
        return flows

    def search(self, text: str, *, cursor: str | None = None, limit: int | None = None) -> _Json:
        """A page of hits in names, messages and log lines. It may be empty and yet have a ``next_cursor``."""
        return self._get("/api/search", text=text, cursor=cursor, limit=limit)

    def compare_runs(self, a: str, b: str) -> _Json:
        """Two flow runs side by side."""
        return self._get("/api/runs/compare", a=a, b=b)

    # One flow run, by its whole id.

    def get_run(self, id: str) -> _Json:
        """A flow run."""
        return self._get(_path(id))

    def list_subflows(self, id: str) -> list[_Json]:
        """The flow runs that it called, oldest first."""
        subflows: list[_Json] = self._get(_path(id, "subflows"))["items"]
        return subflows

    def get_timeline(
        self,
        id: str,
        *,
        after: int | None = None,
        changed_since_us: int | None = None,
        limit: int | None = None,
    ) -> _Json:
        """A page of its task runs as columns; ``next_after`` is where the next begins."""
        return self._get(_path(id, "timeline"), after=after, changed_since_us=changed_since_us, limit=limit)

    def list_edges(self, id: str, *, after: int | None = None, limit: int | None = None) -> _Json:
        """A page of who waited for whom, as columns; ``next_after`` is where the next begins."""
        return self._get(_path(id, "edges"), after=after, limit=limit)

    def get_graph(self, id: str, *, expand: Iterable[str] = ()) -> _Json:
        """Who waited for whom; many runs of a task are one node, unless it is to be expanded."""
        return self._get(_path(id, "graph"), expand=list(expand))

    def get_critical_path(self, id: str) -> list[int]:
        """The numbers of the task runs that made it last as long as it did."""
        numbers: list[int] = self._get(_path(id, "critical-path"))["task_runs"]
        return numbers

    def get_task_run(self, id: str, number: int) -> _Json:
        """One of its task runs."""
        return self._get(_path(id, "task-runs", str(number)))

    def list_logs(self, id: str, **wanted: Any) -> _Json:
        """A page of its log lines. It may be empty and yet have more: go on before ``first_key`` or after ``last_key``.

        ``wanted``: ``task_run``, ``min_level``, ``text``, ``limit``, and one of ``after``, ``before`` (a key) and ``tail``.
        """
        return self._get(_path(id, "logs"), **wanted)

    def list_states(self, id: str, *, cursor: str | None = None, limit: int | None = None) -> _Json:
        """A page of every change of a state, in the order of time."""
        return self._get(_path(id, "states"), cursor=cursor, limit=limit)

    def get_form(self, id: str) -> _Json:
        """The parameters that its flow takes, and those it had."""
        return self._get(_path(id, "form"))

    # What is to be done.

    def cancel_runs(self, ids: Iterable[str], *, reason: str | None = None) -> _Json:
        """Asks flow runs to stop: ``asked``, and those that had ``ended`` before."""
        return self._post("/api/runs/cancel", {"ids": list(ids), "reason": reason})

    def delete_runs(self, ids: Iterable[str], *, include_unfinished: bool = False) -> _Json:
        """Deletes flow runs with all that belongs to them: ``deleted``, and those that stay because they are ``unfinished``."""
        return self._post("/api/runs/delete", {"ids": list(ids), "include_unfinished": include_unfinished})

    def answer_run(self, id: str, *, prompt: str, occurrence: int = 0, value: Any) -> None:
        """Answers what a flow run asks."""
        self._post(_path(id, "answer"), {"prompt": prompt, "occurrence": occurrence, "value": value})

    def resume_run(
        self,
        id: str,
        *,
        rerun: Iterable[str] = (),
        take_over: bool = False,
        parameters: Mapping[str, Any] | None = None,
    ) -> _Json:
        """Goes on with a flow run in a process that the server starts: the launch. See ``get_launch``."""
        body = {"rerun": list(rerun), "take_over": take_over, "parameters": dict(parameters or {})}
        return self._post(_path(id, "resume"), body)

    def retry_failed(self, id: str) -> _Json:
        """Runs the failed task runs again, in a process that the server starts: the launch."""
        return self._post(_path(id, "retry-failed"), {})

    def run_again(self, id: str, parameters: Mapping[str, Any] | None = None) -> _Json:
        """Runs the flow once more with these parameters, in a process that the server starts: the launch."""
        return self._post(_path(id, "run-again"), {"parameters": dict(parameters or {})})

    def get_launch(self, number: int) -> _Json:
        """How a process fares that the server has started."""
        return self._get(f"/api/launches/{number}")

    # The way there.

    def _get(self, path: str, **query: Any) -> _Json:
        """The answer to a question. What is ``None`` is not said."""
        said = {name: _text(value) for name, value in query.items() if value is not None}
        return self._ask(Request(f"{self._url}{path}" + (f"?{urlencode(said, doseq=True)}" if said else "")))  # noqa: S310 - the URL is the caller's own

    def _post(self, path: str, body: _Json) -> _Json:
        content = json.dumps(body).encode()
        request = Request(f"{self._url}{path}", content, {"Content-Type": "application/json"}, method="POST")  # noqa: S310 - as above
        return self._ask(request)

    def _ask(self, request: Request) -> _Json:
        request.add_header("Authorization", f"Bearer {self._token}")
        try:
            with self._opener.open(request, timeout=self._timeout_seconds) as answer:
                value: _Json = json.load(answer)
        except HTTPError as error:
            with error:
                raise _error_of(error.code, error.read(1_000_000), request.full_url) from error
        except (OSError, HTTPException, ValueError) as error:
            reason = error.reason if isinstance(error, URLError) else error
            raise ServerUnavailableError(
                f"There is no answer from {self._url} ({reason}). Start the server with `headrace ui`, or give its URL."
            ) from error
        return value


def _path(id: str, *more: str) -> str:
    """The path of a flow run, or of something that it has."""
    return "/".join(["/api/runs", quote(id, safe=""), *more])


def _text(value: Any) -> Any:
    """A value as a query says it."""
    return ("true" if value else "false") if isinstance(value, bool) else value


def _error_of(code: int, content: bytes, url: str) -> Exception:
    """The exception that tells of a problem."""
    try:
        detail = str(json.loads(content)["detail"])
    except (ValueError, KeyError, TypeError):
        detail = f"{url} answered {code}."
    if code == HTTPStatus.NOT_FOUND:
        return RunNotFoundError(detail)
    if code in _REFUSALS:
        return RequestRefusedError(detail)
    return ServerUnavailableError(detail)
