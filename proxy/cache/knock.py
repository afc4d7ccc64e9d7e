"""Noticing at once that an unreachable gateway is back.

While no connection is to be had (refused, no route, an unknown name), a TCP connection without TLS
and HTTP shows the return of a gateway at next to no cost to it. So one is tried every two seconds,
as long as clients want readings, and the first request is sent when one is accepted. A gateway that
accepts connections and then hangs, resets or answers errors keeps the pace of its cooldown: there
is nothing to be learnt without a request.

Ownership: one timer or one task for each link that awaits a connection.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from proxy.cache.events import LinkChanged
from proxy.drivers.base import Dialable

if TYPE_CHECKING:
    from proxy.cache.link import Link
    from proxy.cache.source_cache import SourceCache

INTERVAL_S = 2.0


class Knock:
    """Tries connections of the links of a gateway that await one, until closed."""

    def __init__(self, gateway: SourceCache) -> None:
        self._gateway = gateway
        self._timers: dict[Link, asyncio.TimerHandle] = {}
        self._attempts: dict[Link, asyncio.Task[None]] = {}
        self._is_closed = False
        self._unsubscribe = gateway.events.subscribe(LinkChanged, lambda _: self._plan())

    async def close(self) -> None:
        """Try no more."""
        self._is_closed = True
        self._unsubscribe()
        for timer in self._timers.values():
            timer.cancel()
        for attempt in self._attempts.values():
            attempt.cancel()
        await asyncio.gather(*self._attempts.values(), return_exceptions=True)

    def _plan(self) -> None:
        """Set the timers of links that have begun to await a connection."""
        if self._is_closed:
            return
        for link in self._gateway.links:
            if link in self._timers or link in self._attempts:
                continue
            if link.breaker.awaits_connection and isinstance(link.driver, Dialable):
                self._timers[link] = asyncio.get_running_loop().call_later(INTERVAL_S, self._start, link)

    def _start(self, link: Link) -> None:
        del self._timers[link]
        if link.breaker.awaits_connection and self._gateway.has_live_demand:
            self._attempts[link] = asyncio.create_task(self._attempt(link), name="knock")
        else:
            self._plan()

    async def _attempt(self, link: Link) -> None:
        try:
            if await link.accepts_connections():
                self._gateway.expedite()
        finally:
            del self._attempts[link]
        self._plan()
