"""What is written to a history: finished minutes, days, incidents; folding into coarser levels; thinning out.

Functions of an open database. One call of ``write`` is one transaction: all of a batch is kept or nothing.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, tzinfo
from typing import Any, Final

from proxy.history.columns import COLUMNS, PARTS, Fold
from proxy.history.days import bounds, days_between
from proxy.history.energies import FLOWS, NAMES, DayTotals
from proxy.history.folding import MINUTE_S, Row
from proxy.history.incidents import Alert, Outage
from proxy.history.schema import (
    DAY,
    HOUR,
    LEVELS,
    MINUTE,
    QUARTER,
    SIGNAL,
    SIGNAL_DAY,
    SIGNAL_HOUR,
    SIGNAL_LEVELS,
    Level,
    folding,
)
from proxy.history.signals import Signal

# The file is kept below this: beyond it, what is fine is thinned out earlier.
MOST_BYTES: Final = 30 * 1024 * 1024
_SHRINK: Final = (1, 2, 4, 8, 16)
_FOLDED: Final = ((MINUTE, QUARTER), (QUARTER, HOUR))  # days are made of quarters, too, by the site's zone


@dataclass(slots=True)
class Batch:
    """What is to be written at once. Days and incidents are as they stand: writing one again does no harm."""

    rows: list[Row] = field(default_factory=list)
    signals: list[tuple[int, Signal]] = field(default_factory=list)
    days: dict[date, DayTotals] = field(default_factory=dict)
    alerts: list[Alert] = field(default_factory=list)
    outages: list[Outage] = field(default_factory=list)
    meta: dict[str, Any] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.rows or self.signals or self.days or self.alerts or self.outages)

    def after(self, earlier: Batch, limit: int) -> Batch:
        """Return an earlier batch that could not be written and this one as one, with ``limit`` rows at most."""
        return Batch(
            [*earlier.rows, *self.rows][-limit:],
            [*earlier.signals, *self.signals][-limit:],
            earlier.days | self.days,
            [*earlier.alerts, *self.alerts][-limit:],
            [*earlier.outages, *self.outages][-limit:],
            earlier.meta | self.meta,
        )


def write(db: sqlite3.Connection, batch: Batch, zone: tzinfo) -> None:
    """Write a batch, and fold what is complete."""
    with db:
        db.execute("BEGIN IMMEDIATE")
        db.executemany(_MERGE, ((row.at, 1, *row.values) for row in batch.rows))
        _write_signals(db, batch.signals)
        for totals in batch.days.values():
            put_day(db, totals)
        db.executemany(
            "INSERT OR REPLACE INTO alert VALUES (?, ?, ?, ?)",
            [(each.name, each.start, each.seen, each.end) for each in batch.alerts],
        )
        db.executemany(
            'INSERT OR REPLACE INTO outage (kind, start, seen, "end", charge_start, charge_end, charge_min, load_max) '
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (o.kind, o.start, o.seen, o.end, o.charge_start, o.charge_end, o.charge_min, o.load_max)
                for o in batch.outages
            ],
        )
        put_meta(db, batch.meta)
        if batch.rows:
            fold(db, batch.rows[-1].at + MINUTE_S, zone)


def put_meta(db: sqlite3.Connection, values: Mapping[str, Any]) -> None:
    """Keep values by key."""
    db.executemany(
        "INSERT OR REPLACE INTO meta VALUES (?, ?)",
        [(key, json.dumps(value)) for key, value in values.items()],
    )


def put_day(db: sqlite3.Connection, totals: DayTotals, *, replaces: bool = True) -> None:
    """Write the energies of a day; one that is there already stays if ``replaces`` is false."""
    values = [totals.total.get(name) for name in NAMES]
    values += [totals.integrated.get(name) if name in totals.total else None for name in NAMES]
    values += [totals.flows.get(name) for name in FLOWS]
    names = ["day", "gap_s", *NAMES, *(f"{name}_integrated" for name in NAMES), *FLOWS]
    db.execute(
        f"INSERT OR {'REPLACE' if replaces else 'IGNORE'} INTO energy ({', '.join(names)}) "
        f"VALUES ({', '.join('?' for _ in names)})",
        [totals.day.isoformat(), totals.gap_s, *values],
    )


def put_rows(db: sqlite3.Connection, level: Level, rows: Iterable[Row], n: int) -> int:
    """Add rows from elsewhere of what was not recorded; each stands for ``n`` minutes. Returns how many.

    What was recorded may have been thinned out: then only a coarser level has it, and nothing is added below that.
    """
    before = db.total_changes
    thinned = " AND ".join(
        f"NOT EXISTS (SELECT 1 FROM {coarser.table} AS known WHERE known.at = ?1 - ?1 % {coarser.span_s} "
        f"AND known.n > (SELECT coalesce(sum(n), 0) FROM {finer.table} "
        f"WHERE at >= known.at AND at < known.at + {coarser.span_s}))"
        for finer, coarser in _FOLDED
        if finer.span_s >= level.span_s
    )
    db.executemany(
        f"INSERT OR IGNORE INTO {level.table} (at, n, {', '.join(PARTS)}) "
        f"SELECT {_marks(len(PARTS) + 2)} WHERE {thinned or 'true'}",
        ((row.at, n, *row.values) for row in rows),
    )
    return db.total_changes - before


def _marks(count: int) -> str:
    return ", ".join(f"?{number + 1}" for number in range(count))


def _merged() -> Iterable[str]:
    """Write what becomes of a minute that was begun by one process and ended by another."""
    for column in COLUMNS:
        name = column.name
        mean = f"excluded.{name}" if column.fold is Fold.LAST else f"({name} + excluded.{name}) / 2"
        yield f"{name} = coalesce({mean}, {name}, excluded.{name})"
        for part, choose in zip(column.parts[1:], ("min", "max"), strict=False):
            yield f"{part} = coalesce({choose}({part}, excluded.{part}), {part}, excluded.{part})"


_MERGE: Final = (
    f"INSERT INTO minute (at, n, {', '.join(PARTS)}) VALUES ({_marks(len(PARTS) + 2)}) "
    f"ON CONFLICT (at) DO UPDATE SET {', '.join(_merged())}"
)


def _write_signals(db: sqlite3.Connection, signals: Sequence[tuple[int, Signal]]) -> None:
    for at, signal in signals:
        db.execute(
            "INSERT OR IGNORE INTO series (device, metric) VALUES (?, ?)", (signal.device, signal.metric)
        )
        db.execute(
            "INSERT OR REPLACE INTO signal SELECT id, ?1, 1, ?2, ?2, ?2 FROM series WHERE device = ?3 AND metric = ?4",
            (at - at % SIGNAL.span_s, signal.value, signal.device, signal.metric),
        )


# A span that is folded once more, after an import, may have been thinned out below meanwhile.
_UNLESS_LESS: Final = (
    "ON CONFLICT (at) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in ("n", *PARTS))
    + " WHERE excluded.n > n"
)


# -- levels ----------------------------------------------------------------------------------------


def fold(db: sqlite3.Connection, until: int, zone: tzinfo, since: int | None = None) -> None:
    """Make the rows of coarser levels for all spans that are over; those since ``since`` are made again."""
    for finer, coarser in _FOLDED:
        begin, end = _unfolded(db, finer, coarser, since), until - until % coarser.span_s
        if begin is not None and begin < end:
            _fold_spans(db, finer, coarser, begin, end)
    # A local day may begin within an hour; hours alone are there of what was imported from long ago.
    for finer in (QUARTER, HOUR):
        _fold_days(db, finer, DAY, until, zone, since)
    begin, end = _unfolded(db, SIGNAL, SIGNAL_HOUR, since), until - until % SIGNAL_HOUR.span_s
    if begin is not None and begin < end:
        _fold_signals(db, SIGNAL, SIGNAL_HOUR, begin, end, f"at - at % {SIGNAL_HOUR.span_s}")
    _fold_days(db, SIGNAL_HOUR, SIGNAL_DAY, until, zone, since)


def _unfolded(db: sqlite3.Connection, finer: Level, coarser: Level, since: int | None) -> int | None:
    """Return the first second that is not in the coarser level yet; None if there is nothing to fold."""
    if since is not None:
        return since - since % coarser.span_s
    last = db.execute(f"SELECT max(at) FROM {coarser.table}").fetchone()[0]
    if last is not None:
        return int(last) + coarser.span_s
    first = db.execute(f"SELECT min(at) FROM {finer.table}").fetchone()[0]
    return None if first is None else int(first) - int(first) % coarser.span_s


def _fold_spans(db: sqlite3.Connection, finer: Level, coarser: Level, begin: int, end: int) -> None:
    db.execute(
        f"INSERT INTO {coarser.table} (at, n, {', '.join(PARTS)}) "
        f"SELECT at - at % {coarser.span_s} AS span, sum(n), {folding()} FROM {finer.table} "
        f"WHERE at >= ? AND at < ? GROUP BY span {_UNLESS_LESS}",
        (begin, end),
    )


def _fold_days(
    db: sqlite3.Connection, finer: Level, coarser: Level, until: int, zone: tzinfo, since: int | None
) -> None:
    """Make the rows of local days that are over."""
    last = db.execute(f"SELECT max(at) FROM {coarser.table}").fetchone()[0] if since is None else None
    begin = since if since is not None else last
    if begin is None:
        begin = db.execute(f"SELECT min(at) FROM {finer.table}").fetchone()[0]
    if begin is None:
        return
    for day in days_between(begin, until, zone):
        first, after = bounds(day, zone)
        if after > until or (last is not None and first <= last):
            continue
        if coarser is SIGNAL_DAY:
            _fold_signals(db, finer, coarser, first, after, str(first))
        else:
            db.execute(
                f"INSERT INTO {coarser.table} (at, n, {', '.join(PARTS)}) "
                f"SELECT {first} AS span, sum(n), {folding()} FROM {finer.table} "
                f"WHERE at >= ? AND at < ? GROUP BY span {_UNLESS_LESS}",
                (first, after),
            )


def _fold_signals(
    db: sqlite3.Connection, finer: Level, coarser: Level, begin: int, end: int, span: str
) -> None:
    db.execute(
        f"INSERT INTO {coarser.table} (series, at, n, mean, least, most) SELECT series, {span} AS span, sum(n), "
        "cast(round(sum(mean * n) * 1.0 / sum(n)) AS INTEGER), min(least), max(most) "
        f"FROM {finer.table} WHERE at >= ? AND at < ? GROUP BY series, span "
        "ON CONFLICT (series, at) DO UPDATE SET n = excluded.n, mean = excluded.mean, least = excluded.least, "
        "most = excluded.most WHERE excluded.n > n",
        (begin, end),
    )


def thin(db: sqlite3.Connection, now: float, most_bytes: int = MOST_BYTES) -> None:
    """Delete what is older than its level is kept; if the file is too large, what is fine is kept for a shorter time.

    What was deleted leaves room in the file, which is given back if the file is too large all the same.
    """
    for shrink in _SHRINK:
        with db:
            db.execute("BEGIN IMMEDIATE")
            for level in (*LEVELS, *SIGNAL_LEVELS):
                if level.kept_s is not None:
                    db.execute(f"DELETE FROM {level.table} WHERE at < ?", (now - level.kept_s / shrink,))
        if used_bytes(db) <= most_bytes:
            break
    if _pragma(db, "page_count") * _pragma(db, "page_size") > most_bytes:
        db.execute("VACUUM")


def used_bytes(db: sqlite3.Connection) -> int:
    """Return how much of the file is in use."""
    return _pragma(db, "page_size") * (_pragma(db, "page_count") - _pragma(db, "freelist_count"))


def _pragma(db: sqlite3.Connection, name: str) -> int:
    return int(db.execute(f"PRAGMA {name}").fetchone()[0])
