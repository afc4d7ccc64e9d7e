"""What every source of a past gives, and how it gets into a history. Nothing that was recorded is replaced."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, tzinfo
from typing import Final

from proxy.history.columns import COLUMNS
from proxy.history.days import day_of
from proxy.history.energies import ENERGIES, FLOWS, DayTotals
from proxy.history.folding import Row, row_of
from proxy.history.numbers import kept
from proxy.history.schema import LEVELS, SIGNAL_HOUR, Level
from proxy.history.writing import fold, put_day, put_rows
from proxy.views.flows import Readings, flows
from proxy.views.quantities import EDGES

_MINUTE_S: Final = 60


@dataclass(frozen=True, slots=True)
class PastRow:
    """A span of the past: its means in the units of their quantities, and how many minutes of it were read.

    ``values`` may have the least and the most of a quantity too, under the names of the columns.
    """

    at: int
    span_s: int
    minutes: int
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class PastSignal:
    """An hour of a device, scaled."""

    at: int
    device: str
    metric: str
    value: int


class SourceError(Exception):
    """A source cannot be read; the text says why."""


def with_flows(values: Mapping[str, float]) -> dict[str, float]:
    """Add how the powers flowed, which no source has."""
    solar, site, battery, load = (
        values.get(f"{name}_power") for name in ("solar", "site", "battery", "load")
    )
    found = flows(Readings(solar, site, battery, load))
    return {**values, **({f"flow_{edge}": getattr(found, edge) for edge in EDGES} if found else {})}


class Importer:
    """Adds a past to an open database, in transactions of the caller's size."""

    def __init__(self, db: sqlite3.Connection, zone: tzinfo) -> None:
        self._db = db
        self._zone = zone
        self._first: int | None = None
        self._last = 0
        self._days: dict[date, DayTotals] = {}
        self.rows = 0
        self.days = 0

    def add(self, rows: Iterable[PastRow]) -> None:
        """Add rows; the energies of their days are integrated from them."""
        by_level: dict[tuple[Level, int], list[Row]] = {}
        for given in rows:
            row = replace(
                given, values={name: value for name, value in given.values.items() if kept(value) is not None}
            )
            level = _level_of(row.span_s)
            at = row.at - row.at % level.span_s if level is not LEVELS[-1] else row.at
            by_level.setdefault((level, row.minutes), []).append(row_of(at, scaled(row.values)))
            self._count(row)
            self._first = at if self._first is None else min(self._first, at)
            self._last = max(self._last, at + row.span_s)
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            for (level, minutes), found in by_level.items():
                self.rows += put_rows(self._db, level, found, minutes)

    def add_days(self, days: Iterable[DayTotals]) -> None:
        """Add the energies of days as the source has them."""
        for totals in days:
            self._days[totals.day] = totals

    def add_signals(self, signals: Iterable[PastSignal]) -> None:
        """Add hours of devices."""
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            for each in signals:
                names = (each.device, each.metric)
                self._db.execute("INSERT OR IGNORE INTO series (device, metric) VALUES (?, ?)", names)
                self._db.execute(
                    f"INSERT OR IGNORE INTO {SIGNAL_HOUR.table} SELECT id, ?1, 12, ?2, ?2, ?2 FROM series "
                    "WHERE device = ?3 AND metric = ?4",
                    (each.at, each.value, *names),
                )
                self._first = each.at if self._first is None else min(self._first, each.at)
                self._last = max(self._last, each.at + SIGNAL_HOUR.span_s)

    def finish(self, now: float = 0.0, *, replaces: bool = False) -> None:
        """Fold what was added, and write its days; those that are there stay unless these replace them.

        What is over at ``now`` (Unix s) is folded, also where the past ends within an hour or a day.
        """
        before = self._db.total_changes
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            for totals in self._days.values():
                put_day(self._db, totals, replaces=replaces)
            self.days = self._db.total_changes - before
            if self._first is not None:
                fold(self._db, max(self._last, int(now)), self._zone, self._first)

    def _count(self, row: PastRow) -> None:
        day = day_of(row.at, self._zone)
        totals = self._days.setdefault(day, DayTotals(day))
        hours = row.minutes / _MINUTE_S
        for energy in ENERGIES:
            if energy.power in row.values:
                totals.count(
                    energy.name, max(row.values[energy.power] * energy.sign, 0.0) * hours, is_integrated=True
                )
        for flow in FLOWS:
            if flow in row.values:
                totals.flows[flow] = totals.flows.get(flow, 0.0) + row.values[flow] * hours


def _level_of(span_s: int) -> Level:
    return next((level for level in reversed(LEVELS) if level.span_s <= span_s), LEVELS[0])


def scaled(values: Mapping[str, float]) -> dict[str, int]:
    """Turn values into what is kept; a mean stands for the least and the most where these are not known."""
    scaled: dict[str, int] = {}
    for column in COLUMNS:
        if column.name in values:
            for part in column.parts:
                scaled[part] = round(values.get(part, values[column.name]) * column.scale)
    return scaled
