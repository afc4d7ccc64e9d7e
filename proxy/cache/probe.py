"""Looking for a lost gateway when nobody asks (PW_TEDAPI_RECOVERY).

Clients bring a gateway back by asking. Where none comes, /health and /metrics
would call it lost for ever; so every link that rests is asked for the powers
once its rest is over. A refused password is not repeated: that is for the owner
to put right, and repeating it may lock the owner out.

Ownership: one timer per lost link; what it starts is a flight of the gateway.
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
    """Asks lost links again, every ``interval_s`` seconds at most, until closed."""

    def __init__(self, gateway: SourceCache, clock: Clock, interval_s: float) -> None:
        self._gateway = gateway
        self._clock = clock
        self._interval_s = interval_s
        self._timers: dict[Link, asyncio.TimerHandle] = {}
        self._is_closed = False
        self._unsubscribe = gateway.events.subscribe(LinkChanged, lambda _: self._plan())

    def close(self) -> None:
        """Look no more."""
        self._is_closed = True
        self._unsubscribe()
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _plan(self) -> None:
        if self._is_closed:
            return
        now = self._clock.monotonic()
        for link in self._gateway.links:
            if _is_lost(link) and link not in self._timers:
                wait = max(link.breaker.until - now, self._interval_s)
                self._timers[link] = asyncio.get_running_loop().call_later(wait, self._look, link)

    def _look(self, link: Link) -> None:
        del self._timers[link]
        if _is_lost(link) and link.breaker.permits(self._clock.monotonic()):
            flight = self._gateway.request_fetch(link, METERS)
            flight.add_done_callback(lambda _: self._plan())
        else:
            self._plan()


def _is_lost(link: Link) -> bool:
    """Say whether a link is looked at; not where requests are counted: clients come soon enough."""
    if isinstance(link.driver, CountsRequests):
        return False
    # A key, unlike a password, can be put right at the gateway.
    return not link.breaker.is_closed and type(link.breaker.error) is not LoginRejected and link.has(METERS)
