"""What the history keeps of a flow's signature, and of the arguments that a preview does not tell wholly."""

from __future__ import annotations

import datetime as dt  # noqa: TC003 - what the flow is annotated with
import enum
import json
from typing import Annotated, Any, Literal, NewType

import pytest
from pydantic import BaseModel, SecretStr

from headrace import flow
from headrace.history import History, use_history


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Login(BaseModel):
    user: str
    phrase: SecretStr


Cents = NewType("Cents", int)


@flow
def takes_much(  # type: ignore[no-untyped-def]
    month: int,
    price: Cents,
    colour: Colour,
    rest: dict[str, int],
    day: dt.date | None = None,
    how: Literal["fast", "well"] = "well",
    token: Annotated[str, "secret"] = "t",
    tokens: int = 5,
    phrase: SecretStr | None = None,
    login: Login | None = None,
    plain=2.5,
    *more: int,
    **options: str,
) -> None: ...


def recorded(flow: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
    history = History.open(":memory:")
    with use_history(history):
        flow(*args, **kwargs)
        with history.reader() as reader:
            return dict(reader.get_run(reader.list_runs()[0].id).provenance)


FIELDS = {field["name"]: field for field in json.loads(takes_much.parameters.recorded())}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("month", "integer"), ("price", "integer"), ("colour", "choice"), ("rest", "json"), ("day", "text"),
        ("how", "choice"), ("token", "secret"), ("tokens", "integer"), ("phrase", "secret"), ("login", "json"),
        ("plain", "number"), ("more", "json"), ("options", "json"),
    ],
)  # fmt: skip
def test_each_parameter_has_the_field_that_asks_for_it(name: str, kind: str) -> None:
    assert FIELDS[name]["kind"] == kind


def test_choices_are_values_and_what_previews_call_them() -> None:
    assert FIELDS["colour"]["choices"] == ["red", "blue"]
    assert FIELDS["colour"]["shown"] == ["Colour.RED", "Colour.BLUE"]
    assert FIELDS["how"]["choices"] == ["fast", "well"]


def test_what_has_no_default_is_required_but_for_any_number() -> None:
    assert [name for name, field in FIELDS.items() if field.get("is_required")] == [
        "month",
        "price",
        "colour",
        "rest",
    ]


def test_a_secret_default_is_masked() -> None:
    assert FIELDS["token"]["default"] == "**********"
    assert [name for name, field in FIELDS.items() if field.get("is_secret")] == ["token", "phrase", "login"]


def test_a_run_keeps_the_signature_and_the_interpreter() -> None:
    kept = recorded(takes_much, 1, 2, Colour.RED, {})

    assert [field["name"] for field in kept["signature"]] == list(FIELDS)
    assert kept["interpreter"]
    assert kept["folder"]


def test_a_flow_that_takes_nothing_keeps_no_signature() -> None:
    @flow
    def idle() -> None: ...

    assert "signature" not in recorded(idle)


@pytest.mark.parametrize(
    ("value", "is_told"),
    [
        (1, True),
        ("text", True),
        ([1, {"a": [None, True, 2.5]}], True),
        (b"bytes", False),
        ((1, 2), False),
        ({1: "a"}, False),
        ({"password": "x"}, False),
        ("x" * 201, False),
        (list(range(21)), False),
        (["x" * 190] * 20 + [1], False),
        (float("inf"), False),
        (10**200, False),
        ("postgres://ada:pass@host/db", False),
        (object(), False),
    ],
)
def test_an_argument_is_told_wholly_or_it_is_said_not_to_be(value: Any, is_told: bool) -> None:
    @flow
    def takes(value):  # type: ignore[no-untyped-def]
        pass

    assert recorded(takes, value).get("not_whole", []) == ([] if is_told else ["value"])


def test_what_a_secret_type_hides_is_not_told_wholly() -> None:
    @flow
    def takes(phrase: SecretStr, x: int) -> None: ...

    assert recorded(takes, "swordfish", 1)["not_whole"] == ["phrase"]


def test_a_class_that_answers_nothing_costs_its_field_no_more_than_the_kind() -> None:
    class Stubborn(type):
        def __getattribute__(cls, name: str) -> Any:
            raise RuntimeError(name)

    class Odd(metaclass=Stubborn):
        pass

    def takes(odd) -> None:  # type: ignore[no-untyped-def]
        pass

    takes.__annotations__["odd"] = Odd

    assert json.loads(flow(takes).parameters.recorded())[0]["kind"] == "json"


@pytest.mark.parametrize("name", ["tests.test_signatures", "headrace"])
def test_a_module_of_a_package_is_imported_by_its_name(name: str) -> None:
    from headrace.provenance import module_of

    assert module_of(name) == name


def test_a_script_is_run_by_its_file() -> None:
    from headrace.provenance import module_of

    assert module_of("flows") is None
