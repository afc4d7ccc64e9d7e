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

    def copy(self) -> Histogram:
        """Return what was counted until now."""
        copied = Histogram(self.bounds)
        copied.counts, copied.total = self.counts.copy(), self.total
        return copied

    @property
    def count(self) -> int:
        """Number of observations."""
        return sum(self.counts)

    @property
    def mean(self) -> float | None:
        """The mean of all observations; None without any."""
        return self.total / self.count if self.count else None


class Recent:
    """How much was counted in each of the last ``slots`` of ``slot_s`` seconds."""

    __slots__ = ("_counts", "_slots", "slot_s")

    def __init__(self, slot_s: float, slots: int) -> None:
        self.slot_s = slot_s
        self._slots = slots
        self._counts: dict[int, int] = {}

    def add(self, now: float, times: int = 1) -> None:
        """Count at ``now`` (monotonic seconds)."""
        slot = int(now // self.slot_s)
        self._counts[slot] = self._counts.get(slot, 0) + times
        if len(self._counts) > self._slots + 1:
            oldest = slot - self._slots
            self._counts = {at: count for at, count in self._counts.items() if at >= oldest}

    def ended(self, now: float) -> list[int]:
        """Return the counts of the slots that have ended, the oldest first."""
        running = int(now // self.slot_s)
        return [self._counts.get(slot, 0) for slot in range(running - self._slots, running)]
