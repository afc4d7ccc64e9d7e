"""Days of the past that a link's provider keeps, as rows and energies of a history.

Functions of an open database, and of what a driver returned. Spans that were recorded stay as they are.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import date, tzinfo
from typing import Final

from proxy.drivers.base import PastInterval
from proxy.history.days import bounds
from proxy.history.energies import ENERGIES, FLOWS, NAMES, DayTotals
from proxy.history.importing.past import Importer, PastRow

_MINUTE_S: Final = 60
_HOUR_S: Final = 3600.0


def add_day(
    db: sqlite3.Connection, day: date, zone: tzinfo, intervals: Sequence[PastInterval], *, replaces: bool
) -> int:
    """Add the rows of a day that are not there, and its energies; returns how many rows were added.

    ``replaces``: these energies stand instead of those that were counted.
    """
    if not intervals:
        return 0
    importer = Importer(db, zone)
    importer.add(_rows(intervals))
    importer.add_days([_totals(day, zone, intervals)])
    importer.finish(replaces=replaces)
    return importer.rows


def _rows(intervals: Sequence[PastInterval]) -> Iterator[PastRow]:
    """Give the mean powers of each interval."""
    for interval in intervals:
        per_hour = _HOUR_S / interval.span_s
        values: dict[str, float] = {}
        for energy in ENERGIES:
            if energy.name in interval.energies:
                power_w = interval.energies[energy.name] * energy.sign * per_hour
                values[energy.power] = values.get(energy.power, 0.0) + power_w
        for flow in FLOWS:
            if (name := flow.removeprefix("flow_")) in interval.energies:
                values[flow] = interval.energies[name] * per_hour
        yield PastRow(interval.at, interval.span_s, interval.span_s // _MINUTE_S, values)


def _totals(day: date, zone: tzinfo, intervals: Sequence[PastInterval]) -> DayTotals:
    totals = DayTotals(day)
    for interval in intervals:
        for name in NAMES:
            if name in interval.energies:
                totals.count(name, interval.energies[name], is_integrated=False)
        for flow in FLOWS:
            if (name := flow.removeprefix("flow_")) in interval.energies:
                totals.flows[flow] = totals.flows.get(flow, 0.0) + interval.energies[name]
    begin, end = bounds(day, zone)
    totals.gap_s = max(end - begin - sum(interval.span_s for interval in intervals), 0.0)
    return totals
