"""What a flow asks a person, and which answers it takes: text on a command line becomes a value, or a clear refusal."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

_TRUE = ("yes", "y", "true", "on", "1")
_FALSE = ("no", "n", "false", "off", "0")
_TYPES: dict[str, type] = {"bool": bool, "int": int, "float": float, "str": str}
_EXPECTED = {"bool": "yes or no", "int": "a whole number", "float": "a number", "str": "a text"}


class Question(NamedTuple):
    """The kind of answer that is wanted: a type by its name, or one of some choices.

    >>> Question("int").read("12")
    12
    >>> Question("str", ("red", "blue")).read("green")
    Traceback (most recent call last):
    ...
    ValueError: 'green' is no answer: give red or blue
    """

    kind: str = "bool"
    """The name of a type."""
    choices: tuple[Any, ...] = ()

    @classmethod
    def of(cls, type: Any, choices: Any) -> Question:  # noqa: A002 - the name of the option
        """The question that these options of ``pause`` mean. Raises ``TypeError`` and ``ValueError``."""
        if choices is None:
            wanted = bool if type is None else type
            name = next((name for name, known in _TYPES.items() if known is wanted), None)
            if name is None:
                raise TypeError(f"type={wanted!r}: an answer can be bool, int, float or str")
            return cls(name)
        if type is not None:
            raise TypeError("give a type or choices, not both: the choices say what they are")
        listed = tuple(choices)
        if isinstance(choices, str) or not listed:
            raise ValueError(f"choices={choices!r}: give a list of answers, such as ['keep', 'drop']")
        if not all(isinstance(choice, tuple(_TYPES.values())) for choice in listed):
            raise TypeError(f"choices={choices!r}: an answer can be bool, int, float or str")
        if len({text_of(choice) for choice in listed}) < len(listed):
            raise ValueError(f"choices={choices!r}: two of them read alike")
        return cls("str", listed)

    @property
    def expected(self) -> str:
        """What may be answered, in words."""
        if not self.choices:
            return _EXPECTED[self.kind]
        texts = [text_of(choice) for choice in self.choices]
        return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} or {texts[-1]}"

    def read(self, text: str) -> Any:
        """The value that a person means by this text. Raises ``ValueError``."""
        try:
            return self._parse(text.strip())
        except ValueError:
            raise ValueError(f"{text!r} is no answer: give {self.expected}") from None

    def check(self, value: Any) -> Any:
        """The value itself if it is an answer; a text is read. Raises ``ValueError``."""
        if isinstance(value, str) and not (self.kind == "str" and not self.choices):
            return self.read(value)
        fits = value in self.choices if self.choices else _is_of(value, self.kind)
        if not fits:
            raise ValueError(f"{value!r} is no answer: give {self.expected}")
        return float(value) if self.kind == "float" and not self.choices else value

    def to_json(self) -> str:
        """For the history."""
        return json.dumps({"type": self.kind, "choices": self.choices})

    @classmethod
    def from_json(cls, text: str) -> Question:
        """What ``to_json`` has written."""
        read = json.loads(text)
        return cls(read["type"], tuple(read["choices"]))

    def _parse(self, text: str) -> Any:
        if self.choices:
            for choice in self.choices:
                if text_of(choice).lower() == text.lower():
                    return choice
            raise ValueError
        match self.kind:
            case "bool":
                if text.lower() in _TRUE:
                    return True
                if text.lower() in _FALSE:
                    return False
                raise ValueError
            case "int":
                return int(text)
            case "float":
                return float(text)
            case _:
                return text


def text_of(answer: Any) -> str:
    """An answer as a person writes it.

    >>> text_of(True), text_of(2)
    ('yes', '2')
    """
    return ("yes" if answer else "no") if isinstance(answer, bool) else str(answer)


def _is_of(value: Any, name: str) -> bool:
    if name in ("int", "float") and isinstance(value, bool):
        return False
    if name == "float":
        return isinstance(value, int | float)
    return isinstance(value, _TYPES[name])
