"""Readings into minutes: mean, least and most of each. Pure; a minute without readings leaves no row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from proxy.history.columns import COLUMNS, PARTS, Fold
from proxy.views.state import SiteState

MINUTE_S: Final = 60


@dataclass(frozen=True, slots=True)
class Row:
    """One span of time; ``at`` is its first second (Unix time), ``values`` are those of PARTS, scaled."""

    at: int
    values: tuple[int | None, ...]


def row_of(at: int, values: Mapping[str, int]) -> Row:
    """Make a row of what is known, by the names of the columns in the database."""
    return Row(at, tuple(map(values.get, PARTS)))


@dataclass(slots=True)
class _Fold:
    """The readings of one quantity so far."""

    count: int = 0
    total: float = 0.0
    least: float = float("inf")
    most: float = float("-inf")
    last: float = 0.0

    def add(self, value: float) -> None:
        self.count += 1
        self.total += value
        self.least, self.most, self.last = min(self.least, value), max(self.most, value), value


@dataclass(slots=True)
class Minutes:
    """Collects the readings of the minute that is not over yet; ``at`` is its first second."""

    at: int | None = None
    _folds: dict[str, _Fold] = field(default_factory=dict)

    def add(self, at: float, state: SiteState) -> Row | None:
        """Add a reading of this time (Unix s); return the previous minute if that is complete."""
        return self._add(at, {column.name: column.read(state) for column in COLUMNS})

    def _add(self, at: float, values: Mapping[str, float | None]) -> Row | None:
        minute = int(at // MINUTE_S) * MINUTE_S
        finished = self.finish() if self.at != minute else None
        self.at = minute
        for name, value in values.items():
            if value is not None:
                self._folds.setdefault(name, _Fold()).add(value)
        return finished

    def finish(self) -> Row | None:
        """Return the readings of the minute, and begin another one."""
        at, folds = self.at, self._folds
        self.at, self._folds = None, {}
        if at is None or not folds:
            return None
        values: dict[str, int] = {}
        for column in COLUMNS:
            if (fold := folds.get(column.name)) is not None:
                mean = fold.last if column.fold is Fold.LAST else fold.total / fold.count
                found = (mean, fold.least, fold.most)
                values.update(zip(column.parts, map(round, found), strict=False))
        return row_of(at, values)
