"""What is read from a history: series, energies of days, alerts and outages. Functions of an open database.

Every answer is bounded by the caller's span and step; a level is chosen so that no query reads more than a few
thousand rows. What is not folded yet (the hour, or the day, that is not over) is taken from the minutes.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, tzinfo
from typing import Any, Final

from proxy.history.columns import Column
from proxy.history.days import bounds, day_of, start_of
from proxy.history.energies import FLOWS, NAMES, DayTotals, Reading
from proxy.history.incidents import Alert, Outage
from proxy.history.schema import DAY, LEVELS, MINUTE, SIGNAL_LEVELS, Level, folding
from proxy.history.signals import METRICS

_DAY_S: Final = 86_400
_NEVER: Final = 1 << 60
_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class Series:
    """Values by the name of a column of the database, in their own units, at the times ``at`` (Unix s).

    ``step_s`` is how long a row is: at least what was requested, more where the past is kept no finer.
    """

    step_s: int
    at: Sequence[int]
    values: Mapping[str, Sequence[float | None]]


@dataclass(frozen=True, slots=True)
class DeviceSeries:
    """The readings of one device: mean, least and most at the times ``at``."""

    device: str
    metric: str
    unit: str
    at: Sequence[int]
    mean: Sequence[float]
    least: Sequence[float]
    most: Sequence[float]


@dataclass(frozen=True, slots=True)
class Span:
    """A time from ``begin`` to ``end`` (Unix s), in steps of at least ``step_s``."""

    begin: int
    end: int
    step_s: int


def level_for(begin: float, step_s: int, now: float, levels: tuple[Level, ...] = LEVELS) -> Level:
    """Return the coarsest level that is fine enough, or the finest that covers ``begin``."""
    fine = [level for level in levels if level.span_s <= step_s] or [levels[0]]
    reaching = [level for level in levels if level.kept_s is None or begin >= now - level.kept_s]
    return fine[-1] if fine[-1] in reaching else reaching[0]


def series(
    db: sqlite3.Connection, columns: tuple[Column, ...], span: Span, zone: tzinfo, now: float
) -> Series:
    """Read quantities in steps that begin where the span does; local days as they are.

    A step without readings has no row.
    """
    begin, end = span.begin, span.end
    level = level_for(begin, span.step_s, now)
    step_s = max(span.step_s, level.span_s)
    if not columns:
        return Series(step_s, (), {})
    parts = [part for column in columns for part in column.parts]
    tail = _tail(db, level, zone)
    since = f"SELECT {'?3 AS at' if level is DAY else 'at'}, n, {', '.join(parts)} FROM minute WHERE at >= max(?1, ?3) AND at < ?2"
    until = f"FROM {level.table} WHERE at >= ?1 AND at < ?2 AND at < ?3"
    # The row of a local day begins at its midnight, wherever the steps begin.
    step = "at" if level is DAY else f"at - (at - {begin}) % {step_s}"
    folded = f"SELECT {step} AS step, {folding(columns)} FROM ({{}}) GROUP BY step ORDER BY step"
    limits = (begin, end, tail)
    if level is DAY or (step_s == level.span_s and begin % step_s == 0):
        statements = [f"SELECT at, {', '.join(parts)} {until} ORDER BY at", folded.format(since)]
    else:
        statements = [folded.format(f"SELECT at, n, {', '.join(parts)} {until} UNION ALL {since}")]
    at, *found = _columns(db, statements, limits, len(parts) + 1)
    scales = [column.scale for column in columns for _ in column.parts]
    return Series(
        step_s,
        at,
        {
            part: values if scale == 1 else [None if value is None else value / scale for value in values]
            for part, values, scale in zip(parts, found, scales, strict=True)
        },
    )


def _columns(
    db: sqlite3.Connection, statements: Iterable[str], limits: tuple[int, ...], count: int
) -> list[list[Any]]:
    """Run statements one after another, and return their rows as columns.

    Thousands of rows in memory at once would begin a collection of all garbage, during which no thread runs.
    """
    columns: list[list[Any]] = [[] for _ in range(count)]
    for statement in statements:
        cursor = db.execute(statement, limits)
        while rows := cursor.fetchmany(_AT_ONCE):
            for column, values in zip(columns, zip(*rows, strict=True), strict=True):
                column.extend(values)
    return columns


def _tail(db: sqlite3.Connection, level: Level, zone: tzinfo) -> int:
    """Return from when on a level has no rows yet: there the minutes are read."""
    if level is MINUTE:
        return _NEVER
    last = db.execute(f"SELECT max(at) FROM {level.table}").fetchone()[0]
    if last is not None:
        return bounds(day_of(last, zone), zone)[1] if level is DAY else int(last) + level.span_s
    first = db.execute("SELECT min(at) FROM minute").fetchone()[0]
    return _NEVER if first is None else start_of(day_of(first, zone), zone)


def days(db: sqlite3.Connection, first: date, last: date) -> Iterator[DayTotals]:
    """Read the energies of days one by one, both included, the oldest first; days without any are left out."""
    names = [*NAMES, *(f"{name}_integrated" for name in NAMES), *FLOWS]
    found = db.execute(
        f"SELECT day, gap_s, {', '.join(names)} FROM energy WHERE day BETWEEN ? AND ? ORDER BY day",
        (first.isoformat(), last.isoformat()),
    )
    count = len(NAMES)
    for day, gap_s, *values in found:
        yield DayTotals(
            date.fromisoformat(day),
            _known(NAMES, values[:count]),
            _known(NAMES, values[count : 2 * count]),
            _known(FLOWS, values[2 * count :]),
            gap_s,
        )


def _known(names: Sequence[str], values: Sequence[float | None]) -> dict[str, float]:
    return {name: value for name, value in zip(names, values, strict=True) if value is not None}


def alerts(db: sqlite3.Connection, begin: float, end: float, limit: int) -> list[Alert]:
    """Read the alerts that were active between two times, the latest first."""
    found = db.execute(
        'SELECT name, start, seen, "end" FROM alert WHERE start < ? AND coalesce("end", seen) >= ? '
        "ORDER BY start DESC, name LIMIT ?",
        (end, begin, limit),
    )
    return [Alert(*row) for row in found]


def outages(db: sqlite3.Connection, begin: float, end: float, limit: int) -> list[Outage]:
    """Read the times without grid, the latest first."""
    found = db.execute(
        'SELECT kind, start, seen, "end", charge_start, charge_end, charge_min, load_max FROM outage '
        'WHERE start < ? AND coalesce("end", seen) >= ? ORDER BY start DESC LIMIT ?',
        (end, begin, limit),
    )
    return [Outage(*row) for row in found]


def minutes(
    db: sqlite3.Connection, columns: Sequence[Column], begin: int, end: int, limit: int
) -> list[tuple[Any, ...]]:
    """Read the first minutes of a span: the time of each, then the mean of each quantity in its own unit."""
    means = ", ".join(f"{column.name} / {column.scale}" for column in columns)
    query = f"SELECT at, {means} FROM minute WHERE at >= ? AND at < ? ORDER BY at LIMIT ?"
    return db.execute(query, (begin, end, limit)).fetchall()


def device_extents(db: sqlite3.Connection, metric: str) -> list[tuple[str, int, int]]:
    """Return the devices that reported a metric, with the times of the first and the last reading."""
    union = " UNION ALL ".join(f"SELECT series, at FROM {level.table}" for level in SIGNAL_LEVELS)
    return db.execute(
        f"SELECT device, min(at), max(at) FROM ({union}) JOIN series ON id = series WHERE metric = ? "
        "GROUP BY device ORDER BY device",
        (metric,),
    ).fetchall()


def devices(db: sqlite3.Connection, metrics: Iterable[str], span: Span, now: float) -> list[DeviceSeries]:
    """Read series of devices, as finely as they are there: what was imported may be coarser than what is recorded."""
    wanted = tuple(metrics)
    finest = SIGNAL_LEVELS.index(level_for(span.begin, span.step_s, now, SIGNAL_LEVELS))
    found: dict[tuple[str, str], DeviceSeries] = {}
    for level in SIGNAL_LEVELS[finest:]:
        found = _devices(db, level, wanted, span) | found
    return [found[key] for key in sorted(found)]


def _devices(
    db: sqlite3.Connection, level: Level, wanted: tuple[str, ...], span: Span
) -> dict[tuple[str, str], DeviceSeries]:
    """Read them from a level, by metric and device."""
    step_s = max(span.step_s, level.span_s)
    found = db.execute(
        f"SELECT device, metric, at - (at - ?1) % {step_s} AS span, sum(mean * n) * 1.0 / sum(n), min(least), max(most) "
        f"FROM {level.table} JOIN series ON series.id = series WHERE at >= ?1 AND at < ?2 "
        f"AND metric IN ({', '.join('?' for _ in wanted)}) GROUP BY series, span ORDER BY span",
        (span.begin, span.end, *wanted),
    )
    made: dict[tuple[str, str], list[tuple[int, float, float, float]]] = {}
    for device, metric, at, *values in found:
        scale = METRICS[metric].scale
        mean, least, most = (value / scale for value in values)
        made.setdefault((metric, device), []).append((at, mean, least, most))
    return {
        (metric, device): DeviceSeries(
            device, metric, METRICS[metric].unit, *map(list, zip(*rows, strict=True))
        )
        for (metric, device), rows in made.items()
    }


# -- what a start goes on with -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Unfinished:
    """What an earlier process left open."""

    last: Reading | None
    days: list[DayTotals]
    alerts: list[Alert]
    outage: Outage | None


def unfinished(db: sqlite3.Connection, now: float, zone: tzinfo) -> Unfinished:
    """Read what an earlier process left open."""
    last = meta(db, "last")
    alerts_ = [
        Alert(*row) for row in db.execute('SELECT name, start, seen, "end" FROM alert WHERE "end" IS NULL')
    ]
    open_ = outages(db, 0, now + _DAY_S, 1)
    reading = None if last is None else Reading.of_json(last)
    since = day_of(reading.at if reading else now, zone)
    return Unfinished(
        reading,
        [*days(db, since, day_of(now, zone))],
        alerts_,
        next((outage for outage in open_ if outage.end is None), None),
    )


def meta(db: sqlite3.Connection, key: str) -> Any:
    """Return a value by its key, None if there is none."""
    row = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return None if row is None else json.loads(row[0])


def extent(db: sqlite3.Connection) -> tuple[int, int] | None:
    """Return the times of the first and the last row."""
    first = [db.execute(f"SELECT min(at) FROM {level.table}").fetchone()[0] for level in LEVELS]
    last = [db.execute(f"SELECT max(at) FROM {level.table}").fetchone()[0] for level in LEVELS]
    known = [value for value in (*first, *last) if value is not None]
    return (min(known), max(known)) if known else None


def months(days_: Iterable[DayTotals]) -> list[DayTotals]:
    """Add the energies of days up by month; ``day`` is the first of it."""
    made: dict[date, DayTotals] = {}
    for each in days_:
        month = made.setdefault(each.day.replace(day=1), DayTotals(each.day.replace(day=1)))
        month.gap_s += each.gap_s
        for mine, its in (
            (month.total, each.total),
            (month.integrated, each.integrated),
            (month.flows, each.flows),
        ):
            for name, wh in its.items():
                mine[name] = mine.get(name, 0.0) + wh
    return list(made.values())
