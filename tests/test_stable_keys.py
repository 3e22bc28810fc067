"""Stable keys: equal values have equal keys in every process, and values that differ have different ones."""

from __future__ import annotations

import collections
import copy
import datetime as dt
import decimal
import enum
import functools
import io
import itertools
import math
import pathlib
import pickle
import re
import threading
import types
import uuid
import zoneinfo
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import attrs
import numpy as np
import pandas as pd
import pydantic
import pytest
from hypothesis import given, settings, strategies as st

from headrace import task
from headrace.errors import NoStableKeyError, TooLargeForKeyError
from headrace.stable_keys import stable_digest

if TYPE_CHECKING:
    from tests.conftest import RunPython

# -- plain values, tried at random -------------------------------------------------------------------

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.text(st.characters())
    | st.binary()
    | st.just(...)
)
hashables = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4).map(tuple) | st.lists(inner, max_size=4).map(frozenset),
    max_leaves=8,
)
values = st.recursive(
    hashables,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(hashables, inner, max_size=4)
        | st.dictionaries(st.text(max_size=3), inner, max_size=4)
        | st.sets(hashables, max_size=4)
    ),
    max_leaves=20,
)


def spelled(value: Any) -> Any:
    """The value such that two are equal just when no task could tell them apart: types and bits included."""
    match value:
        case float():
            return ("float", np.float64(value).tobytes())
        case complex():
            return ("complex", spelled(value.real), spelled(value.imag))
        case list() | tuple():
            return (type(value).__name__, tuple(spelled(item) for item in value))
        case dict():
            return ("dict", frozenset((spelled(key), spelled(item)) for key, item in value.items()))
        case set() | frozenset():
            return (type(value).__name__, frozenset(spelled(item) for item in value))
    return (type(value).__name__, value)


def reordered(value: Any, *, backwards: bool) -> Any:
    """A copy that shares nothing, its dicts and sets filled in another order."""
    step = -1 if backwards else 1
    match value:
        case list() | tuple():
            return type(value)(reordered(item, backwards=backwards) for item in value)
        case dict():
            return {
                reordered(key, backwards=backwards): reordered(item, backwards=backwards)
                for key, item in list(value.items())[::step]
            }
        case set() | frozenset():
            return type(value)(reordered(item, backwards=backwards) for item in list(value)[::step])
    return value


@given(values)
def test_equal_values_have_equal_keys_in_whatever_order_they_were_filled(value: Any) -> None:
    key = stable_digest(value, limit=None)
    assert stable_digest(reordered(value, backwards=True), limit=None) == key
    assert stable_digest(pickle.loads(pickle.dumps(value)), limit=None) == key


@given(values, values)
@settings(max_examples=200)
def test_different_values_have_different_keys(one: Any, other: Any) -> None:
    assert (stable_digest(one) == stable_digest(other)) == (spelled(one) == spelled(other))


@given(values, st.data())
def test_a_changed_part_changes_the_key(value: Any, data: st.DataObject) -> None:
    whole = {"a": [value, (1, 2)], "b": value}
    other = data.draw(values.filter(lambda other: spelled(other) != spelled(value)))
    assert stable_digest(whole) != stable_digest({"a": [other, (1, 2)], "b": value})
    assert stable_digest(whole) != stable_digest({"a": [value, (1, 2)], "b": other})


def all_different(*things: object) -> bool:
    return len({stable_digest(thing) for thing in things}) == len(things)


def all_the_same(*things: object) -> bool:
    return len({stable_digest(thing) for thing in things}) == 1


def test_numbers_and_texts_that_look_alike_are_told_apart() -> None:
    assert all_different(
        1, 1.0, True, 1 + 0j, "1", b"1", bytearray(b"1"), [1], (1,), {1}, frozenset({1}), {1: None}
    )
    assert all_different([1], [True], [1.0])
    assert all_different({1: "a"}, {True: "a"}, {1.0: "a"}, {"1": "a"})


def test_zero_and_minus_zero_are_told_apart_for_a_task_can_do_so() -> None:
    assert math.atan2(0.0, -1.0) != math.atan2(-0.0, -1.0)
    assert all_different(0.0, -0.0)
    assert all_different(np.array([0.0]), np.array([-0.0]))


def test_not_a_number_has_a_key_though_it_equals_nothing() -> None:
    assert all_the_same(math.nan, float("nan"))
    assert all_the_same({math.nan}, {float("nan")})


def test_containers_within_containers_are_told_apart_from_flat_ones() -> None:
    assert all_different([], [[]], [[], []], [()], {}, [{}], set(), ((),), [None], [[None]])
    assert all_different([[1], [2]], [[1, 2]], [1, 2], [[1], 2])


def test_nothing_that_stands_for_another_value_inside_can_be_passed_as_a_value() -> None:
    inner = bytes.fromhex(stable_digest([1]))
    assert all_different([[1]], [(inner,)], [inner], [("back", 0)])


# -- parts that are shared, cycles, depth --------------------------------------------------------------


def test_a_shared_part_counts_as_a_copy_does() -> None:
    part = [1, [2, object]]
    assert all_the_same([part, part], [part, copy.deepcopy(part)])


def test_parts_that_are_shared_at_every_level_take_no_time_to_speak_of() -> None:
    value: Any = [1, {"a": [object]}]
    for _ in range(200):
        value = [value, value]
    assert stable_digest(value) == stable_digest(value)


def ring(*items: object) -> list[Any]:
    value: list[Any] = [*items]
    value.append(value)
    return value


def test_a_value_that_holds_itself_has_a_key() -> None:
    assert all_the_same(ring(1), ring(1))
    assert all_different(ring(1), ring(2), ring(), [1, [1]], [1, ring(1)])


def test_what_leads_back_to_where_is_told_apart() -> None:
    def nested(target: int) -> Any:
        lists: list[list[Any]] = [["a"], ["a"], ["a"], ["a"]]
        for outer, inner in itertools.pairwise(lists):
            outer.append(inner)
        lists[-1].append(lists[target])
        return lists[0]

    assert all_different(*[nested(target) for target in range(4)])


def test_whether_a_part_is_shared_does_not_blur_which_part_is_led_back_to() -> None:
    def knot(first: Any, second: Any, target: str) -> Any:
        root: list[Any] = []
        parts: dict[str, list[Any]] = {"b": [root], "c": [root]}
        root += [first, parts["b"], parts["c"], second, [parts[target]]]
        return root

    def knot_of_two(first: Any, second: Any, target: str) -> Any:
        root = knot(first, second, target)
        root[1].append("b")
        root[2].append("c")
        return root

    shared = [object]
    found = collections.defaultdict(set)
    for second in (shared, [object]):
        for target in "bc":
            found[target].add(stable_digest(knot_of_two(shared, second, target)))
    assert [len(keys) for keys in found.values()] == [1, 1]
    assert found["b"].isdisjoint(found["c"])


class Node:
    def __init__(self, name: int) -> None:
        self.name = name
        self.near: list[Node] = []


def graph(size: int, *, name: int = 0) -> list[Node]:
    nodes = [Node(number) for number in range(size)]
    for node in nodes:
        node.near = [other for other in nodes if other is not node]
    nodes[-1].name += name
    return nodes


def test_objects_that_all_know_each_other_take_no_time_to_speak_of() -> None:
    assert all_the_same(graph(60), graph(60))
    assert all_different(graph(60), graph(60, name=1), graph(59))


def test_a_set_that_holds_something_that_leads_back_to_it_has_no_key() -> None:
    node = Node(1)
    node.near = {Plain(node)}  # type: ignore[assignment]
    with pytest.raises(NoStableKeyError, match="leads back"):
        stable_digest(node)


def test_no_depth_is_too_deep() -> None:
    def deep(depth: int, core: object) -> str:
        value: Any = [core]
        for level in range(depth):
            value = ([value], {"a": value}, (value,))[level % 3]
        return stable_digest(value, limit=None)

    assert deep(10_000, 1) == deep(10_000, 1)
    assert len({deep(10_000, 1), deep(10_000, 2), deep(10_001, 1)}) == 3


# -- kinds of values -----------------------------------------------------------------------------------


class Colour(enum.Enum):
    RED = 1
    GREEN = 2


class Level(enum.IntEnum):
    RED = 1


class Mode(enum.Flag):
    READ = 1
    WRITE = 2


class Pair(NamedTuple):
    x: int
    y: int


class OtherPair(NamedTuple):
    x: int
    y: int


@dataclass
class Point:
    x: int
    y: Any = 0
    hidden: int = field(default=0, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class FrozenPoint:
    x: int
    y: int = 0


@attrs.define
class AttrsPoint:
    x: int
    y: int = 0


class Model(pydantic.BaseModel):
    x: int
    y: int = 0
    _note: str = pydantic.PrivateAttr(default="")


class Plain:
    def __init__(self, x: object) -> None:
        self.x = x


class Other:
    def __init__(self, x: object) -> None:
        self.x = x


class Slotted:
    __slots__ = ("x",)

    def __init__(self, x: object) -> None:
        self.x = x


class Text(str):
    __slots__ = ()


class Number(int):
    pass


class Items(list[Any]):
    pass


class Table(dict[str, Any]):
    pass


class Bag(set[Any]):
    pass


def double(x: int) -> int:
    return 2 * x


def triple(x: int) -> int:
    return 3 * x


MANY = [
    dt.date(2024, 1, 2),
    dt.datetime(2024, 1, 2),  # noqa: DTZ001 - one without a zone is a case
    dt.datetime(2024, 1, 2, tzinfo=dt.UTC),
    dt.datetime(2024, 1, 2, tzinfo=zoneinfo.ZoneInfo("Europe/Paris")),
    dt.datetime(2024, 1, 2, fold=1),  # noqa: DTZ001
    dt.time(1, 2),
    dt.timedelta(seconds=1),
    dt.timedelta(seconds=2),
    decimal.Decimal("1.5"),
    decimal.Decimal("1.50"),
    Fraction(3, 2),
    uuid.UUID(int=1),
    pathlib.Path("a/b"),
    pathlib.PurePosixPath("a/b"),
    Colour.RED,
    Colour.GREEN,
    Level.RED,
    Mode.READ,
    Mode.READ | Mode.WRITE,
    range(3),
    range(0, 3, 2),
    slice(1, 2),
    slice(1, 2, 3),
    b"ab",
    bytearray(b"ab"),
    memoryview(b"ab"),
    1 + 2j,
    Pair(1, 2),
    OtherPair(1, 2),
    (1, 2),
    Point(1),
    Point(2),
    Point(1, hidden=1),
    Point(1, Point(1)),
    FrozenPoint(1),
    FrozenPoint(2),
    AttrsPoint(1),
    AttrsPoint(2),
    Model(x=1),
    Model(x=2),
    Plain(1),
    Plain(2),
    Plain(None),
    Other(1),
    Slotted(1),
    Slotted(2),
    Text("a"),
    "a",
    Number(1),
    Items([1]),
    [1],
    Table(a=1),
    {"a": 1},
    Bag({1, 2}),
    {1, 2},
    collections.OrderedDict(a=1, b=2),
    collections.OrderedDict(b=2, a=1),
    collections.defaultdict(int, a=1),
    collections.defaultdict(Number, a=1),
    collections.Counter("aab"),
    collections.deque([1, 2]),
    collections.deque([1, 2], maxlen=2),
    types.MappingProxyType({"a": 1}),
    types.SimpleNamespace(a=1),
    re.compile("a"),
    re.compile("a", re.IGNORECASE),
    ValueError("a"),
    ValueError("b"),
    NotImplemented,
    ...,
    object(),
    list[int],
    int | str,
    int,
    str,
    Plain,
    Other,
    double,
    triple,
    len,
    str.join,
    "".join,
    math.sqrt,
    functools.partial(double, 1),
    functools.partial(double, x=1),
    functools.partial(double),
    Plain(1).__init__,  # type: ignore[misc]  # a bound method
    task(double),
    np.int64(1),
    np.int32(1),
    np.float64(1),
    np.datetime64("2024-01-02"),
    np.dtype("int32"),
    np.array([1]),
    pd.Timestamp("2024-01-02"),
    pd.Timedelta(seconds=1),
    pd.NA,
    pd.NaT,
    pd.Period("2024-01"),
    pd.Interval(0, 1),
]


def test_all_kinds_of_values_are_told_apart() -> None:
    found: dict[str, object] = {}
    for value in MANY:
        key = stable_digest(value)
        assert key not in found, (value, found[key])
        found[key] = value


@pytest.mark.parametrize("value", MANY, ids=lambda value: f"{type(value).__name__}")
def test_a_copy_has_the_key_of_what_it_was_copied_from(value: object) -> None:
    if isinstance(value, memoryview):
        return  # these cannot be copied
    duplicate = (
        copy.deepcopy(value)
        if isinstance(value, types.MappingProxyType | types.BuiltinMethodType) is False
        else value
    )
    assert stable_digest(duplicate) == stable_digest(value)
    assert stable_digest([value, {"a": duplicate}]) == stable_digest([duplicate, {"a": value}])


def test_sets_and_dicts_of_a_users_kind_have_no_order() -> None:
    assert all_the_same(Bag(["a", "b", "c"]), Bag(["c", "b", "a"]))
    assert all_the_same(Table(a=1, b=2), Table(b=2, a=1))
    assert all_the_same(collections.Counter("aab"), collections.Counter("baa"))


def test_sets_of_objects_have_no_order() -> None:
    points = [FrozenPoint(x) for x in range(20)]
    assert all_the_same(set(points), {FrozenPoint(x) for x in range(19, -1, -1)})
    assert all_the_same({point: point for point in points}, {point: point for point in points[::-1]})


def test_a_model_counts_by_its_fields_not_by_which_of_them_were_given() -> None:
    assert all_the_same(Model(x=1), Model(x=1, y=0))
    noted = Model(x=1)
    noted._note = "n"
    assert all_different(noted, Model(x=1))


def test_what_a_cached_property_remembers_does_not_count() -> None:
    class Circle:
        def __init__(self, radius: float) -> None:
            self.radius = radius

        @functools.cached_property
        def area(self) -> float:
            return math.pi * self.radius**2

    used = Circle(1)
    assert used.area > 3
    assert all_the_same(used, Circle(1))
    assert all_different(used, Circle(2))


def test_more_attributes_than_the_declared_fields_count() -> None:
    changed = Point(1)
    changed.extra = 1  # type: ignore[attr-defined]
    assert all_different(changed, Point(1))


def test_a_lambda_counts_by_its_code_and_what_it_closes_over() -> None:
    def adding(n: object) -> Any:
        return lambda x: x + n

    assert all_the_same(adding(1), adding(1))
    assert all_different(adding(1), adding(2), lambda x: x)


def test_a_function_that_no_name_leads_to_has_a_key_only_if_all_it_closes_over_has() -> None:
    lock = threading.Lock()
    with pytest.raises(NoStableKeyError, match=r"value\['f'\]\.lock"):
        stable_digest({"f": lambda: lock})


def test_objects_of_classes_that_no_name_leads_to_are_told_apart_by_the_code_of_these() -> None:
    def kind(n: int) -> Any:
        class Local:
            def give(self) -> int:
                return n

        return Local()

    assert all_the_same(kind(1), kind(1))
    assert all_different(kind(1), kind(2))


def test_a_type_says_itself_what_stands_for_its_values() -> None:
    class Handle:
        def __init__(self, name: str) -> None:
            self.name = name
            self.lock = threading.Lock()

        def __stable_key__(self) -> object:
            return self.name

    assert all_the_same(Handle("a"), Handle("a"))
    assert all_different(Handle("a"), Handle("b"), "a")


# -- arrays and tables -----------------------------------------------------------------------------------


def test_an_array_counts_by_kind_shape_and_content_however_it_lies_in_memory() -> None:
    array = np.arange(24.0).reshape(2, 3, 4)
    assert all_the_same(array, np.asfortranarray(array), np.repeat(array, 2, axis=1)[:, ::2], array.copy())
    assert all_different(
        array,
        array.astype(np.float32),
        array.astype(">f8"),
        array.reshape(4, 6),
        array.T,
        array + 1,
        array.tolist(),
    )
    assert all_different(np.zeros(0), np.zeros((0, 1)), np.zeros(()), np.zeros(0, dtype=int))


def test_arrays_of_objects_texts_times_and_records_have_keys() -> None:
    record = np.dtype([("a", "i1"), ("b", "f8")], align=True)
    assert all_the_same(np.array(["a", None], dtype=object), np.array(["a", None], dtype=object))
    assert all_different(np.array(["a", None], dtype=object), np.array(["b", None], dtype=object))
    assert all_different(
        np.array(["a"]), np.array([b"a"]), np.array(["a"], dtype="T"), np.array(["b"], dtype="T")
    )
    assert all_different(np.array(["2024"], dtype="M8[Y]"), np.array(["2024"], dtype="M8[D]"))
    first, second = np.empty(3, record), np.empty(3, record)
    first.view(np.uint8)[:] = 1
    second.view(np.uint8)[:] = 2
    for array in (first, second):
        array["a"], array["b"] = 1, 2.0
    assert all_the_same(first, second)
    second["b"][2] = 3.0
    assert all_different(first, second)


def test_kinds_of_arrays_have_keys() -> None:
    masked = np.ma.MaskedArray([1, 2], mask=[False, True])
    assert all_the_same(masked, masked.copy())
    assert all_different(masked, np.array([1, 2]), np.ma.MaskedArray([1, 2], mask=[True, False]))


def frame(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"a": [1, 2, 3], "b": ["x", None, "z"], "c": [1.0, math.nan, 3.0], **columns})


def test_a_table_counts_by_its_content() -> None:
    base = frame()
    pieces = pd.concat([base.iloc[:1], base.iloc[1:]])
    assert all_the_same(base, base.copy(), pieces, base.assign(d=1).drop(columns="d"))
    assert all_different(
        base,
        base.astype({"a": "int32"}),
        base.astype({"a": "Int64"}),
        base.astype({"b": "category"}),
        base.astype({"b": object}),
        base.rename(columns={"a": "A"}),
        base[["b", "a", "c"]],
        base.iloc[::-1],
        base.set_index("a"),
        base.set_axis([1, 2, 3]),
        base.rename_axis("i"),
        base.assign(a=[1, 2, 4]),
        base.assign(b=["x", "y", "z"]),
        base.assign(c=[1.0, 2.0, 3.0]),
        base["a"],
        base["a"].rename("b"),
        base.index,
        base.columns,
        base.to_numpy(),
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (pd.Series([1, None], dtype="Int64"), pd.Series([1, 0], dtype="Int64")),
        (pd.Series(["a", "b"], dtype="category"), pd.Series(["b", "a"], dtype="category")),
        (
            pd.Series(["a"], dtype=pd.CategoricalDtype(["a", "b"])),
            pd.Series(["a"], dtype=pd.CategoricalDtype(["b", "a"])),
        ),
        (
            pd.Series(["a"], dtype=pd.CategoricalDtype(["a", "b"], ordered=True)),
            pd.Series(["a"], dtype=pd.CategoricalDtype(["a", "b"])),
        ),
        (
            pd.Series(pd.date_range("2024", periods=2, tz="UTC")),
            pd.Series(pd.date_range("2024", periods=2, tz="Europe/Paris")),
        ),
        (pd.Series(pd.date_range("2024", periods=2)), pd.Series(pd.date_range("2025", periods=2))),
        (pd.date_range("2024", periods=2, freq="D"), pd.DatetimeIndex(["2024-01-01", "2024-01-02"])),
        (pd.period_range("2024-01", periods=2, freq="M"), pd.period_range("2024-02", periods=2, freq="M")),
        (pd.interval_range(0, 2), pd.interval_range(0, 2, closed="left")),
        (pd.MultiIndex.from_product([[1], [2, 3]]), pd.MultiIndex.from_product([[1], [2, 4]])),
        (pd.Series([{"a": 1}]), pd.Series([{"a": 2}])),
        (pd.Series([1], name="a"), pd.Series([1], name="b")),
        (pd.Series(["a"]), pd.Series([b"a"])),
        (pd.Series([1, 0], dtype="Sparse[int]"), pd.Series([1, 1], dtype="Sparse[int]")),
    ],
)
def test_columns_of_every_kind_are_told_apart_and_copies_are_not(one: Any, other: Any) -> None:
    assert all_different(one, other)
    assert all_the_same(one, one.copy(), pickle.loads(pickle.dumps(one)))


def test_a_multi_index_counts_by_what_it_shows() -> None:
    whole = pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["l", "n"])
    kept = whole[2:]
    assert all_the_same(kept, kept.remove_unused_levels())
    assert all_different(kept, kept.set_names(["l", "m"]), whole)


# -- what has no key -----------------------------------------------------------------------------------


class Moody:
    drawn = 0

    def __getstate__(self) -> object:
        Moody.drawn += 1
        return {"drawn": Moody.drawn}


class Refusing:
    def __reduce__(self) -> Any:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            {"x": [1, 2, 3, (n for n in [1])]},
            r"^arguments\['x'\]\[3\] has no stable key: a generator is used up",
        ),
        ([threading.Lock()], r"^arguments\[0\] has no stable key: a _thread.lock cannot be looked into"),
        (iter([1]), "list_iterator is used up"),
        (io.BytesIO(b"a"), "used up"),
        (math, "a module"),
        (Point(1, [threading.Event()]), r"^arguments\.y\[0\]\._cond\._lock has no"),
        (Moody(), "pickled differently each time"),
        ([{"a": Moody()}], r"arguments\[0\]\['a'\] has no stable key: a .*Moody is pickled differently"),
        (Refusing(), r"Refusing cannot be looked into \(RuntimeError: no\)"),
        ({threading.Lock(): 1}, r"arguments\.keys\(\)"),
        ({FrozenPoint(1), threading.Lock()}, r"arguments\{…\}"),
        (np.array([threading.Lock()]), r"arguments\[0\]"),
        (pd.Series([1, threading.Lock()], dtype=object), r"arguments\[1\]"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_cannot_be_told_by_its_content_has_no_key_and_is_named(value: Any, message: str) -> None:
    with pytest.raises(NoStableKeyError, match=message):
        stable_digest(value, name="arguments")


def test_the_path_to_what_has_no_key_is_of_bounded_length() -> None:
    value: Any = threading.Lock()
    for _ in range(5000):
        value = {"a rather long name": value}
    with pytest.raises(NoStableKeyError) as raised:
        stable_digest(value)
    assert len(str(raised.value)) < 500


# -- what the caller says ------------------------------------------------------------------------------


class Future:
    def __init__(self, number: int) -> None:
        self.number = number
        self.lock = threading.Lock()


def token_of(value: object) -> object | None:
    return ("future", value.number) if isinstance(value, Future) else None


def test_the_caller_gives_tokens_for_objects_of_its_own() -> None:
    def key(value: object) -> str:
        return stable_digest(value, stand_in=token_of)

    assert key([Future(1), {"a": Future(2)}]) == key([Future(1), {"a": Future(2)}])
    keys = [key(value) for value in ([Future(1)], [Future(2)], [("future", 1)], [[Future(1)]], Future(1))]
    assert len(set(keys)) == 5
    with pytest.raises(NoStableKeyError):
        stable_digest([Future(1)])


@pytest.mark.parametrize(
    "value",
    [
        b"x" * 1001,
        "x" * 1001,
        ["x" * 501, "y" * 501],
        {"a": {"b": "x" * 1001}},
        list(range(1001)),
        [[number] for number in range(500)],
        np.zeros(1001, dtype=np.int8),
        [np.ma.zeros(1001, dtype=np.int8)],
        pd.DataFrame({"a": np.zeros(1001)}),
        {"a": pd.Series(np.zeros(1001))},
        pd.Index(range(1001)),
        Plain("x" * 1001),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_larger_than_the_limit_is_refused(value: object) -> None:
    with pytest.raises(TooLargeForKeyError, match="more than 1,000 bytes"):
        stable_digest(value, limit=1000)
    assert len(stable_digest(value, limit=None)) == 32


def test_a_large_array_is_refused_before_it_is_looked_at() -> None:
    untouched = np.lib.stride_tricks.as_strided(np.zeros(1), shape=(1 << 20, 1 << 20), strides=(0, 0))
    with pytest.raises(TooLargeForKeyError):
        stable_digest({"x": [untouched]})


# -- other processes -----------------------------------------------------------------------------------

PROGRAM = """
import collections, datetime, decimal, enum, functools, pathlib, re, uuid
from dataclasses import dataclass
import numpy as np
import pandas as pd
from headrace.stable_keys import stable_digest

class Colour(enum.Enum):
    RED = 1

@dataclass(frozen=True)
class Point:
    x: int

class Thing:
    def __init__(self, **attributes):
        self.__dict__.update(attributes)
        self.names = {"a", "b", "c", "d"}

def work(x):
    return x in {"a", "b", "c"} or helper(x)

def helper(x):
    return Point(x)

values = [
    {"a", "b", "c", 1, None, (1, 2)},
    frozenset({frozenset({"a", "b"}), frozenset({"c", "d"})}),
    {name: {name, "z"} for name in "abcdef"},
    {Point(number) for number in range(10)},
    Thing(a=1, b={"x", "y", "z"}),
    Colour.RED, Thing, work, functools.partial(work, {"a", "b"}), lambda: work,
    datetime.datetime(2024, 1, 2), decimal.Decimal("1.5"), uuid.UUID(int=5), pathlib.Path("a"), re.compile("a"),
    collections.Counter("abcabd"), collections.defaultdict(set, a={"a", "b"}),
    np.arange(6).reshape(2, 3).T, pd.DataFrame({"a": [1], "b": ["x"]}), float("nan"), -0.0,
]
print(*[stable_digest(value) for value in values])
"""


def test_other_processes_find_the_same_keys_whatever_their_hash_seed(
    run_python: RunPython, user_environment: dict[str, str], tmp_path: pathlib.Path
) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    seen = set()
    for seed, arguments in enumerate(
        (["program.py"], ["-O", "program.py"], ["-m", "program"], ["-c", "import program"])
    ):
        user_environment["PYTHONHASHSEED"] = str(seed)
        seen.add(run_python(*arguments).stdout)
    assert len(seen) == 1
    keys = seen.pop().split()
    assert len(set(keys)) == len(keys) > 20


def test_the_module_loads_nothing_heavy(run_python: RunPython) -> None:
    program = "import sys, headrace.stable_keys, headrace.code_digests; print(*sys.modules)"
    heavy = {"asyncio", "click", "cloudpickle", "dis", "inspect", "numpy", "pandas", "pydantic", "sqlite3"}
    assert heavy & set(run_python("-c", program).stdout.split()) == set()
