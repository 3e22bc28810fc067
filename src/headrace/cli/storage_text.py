"""How results are stored, in words."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from headrace.cli.byte_sizes import byte_size
from headrace.history.result_store import whereabouts

if TYPE_CHECKING:
    from headrace.history.reader import ResultGroup, Storage


def file_of(key: str, home: str) -> str:
    """The path or URL of a file, by its key in a row and the place where its history keeps files.

    >>> file_of("ab/abcd.json", "/data/results/1f")
    '/data/results/1f/ab/abcd.json'
    """
    location, name = whereabouts(key, home)
    return f"{location}/{name}" if "://" in location else os.path.join(location, name)


def storage_words(storage: Storage, home: str) -> str:
    """Where the result of one run is, and how large.

    >>> from headrace.history.reader import Storage
    >>> storage_words(Storage("json", 12, None), "/data/results/1f")
    '12 bytes of json, in the history'
    """
    where = "in the history" if storage.key is None else f"in {file_of(storage.key, home)}"
    return f"{byte_size(storage.size)} of {storage.serializer}, {where}"


def group_words(group: ResultGroup) -> str:
    """How some results of a task are stored, or why they are not.

    >>> from headrace.history.reader import ResultGroup
    >>> group_words(ResultGroup("load", "pickle", True, None, 3, 6_000_000))
    '3 results in files, 6.0 MB of pickle'
    >>> group_words(ResultGroup("load", "pickle", False, "not stored: persist_result=False", 1, 0))
    '1 result not stored: persist_result=False'
    """
    results = f"{group.runs:,} result{'s' if group.runs > 1 else ''}"
    if group.note is not None:
        why = group.note if group.note.startswith("not stored") else f"not stored: it {group.note}"
        return f"{results} {why}"
    where = "in the history" if not group.is_in_file else "in files" if group.runs > 1 else "in a file"
    return f"{results} {where}, {byte_size(group.size)} of {group.serializer}"
