"""What is killed: a flow with maps, chains, retries, child tasks, subflows, a flow retry and a large result.

Each task says in a file that it was executed, and gives what it is called by beside its value, so that a test can tell
from outside what was executed, how often, and what the history has acknowledged.
"""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any, NamedTuple

from headrace import flow, get_run_context, task

Named = tuple[str, int]
"""What every task gives: what its call is known by, and a number."""

LARGE = 1_100_000
"""A result of so many bytes is kept in a file."""


def note(name: str) -> None:
    """One line an execution, whole or not at all: which, and in which epoch."""
    line = f"{os.environ['CHAOS_EPOCH']} {name}\n".encode()
    log = os.open(os.environ["CHAOS_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(log, line)
    os.close(log)


@task
def fetch(name: str, number: int) -> Named:
    note(name)
    time.sleep(0.001 * (number % 3))
    return name, number


@task
async def fetch_async(name: str, number: int) -> Named:
    note(name)
    await asyncio.sleep(0.001 * (number % 3))
    return name, number


@task
def square(name: str, fetched: Named) -> Named:
    note(name)
    return name, fetched[1] ** 2


@task(retries=2)
def stumble(name: str, number: int) -> Named:
    note(name)
    if get_run_context().attempt == 1:
        raise ConnectionError(name)
    return name, number


@task
def add(name: str, parts: list[Named]) -> Named:
    note(name)
    return name, sum(number for _, number in parts)


@task
def ask_children(name: str, count: int) -> Named:
    note(name)
    return name, sum(fetch(f"{name}/{number}", number).result()[1] for number in range(count))


@task(persist_result=True)
def grow(name: str) -> tuple[str, bytes]:
    note(name)
    return name, bytes(LARGE)


@task
def weigh(name: str, grown: tuple[str, bytes]) -> Named:
    note(name)
    return name, len(grown[1])


_has_failed = False


@flow(retries=1)
def survey(count: int) -> int:
    """Fails once in each process, after its tasks."""
    global _has_failed
    found = fetch.map([f"survey/{number}" for number in range(count)], range(count))
    total = add("survey/sum", found).result()[1]
    if not _has_failed:
        _has_failed = True
        raise ConnectionError("the survey fails once")
    return total


@flow
def branch(count: int) -> int:
    """Is called by a task."""
    return add(
        "branch/sum", fetch.map([f"branch/{number}" for number in range(count)], range(count))
    ).result()[1]


@task
def ask_branch(name: str, count: int) -> Named:
    note(name)
    return name, branch(count)


@flow
def pedigree(count: int) -> dict[str, int]:
    """Tasks that call tasks and a flow."""
    families = ask_children.map([f"family{number}" for number in range(count)], [2] * count)
    asked = ask_branch("asked", 3)
    return {"families": sum(number for _, number in families.result()), "branch": asked.result()[1]}


@flow
def expedition(count: int) -> dict[str, int]:
    """All of it, sync."""
    numbers = range(count)
    fetched = fetch.map([f"fetch/{number}" for number in numbers], numbers)
    squares = square.map([f"square/{number}" for number in numbers], fetched)
    stumbled = stumble.map([f"stumble/{number}" for number in range(2)], range(2))
    family = ask_children("family", 3)
    weight = weigh("weight", grow("growth"))
    surveyed = survey(3)
    step = fetch("step", 1)
    for number in range(4):
        step = square(f"step/{number}", step)
    return {
        "squares": add("squares", squares).result()[1],
        "stumbled": sum(number for _, number in stumbled.result()),
        "family": family.result()[1],
        "weight": weight.result()[1],
        "surveyed": surveyed,
        "step": step.result()[1],
    }


@flow
async def crossing(count: int) -> dict[str, int]:
    """Async, with sync tasks among the async ones."""
    fetched = [fetch_async(f"fetch/{number}", number) for number in range(count)]
    squares = [square(f"square/{number}", one) for number, one in enumerate(fetched)]
    stumbled = await asyncio.gather(*[stumble(f"stumble/{number}", number) for number in range(2)])
    _, weight = await weigh("weight", grow("growth"))
    _, first = await fetch_async("first", 1)
    _, second = await fetch_async("second", first + 1)
    _, total = await add("squares", squares)
    return {"squares": total, "stumbled": sum(n for _, n in stumbled), "weight": weight, "second": second}


class Undisturbed(NamedTuple):
    """What comes of a flow that nobody disturbs."""

    value: dict[str, int]
    names: frozenset[str]


def undisturbed(flow_name: str, count: int) -> Undisturbed:
    """Worked out without Headrace."""
    numbers = range(count)
    if flow_name == "pedigree":
        families = {f"family{number}" for number in numbers}
        names = {f"{family}/{number}" for family in families for number in range(2)} | families
        names |= {"asked", "branch/sum"} | {f"branch/{number}" for number in range(3)}
        return Undisturbed({"families": count, "branch": 3}, frozenset(names))
    names = {f"{kind}/{number}" for kind in ("fetch", "square") for number in numbers}
    names |= {"stumble/0", "stumble/1", "growth", "weight", "squares"}
    value = {"squares": sum(number**2 for number in numbers), "stumbled": 1, "weight": LARGE}
    if flow_name == "crossing":
        return Undisturbed(value | {"second": 2}, frozenset(names | {"first", "second"}))
    names |= {"family", "step", "survey/sum"} | {f"step/{number}" for number in range(4)}
    names |= {f"{kind}/{number}" for kind in ("family", "survey") for number in range(3)}
    return Undisturbed(value | {"family": 3, "surveyed": 3, "step": 1}, frozenset(names))


FLOWS: dict[str, Any] = {"expedition": expedition, "crossing": crossing, "pedigree": pedigree}
