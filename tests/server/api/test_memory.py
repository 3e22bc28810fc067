"""The memory of a few answers."""

from __future__ import annotations

import pytest

from headrace.server.api.memory import Memory


class Maker:
    """Makes a value for a key, and notes that it did."""

    def __init__(self, memory: Memory[str, str]) -> None:
        self._memory = memory
        self.made: list[str] = []

    def ask(self, key: str) -> str:
        def make() -> str:
            self.made.append(key)
            return key.upper()

        return self._memory.get(key, make)


def test_a_value_is_made_once() -> None:
    maker = Maker(Memory(2))
    assert [maker.ask("a"), maker.ask("a"), maker.ask("b")] == ["A", "A", "B"]
    assert maker.made == ["a", "b"]


def test_what_was_asked_for_longest_ago_makes_room() -> None:
    maker = Maker(Memory(2))
    for key in "abacab":
        maker.ask(key)
    assert maker.made == ["a", "b", "c", "b"]


def test_what_could_not_be_made_is_tried_again() -> None:
    memory: Memory[str, str] = Memory(2)

    def fail() -> str:
        raise OSError("busy")

    with pytest.raises(OSError, match="busy"):
        memory.get("a", fail)
    assert memory.get("a", lambda: "made") == "made"
