"""What type checkers refuse. Each line that they must find fault with says so, once to mypy, once to pyright.

Both are told to complain of an exemption that nothing needs: so each of these is really an error. The functions
are never called.
"""

from __future__ import annotations

import asyncio
from typing import assert_type

from headrace import TaskFuture, flow, task


@task
def double(x: int) -> int:
    return 2 * x


@task
async def fetch(name: str) -> bytes:
    return name.encode()


@flow
def total(numbers: list[int]) -> int:
    return sum(numbers)


def the_functions_own_signature_is_kept() -> None:
    double.fn("one")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    double.fn()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    double.fn(1, y=2)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    double.with_options(retries=1).fn("one")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    total.fn(["a"])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]


def a_future_is_not_its_value() -> None:
    number: int = double(1)  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    text: TaskFuture[str] = double(1)  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    double(1).upper()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    assert_type(double(1).result(), str)  # type: ignore[assert-type]  # pyright: ignore[reportAssertTypeFailure]
    assert_type(fetch("a").result(), str)  # type: ignore[assert-type]  # pyright: ignore[reportAssertTypeFailure]
    print(number, text)


async def a_value_is_awaited_once() -> None:
    await double(1).result()  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]
    await total([1])  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]
    asyncio.run(total([1]))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def an_option_that_does_not_exist_is_refused() -> None:
    @task(no_such_option=1)  # type: ignore[call-overload, untyped-decorator]  # pyright: ignore[reportCallIssue, reportUntypedFunctionDecorator]
    def one() -> None: ...

    @flow(no_such_option=1)  # type: ignore[call-overload, untyped-decorator]  # pyright: ignore[reportCallIssue, reportUntypedFunctionDecorator]
    def other() -> None: ...

    double.with_options(no_such_option=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    total.with_options(no_such_option=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    print(one, other)


def an_option_of_another_type_is_refused() -> None:
    @task(retries="three")  # type: ignore[call-overload, untyped-decorator]  # pyright: ignore[reportArgumentType]
    def one() -> None: ...

    @flow(tags=5)  # type: ignore[call-overload, untyped-decorator]  # pyright: ignore[reportArgumentType]
    def other() -> None: ...

    double.with_options(retries="three")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    total.with_options(name=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    print(one, other)


def options_are_given_by_keyword() -> None:
    task("a name")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
    flow("a name")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
