"""Who wants a source, and when it is worth asking the gateway before they come.

A scraper comes at a steady pace. Asking shortly before its next visit costs the
gateway exactly what asking at the visit would, and the scraper never waits.
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

    __slots__ = ("gap", "last", "merge_s", "previous_gap", "watchers")

    def __init__(self, ttl: float) -> None:
        self.merge_s = max(ttl * _VISIT, 0.05)
        self.last = float("-inf")
        self.gap: float | None = None
        self.previous_gap: float | None = None
        self.watchers = 0  # who looks all the time: an open page

    def record_demand(self, now: float) -> None:
        """Note a request."""
        gap = now - self.last
        if gap < self.merge_s:
            return
        self.last = now
        self.previous_gap = self.gap
        self.gap = gap if gap <= _HORIZON_S else None

    @property
    def pace(self) -> float | None:
        """Seconds between visits, the shorter of the last two gaps; None before the second visit."""
        if self.gap is None:
            return None
        return self.gap if self.previous_gap is None else min(self.gap, self.previous_gap)

    def is_live(self, now: float) -> bool:
        """Say whether the visitor may still be there: it is not overdue by more than half a gap."""
        pace = self.pace
        return self.watchers > 0 or (
            pace is not None and now <= self.last + max(self.gap or pace, pace) * 1.5 + self.merge_s
        )

    def refresh_at(self, stale_at: float, ttl: float, now: float) -> float | None:
        """Say when a snapshot that is fresh until ``stale_at`` should be replaced, or None: not at all.

        Not before it is stale, and at most half a ttl before the next visit.
        """
        if self.watchers:
            return stale_at
        pace = self.pace
        if pace is None or not self.is_live(max(now, stale_at)):
            return None
        return max(stale_at, self.last + pace - ttl / 2)
