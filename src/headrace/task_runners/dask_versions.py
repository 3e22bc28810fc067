"""Where the processes of a Dask cluster have other versions than this one: told in a line, by what Dask knows of them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

COMPARED = ("headrace",)
"""What Dask is asked for besides the packages that it looks at by itself."""

_OF_SCHEDULER = frozenset({"python", "dask", "distributed", "cloudpickle"})
"""All else matters only where tasks are executed."""

_MOST_NAMED = 3


def describe_mismatch(versions: Mapping[str, Any]) -> str | None:
    """What differs, of what ``Client.get_versions`` gives; ``None`` if nothing does.

    >>> here = {"packages": {"python": "3.12.1.final.0", "dask": "2026.8.0"}}
    >>> there = {"packages": {"python": "3.13.0.final.0", "dask": "2026.8.0"}}
    >>> describe_mismatch({"client": here, "scheduler": here, "workers": {"tcp://10.0.0.5:4000": there}})
    'python is 3.12 here, 3.13 on worker 10.0.0.5:4000'
    """
    here = _packages(versions["client"])
    elsewhere = [("the scheduler", _packages(versions["scheduler"]), _OF_SCHEDULER)]
    for address, found in sorted(versions["workers"].items()):
        elsewhere.append((f"worker {address.rpartition('://')[2]}", _packages(found), frozenset(here)))
    differing = [_describe(package, here[package], elsewhere) for package in here]
    return "; ".join([text for text in differing if text]) or None


def _packages(found: Mapping[str, Any] | None) -> dict[str, str]:
    known = {} if found is None else found["packages"]
    return {name: _told(name, version) for name, version in known.items()}


def _told(package: str, version: str | None) -> str:
    """Of Python the last number does not count: what differs there is no function's code."""
    if version is None:
        return "missing"
    return ".".join(version.split(".")[:2]) if package == "python" else version


def _describe(
    package: str, here: str, elsewhere: Iterable[tuple[str, dict[str, str], frozenset[str]]]
) -> str | None:
    places: defaultdict[str, list[str]] = defaultdict(list)
    for place, packages, compared in elsewhere:
        there = packages.get(package, "missing")
        if packages and package in compared and there != here:
            places[there].append(place)
    if not places:
        return None
    told = [f"{there} on {_names(names)}" for there, names in sorted(places.items())]
    return f"{package} is {', '.join([f'{here} here', *told])}"


def _names(places: list[str]) -> str:
    named = ", ".join(places[:_MOST_NAMED])
    return named if len(places) <= _MOST_NAMED else f"{named} and {len(places) - _MOST_NAMED} more"
