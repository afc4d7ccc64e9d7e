"""Counts of what clients requested. Labels come from the table of routes, never from URLs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from proxy.core.histogram import Histogram, Recent

if TYPE_CHECKING:
    from proxy.core.clock import Clock

UNMATCHED = "unmatched"
# Five minutes are remembered in detail. What others count for themselves shows when they bring it:
# with the next request that comes a second later, or when they are read.
_SLOT_S = 5.0
_SLOTS = 60
_BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0)


class Traffic:
    """Requests by route, method and status; durations by route and kind of cache result."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.in_flight = 0
        self.recent = Recent(_SLOT_S, _SLOTS)
        # Who counts by itself (the fast path) brings its counts when they are looked at.
        self.deferred: list[Callable[[], None]] = []
        self.clear()

    def flush(self) -> None:
        """Have what was counted elsewhere brought here."""
        for bring in self.deferred:
            bring()

    def clear(self) -> None:
        """Set all counters to zero and note when."""
        self.flush()
        self.cleared_at = self._clock.wall()
        self.requests: Counter[tuple[str, str, int]] = Counter()
        self.seconds: dict[tuple[str, str], Histogram] = {}
        self.bytes_sent: Counter[str] = Counter()

    def note(
        self, route: str, method: str, status: int, cache: str, seconds: float, size: int, times: int = 1
    ) -> None:
        """Count one answered request, or several that were alike: ``seconds`` and ``size`` are those of each."""
        self.requests[route, method, status] += times
        self.bytes_sent[route] += size * times
        self.recent.add(self._clock.monotonic(), times)
        histogram = self.seconds.get((route, cache))
        if histogram is None:
            histogram = self.seconds[route, cache] = Histogram(_BUCKETS_S)
        histogram.add(seconds, times)

    def total(self, method: str | None = None, *, failed: bool = False) -> int:
        """Sum up requests: of one method, or those that were answered with an error status."""
        return sum(
            count
            for (_, seen, status), count in self.requests.items()
            if (method is None or seen == method) and (not failed or status >= 400)  # noqa: PLR2004 - RFC 9110
        )
