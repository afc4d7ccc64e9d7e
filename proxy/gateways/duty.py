"""Whether this process is the one that fetches for a gateway.

It is, unless several share the gateway. What must happen once for all of them, such as recording and publishing
its readings, is done while it is, and is gone on with by the one that takes over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial


class Duty:
    """The duty of this process for one gateway. Touched between awaits only."""

    def __init__(self) -> None:
        self._on, self._off = asyncio.Event(), asyncio.Event()
        self._on.set()
        self._listeners: list[Callable[[], None]] = []

    @property
    def is_on(self) -> bool:
        """Say whether this process is the one."""
        return self._on.is_set()

    def set(self, *, on: bool) -> None:
        """Begin or end the duty."""
        if on is self.is_on:
            return
        begins, ends = (self._on, self._off) if on else (self._off, self._on)
        begins.set()
        ends.clear()
        for listener in tuple(self._listeners):
            listener()

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` whenever the duty has begun or ended; return the function that ends that."""
        self._listeners.append(listener)
        return partial(self._listeners.remove, listener)

    async def begun(self) -> None:
        """Wait until this process is the one."""
        await self._on.wait()

    async def begun_or(self, event: asyncio.Event) -> None:
        """Wait until this process is the one, or something else has happened."""
        await _either(self._on, event)

    async def ended_or(self, event: asyncio.Event) -> None:
        """Wait until it is not, or something else has happened."""
        await _either(self._off, event)

    async def ended(self) -> None:
        """Wait until it is not."""
        await self._off.wait()


async def _either(*events: asyncio.Event) -> None:
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waits:
            each.cancel()
