"""What goes along with an attempt: its task's function, its arguments, and the engine's references in the places of values."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from headrace.dependencies import quote
from headrace.errors import TaskRunError
from headrace.history.facts import StoredResult
from headrace.history.results import is_plain_and_large, is_small
from headrace.task_runners.main_guard import require_imported
from headrace.task_runners.remote.engine import Given
from headrace.task_runners.remote.errand import Commission, Errand, Upstream, pack_commission, pack_errand
from headrace.task_runners.remote.outcome import Landing, Outcome
from headrace.task_runners.remote.pickling import name_what_cannot_travel
from headrace.task_runners.remote.remote_call import RemoteCall
from headrace.tracebacks import describe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.dependencies import FutureLike
    from headrace.task_runners.call import Call
    from headrace.task_runners.remote.engine import Attempt, Engine
    from headrace.task_runners.remote.errand import PackedCommission

_LARGE = 256 * 1024
_GIVEN_KEPT = 8
_GIVEN = Outcome(Landing.RETURNED, 0, 0, 0, "", StoredResult(None, None, None)).pack()


class Missed(Exception):
    """An upstream has no result to go along."""


class Packer:
    """Packs the attempts of one session, in the one thread that hands them out: what is the user's is pickled there.

    ``attempts`` are those under way, by the ids of their calls; ``address`` is where the flow's process listens.
    """

    def __init__(self, engine: Engine, address: str, attempts: Mapping[int, Attempt]) -> None:
        self._engine = engine
        self._address = address
        self._attempts = attempts
        self._commissions: dict[int, tuple[Any, PackedCommission]] = {}
        self._by_value: frozenset[str] = frozenset()
        self._given: dict[int, tuple[quote[Any], Given]] = {}

    def pack(self, attempt: Attempt) -> None:
        """Give the attempt its commission, its errand and its upstreams.

        Raises ``Missed``; ``TaskRunError`` that names what cannot be pickled; what the arguments' own code raises.
        """
        attempt.by_value = self._by_value
        attempt.commission = self._commission_of(attempt.call)
        attempt.errand = self._errand_of(attempt)

    def send_whole(self, module: str) -> None:
        """A worker cannot import that module: its functions and classes are sent along from now on."""
        if module not in self._by_value:
            self._by_value |= {module}
            self._commissions.clear()

    def _commission_of(self, call: Call) -> PackedCommission:
        """The function of a task is pickled once a session."""
        task: Any = call.task
        known = self._commissions.get(id(task))
        if known is not None:
            return known[1]
        require_imported(task.name, task.fn.__module__)
        flow_run = call.driver.flow_run
        commission = Commission(
            call.flow_run_id, flow_run.flow_name, flow_run.name, self._address, flow_run.logs_prints,
            task.for_workers(), flow_run.keeping, call.driver.history.result_place(),
        )  # fmt: skip
        try:
            packed = pack_commission(commission, self._by_value)
        except Exception as error:
            raise TaskRunError(
                f"the function of task {task.name!r} cannot be sent to a worker: {describe(error)}"
            ) from None
        self._commissions[id(task)] = (task, packed)  # the task, too, so that no other comes to its id
        return packed

    def _errand_of(self, attempt: Attempt) -> bytes:
        call = attempt.call
        args, kwargs = call.args, call.kwargs
        if (args or kwargs) and call.call_key is None:
            call.driver.note_key(call)
        if call.upstreams or call.tolerated:
            self._add_what_gives_no_value(attempt)
        if not (is_small(args) and is_small(kwargs)):
            args = tuple([self._put_if_large(attempt, value) for value in args])
            kwargs = {name: self._put_if_large(attempt, value) for name, value in kwargs.items()}
        if call.upstreams or call.tolerated:
            stand_in = partial(self._stand_in, attempt)
            args, kwargs = call.driver.replace_futures(args, kwargs, stand_in)  # type: ignore[attr-defined]
        has_stand_ins = bool(call.upstreams or call.tolerated or attempt.upstreams)
        errand = Errand(
            call.id, call.index, attempt.number, call.run_name, call.tags, args, kwargs, has_stand_ins
        )
        try:
            return pack_errand(errand, self._by_value)
        except Exception as error:
            named = {f"argument {name!r}": value for name, value in self._named(call, args, kwargs).items()}
            culprit, why = name_what_cannot_travel(named, self._by_value) or ("an argument", error)
            raise TaskRunError(
                f"{culprit} of {call.display_name} cannot be pickled: {describe(why)}"
            ) from None

    def _add_what_gives_no_value(self, attempt: Attempt) -> None:
        """Upstreams that stand in no argument are waited for all the same."""
        for id in attempt.call.upstreams:
            upstream = self._attempts.get(id)
            if upstream is not None:
                if upstream.call not in attempt.upstreams:
                    attempt.upstreams.append(upstream.call)
            elif attempt.call.driver.is_live(id):
                raise Missed  # its attempt is over, and gave nothing, or that is not yet known

    def _put_if_large(self, attempt: Attempt, value: Any) -> Any:
        """Large arguments go to the cluster by themselves, and what is one ``quote`` for several calls goes once."""
        is_quoted = type(value) is quote
        content = value.value if is_quoted else value
        if not is_plain_and_large(content, _LARGE):
            return (
                value if attempt.call.upstreams else content
            )  # among upstreams a quote is taken off with them
        known = self._given.get(id(value)) if is_quoted else None
        given = known[1] if known is not None else Given(self._engine.put(_GIVEN, content))
        if is_quoted and known is None:
            if len(self._given) >= _GIVEN_KEPT:
                del self._given[next(iter(self._given))]
            self._given[id(value)] = (value, given)  # the quote, too, so that no other comes to its id
        attempt.upstreams.append(given)
        return Upstream(len(attempt.upstreams) - 1)

    def _named(self, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        names = [*call.task.argument_names, *[str(position) for position in range(len(args))]]
        return {**dict(zip(names, args, strict=False)), **kwargs}

    def _stand_in(self, attempt: Attempt, future: FutureLike, is_tolerated: bool) -> Any:  # noqa: FBT001
        """What travels in the place of a future: the engine's own reference, or the value if there is none."""
        if type(future) is Upstream:  # a large argument, which has been put there already
            return future
        source: Any = future._source  # type: ignore[attr-defined]
        if not isinstance(source, RemoteCall) or source.driver is not attempt.call.driver:
            return attempt.call.driver.value_of(future, is_tolerated)  # type: ignore[attr-defined]
        if source.is_done and not source.has_completed:
            if not is_tolerated:
                raise Missed
            return attempt.call.driver.value_of(future, is_tolerated)  # type: ignore[attr-defined]
        if source.has_completed and source.handle is None and source.outcome is None:
            return source.as_sent_along()
        if source.handle is None and source.id not in self._attempts:
            raise Missed
        if source not in attempt.upstreams:
            attempt.upstreams.append(source)
        return Upstream(attempt.upstreams.index(source))
