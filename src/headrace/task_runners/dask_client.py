"""A client of Dask that gives up in time: Dask's own waits for ever where somebody listens and says nothing."""

from __future__ import annotations

import asyncio
from typing import Any

from distributed import Client

_GRACE_SECONDS = 0.5


class HeadraceClient(Client):  # type: ignore[misc]  # its types are not read
    """A client that connects within its ``timeout``, or is closed when its construction raises.

    What it overrides is not public. Where a version of Dask calls it otherwise, such a client is as good as Dask's own.
    """

    @property
    def dashboard_link(self) -> str | None:
        """The address of the dashboard, if the scheduler has one: Dask's own client raises where it has none."""
        try:
            return super().dashboard_link or None
        except KeyError:
            return None

    async def _start(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return await super()._start(*args, **kwargs)
        except BaseException:
            await self._close(fast=True)  # or it complains when it is collected
            raise

    async def _ensure_connected(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - Dask's
        seconds = self._timeout if timeout is None else timeout
        try:
            async with asyncio.timeout(seconds + _GRACE_SECONDS):  # Dask's own end of it says more
                await super()._ensure_connected(timeout=timeout)
        except TimeoutError as error:
            raise OSError(str(error) or f"it did not answer within {seconds:g} s") from error
