"""Previews: bounded, JSON, without the values' own code, and without secrets."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import json
import pathlib
import uuid
from collections import OrderedDict, defaultdict, namedtuple
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pydantic
import pytest
from hypothesis import given, strategies as st

from headrace.previews import MAX_CHARACTERS, is_secret, mask_url, preview, preview_arguments, text_json

MASKED = "**********"


def shown(value: object) -> Any:
    return json.loads(preview(value))


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        False,
        0,
        -7,
        10**15,
        1.5,
        "text",
        'quo"te\\n',
        "\N{SNOWMAN}",
        [],
        {},
        [1, [2, [3]]],
        {"a": {"b": None}},
    ],
    ids=repr,
)
def test_plain_values_are_shown_as_they_are(value: object) -> None:
    assert shown(value) == value


class Point(NamedTuple):
    x: int
    password: str


@dataclass
class Account:
    user: str
    api_token: str
    hidden: str = field(default="h", repr=False)


@dataclass(slots=True)
class Slotted:
    x: int


class Model(pydantic.BaseModel):
    name: str
    key: pydantic.SecretStr
    private: str = pydantic.Field(default="p", repr=False)


class Colour(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    LOW = 1


Pair = namedtuple("Pair", "left right")  # noqa: PYI024 - the untyped kind is under test


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ((1, 2), [1, 2]),
        ({1}, [1]),
        (frozenset({1}), [1]),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (b"abc", "b'abc'"),
        (bytes(1000), "<bytes, 1,000 bytes>"),
        (bytearray(1000), "<bytearray, 1,000 bytes>"),
        (10**4000, "<int, 13,288 bits>"),
        (1j, "1j"),
        (range(3), "range(0, 3)"),
        (len, "<builtin_function_or_method len>"),
        (int, "<type int>"),
        (object(), "<object>"),
        (ValueError("x"), "<ValueError>"),
        (Colour.RED, "Colour.RED"),
        (Level.LOW, "Level.LOW"),
        (Pair(1, 2), {"left": 1, "right": 2}),
        (Point(1, "s"), {"x": 1, "password": MASKED}),
        (Account("ada", "t"), {"user": "ada", "api_token": MASKED}),
        (Slotted(1), {"x": 1}),
        (Model(name="n", key=pydantic.SecretStr("s")), {"name": "n", "key": MASKED}),
        (pydantic.SecretStr("s"), MASKED),
        (pydantic.SecretBytes(b"s"), MASKED),
        ([pydantic.SecretStr("s")], [MASKED]),
        (OrderedDict(a=1), {"a": 1}),
        (defaultdict(list, a=[1]), {"a": [1]}),
        ({1: "a", (1, 2): "b", None: "c"}, {"1": "a", "[1,2]": "b", "null": "c"}),
        (dt.date(2024, 2, 29), "2024-02-29"),
        (dt.timedelta(hours=1), "1:00:00"),
        (decimal.Decimal("1.10"), "1.10"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (pathlib.PurePosixPath("/a/b"), "/a/b"),
        (np.zeros((3, 4)), "<ndarray 3x4 float64>"),
        (np.float64(1.5), 1.5),
        (np.bool_(True), True),
    ],
    ids=repr,
)
def test_other_values_are_described(value: object, expected: object) -> None:
    assert shown(value) == expected


def test_tables_are_described_by_their_shape() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": range(10), "b": range(10)})
    assert shown(frame) == "<DataFrame 10x2>"
    assert shown(frame["a"]) == "<Series 10 int64>"


class Hostile:
    """Whatever a preview must not call."""

    def __getattribute__(self, name: str) -> Any:
        pytest.fail(f"asked for {name}")

    def __repr__(self) -> str:
        pytest.fail("asked for repr")

    __str__ = __format__ = __hash__ = __eq__ = __iter__ = __len__ = __repr__  # type: ignore[assignment]


class HostileList(list[int]):
    __iter__ = __len__ = __getitem__ = __repr__ = __str__ = Hostile.__repr__  # type: ignore[assignment]


class HostileDict(dict[str, int]):
    items = keys = __iter__ = __len__ = __getitem__ = __repr__ = Hostile.__repr__  # type: ignore[assignment]


class HostileText(str):
    __slots__ = ()
    __len__ = __str__ = __repr__ = Hostile.__repr__  # type: ignore[assignment]


@dataclass
class WithProperty:
    x: int


def test_the_values_own_code_is_not_called() -> None:
    assert shown(Hostile()) == "<Hostile>"
    assert shown([Hostile()]) == ["<Hostile>"]
    assert shown(HostileList([1, 2])) == [1, 2]
    assert shown(HostileDict(a=1)) == {"a": 1}
    assert shown(HostileText("a")) == "a"


def test_a_type_that_lies_about_itself_is_named_all_the_same() -> None:
    class Lying(type):
        @property
        def __dataclass_fields__(cls) -> Any:
            raise RuntimeError

    class Lie(metaclass=Lying):
        pass

    assert "Lie" in shown(Lie())


def test_cycles_end() -> None:
    value: list[Any] = [1]
    value.append(value)
    assert shown(value) == [1, "…"]


def test_depth_and_length_are_bounded() -> None:
    assert shown([[[[[[[1]]]]]]]) == [[[[["…"]]]]]
    assert shown(list(range(100)))[-1] == "… 80 more"
    assert shown({str(number): number for number in range(100)})["…"] == "80 more"
    assert shown("x" * 1000).endswith("… (1,000 characters)")
    assert len(preview([["x" * 190] * 20] * 20)) < MAX_CHARACTERS + 2000


NESTED = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=30) | st.dictionaries(st.text() | st.integers(), inner, max_size=30)
    ),
)


@given(NESTED)
def test_every_preview_is_bounded_ascii_json(value: object) -> None:
    text = preview(value)
    json.loads(text)
    assert text.isascii() or "…" in text
    assert len(text) < 2 * MAX_CHARACTERS


@given(st.text())
def test_every_text_is_a_json_string(text: str) -> None:
    assert json.loads(text_json(text)) == text


# Secrets


@pytest.mark.parametrize(
    "name",
    [
        "password", "Password", "DB_PASSWORD", "dbPassword", "user.password", "passwd", "pwd", "passphrase", "secret",
        "client_secret", "clientSecret", "SECRETS", "token", "access_token", "accessToken", "auth-token", "api_key",
        "apiKey", "API_KEY", "APIKey", "x-api-key", "apikey", "aws_secret_access_key", "private_key", "ssh_keys",
        "credentials", "Authorization", "cookie", "--password",
    ],
)  # fmt: skip
def test_names_of_secrets_are_known(name: str) -> None:
    assert is_secret(name)
    assert MASKED in preview({name: "hunter2"})
    assert "hunter2" not in preview({name: "hunter2"})


@pytest.mark.parametrize(
    "name",
    [
        "x",
        "keyboard",
        "key",
        "keys",
        "primary_key",
        "tokenizer",
        "secretary",
        "passenger",
        "author",
        "monkey",
        "",
    ],
)
def test_other_names_are_left_alone(name: str) -> None:
    assert not is_secret(name)


def test_numbers_of_tokens_are_no_secret_and_numbers_as_passwords_are() -> None:
    assert shown({"max_tokens": 100, "tokens": ["a"], "password": 1234, "secret": None}) == {
        "max_tokens": 100,
        "tokens": MASKED,
        "password": MASKED,
        "secret": None,
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgres://ada:s3cret@db.example/x", "postgres://ada:***@db.example/x"),
        ("https://:tok@host", "https://:***@host"),
        ("redis://:a:b@h:1", "redis://:***@h:1"),
        ("https://host/a:b@c", "https://host/a:b@c"),
        ("https://host:80/", "https://host:80/"),
        ("https://ada@host", "https://ada@host"),
        ("no url", "no url"),
        ("why? no url", "why? no url"),
        ("https://h/?api_key=s3cret", "https://h/?api_key=***"),
        ("https://a:b@h/?page=2&token=t&sort=key", "https://a:***@h/?page=2&token=***&sort=key"),
        ("https://h/?max_tokens=", "https://h/?max_tokens=***"),
        ("GET https://h/?password=a&x HTTP/1.1", "GET https://h/?password=***&x HTTP/1.1"),
        (
            "see https://h/?access_token=a and https://i/?sig=b#c",
            "see https://h/?access_token=*** and https://i/?sig=b#c",
        ),
        ("https://h/?a=b=c&d", "https://h/?a=b=c&d"),
    ],
)
def test_passwords_in_urls_are_masked(text: str, expected: str) -> None:
    assert mask_url(text) == expected
    assert shown(text) == expected


def test_a_long_url_is_masked_before_it_is_cut() -> None:
    assert "s3cret" not in preview("postgres://ada:s3cret@" + "h" * 1000)
    assert "s3cret" not in preview("postgres://ada:s3cret" + "s3cret" * 1000 + "@host")


# Arguments


def test_arguments_are_shown_under_their_names() -> None:
    text = preview_arguments(("x", "password"), (1, "s"), {"y": [2], "api_key": "k"})
    assert json.loads(text) == {"x": 1, "password": MASKED, "y": [2], "api_key": MASKED}


def test_more_arguments_than_names_are_shown_together() -> None:
    assert json.loads(preview_arguments(("x",), (1, 2, 3), {})) == {"x": 1, "*args": [2, 3]}


def test_no_arguments_are_an_empty_object() -> None:
    assert preview_arguments((), (), {}) == "{}"


def test_many_names_do_not_fill_the_memory() -> None:
    from headrace import previews

    for number in range(previews._MAX_NAMES + 10):
        is_secret(f"name{number}")
    assert len(previews._names) <= previews._MAX_NAMES
