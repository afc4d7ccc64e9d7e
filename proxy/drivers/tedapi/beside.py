"""Requests that go out beside the one that matters, and delay no client that waits for that.

``Beside`` owns one task: the requests of one round. The round's starter waits a moment for it and
goes on without. It ends by itself, or when the next round needs the connection, and runs at
no other time than between ``run`` and the ``settle`` after it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

# A round of requests has this long (s) before the next exchange ends it.
_LEAST_S = 2.0


class Beside:
    """The round that is under way, if any. ``now`` gives monotonic seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._round: asyncio.Task[None] | None = None
        self._began_at = 0.0

    async def run(self, requests: Coroutine[Any, Any, None], wait_s: float) -> None:
        """Start a round and wait for it, no longer than this. Raises what it raised meanwhile."""
        self._began_at = self._now()
        self._round = asyncio.create_task(requests, name="requests beside the controller's")
        await asyncio.wait({self._round}, timeout=wait_s)
        if self._round.done():
            await self.settle()

    async def settle(self) -> None:
        """End the round that is under way, so that the connection is free. Raises what it raised."""
        requests, self._round = self._round, None
        if requests is None:
            return
        try:
            await asyncio.wait({requests}, timeout=max(self._began_at + _LEAST_S - self._now(), 0.0))
        finally:
            requests.cancel()
        await asyncio.wait({requests})
        if not requests.cancelled():
            requests.result()

    async def close(self) -> None:
        """End the round that is under way, whatever comes of it."""
        if self._round is not None:
            self._round.cancel()
            await asyncio.gather(self._round, return_exceptions=True)
