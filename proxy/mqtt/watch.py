"""Keeps the readings of one gateway requested, and says when they may have changed.

Ownership: ``run`` is awaited by the one that publishes; cancelling it ends the demand for readings.
It counts as one client: what moves is kept fresh, the rest is fetched once a minute, and after a command.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from proxy.cache.events import CommandDone, LinkChanged, OptionsChanged, SnapshotDiscarded, SnapshotStored
from proxy.mqtt.facts import LIVE, SLOW

if TYPE_CHECKING:
    from proxy.gateways.gateway import Gateway

_SLOW_EVERY_S: Final = 60.0
_LIVE_EVERY_S: Final = 10.0
# How long before its end what is slow in a total is added up again.
_RENEWED_S: Final = 15.0
# The readings of one look at the gateway come as several answers; they are published together.
_TOGETHER_S: Final = 0.15


class Watch:
    """The demand for the readings of one gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._changed = asyncio.Event()
        self._due = asyncio.Event()  # a fetch of everything
        self._looked = asyncio.Event()

    async def run(self) -> None:
        """Keep readings fresh until cancelled."""
        cache, clock = self._gateway.cache, self._gateway.clock
        undo = (*self._subscribe(), cache.watch(LIVE))
        fetched_at = float("-inf")
        try:
            while True:
                await cache.get(LIVE)
                now = clock.monotonic()
                if self._due.is_set() or now - fetched_at >= self._slow_every_s:
                    self._due.clear()
                    fetched_at = now
                    await cache.get(SLOW)
                self._looked.set()
                self._changed.set()
                await within(self._due, _LIVE_EVERY_S)
        finally:
            for each in undo:
                each()

    def _subscribe(self) -> list[Callable[[], None]]:
        """Follow what is published, and fetch what a command may have changed; returns the unsubscribers."""
        events = self._gateway.cache.events
        changes = (SnapshotStored, SnapshotDiscarded, LinkChanged, OptionsChanged)
        return [
            *(events.subscribe(kind, lambda _: self._changed.set()) for kind in changes),
            events.subscribe(CommandDone, lambda _: self._due.set()),
            *(each.events.subscribe(SnapshotStored, self._on_member) for each in self._gateway.members),
        ]

    def _on_member(self, event: SnapshotStored) -> None:
        """Add up what is slow in a total again, before it is too old to be shown: a member has a newer part of it."""
        cache, source = self._gateway.cache, event.source
        known = cache.store.get(source) if source in SLOW else None
        if known and 0.0 < known.policy.limit - known.age(self._gateway.clock.monotonic()) < _RENEWED_S:
            cache.request_fetch(cache.links[0], source)

    @property
    def _slow_every_s(self) -> float:
        """Often enough that what is slow stays servable."""
        limit_s = min(self._gateway.cache.policy(source).limit for source in SLOW)
        return min(max(limit_s - _LIVE_EVERY_S, _LIVE_EVERY_S), _SLOW_EVERY_S)

    async def ready(self) -> None:
        """Wait until every source was requested once."""
        await self._looked.wait()

    async def changed(self, longest_s: float) -> None:
        """Wait until readings may have changed, and for others of the same exchange; ``longest_s`` at most."""
        if await within(self._changed, longest_s):
            await asyncio.sleep(_TOGETHER_S)
        self._changed.clear()

    def notify(self) -> None:
        """Say that something has to be published though no reading changed."""
        self._changed.set()


async def within(event: asyncio.Event, longest_s: float) -> bool:
    """Wait for an event; return whether it happened in time."""
    try:
        async with asyncio.timeout(longest_s):
            return await event.wait()
    except TimeoutError:
        return False
