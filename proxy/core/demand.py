"""Who wants a source, and when it is worth asking the gateway before they come.

A scraper comes at a steady pace. Asking shortly before its next visit costs the
gateway exactly what asking at the visit would, and the scraper never waits. Two of
them make two gaps in turn: the next one is like the last or like the one before.
What nobody asked for again is left to go stale: at most one answer is wasted.
Times are monotonic seconds.
"""

from __future__ import annotations

# Requests closer together than this share of the ttl are one visit (a dashboard asks eight
# routes at once), so that a busy route costs one comparison per request here.
_VISIT = 0.1
# A visit that is expected later than this is not prepared for.
_HORIZON_S = 300.0


class Demand:
    """The visits to one source. Mutable: it is touched by every request."""

    __slots__ = ("gaps", "last", "merge_s", "watchers")

    def __init__(self, ttl: float) -> None:
        self.merge_s = max(ttl * _VISIT, 0.05)
        self.last = float("-inf")
        self.gaps: tuple[float, ...] = ()  # seconds between visits, the last two, latest first
        self.watchers = 0  # who looks all the time: an open page

    def record_demand(self, now: float) -> None:
        """Note a request."""
        gap = now - self.last
        if gap < self.merge_s:
            return
        self.last = now
        self.gaps = (gap, *self.gaps[:1]) if gap <= _HORIZON_S else ()

    def is_live(self, now: float) -> bool:
        """Say whether a visitor may still be there: it is not overdue by more than half a gap."""
        return self.watchers > 0 or bool(self._expected(now))

    def refresh_at(self, stale_at: float, ttl: float, now: float) -> float | None:
        """Say when a snapshot that is fresh until ``stale_at`` should be replaced, or None: not at all.

        Not before it is stale, and at most half a ttl before the next visit.
        """
        if self.watchers:
            return stale_at
        visits = self._expected(max(now, stale_at))
        return max(stale_at, min(visits) - ttl / 2) if visits else None

    def _expected(self, now: float) -> list[float]:
        """Return when the next visit may be, apart from those that are overdue at this time."""
        return [self.last + gap for gap in self.gaps if now <= self.last + gap * 1.5 + self.merge_s]
