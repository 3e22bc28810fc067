"""One route of the API as a value: what it is asked, what it answers, and the function that does it.

The routes, the OpenAPI document and the tests are made from these values. A handler is given a reader of the history (or the
source of readers, which an action needs) and, by name, what its ``parameters`` say; it gives a value of the type ``answer``, or
JSON text that it has already.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from headrace.server.api.parameters import Parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """``body`` is the frozen dataclass that a POST's JSON object becomes; the handler gets it as ``body=``."""

    path: str
    handler: Callable[..., object]
    summary: str
    answer: Any
    parameters: tuple[Parameter, ...] = ()
    method: Literal["GET", "POST"] = "GET"
    body: type | None = None
    gets: Literal["reader", "source"] = "reader"

    @property
    def name(self) -> str:
        """What a program calls it: the name of its function."""
        return self.handler.__name__


class Json(str):
    """An answer that is JSON text already."""

    __slots__ = ()
