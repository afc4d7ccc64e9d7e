"""How often a source is in demand, and when to fetch it before the next request.

A scraper comes at a steady pace. A fetch shortly before its next request costs the gateway
exactly what one at the request would, and the scraper never waits. Two scrapers make two gaps
in turn: the next one is like the last or like the one before. What is not requested again goes
stale: at most one answer is wasted. Times are monotonic seconds.

Clients of many gateways come together: their dashboards are one. What they want is fetched gateway
after gateway, so that no client waits while all are read at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

# Requests closer together than this share of the ttl count once (a dashboard requests eight
# routes together), so that a busy route costs one comparison per request here.
_BURST = 0.1
# A request that is expected later than this is not prepared for.
_HORIZON_S = 300.0
# The share of a lifetime over which the fetches of many gateways are spread.
_SPREAD = 0.4
# Answers that are fresh for longer are spread well enough, and each may have its price.
_LONGEST_S = 30.0


@dataclass(frozen=True, slots=True)
class Slot:
    """When a gateway is read that is one of many: ``offset_s`` is its distance from the first one; 0 if there are few.

    Before ``starts_at`` only a client that waits causes a request.
    """

    starts_at: float = -math.inf
    offset_s: float = 0.0

    def early_s(self, ttl: float) -> float:
        """Say by how much the first fetch for those who watch is early; the next ones are a lifetime apart."""
        return self.offset_s % (ttl * _SPREAD) if 0 < ttl <= _LONGEST_S else 0.0

    def ahead_s(self, ttl: float) -> float:
        """Say how long before a request its answer is fetched: at most half a ttl."""
        return ttl / 2 - self.offset_s % (ttl * _SPREAD)


ALONE: Final = Slot()


class Demand:
    """The requests for one source. Mutable: it is touched by every request."""

    __slots__ = ("early_s", "gaps", "last", "merge_s", "watchers")

    def __init__(self, ttl: float) -> None:
        self.merge_s = max(ttl * _BURST, 0.05)
        self.last = float("-inf")
        self.gaps: tuple[float, ...] = ()  # seconds between requests, the last two, latest first
        self.watchers = 0  # open pages: they are in demand of it all the time
        self.early_s = 0.0  # by how much it is fetched for them before it has to be

    def record_demand(self, now: float) -> None:
        """Note a request."""
        gap = now - self.last
        if gap < self.merge_s:
            return
        self.last = now
        self.gaps = (gap, *self.gaps[:1]) if gap <= _HORIZON_S else ()

    def is_live(self, now: float) -> bool:
        """Say whether another request is likely: it is not overdue by more than half a gap."""
        return self.watchers > 0 or bool(self._expected(now))

    def refresh_at(self, stale_at: float, ahead_s: float, now: float) -> float | None:
        """Say when a snapshot that is fresh until ``stale_at`` should be replaced, or None: not at all.

        Not before it is stale, and at most ``ahead_s`` before the next request.
        """
        if self.watchers:
            return stale_at
        expected = self._expected(max(now, stale_at))
        return max(stale_at, min(expected) - ahead_s) if expected else None

    def _expected(self, now: float) -> list[float]:
        """Return when the next request may come, apart from those that are overdue at this time."""
        return [self.last + gap for gap in self.gaps if now <= self.last + gap * 1.5 + self.merge_s]
