"""Trials of a link in cooldown that no client requests (PW_TEDAPI_RECOVERY).

Requests of clients end the cooldown of a gateway that is back. Where none comes, /health and
/metrics would call it unreachable for ever; so the powers are fetched over every such link once
its cooldown is over. A refused password is not repeated: that is for the owner to put right, and
repeating it may lock the owner out.

Ownership: one timer per link that is down; what it starts is an exchange of the cache.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from proxy.cache.events import LinkChanged
from proxy.core.errors import LoginRejected
from proxy.core.sources import METERS
from proxy.drivers.base import CountsRequests

if TYPE_CHECKING:
    from proxy.cache.link import Link
    from proxy.cache.source_cache import SourceCache
    from proxy.core.clock import Clock


class LinkProbe:
    """Tries links that are down, every ``interval_s`` seconds at most, until closed."""

    def __init__(self, cache: SourceCache, clock: Clock, interval_s: float) -> None:
        self._cache = cache
        self._clock = clock
        self._interval_s = interval_s
        self._timers: dict[Link, asyncio.TimerHandle] = {}
        self._is_closed = False
        self._unsubscribe = cache.events.subscribe(LinkChanged, lambda _: self._schedule())

    def close(self) -> None:
        """Send no more trials."""
        self._is_closed = True
        self._unsubscribe()
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _schedule(self) -> None:
        if self._is_closed:
            return
        now = self._clock.monotonic()
        for link in self._cache.links:
            if _is_down(link) and link not in self._timers:
                wait = max(link.breaker.until - now, self._interval_s)
                self._timers[link] = asyncio.get_running_loop().call_later(wait, self._try, link)

    def _try(self, link: Link) -> None:
        del self._timers[link]
        if _is_down(link) and link.breaker.permits(self._clock.monotonic()):
            flight = self._cache.request_fetch(link, METERS)
            flight.add_done_callback(lambda _: self._schedule())
        else:
            self._schedule()


def _is_down(link: Link) -> bool:
    """Say whether a link is to be tried; not where requests are counted: clients come soon enough."""
    if isinstance(link.driver, CountsRequests):
        return False
    # A key, unlike a password, can be put right at the gateway.
    return not link.breaker.is_closed and type(link.breaker.error) is not LoginRejected and link.has(METERS)
