"""Serializers: how a value becomes the bytes that are stored, and a value again.

``"pickle"`` takes whatever Python can pickle, ``"json"`` plain data that other programs are to read, ``"arrow"`` tables of
pandas and pyarrow (with the extra ``headrace[arrow]``). One of your own is an object with a ``name``, ``dump(value)`` that
gives bytes, and ``load(content)`` that gives the value again.
"""

from __future__ import annotations

import json
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from headrace.errors import MissingExtraError, ResultUnavailableError
from headrace.history.facts import PICKLE

if TYPE_CHECKING:
    from collections.abc import Callable


@runtime_checkable
class Serializer(Protocol):
    """What turns values into bytes and back. ``name`` is kept with the result: it leads back to the serializer."""

    name: str

    def dump(self, value: Any) -> bytes:
        """The value as bytes. Raises whatever it likes for one that it cannot take: the run's record tells it."""

    def load(self, content: bytes) -> Any:
        """The value of bytes that ``dump`` gave."""


class PickleSerializer:
    """Whatever Python can pickle. Only its name counts: pickles are made where they are bounded, and written, by themselves."""

    name = PICKLE

    def dump(self, value: Any) -> bytes:
        """The pickle, by cloudpickle where plain pickle fails."""
        from cloudpickle import dumps

        content: bytes = dumps(value, 5)
        return content

    def load(self, content: bytes) -> Any:
        """The value."""
        from headrace.history.pickles import loads

        return loads(content)


class JsonSerializer:
    """Plain data as JSON text: only what comes back equal and of the same type.

    >>> JsonSerializer().dump({"a": [1, 2.5, None]})
    b'{"a":[1,2.5,null]}'
    >>> JsonSerializer().dump((1, 2))
    Traceback (most recent call last):
        ...
    TypeError: a tuple would not come back from JSON as it is
    """

    name = "json"

    def dump(self, value: Any) -> bytes:
        """The text in UTF-8. Raises ``TypeError`` for a value that JSON would change."""
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        _refuse_what_json_changes(value)  # after it, as a value that contains itself was refused there
        return text.encode("utf-8", "surrogatepass")

    def load(self, content: bytes) -> Any:
        """The value."""
        return json.loads(bytes(content).decode("utf-8", "surrogatepass"))


def _refuse_what_json_changes(value: Any) -> None:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        kind = type(item)
        if kind is dict:
            for key in item:
                if type(key) is not str:
                    raise TypeError(
                        f"{_with_article(type(key))} as a key would not come back from JSON as it is"
                    )
            waiting.extend(item.values())
        elif kind is list:
            waiting.extend(item)
        elif kind not in _JSON_ATOMS:
            raise TypeError(f"{_with_article(kind)} would not come back from JSON as it is")


_JSON_ATOMS = frozenset({str, int, float, bool, type(None)})


def _with_article(kind: type) -> str:
    return f"{'an' if kind.__name__[:1].lower() in 'aeiou' else 'a'} {kind.__name__}"


class ArrowSerializer:
    """Tables of pandas and pyarrow in Arrow's own file format, which other programs and languages read, too."""

    name = "arrow"

    def __init__(self) -> None:
        if find_spec("pyarrow") is None:
            raise MissingExtraError(
                'The serializer "arrow" needs pyarrow, which is not installed. '
                'Install it with: pip install "headrace[arrow]"'
            )

    def dump(self, value: Any) -> bytes:
        """The table as an Arrow file. Raises ``TypeError`` for what is no table, or is one that Arrow would change."""
        arrow = _arrow()
        kind = type(value).__module__.partition(".")[0]
        if isinstance(value, arrow.Table):
            table = value.replace_schema_metadata({**(value.schema.metadata or {}), _ORIGIN: b"pyarrow"})
        elif kind == "pandas" and type(value).__name__ == "DataFrame":
            table = arrow.Table.from_pandas(value)
            table = table.replace_schema_metadata({**table.schema.metadata, _ORIGIN: b"pandas"})
            if not table.to_pandas().equals(value):
                raise TypeError("this data frame would not come back from Arrow as it is")
        else:
            raise TypeError(f"{_with_article(type(value))} is neither a pandas.DataFrame nor a pyarrow.Table")
        sink = arrow.BufferOutputStream()
        with arrow.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        content: bytes = sink.getvalue().to_pybytes()
        return content

    def load(self, content: bytes) -> Any:
        """The table, of the kind that it was."""
        arrow = _arrow()
        with arrow.ipc.open_file(arrow.py_buffer(content)) as reader:
            table = reader.read_all()
        metadata = dict(table.schema.metadata or {})
        origin = metadata.pop(_ORIGIN, b"pyarrow")
        table = table.replace_schema_metadata(metadata or None)
        return table.to_pandas() if origin == b"pandas" else table


_ORIGIN = b"headrace"


def _arrow() -> Any:
    import pyarrow as pa  # it takes longer to import than all the rest
    import pyarrow.ipc

    return pa


_BUILT_IN: dict[str, Callable[[], Serializer]] = {
    PICKLE: PickleSerializer,
    "json": JsonSerializer,
    "arrow": ArrowSerializer,
}
_users: dict[str, Serializer] = {}


def check_serializer(option: Any) -> Serializer | None:
    """What the option ``result_serializer`` stands for. A user's own is known by its name from now on.

    Raises ``ValueError`` for a name that there is not, ``TypeError`` for what is no serializer, ``MissingExtraError`` for one
    that needs what is not installed.
    """
    if option is None:
        return None
    if isinstance(option, str):
        if option not in _BUILT_IN:
            raise ValueError(
                f"result_serializer={option!r}: give {_choices()}, or an object with name, dump and load"
            )
        return _BUILT_IN[option]()
    if isinstance(option, type) or not isinstance(option, Serializer) or not isinstance(option.name, str):
        raise TypeError(
            f"result_serializer={option!r}: give {_choices()}, or an object with name, dump and load"
        )
    if option.name not in _BUILT_IN:
        _users[option.name] = option
    elif type(option) is not _BUILT_IN[option.name]:
        raise ValueError(
            f"result_serializer={option!r}: its name {option.name!r} is that of one of Headrace's own"
        )
    return option


def serializer_named(name: str) -> Serializer:
    """The serializer of that name. A user's own is known once a task or flow of this process has been given it.

    Raises ``ResultUnavailableError`` for a name that nobody has used here.
    """
    if name in _BUILT_IN:
        return _BUILT_IN[name]()
    known = _users.get(name)
    if known is None:
        raise ResultUnavailableError(
            f"It was stored by the serializer {name!r}, which no task or flow of this process uses: "
            "import the module that defines it."
        )
    return known


def _choices() -> str:
    return ", ".join(f'"{name}"' for name in _BUILT_IN)
