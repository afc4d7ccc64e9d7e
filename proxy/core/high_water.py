"""Counters that never fall, however the process ends.

Like the generator of a database's sequence, the state on the disk is ahead of what was exported:
beside the reading of each counter stands a *mark*, and nothing above the mark is exported before
a higher one is on the disk. A process that was killed may have exported anything up to the mark;
the next one therefore exports the mark until the reading has caught up. Marks are ahead by what
the counter grows in ``ahead_s`` seconds at its present pace, so a counter that stands still is
exact, and one that runs stands still for that long at most. After an orderly end all are exact.

Pure: nothing here reads a clock or a file. Moments are monotonic seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

Key: TypeAlias = tuple[str, ...]

# A counter that reads less than before by less than this share was corrected; by more, it is another meter.
_CORRECTION: Final = 0.01
# A pace is taken over no less than this (s): between two moments that are close a counter may have taken a step.
_PACED_OVER_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Kept:
    """What the disk says of a counter: what it read, and the mark above which nothing was exported."""

    reading: float
    mark: float

    def fits(self, reading: float) -> bool:
        """Say whether this reading, which may be a corrected one, can have been exported higher before."""
        return self.reading * (1 - _CORRECTION) <= reading <= self.mark


Marks: TypeAlias = Mapping[Key, Kept]


class HighWater:
    """The counters of one gateway; ``kept`` is what an earlier process left on the disk.

    ``replaceable``: a counter may be replaced by one that starts again (a meter that was exchanged).
    """

    def __init__(self, kept: Marks, ahead_s: float, *, replaceable: bool = False) -> None:
        self._ahead_s = ahead_s
        self._replaceable = replaceable
        self._readings: dict[Key, float] = {}
        self._exported: dict[Key, float] = {}
        self._marks: dict[Key, float] = {}  # on the disk, and valid for the counter of today
        self._wrote = dict(kept)
        self._paced: dict[Key, tuple[float, float]] = {}
        for key, each in kept.items():
            self.adopt(key, each)

    def __contains__(self, key: Key) -> bool:
        return key in self._readings

    def adopt(self, key: Key, kept: Kept) -> None:
        """Go on with a counter as an earlier process left it."""
        self._readings[key] = kept.reading
        self._exported[key] = self._marks[key] = kept.mark

    def export(self, key: Key, reading: float) -> float:
        """Record the reading of a counter; return what may be exported once the mark has reached it."""
        before = self._readings.get(key, reading)
        if self._replaceable and reading < before * (1 - _CORRECTION):
            before = reading
            for table in (self._exported, self._marks, self._paced):
                table.pop(key, None)
        self._readings[key] = max(before, reading)
        value = self._exported[key] = max(reading, self._exported.get(key, reading))
        return value

    def mark(self, key: Key) -> float | None:
        """Return the mark of a counter on the disk; None if there is none."""
        return self._marks.get(key)

    @property
    def is_due(self) -> bool:
        """Say whether a counter is beyond its mark."""
        return any(value > self._marks.get(key, -1.0) for key, value in self._exported.items())

    def proposed(self, now: float) -> Marks:
        """Return what to write now: marks ahead of every counter that moves."""
        return {
            key: Kept(self._readings[key], value + self._growth(key, now))
            for key, value in self._exported.items()
        }

    def exact(self) -> Marks:
        """Return what to write at an orderly end, after which nothing is exported."""
        return {key: Kept(self._readings[key], value) for key, value in self._exported.items()}

    def over(self, marks: Marks) -> Callable[[Marks], Marks]:
        """Make the function that puts marks in the place of those on the disk.

        What another process wrote there stands unless these are higher: it may have exported so much.
        """
        wrote = dict(self._wrote)

        def higher(key: Key, disk: Kept | None) -> Kept:
            mine = marks[key]
            if disk is None or disk == wrote.get(key):
                return mine
            return Kept(max(disk.reading, mine.reading), max(disk.mark, mine.mark))

        return lambda disk: {**disk, **{key: higher(key, disk.get(key)) for key in marks}}

    def written(self, marks: Marks, now: float) -> None:
        """Note that marks are on the disk."""
        self._wrote.update(marks)
        # A counter that was replaced meanwhile has no mark yet.
        valid = {key: kept.mark for key, kept in marks.items() if self._readings[key] >= kept.reading}
        self._marks.update(valid)
        self._paced.update({key: (now, self._exported[key]) for key in valid})

    def _growth(self, key: Key, now: float) -> float:
        at, value = self._paced.get(key, (now, 0.0))
        elapsed_s = max(now - at, _PACED_OVER_S)
        return (self._exported[key] - value) / elapsed_s * self._ahead_s if now > at else 0.0
