"""Tags for all runs that are called inside a block."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from headrace.context import current_tags, tags_in_use
from headrace.tasks import check_tags

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def tags(*names: str) -> Iterator[tuple[str, ...]]:
    """Give these tags to every task run and flow run that is called inside the block, nested blocks included.

    Raises ``TypeError`` for a tag that is no text.

    >>> from headrace import tags
    >>> with tags("nightly", "prod") as present:
    ...     present
    ('nightly', 'prod')
    """
    tags_in_use.is_set = True
    present = tuple(dict.fromkeys((*current_tags.get(), *check_tags(names))))
    token = current_tags.set(present)
    try:
        yield present
    finally:
        current_tags.reset(token)
