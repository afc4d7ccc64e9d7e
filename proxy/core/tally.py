"""Counting without a metrics library: plain integers that are incremented in place."""

from __future__ import annotations

from bisect import bisect_left


class Histogram:
    """How often which duration (seconds) was seen, in buckets of ``bounds`` (upper, inclusive)."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float, times: int = 1) -> None:
        """Count one observation, or several of the same value."""
        self.counts[bisect_left(self.bounds, value)] += times
        self.total += value * times

    @property
    def count(self) -> int:
        """Number of observations."""
        return sum(self.counts)
