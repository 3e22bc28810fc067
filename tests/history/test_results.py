"""Results as pickles: bounded, made before anyone else holds the value, and never a reason to fail."""

from __future__ import annotations

import enum
import math
import pickle
import threading
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from headrace.history.results import RESULT_LIMIT, dump_result

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner) | st.sets(st.integers())
    ),
    max_leaves=20,
)


def unpickled(value: object) -> object:
    stored = dump_result(value)
    assert stored.note is None
    assert stored.pickled is not None
    return pickle.loads(stored.pickled)


@given(PLAIN)
def test_a_stored_result_is_the_value(value: object) -> None:
    back = unpickled(value)
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize(
    "value", [0, -1, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**64, 10**4000, True, False]
)
def test_whole_numbers_of_any_size_come_back(value: int) -> None:
    back = unpickled(value)
    assert back == value
    assert type(back) is type(value)


def test_values_that_equal_nothing_come_back_too() -> None:
    back = unpickled(math.nan)
    assert isinstance(back, float)
    assert math.isnan(back)
    assert unpickled("\ud800") == "\ud800"


class Colour(enum.IntEnum):
    RED = 1


@dataclass
class Point:
    x: int
    y: int


def test_types_of_modules_are_pickled_plainly() -> None:
    assert unpickled(Colour.RED) is Colour.RED
    assert unpickled(Point(1, 2)) == Point(1, 2)


def test_what_only_cloudpickle_can_pickle_is_pickled_by_it() -> None:
    back: Any = unpickled({"add": lambda a, b: a + b})
    assert back["add"](1, 2) == 3


def test_a_shared_and_a_cyclic_value_keep_their_shape() -> None:
    shared: list[Any] = []
    value: list[Any] = [shared, shared]
    value.append(value)
    back: Any = unpickled(value)
    assert back[0] is back[1]
    assert back[2] is back


LARGE = {
    "bytes": lambda: bytes(RESULT_LIMIT + 1),
    "bytearray": lambda: bytearray(RESULT_LIMIT + 1),
    "text": lambda: "x" * (RESULT_LIMIT + 1),
    "short text of many bytes": lambda: "\N{SNOWMAN}" * (RESULT_LIMIT // 2),
    "many small": lambda: list(range(1_000_000)),
    "nested bytes": lambda: {"a": [bytes(RESULT_LIMIT)]},
    "array": lambda: np.zeros(RESULT_LIMIT, np.uint8),
    "nested array": lambda: {"a": [np.zeros(RESULT_LIMIT, np.uint8)]},
    "array with gaps": lambda: np.zeros((2 * RESULT_LIMIT, 2), np.uint8)[:, 0],
    "array of columns": lambda: np.zeros((1024, 1025), np.uint8, order="F"),
    "several arrays": lambda: [np.zeros(RESULT_LIMIT // 2, np.uint8) for _ in range(3)],
}


@pytest.mark.parametrize("make", LARGE.values(), ids=LARGE.keys())
def test_what_is_too_large_is_given_up_with_a_note_and_a_preview(make: Any) -> None:
    stored = dump_result(make())
    assert stored.pickled is None
    assert (
        stored.note == "not stored: larger than 1,048,576 bytes (persist_result=True would keep it in a file)"
    )
    assert stored.preview is not None
    assert len(stored.preview) < 5000


def test_what_just_fits_is_stored() -> None:
    array = np.arange(RESULT_LIMIT // 8 - 100)
    back: Any = unpickled(array)
    assert (back == array).all()
    assert unpickled(bytes(RESULT_LIMIT - 100)) == bytes(RESULT_LIMIT - 100)


@pytest.mark.parametrize("wrap", [lambda array: array, lambda array: {"a": [array]}], ids=["alone", "nested"])
def test_a_large_array_is_given_up_without_copying_it(wrap: Any) -> None:
    value = wrap(np.ones(100_000_000, np.uint8))

    def seconds() -> float:
        started = time.perf_counter()
        assert dump_result(value).pickled is None
        return time.perf_counter() - started

    assert min(seconds() for _ in range(5)) < 0.005


class Raising:
    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __reduce__(self) -> Any:
        raise self.error


class SilentError(Exception):
    def __str__(self) -> str:
        raise ValueError


class SelfReducing:
    def __reduce__(self) -> Any:
        return (SelfReducing, (SelfReducing(),))


def deep() -> list[Any]:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    return value


UNPICKLABLE = {
    "a lock": threading.Lock,
    "a generator": lambda: (x for x in "a"),
    "raises": lambda: Raising(ValueError("no")),
    "memory": lambda: Raising(MemoryError()),
    "silent error": lambda: Raising(SilentError()),
    "recursion": SelfReducing,
    "deep": deep,
    "group": lambda: Raising(ExceptionGroup("g", [ValueError()])),
}


@pytest.mark.parametrize("make", UNPICKLABLE.values(), ids=UNPICKLABLE.keys())
def test_what_cannot_be_pickled_is_noted_and_previewed(make: Any) -> None:
    stored = dump_result(make())
    assert stored.pickled is None
    assert stored.note is not None
    assert stored.note.startswith("cannot be pickled: ")
    assert stored.preview is not None


def test_the_note_names_the_reason() -> None:
    assert dump_result(Raising(ValueError("no"))).note == "cannot be pickled: ValueError: no"
    assert dump_result(Raising(SilentError())).note == "cannot be pickled: SilentError"
    long = dump_result(Raising(ValueError("x" * 10_000))).note
    assert long is not None
    assert len(long) < 600


def test_an_interrupt_passes() -> None:
    with pytest.raises(KeyboardInterrupt):
        dump_result(Raising(KeyboardInterrupt()))


def test_the_limit_can_be_another() -> None:
    note = dump_result([bytes(100)], limit=50).note
    assert note is not None
    assert note.startswith("not stored: larger than 50 bytes")
