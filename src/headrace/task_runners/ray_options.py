"""What a flow asks of Ray for the tasks that it calls: processors, other resources, another worker after a lost one."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextvars import Context

_NOTHING: Mapping[str, Any] = MappingProxyType({})
_in_force: ContextVar[Mapping[str, Any]] = ContextVar("headrace_remote_options", default=_NOTHING)


@contextmanager
def remote_options(
    *,
    num_cpus: float | None = None,
    num_gpus: float | None = None,
    resources: Mapping[str, float] | None = None,
    max_retries: int | None = None,
) -> Iterator[None]:
    """Tasks called inside ask this of Ray; other task runners pay no heed.

    ``num_cpus`` and ``num_gpus`` may be fractions; ``resources`` are those that the nodes were started with. A task
    whose worker is lost is tried again ``max_retries`` times (-1: always), whether or not it has retries of its own;
    each of these attempts is recorded. What an inner block does not name, holds on from the outer one.

    >>> from headrace.task_runners import remote_options
    >>> with remote_options(num_cpus=2, max_retries=3):
    ...     ...  # the tasks called here
    Ellipsis
    """
    asked = {
        name: value
        for name, value in {
            "num_cpus": _amount("num_cpus", num_cpus),
            "num_gpus": _amount("num_gpus", num_gpus),
            "resources": _resources(resources),
            "max_retries": _count(max_retries),
        }.items()
        if value is not None
    }
    token = _in_force.set(MappingProxyType({**_in_force.get(), **asked}))
    try:
        yield
    finally:
        _in_force.reset(token)


def options_in(context: Context) -> Mapping[str, Any]:
    """What was in force where a call was made."""
    return context.get(_in_force, _NOTHING)


def _amount(name: str, value: float | None) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} is a number, not {value!r}")
    if value < 0 or value != value:  # noqa: PLR0124 - only not-a-number differs from itself
        raise ValueError(f"{name} is 0 or more, not {value!r}")
    return value


def _resources(resources: Mapping[str, float] | None) -> dict[str, float] | None:
    if resources is None:
        return None
    for name, value in resources.items():
        if name in {"CPU", "GPU"}:
            raise ValueError(f"resources cannot name {name!r}: ask for it with num_{name.lower()}s")
        _amount(f"the resource {name!r}", value)
    return dict(resources)


def _count(max_retries: int | None) -> int | None:
    if max_retries is None:
        return None
    if isinstance(max_retries, bool) or not isinstance(max_retries, int):
        raise TypeError(f"max_retries is a whole number, not {max_retries!r}")
    if max_retries < -1:
        raise ValueError(f"max_retries is -1 (always), 0 or more, not {max_retries}")
    return max_retries
