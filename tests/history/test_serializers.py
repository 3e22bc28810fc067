"""Serializers: what comes back is what was dumped, or it is not taken."""

from __future__ import annotations

import enum
import json
import math
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, strategies as st

from headrace.errors import ResultUnavailableError
from headrace.history.serializers import (
    ArrowSerializer,
    JsonSerializer,
    PickleSerializer,
    check_serializer,
    serializer_named,
)

PLAIN_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(PLAIN_JSON)
def test_what_json_takes_comes_back_as_it_was(value: Any) -> None:
    serializer = JsonSerializer()
    back = serializer.load(serializer.dump(value))
    assert back == value
    assert repr(back) == repr(value)


def test_numbers_that_are_none_come_back_from_json_too() -> None:
    serializer = JsonSerializer()
    assert math.isnan(serializer.load(serializer.dump(math.nan)))
    assert serializer.load(serializer.dump([math.inf])) == [math.inf]


def test_json_is_plain_json() -> None:
    assert json.loads(JsonSerializer().dump({"a": ["ä", 1]})) == {"a": ["ä", 1]}


class Colour(enum.IntEnum):
    RED = 1


class Text(str):
    __slots__ = ()


def cyclic() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


def deep() -> list[Any]:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        (1, 2),
        [(1,)],
        {1: "a"},
        {None: 1},
        {"a": {True: 1}},
        Colour.RED,
        Text("a"),
        {1, 2},
        b"a",
        object(),
        cyclic(),
        deep(),
    ],
    ids=[
        "tuple",
        "tuple within",
        "number key",
        "None key",
        "true key",
        "enum",
        "subclass",
        "set",
        "bytes",
        "object",
        "cyclic",
        "deep",
    ],
)
def test_what_json_would_change_is_refused(value: Any) -> None:
    with pytest.raises((TypeError, ValueError, RecursionError)):
        JsonSerializer().dump(value)


FRAMES = {
    "plain": lambda: pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": [0.5, math.nan]}),
    "index": lambda: pd.DataFrame({"a": [1, 2]}, index=pd.Index(["x", "y"], name="key")),
    "dates": lambda: pd.DataFrame({"at": pd.date_range("2013-01-01", periods=3, tz="UTC")}),
    "categories": lambda: pd.DataFrame({"a": pd.Categorical(["x", "y", "x"])}),
    "empty": pd.DataFrame,
}


# The lowest pyarrow asks pandas for what it has deprecated since.
@pytest.mark.filterwarnings("ignore:Series.values returning")
@pytest.mark.parametrize("make", FRAMES.values(), ids=FRAMES.keys())
def test_a_data_frame_comes_back_from_arrow(make: Any) -> None:
    serializer = ArrowSerializer()
    back = serializer.load(serializer.dump(make()))
    pd.testing.assert_frame_equal(back, make())


def test_a_table_of_pyarrow_comes_back_with_its_metadata() -> None:
    serializer = ArrowSerializer()
    for metadata in (None, {b"source": b"sensor"}):
        table = pa.table({"a": [1, 2]}).replace_schema_metadata(metadata)
        back = serializer.load(serializer.dump(table))
        assert isinstance(back, pa.Table)
        assert back.equals(table, check_metadata=True)


def test_arrow_files_are_plain_arrow_files() -> None:
    content = ArrowSerializer().dump(pd.DataFrame({"a": [1, 2]}))
    assert pa.ipc.open_file(pa.py_buffer(content)).read_all().column("a").to_pylist() == [1, 2]


@pytest.mark.parametrize(
    "value", [[1, 2], None, pd.Series([1]), pd.DataFrame({"a": [object()]}), pd.DataFrame({"a": [(1, 2)]})]
)
def test_what_is_no_table_or_would_be_changed_is_refused(value: Any) -> None:
    with pytest.raises(Exception, match=r"is neither|Could not convert|would not come back"):
        ArrowSerializer().dump(value)


class Upper:
    """A user's own."""

    name = "upper"

    def dump(self, value: Any) -> bytes:
        return str(value).upper().encode()

    def load(self, content: bytes) -> Any:
        return content.decode()


def test_a_serializer_is_given_by_its_name_or_as_an_object() -> None:
    mine = Upper()
    assert check_serializer(None) is None
    assert isinstance(check_serializer("pickle"), PickleSerializer)
    assert isinstance(check_serializer("json"), JsonSerializer)
    assert isinstance(check_serializer("arrow"), ArrowSerializer)
    assert check_serializer(mine) is mine
    assert serializer_named("upper") is mine


def test_a_name_that_nobody_has_used_is_unavailable() -> None:
    with pytest.raises(ResultUnavailableError, match="import the module that defines it"):
        serializer_named("never heard of")


def test_what_is_no_serializer_is_refused() -> None:
    with pytest.raises(ValueError, match='give "pickle", "json", "arrow", or an object'):
        check_serializer("yaml")
    for option in (5, object(), Upper):
        with pytest.raises(TypeError, match="or an object with name, dump and load"):
            check_serializer(option)
    thief = Upper()
    thief.name = "json"
    with pytest.raises(ValueError, match="one of Headrace's own"):
        check_serializer(thief)
