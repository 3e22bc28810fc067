"""Ids of flow runs, and names that a person can say."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from headrace.previews import MASK, is_secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.functions import Anatomy

MASKED = MASK.strip('"')
_LONGEST = 200
_QUALITIES = (
    "amber", "ample", "brisk", "calm", "candid", "clear", "clever", "cool", "coral", "crisp", "deft", "eager",
    "early", "fair", "fleet", "fond", "frank", "fresh", "gentle", "glad", "golden", "grand", "green", "happy",
    "hardy", "humble", "jolly", "keen", "kind", "light", "lively", "lucid", "mellow", "merry", "mild", "neat",
    "nimble", "noble", "olive", "open", "patient", "plain", "proud", "quick", "quiet", "rapid", "ready", "rosy",
    "round", "royal", "silent", "silver", "sleek", "smart", "smooth", "snug", "sober", "solid", "spry", "steady",
    "still", "sunny", "swift", "tidy", "tranquil", "true", "vivid", "warm", "wise", "witty",
)  # fmt: skip
_CREATURES = (
    "auk", "badger", "beaver", "bison", "bittern", "bream", "carp", "crane", "curlew", "dipper", "dove", "duck",
    "eel", "egret", "eider", "falcon", "finch", "fox", "frog", "gannet", "goose", "grebe", "gull", "hare",
    "heron", "ibis", "jay", "kestrel", "kingfisher", "lark", "linnet", "loach", "loon", "lynx", "marten",
    "merlin", "minnow", "mole", "newt", "osprey", "otter", "owl", "perch", "pike", "pipit", "plover", "puffin",
    "rail", "raven", "roach", "robin", "rook", "ruff", "salmon", "shrew", "siskin", "smelt", "snipe", "stoat",
    "stork", "swan", "swift", "teal", "tench", "tern", "thrush", "toad", "trout", "vole", "wagtail", "wren",
)  # fmt: skip


def new_flow_run_id() -> str:
    """A new id in the form of a version 7 UUID: 48 bits of the time in milliseconds, then chance (RFC 9562).

    >>> len(new_flow_run_id())
    36
    """
    value = int.from_bytes(os.urandom(10), "big")
    milliseconds = time.time_ns() // 1_000_000
    bits = (
        (milliseconds << 80)
        | (0x7 << 76)
        | ((value >> 66 & 0xFFF) << 64)
        | (0b10 << 62)
        | (value & (1 << 62) - 1)
    )
    text = f"{bits:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def new_flow_run_name() -> str:
    """Two words by chance, such as ``brisk-otter``."""
    draw = int.from_bytes(os.urandom(4), "big")
    return f"{_QUALITIES[draw % len(_QUALITIES)]}-{_CREATURES[draw // len(_QUALITIES) % len(_CREATURES)]}"


RunName = str | Callable[[], str]


def check_run_name(option: str, value: RunName | None, anatomy: Anatomy) -> RunName | None:
    """The option as it is.

    Raises ``TypeError`` for what is neither a template nor a function, ``ValueError`` for a template that asks for
    what is no parameter of the function.
    """
    if value is None or callable(value):
        return value
    if not isinstance(value, str):
        raise TypeError(f"{option}={value!r}: give a template such as 'clean-{{month}}', or a function")
    from string import Formatter

    try:
        fields = [field for _, field, _, _ in Formatter().parse(value) if field is not None]
    except ValueError as error:
        raise ValueError(f"{option}={value!r}: {error}") from None
    for field in fields:
        name = field.replace("[", ".").split(".")[0]
        if name not in anatomy.parameters and not anatomy.takes_any:
            known = ", ".join(anatomy.parameters) or "none"
            raise ValueError(
                f"{option}={value!r}: {name!r} is no parameter of the function (it has: {known})"
            )
    return value


def render_run_name(option: RunName, arguments: Mapping[str, Any]) -> str:
    """The name of a run, bounded, secrets among the arguments masked. Raises what the option raises.

    >>> render_run_name("clean-{month}", {"month": 3, "password": "swordfish"})
    'clean-3'
    """
    if callable(option):
        name = str(option())
    else:
        shown = {name: MASKED if is_secret(name, value) else value for name, value in arguments.items()}
        name = option.format(**shown)
    return name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"
