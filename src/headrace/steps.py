"""What the story of a flow run yields where it needs somebody: see ``FlowRun.life``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


class Until(NamedTuple):
    """Wait here until the callback that is handed to ``register`` is called."""

    register: Callable[[Callable[[], None]], object]


class Invoke(NamedTuple):
    """Call the flow's function here, and send back its value."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]


Step = Until | Invoke
