"""Futures among the arguments: rules D1 to D4."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from collections import OrderedDict, UserList, defaultdict, namedtuple
from dataclasses import InitVar, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import pytest
from hypothesis import given, settings, strategies

from headrace import TaskFuture, allow_failure, flow, quote, task
from headrace.dependencies import FutureLike, find_futures, substitute
from headrace.errors import TaskCancelled, TaskFailures, UpstreamFailedError
from headrace.task_runners import ConcurrentTaskRunner, SequentialTaskRunner

if TYPE_CHECKING:
    from collections.abc import Callable

    from headrace import Task
    from tests.semantics.conftest import Story, Way

    MakeTask = Callable[..., Task[..., Any]]

DEADLINE_SECONDS = 20


@task
def double(x: int) -> int:
    return 2 * x


@task
def same(x: Any) -> Any:
    return x


@task
def fail(message: str = "root") -> None:
    raise ValueError(message)


class Stub(FutureLike):
    """A future as far as the search is concerned."""

    def __init__(self, value: Any = "value") -> None:
        self.value = value


def value_of(future: FutureLike, is_tolerated: bool) -> Any:
    assert isinstance(future, Stub)
    return ("tolerated", future.value) if is_tolerated else future.value


class Point(NamedTuple):
    x: Any
    y: Any = 0


OldPoint = namedtuple("OldPoint", "x y")  # noqa: PYI024


@dataclass
class Plain:
    x: Any
    y: Any = 0


@dataclass(frozen=True)
class Frozen:
    x: Any
    y: Any = 0


@dataclass(slots=True)
class Slotted:
    x: Any
    y: Any = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Strict:
    x: Any
    y: Any = 0


@dataclass
class Child(Plain):
    z: Any = None


@dataclass
class Derived:
    x: Any
    scale: InitVar[int] = 3
    pair: Any = field(init=False)
    constant: ClassVar[Any] = "shared"
    calls: ClassVar[list[int]] = []

    def __post_init__(self, scale: int) -> None:
        self.calls.append(scale)
        self.pair = (self.x, scale)


def dict_subclass() -> type:
    return OrderedDict


# -- D1: where futures are found -----------------------------------------------------------------

HOLDERS: dict[str, Callable[[Any], Any]] = {
    "top level": lambda x: x,
    "list": lambda x: [1, x],
    "tuple": lambda x: (1, x),
    "named tuple": lambda x: Point(1, x),
    "old named tuple": lambda x: OldPoint(x, 1),
    "set": lambda x: {1, x},
    "frozenset": lambda x: frozenset({1, x}),
    "dict value": lambda x: {"a": x, "b": 1},
    "dict key": lambda x: {x: "a", 1: "b"},
    "dataclass": lambda x: Plain(1, x),
    "frozen dataclass": lambda x: Frozen(x, 1),
    "slotted dataclass": lambda x: Slotted(1, x),
    "strict dataclass": lambda x: Strict(x=x),
    "inherited dataclass": lambda x: Child(1, 2, x),
    "nested": lambda x: {"a": [({"b": {Frozen(x)}},)]},
    "set of frozen": lambda x: {Frozen(x)},
    "key of a tuple": lambda x: {(1, x): (x, x)},
}


@pytest.mark.parametrize("holder", HOLDERS.values(), ids=HOLDERS.keys())
def test_d1_a_future_is_found_in_every_container_and_replaced(holder: Callable[[Any], Any]) -> None:
    @flow
    def passing() -> Any:
        future = double(21)
        assert list(find_futures(holder(future)).strict) == [future]
        return same(holder(future)).result()

    value = passing()
    assert value == holder(42)
    assert type(value) is type(holder(42))


@pytest.mark.parametrize("holder", HOLDERS.values(), ids=HOLDERS.keys())
def test_d1_by_keyword_too_and_the_edge_is_recorded(holder: Callable[[Any], Any], story: Story) -> None:
    @flow
    def passing() -> Any:
        return same(x=holder(double(21)))

    assert passing() == holder(42)
    assert story.task_runs()["same-0"].upstreams == (1,)


@pytest.mark.parametrize("holder", HOLDERS.values(), ids=HOLDERS.keys())
def test_d1_where_no_future_is_found_the_very_same_object_is_passed_on(holder: Callable[[Any], Any]) -> None:
    value = holder(7)

    @flow
    def passing() -> Any:
        return same(value).result() is value, same(x=value, wait_for=[double(1)]).result() is value

    assert passing() == (True, True)


def test_d1_parts_without_futures_stay_the_very_same_objects() -> None:
    untouched = [1, {"a": (2,)}]
    frozen = Frozen(untouched)

    found = substitute({"future": Stub(), "list": untouched, "frozen": frozen}, value_of)

    assert found["list"] is untouched
    assert found["frozen"] is frozen
    assert found["future"] == "value"


def test_d1_the_callers_own_containers_are_not_changed() -> None:
    stub = Stub()
    given_dataclass = Plain(stub)
    given_list: list[Any] = [stub, {"a": stub}, given_dataclass]

    substitute(given_list, value_of)

    assert given_list == [stub, {"a": stub}, given_dataclass]
    assert given_dataclass.x is stub


@pytest.mark.parametrize(
    "opaque",
    [
        OrderedDict(a=1), defaultdict(list, a=[1]), UserList([1]), type("MyList", (list,), {})([1]),
        type("MyDict", (dict,), {})(a=1), memoryview(b"a"), object(), Point, Frozen, lambda: None,
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_d1_only_exact_containers_are_searched(opaque: Any) -> None:
    if hasattr(opaque, "append"):
        opaque.append(Stub())
    elif hasattr(opaque, "__setitem__") and not isinstance(opaque, memoryview):
        opaque["stub"] = Stub()

    assert not find_futures(opaque)
    assert substitute(opaque, value_of) is opaque


def test_d1_generators_and_iterators_are_not_consumed() -> None:
    def numbers() -> Any:
        yield from [1, 2, 3]

    generator, iterator = numbers(), iter([4, 5])

    @flow
    def passing() -> Any:
        first = double(1)
        return same(generator, wait_for=[first]).result() is generator, list(
            same([iterator, first]).result()[0]
        )

    assert passing() == (True, [4, 5])
    assert list(generator) == [1, 2, 3]


def test_d1_a_dataclass_is_copied_without_its_init() -> None:
    Derived.calls.clear()
    stub = Stub()
    given_one = Derived(stub, scale=5)  # type: ignore[call-arg, unused-ignore]

    found = substitute([given_one], value_of)[0]

    assert (found.x, found.pair) == ("value", ("value", 5))
    assert Derived.calls == [5]
    assert "constant" not in vars(found)
    assert "scale" not in vars(found)
    assert found.constant == "shared"


def test_d1_a_dataclass_with_a_missing_field_is_searched_all_the_same() -> None:
    @dataclass(slots=True)
    class Unfilled:
        x: Any
        y: Any = field(init=False)

    @dataclass
    class UnfilledToo:
        x: Any
        y: Any = field(init=False)

    for kind in (Unfilled, UnfilledToo):
        found = substitute(kind(Stub()), value_of)
        assert found.x == "value"
        assert not hasattr(found, "y")


def test_d1_no_property_is_called_by_the_search() -> None:
    @dataclass
    class Tempting:
        x: Any

        @property
        def expensive(self) -> None:
            raise AssertionError

    def refuse(_: Any) -> None:
        raise AssertionError("not asked for its class")

    proxy = type("Proxy", (), {"__class__": property(refuse)})()
    assert substitute([Tempting(Stub()), proxy], value_of)[0].x == "value"


def test_d1_cycles_are_made_again() -> None:
    stub = Stub()
    cycle: list[Any] = [stub]
    cycle.append(cycle)

    found = substitute(cycle, value_of)

    assert found[0] == "value"
    assert found[1] is found


def test_d1_cycles_through_immutable_containers_are_made_again() -> None:
    stub = Stub()
    inner: list[Any] = []
    outer = (stub, Point(inner, frozenset({(1,)})), Frozen(inner))
    inner.append({"back": outer, "stub": stub})

    found = substitute(outer, value_of)

    assert found[0] == "value"
    assert found[1].x is found[2].x
    assert found[1].x[0]["back"] is found
    assert found[1].x[0]["stub"] == "value"
    assert found[1].y is outer[1].y
    again = substitute(inner, value_of)
    assert again[0]["back"][1].x is again


def test_d1_a_cycle_through_a_frozen_dataclass_is_made_again() -> None:
    one = Frozen([Stub()])
    one.x.append({"me": one})

    found = substitute(one, value_of)

    assert found.x[1]["me"] is found
    assert found.x[0] == "value"


def test_d1_cycles_without_futures_are_the_very_same_object() -> None:
    cycle: list[Any] = []
    cycle.append({"cycle": cycle})

    assert substitute(cycle, value_of) is cycle
    assert not find_futures(cycle)


def test_d1_what_is_shared_stays_shared() -> None:
    shared = [Stub()]

    found = substitute({"a": shared, "b": (shared, shared)}, value_of)

    assert found["a"] is found["b"][0] is found["b"][1]
    assert found["a"] == ["value"]


def nested(depth: int, innermost: Any, wrap: Callable[[Any], Any]) -> Any:
    for _ in range(depth):
        innermost = wrap(innermost)
    return innermost


WRAPS: dict[str, Callable[[Any], Any]] = {
    "list": lambda x: [x],
    "tuple": lambda x: (x,),
    "dict": lambda x: {"a": x},
    "dataclass": Plain,
    "named tuple": Point,
    "allow_failure": allow_failure,
}


@pytest.mark.parametrize("wrap", WRAPS.values(), ids=WRAPS.keys())
def test_d1_depth_has_no_limit(wrap: Callable[[Any], Any]) -> None:
    stub = Stub()
    deep = nested(10_000, stub, wrap)

    found = find_futures(deep)
    assert {**found.strict, **found.tolerated} == {stub: None}

    value = substitute(deep, value_of)
    for _ in range(10_000):
        match value:
            case dict():
                value = value["a"]
            case list() | tuple() if not isinstance(value, Point) and value[0] != "tolerated":
                value = value[0]
            case Plain() | Point():
                value = value.x
            case _:
                break
    assert value in ("value", ("tolerated", "value"))
    untouched = nested(10_000, 1, wrap)
    assert wrap is allow_failure or substitute(untouched, value_of) is untouched


def test_d1_a_deep_argument_goes_through_a_flow() -> None:
    @task
    def depth_of(value: Any) -> int:
        depth = 0
        while isinstance(value, list):
            value, depth = value[0], depth + 1
        return depth + int(value)

    @flow
    def deep() -> Any:
        return depth_of(nested(10_000, double(1), lambda x: [x]))

    assert deep() == 10_002


def test_d1_the_search_is_linear_in_shared_parts() -> None:
    shared: Any = Stub()
    for _ in range(60):
        shared = [shared, shared]  # 2 ** 60 paths

    found = substitute(shared, value_of)

    assert found[0] is found[1]
    assert list(find_futures(shared).strict) != []


def test_d1_each_future_is_found_once_in_the_order_of_its_finding() -> None:
    a, b, c = Stub(), Stub(), Stub()

    found = find_futures([a, {"k": b}], (c, a), b)

    assert list(found.strict) == [a, b, c]
    assert list(found.tolerated) == []


class Unhashable:
    __hash__ = None  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("holder", "place"),
    [
        (lambda x: {x}, "a member of a set"),
        (lambda x: frozenset({x}), "a member of a frozenset"),
        (lambda x: {x: 1}, "a key of a dict"),
        (lambda x: [{(1, x)}], "a member of a set"),
    ],
    ids=["set", "frozenset", "dict", "tuple in a set"],
)
def test_d1_an_unhashable_value_where_a_hash_is_needed_fails_clearly(
    holder: Callable[[Any], Any], place: str, way: Way
) -> None:
    @task
    def numbers() -> list[int]:
        return [1]

    with pytest.raises(TypeError, match=f"{place}.*type (list|tuple), cannot be hashed.*pass it in a list"):
        way.run(lambda: same(holder(numbers())))


def test_d1_values_that_are_equal_become_one_member() -> None:
    assert substitute({Stub(1), Stub(1), 1}, value_of) == {1}
    assert substitute({Stub("k"): 1, "k": 2}, value_of) == {"k": 2}


def test_d1_quote_is_not_searched_and_taken_off(way: Way, make_task: MakeTask) -> None:
    take = make_task(lambda x, y=None: (x, y))

    def body() -> Any:
        future = double(1)
        return (
            take(quote({"plain": 1}), y=quote(5)),
            take([quote((1, 2)), future]),
        )

    assert way.run(body) == (({"plain": 1}, 5), ([(1, 2), 2], None))


def test_d1_a_quoted_future_arrives_as_a_future() -> None:
    @task
    def take(x: Any, y: Any) -> Any:
        return isinstance(x, TaskFuture), [type(item).__name__ for item in y]

    @flow
    def quoting() -> Any:
        future = double(1)
        return take(quote(future), quote([future])), take(quote(future), y=[future])

    assert quoting() == ((True, ["TaskFuture"]), (True, ["int"]))


def test_d1_a_quoted_value_is_the_very_same_object() -> None:
    value = [1, [2]]

    @flow
    def quoting() -> Any:
        return same(quote(value)).result() is value, same([quote(value), double(1)]).result()[0] is value

    assert quoting() == (True, True)


parts = strategies.recursive(
    strategies.one_of(
        strategies.integers(),
        strategies.builds(Stub, strategies.integers()),
    ),
    lambda children: strategies.one_of(
        strategies.lists(children, max_size=4),
        strategies.lists(children, max_size=4).map(tuple),
        strategies.dictionaries(strategies.text(max_size=3), children, max_size=4),
        strategies.builds(Plain, children, children),
        strategies.builds(Frozen, children, children),
        strategies.builds(Point, children, children),
    ),
    max_leaves=30,
)


def replaced(value: Any) -> Any:
    """What substitute ought to give, the simple and recursive way."""
    match value:
        case Stub():
            return value.value
        case Point() | Plain() | Frozen():
            return type(value)(replaced(value.x), replaced(value.y))
        case list():
            return [replaced(part) for part in value]
        case tuple():
            return tuple(replaced(part) for part in value)
        case dict():
            return {key: replaced(part) for key, part in value.items()}
    return value


def stubs_in(value: Any) -> list[Stub]:
    match value:
        case Stub():
            return [value]
        case Plain() | Frozen():
            return stubs_in([value.x, value.y])
        case list() | tuple():
            return [stub for part in value for stub in stubs_in(part)]
        case dict():
            return stubs_in(list(value.values()))
    return []


@settings(max_examples=300, deadline=None)
@given(parts)
def test_d1_any_nesting_is_searched_and_replaced_as_by_hand(value: Any) -> None:
    stubs = stubs_in(value)
    assert list(find_futures(value).strict) == list(dict.fromkeys(stubs))
    found = substitute(value, value_of)
    assert found == replaced(value)
    if not stubs:
        assert found is value


# -- D2: order without data, failures allowed ----------------------------------------------------


def test_d2_wait_for_orders_without_data(way: Way, make_task: MakeTask, story: Story) -> None:
    order: list[str] = []
    note = make_task(order.append, name="note")

    def body() -> Any:
        first = note("first")
        second = note("second", wait_for=[first])
        note("third", wait_for=second)

    way.run(body)
    assert order == ["first", "second", "third"]
    runs = story.task_runs()
    assert runs["note-1"].upstreams == (runs["note-0"].id,)


@pytest.mark.parametrize(
    "shape",
    [
        lambda entry: entry,
        lambda entry: [entry],
        lambda entry: ({1: 2}, [[entry]]),
        lambda entry: {"a": entry},
        lambda entry: [allow_failure(entry)],
    ],
)
def test_d2_a_task_in_wait_for_that_was_not_called_is_told_at_once(shape: Any) -> None:
    @flow
    def mistaken() -> Any:
        return same(1, wait_for=shape(double)).result()

    with pytest.raises(TypeError, match=r"double is not called there.*`future = double\(\.\.\.\)`"):
        mistaken()


def test_d2_wait_for_may_hold_itself() -> None:
    @flow
    def winding() -> Any:
        waited_for: list[Any] = [double(1)]
        waited_for.append(waited_for)
        return same(2, wait_for=waited_for).result()

    assert winding() == 2


def test_d2_wait_for_fails_with_its_upstreams() -> None:
    @flow
    def failing() -> Any:
        return same(1, wait_for=[fail()])

    with pytest.raises(UpstreamFailedError):
        failing()


def test_d2_allow_failure_passes_the_value_or_the_exception(way: Way, make_task: MakeTask) -> None:
    def describe(outcome: Any) -> str:
        return f"{type(outcome).__name__} {outcome}"

    tell = make_task(describe)

    def body() -> Any:
        return tell(allow_failure(fail("x"))), tell(allow_failure(double(1))), tell(allow_failure(5))

    assert way.run(body) == ("ValueError x", "int 2", "int 5")


def test_d2_allow_failure_works_inside_containers_and_around_them() -> None:
    @task
    def kinds(values: list[Any]) -> list[str]:
        return [type(value).__name__ for value in values]

    @flow
    def allowing() -> Any:
        return kinds([allow_failure(fail()), double(1)]), kinds(allow_failure([fail(), [double(1)], fail()]))

    assert allowing() == (["ValueError", "int"], ["ValueError", "list", "ValueError"])


def test_d2_a_future_both_allowed_and_not_is_not_allowed() -> None:
    shared: list[Any] = []

    @flow
    def mixing() -> Any:
        shared.append(fail())
        return same([allow_failure(shared), shared])

    with pytest.raises(UpstreamFailedError):
        mixing()


def test_d2_allow_failure_of_a_run_that_did_not_run_gives_why(story: Story) -> None:
    @flow
    def allowing() -> Any:
        skipped = same(fail())
        return same(allow_failure(skipped))

    error = allowing()
    assert isinstance(error, UpstreamFailedError)
    assert isinstance(error.__cause__, ValueError)
    assert story.flow_run().state == "Completed"


def test_d2_allow_failure_waits_for_wait_for_too() -> None:
    @flow
    def allowing() -> Any:
        return same("ran", wait_for=[allow_failure(fail())])

    assert allowing() == "ran"


# -- D3: when an upstream does not complete ------------------------------------------------------


def test_d3_downstreams_end_upstream_failed_transitively(way: Way, make_task: MakeTask, story: Story) -> None:
    ran: list[str] = []
    note = make_task(lambda name, *_: ran.append(name), name="note")

    def body() -> Any:
        root = fail()
        first = note("first", root)
        note("second", first)
        unrelated = note("unrelated")
        note("after unrelated", unrelated)

    with pytest.raises(TaskFailures) as caught:
        way.run(body)
    assert [type(error) for error in caught.value.exceptions] == [ValueError]
    assert sorted(ran) == ["after unrelated", "unrelated"]
    assert story.states() == {
        "fail-0": "Failed",
        "note-0": "UpstreamFailed",
        "note-1": "UpstreamFailed",
        "note-2": "Completed",
        "note-3": "Completed",
    }
    assert story.path("note-0") == ["Pending", "UpstreamFailed"]


def test_d3_result_raises_upstream_failed_with_the_root_as_cause(way: Way, make_task: MakeTask) -> None:
    again = make_task(lambda x: x)

    def body() -> Any:
        return again(again(again(fail("the root"))))

    with pytest.raises(UpstreamFailedError, match="fail-0 did not complete") as caught:
        way.run(body)
    assert isinstance(caught.value.__cause__, ValueError)
    assert str(caught.value.__cause__) == "the root"


def test_d3_several_roots_are_all_named_and_all_causes(way: Way) -> None:
    def body() -> Any:
        left, right = same(fail("left")), same([fail("right"), double(1)])
        return same([left, same(right), left])

    with pytest.raises(UpstreamFailedError, match="fail-0, fail-1 did not complete") as caught:
        way.run(body)
    cause = caught.value.__cause__
    assert isinstance(cause, BaseExceptionGroup)
    assert sorted(str(error) for error in cause.exceptions) == ["left", "right"]


def test_d3_a_cancelled_upstream_is_a_root_too() -> None:
    @task
    async def forever() -> None:
        await asyncio.Event().wait()

    @flow
    def cancelling() -> Any:
        future = forever()
        downstream = same(future)
        future.cancel()
        return downstream

    with pytest.raises(UpstreamFailedError, match="forever-0") as caught:
        cancelling()
    assert isinstance(caught.value.__cause__, TaskCancelled)


def test_d3_a_failure_that_is_known_already_counts_too() -> None:
    @flow
    def late() -> Any:
        failed = fail()
        failed.exception()
        return same(failed), same([double(1), failed])

    with pytest.raises(TaskFailures) as caught:
        late()
    assert [type(error) for error in caught.value.exceptions] == [UpstreamFailedError, UpstreamFailedError]


# -- D4: no worker is held -----------------------------------------------------------------------


@pytest.mark.parametrize("runner", [SequentialTaskRunner(), ConcurrentTaskRunner(max_workers=1)], ids=str)
@pytest.mark.parametrize("is_async_flow", [False, True])
def test_d4_a_flow_of_any_shape_finishes_with_one_worker(runner: Any, is_async_flow: bool) -> None:
    @task
    def add(*parts: Any) -> int:
        return 1 + sum(sum(part) if isinstance(part, list) else part for part in parts)

    def build() -> Any:
        layer: list[Any] = [add() for _ in range(10)]
        for _ in range(10):
            layer = [add(left, [right]) for left, right in zip(layer, [*layer[1:], layer[0]], strict=True)]
        chain = add()
        for _ in range(200):
            chain = add(chain)
        return add(layer), chain

    @flow(task_runner=runner)
    def sync_flow() -> Any:
        return build()

    @flow(task_runner=runner)
    async def async_flow() -> Any:
        return build()

    value = asyncio.run(async_flow()) if is_async_flow else sync_flow()
    assert value == (1 + 10 * 2047, 201)


def test_d4_a_long_chain_fails_without_recursion() -> None:
    @flow
    def chain() -> Any:
        future: Any = fail()
        for _ in range(3_000):
            future = same(future)
        return future

    with pytest.raises(UpstreamFailedError):
        chain()


def test_d4_a_task_that_waits_for_its_upstream_leaves_the_worker_to_others() -> None:
    release = threading.Event()

    @task
    def held() -> int:
        release.wait(DEADLINE_SECONDS)
        return 1

    @task
    def let_go(_: int) -> None:
        release.set()

    @flow(task_runner=ConcurrentTaskRunner(max_workers=2))
    def crossing() -> Any:
        first = held()
        waiting = [same(first) for _ in range(20)]
        let_go(double(1))
        return waiting

    assert crossing() == [1] * 20


def test_d4_a_future_of_a_run_that_is_over_is_an_upstream(story: Story) -> None:
    @flow
    def second() -> Any:
        return same([lone, double(1)])

    lone = double(2)

    assert second() == [4, 2]
    [upstream, _] = story.task_runs("second")["same-0"].upstreams
    assert str(upstream).endswith("/1")


@pytest.mark.parametrize("fails", [False, True])
def test_d4_a_future_of_another_run_that_is_not_over_is_an_upstream(fails: bool) -> None:
    release, handed_over = threading.Event(), threading.Event()
    box: list[Any] = []
    outcomes: list[Any] = []

    @task
    def held() -> int:
        release.wait(DEADLINE_SECONDS)
        if fails:
            raise ValueError("elsewhere")
        return 5

    @flow
    def first() -> None:
        box.append(held())
        handed_over.set()
        box[0].exception()

    @flow
    def second() -> Any:
        waiting = same(box[0])
        assert waiting.state.name == "Pending"
        release.set()
        return waiting

    thread = threading.Thread(target=lambda: outcomes.append(first()), daemon=True)
    thread.start()
    assert handed_over.wait(DEADLINE_SECONDS)
    if fails:
        with pytest.raises(UpstreamFailedError) as caught:
            second()
        assert isinstance(caught.value.__cause__, ValueError)
    else:
        assert second() == 5
    thread.join(DEADLINE_SECONDS)
    assert outcomes == [None]


def test_d4_retrieving_downstream_in_another_run_retrieves_the_root_there() -> None:
    handed_over, looked = threading.Event(), threading.Event()
    box: list[Any] = []
    outcomes: list[Any] = []

    @flow
    def first() -> None:
        box.append(fail("elsewhere"))
        box[0].wait()
        handed_over.set()
        assert looked.wait(DEADLINE_SECONDS)

    @flow
    def second() -> None:
        assert isinstance(same(box[0]).exception(), UpstreamFailedError)
        looked.set()

    thread = threading.Thread(target=lambda: outcomes.append(first()), daemon=True)
    thread.start()
    assert handed_over.wait(DEADLINE_SECONDS)
    second()
    thread.join(DEADLINE_SECONDS)
    assert outcomes == [None]


def test_d4_a_flow_run_future_is_an_upstream(way: Way) -> None:
    @flow
    def inner(x: int) -> int:
        return double(x).result()

    def body() -> Any:
        return same([inner.submit(2), inner.submit(3)])

    assert way.run(body) == [4, 6]


def test_d4_a_future_among_a_flows_arguments_is_waited_for_first(story: Story) -> None:
    @flow
    def inner(x: int, more: list[int]) -> int:
        assert (x, more) == (2, [4, 6])
        return x

    @flow
    async def async_inner(x: int, more: list[int]) -> int:
        assert (x, more) == (2, [4, 6])
        return x

    @flow
    def outer() -> Any:
        return inner(double(1), [double(2), double(3)]), inner.submit(double(1), more=[double(2), double(3)])

    @flow
    async def async_outer() -> Any:
        return (
            await async_inner(double(1), [double(2), double(3)]),
            await async_inner.submit(double(1), [double(2), double(3)]),
            await inner.submit(double(1), [double(2), double(3)]),
        )

    assert outer() == (2, 2)
    assert asyncio.run(async_outer()) == (2, 2, 2)
    assert {run.parameters for run in story.flow_runs() if run.flow == "inner"} == {'{"x":2,"more":[4,6]}'}


def test_d4_marks_among_a_flows_arguments_are_taken_off() -> None:
    @flow
    def inner(x: Any, y: Any) -> Any:
        return type(x).__name__, type(y).__name__

    @flow
    def outer() -> Any:
        return inner(quote([double(1)]), allow_failure(fail()))

    assert outer() == ("list", "ValueError")


def test_d4_a_failed_future_among_a_flows_arguments_is_raised_by_the_call_and_retrieved(story: Story) -> None:
    ran: list[int] = []

    @flow
    def inner(x: Any) -> None:
        ran.append(x)

    @flow
    def outer() -> str:
        with pytest.raises(ValueError, match="root"):
            inner(fail())
        ended = fail()
        ended.wait()
        with pytest.raises(ValueError, match="root"):
            inner(ended)
        with pytest.raises(ValueError, match="root"):
            inner.submit(fail()).result()
        return "went on"

    assert outer() == "went on"
    assert ran == []
    assert {run.flow for run in story.flow_runs()} == {"outer"}


def test_d1_dataclasses_stay_what_they_are() -> None:
    found = substitute([Strict(x=Stub(), y=2)], value_of)[0]

    assert dataclasses.is_dataclass(found)
    assert found == Strict(x="value", y=2)
    assert hash(found) == hash(Strict(x="value", y=2))
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(found, "x", 1)  # noqa: B010 - a type checker knows that it may not be set
