"""Ids of flow runs, and names that a person can say."""

from __future__ import annotations

import os
import time

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
    bits = (milliseconds << 80) | (0x7 << 76) | ((value >> 66 & 0xFFF) << 64) | (0b10 << 62) | (value & (1 << 62) - 1)
    text = f"{bits:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def new_flow_run_name() -> str:
    """Two words by chance, such as ``brisk-otter``."""
    draw = int.from_bytes(os.urandom(4), "big")
    return f"{_QUALITIES[draw % len(_QUALITIES)]}-{_CREATURES[draw // len(_QUALITIES) % len(_CREATURES)]}"


def check_template(option: str, template: str, parameters: tuple[str, ...]) -> None:
    """Raise ``ValueError`` if a name template asks for what is no parameter of the function."""
    from string import Formatter

    for _, field, _, _ in Formatter().parse(template):
        name = field.replace("[", ".").split(".")[0] if field is not None else None
        if name is not None and name not in parameters:
            known = ", ".join(parameters) or "none"
            raise ValueError(f"{option}={template!r}: {name!r} is no parameter of the function (it has: {known})")
