"""What a request may say in its path and query: each value is read, checked and described in one place."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from headrace.engine.states import StateName, StateType
from headrace.server.api.problems import refused

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_INTEGER = 2**53 - 1
"""The greatest whole number that every reader of JSON keeps exact."""
MAX_TEXT = 1000

_INTEGER = re.compile(r"-?[0-9]{1,16}")
_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One value of a request: a text, a whole number between ``least`` and ``most``, or true or false."""

    name: str
    about: str
    kind: Literal["string", "integer", "boolean"] = "string"
    default: str | int | bool | None = None
    least: int = 0
    most: int = MAX_INTEGER
    choices: tuple[str, ...] = ()
    is_required: bool = False
    is_repeatable: bool = False
    is_in_path: bool = False

    def read(self, texts: Sequence[str]) -> Any:
        """The value that a request gives with these texts. Raises ``RefusedError``."""
        if self.is_repeatable:
            if len(texts) > 100:
                raise refused(f"{self.name} is given {len(texts)} times: give it 100 times at most.")
            return tuple([self._read_one(text) for text in texts])
        if len(texts) > 1:
            raise refused(f"{self.name} is given {len(texts)} times: give it once.")
        if texts:
            return self._read_one(texts[0])
        if self.is_required:
            raise refused(f"{self.name} is missing: {self.about}.")
        return self.default

    def described(self) -> dict[str, Any]:
        """The parameter as an OpenAPI document describes it."""
        schema = self._schema()
        if self.is_repeatable:
            schema = {"type": "array", "items": schema, "maxItems": 100}
        elif self.default is not None:
            schema["default"] = self.default
        return {
            "name": self.name,
            "in": "path" if self.is_in_path else "query",
            "required": self.is_required or self.is_in_path,
            "description": self.about,
            "schema": schema,
        }

    def _schema(self) -> dict[str, Any]:
        if self.kind == "integer":
            return {"type": "integer", "minimum": self.least, "maximum": self.most}
        if self.kind == "boolean":
            return {"type": "boolean"}
        if self.choices:
            return {"type": "string", "enum": list(self.choices)}
        return {"type": "string", "maxLength": MAX_TEXT}

    def _read_one(self, text: str) -> str | int | bool:
        match self.kind:
            case "integer":
                if not _INTEGER.fullmatch(text) or not self.least <= int(text) <= self.most:
                    raise refused(
                        f"{self.name}={_short(text)} is no whole number from {self.least} to {self.most}."
                    )
                return int(text)
            case "boolean":
                if text not in _BOOLEANS:
                    raise refused(f"{self.name}={_short(text)} is neither true nor false.")
                return _BOOLEANS[text]
            case "string":
                return self._read_text(text)

    def _read_text(self, text: str) -> str:
        if len(text) > MAX_TEXT:
            raise refused(f"{self.name} is longer than {MAX_TEXT} characters.")
        if self.choices and text not in self.choices:
            raise refused(f"{self.name}={_short(text)} is none of {', '.join(self.choices)}.")
        if "\0" in text:
            raise refused(f"{self.name} holds a NUL, which no text here does.")
        if not text.isascii() and text != text.encode("utf-8", "ignore").decode("utf-8"):
            raise refused(f"{self.name} is no text that UTF-8 can say.")
        return text


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "…")


def limit(default: int, most: int) -> Parameter:
    """How many items at most. There may be fewer, so that no answer is larger than a megabyte."""
    about = "how many at most; an answer of a megabyte ends earlier"
    return Parameter(name="limit", about=about, kind="integer", default=default, least=1, most=most)


RUN_ID = Parameter(name="id", about="the whole id of a flow run", is_in_path=True)
CURSOR = Parameter(name="cursor", about="where the page before this one ended: its next_cursor")
TEXT = Parameter(name="text", about="looked for in names, in any case")
FILTERS = (
    Parameter(
        name="state",
        about="a type of states, or the name of one",
        choices=(*[type_.value for type_ in StateType], *[name.value for name in StateName]),
    ),
    Parameter(name="flow", about="the name of a flow"),
    Parameter(name="tag", about="a tag that the run has"),
    TEXT,
    Parameter(name="since_us", about="created at that time or later", kind="integer"),
    Parameter(name="until_us", about="created before that time", kind="integer"),
    Parameter(name="roots_only", about="whether subflows are left out", kind="boolean", default=True),
)
TASK_RUN = Parameter(
    name="task_run",
    about="only of the task run of that number; 0: only of the flow itself",
    kind="integer",
    most=2**32 - 1,
)
TASK_RUN_NUMBER = Parameter(
    name="n", about="the number of a task run", kind="integer", least=1, most=2**32 - 1, is_in_path=True
)
