"""``/metrics``: what a monitoring system asks for, in Prometheus' text format.

Everything is read from the history when it is asked for, so it counts what any process did.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Route

import headrace
from headrace.errors import HistoryError
from headrace.history import counting
from headrace.server.api.problems import problem_of
from headrace.server.api.run_rows import cut

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from starlette.requests import Request

    from headrace.history.reader import Reader
    from headrace.server.api.routing import Readers

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_MAX_SERIES = 2_000
_LABEL = 200


class Metric(NamedTuple):
    """A gauge: its name, what it tells, and a value for each set of labels."""

    name: str
    about: str
    samples: Iterable[tuple[Mapping[str, str], float]]


def metrics_route(source: Readers) -> Route:
    """The route, over the histories that the source lends readers of."""

    def answer() -> Response:
        try:
            with source.reader() as reader:
                return Response(exposition(metrics_of(reader)), media_type=CONTENT_TYPE)
        except HistoryError as error:
            return problem_of(error)

    async def respond(_: Request) -> Response:
        return await run_in_threadpool(answer)

    return Route("/metrics", respond, methods=["GET"])


def metrics_of(reader: Reader) -> Iterator[Metric]:
    """What is told of a history."""
    counts = counting.flow_run_counts(reader, _MAX_SERIES)
    labels = [{"flow": count.flow, "state_type": count.state_type} for count in counts]
    yield Metric("headrace_info", "The version that answers.", [({"version": headrace.__version__}, 1)])
    yield Metric(
        "headrace_flow_runs",
        "Flow runs in the history.",
        list(zip(labels, [count.runs for count in counts], strict=True)),
    )
    yield Metric(
        "headrace_flow_run_last_created_timestamp_seconds",
        "When the last of them was created.",
        list(zip(labels, [count.created_us / 1e6 for count in counts], strict=True)),
    )
    yield Metric(
        "headrace_flow_run_last_ended_timestamp_seconds",
        "When the last of them ended.",
        [
            (label, count.ended_us / 1e6)
            for label, count in zip(labels, counts, strict=True)
            if count.ended_us is not None
        ],
    )
    yield Metric(
        "headrace_task_runs_under_way",
        "Task runs that have not ended.",
        [({"state_type": type_}, count) for type_, count in counting.task_runs_under_way(reader).items()],
    )
    yield Metric("headrace_history_bytes", "The size of the history's file.", [({}, _size(reader.location))])


def exposition(metrics: Iterable[Metric]) -> str:
    """The metrics in the text format."""
    lines: list[str] = []
    for metric in metrics:
        lines += [f"# HELP {metric.name} {metric.about}", f"# TYPE {metric.name} gauge"]
        lines += [f"{metric.name}{_labels(labels)} {_number(value)}" for labels, value in metric.samples]
    return "\n".join(lines) + "\n"


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    return (
        "{" + ",".join([f'{name}="{_escaped(cut(value, _LABEL))}"' for name, value in labels.items()]) + "}"
    )


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _number(value: float) -> str:
    return repr(int(value)) if value == int(value) else repr(value)


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
