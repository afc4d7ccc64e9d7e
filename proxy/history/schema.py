"""The tables of the history, their migrations, and how long each is kept.

Every level has all quantities of COLUMNS, one row per span of time; the coarser ones are made from the
finer ones as soon as a span is over, so that thinning out is nothing but deleting. A quantity
that a later release adds becomes a column; nothing is ever removed.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Final

from proxy.history.columns import COLUMNS, PARTS, Column, Fold
from proxy.history.energies import FLOWS, NAMES

_DAY_S: Final = 86_400
VERSION: Final = 1


class TooNew(Exception):
    """The file was written by a later release."""


@dataclass(frozen=True, slots=True)
class Level:
    """A table of rows, ``span_s`` seconds each, kept for ``kept_s``; None is for ever. Days are local days."""

    table: str
    span_s: int
    kept_s: int | None


MINUTE: Final = Level("minute", 60, 30 * _DAY_S)
QUARTER: Final = Level("quarter", 900, 400 * _DAY_S)
HOUR: Final = Level("hour", 3600, 3 * 366 * _DAY_S)
DAY: Final = Level("day", _DAY_S, None)
LEVELS: Final = (MINUTE, QUARTER, HOUR, DAY)

# The same for the series of devices.
SIGNAL: Final = Level("signal", 300, 14 * _DAY_S)
SIGNAL_HOUR: Final = Level("signal_hour", 3600, 400 * _DAY_S)
SIGNAL_DAY: Final = Level("signal_day", _DAY_S, None)
SIGNAL_LEVELS: Final = (SIGNAL, SIGNAL_HOUR, SIGNAL_DAY)

_ENERGY_COLUMNS: Final = (*NAMES, *(f"{name}_integrated" for name in NAMES), *FLOWS)

_FIRST: Final = (
    *(
        f"CREATE TABLE {level.table} (at INTEGER PRIMARY KEY, n INTEGER NOT NULL, "
        f"{', '.join(f'{part} INTEGER' for part in PARTS)})"
        for level in LEVELS
    ),
    f"CREATE TABLE energy (day TEXT PRIMARY KEY, gap_s REAL NOT NULL, {', '.join(f'{name} REAL' for name in _ENERGY_COLUMNS)})",
    "CREATE TABLE series (id INTEGER PRIMARY KEY, device TEXT, metric TEXT, UNIQUE (device, metric))",
    *(
        f"CREATE TABLE {level.table} (series INTEGER, at INTEGER, n INTEGER NOT NULL, mean INTEGER, least INTEGER, "
        "most INTEGER, PRIMARY KEY (series, at)) WITHOUT ROWID"
        for level in SIGNAL_LEVELS
    ),
    'CREATE TABLE alert (name TEXT, start REAL, seen REAL, "end" REAL, PRIMARY KEY (name, start)) WITHOUT ROWID',
    (
        'CREATE TABLE outage (start REAL PRIMARY KEY, kind TEXT, seen REAL, "end" REAL, '
        "charge_start REAL, charge_end REAL, charge_min REAL, load_max REAL)"
    ),
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID",
)
# What makes version n + 1 of version n.
MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (_FIRST,)


def migrate(db: sqlite3.Connection) -> None:
    """Bring a database to this version, or leave it as it was. Raises TooNew."""
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        raise TooNew(f"version {version} of the history is newer than this release, which has {VERSION}")
    missing = [] if version == 0 else _missing(db)
    if version == VERSION and not missing:
        return
    with db:
        db.execute("BEGIN IMMEDIATE")
        for statements in MIGRATIONS[version:]:
            for statement in statements:
                db.execute(statement)
        for table, name, kind in missing:
            db.execute(f"ALTER TABLE {table} ADD COLUMN {name} {kind}")
        db.execute(f"PRAGMA user_version = {VERSION}")


def _missing(db: sqlite3.Connection) -> list[tuple[str, str, str]]:
    """List the columns that this release has and the file has not."""
    wanted = [(level.table, part, "INTEGER") for level in LEVELS for part in PARTS]
    wanted += [("energy", name, "REAL") for name in _ENERGY_COLUMNS]
    tables = {table for table, _, _ in wanted}
    known = {(table, row[1]) for table in tables for row in db.execute(f"PRAGMA table_info({table})")}
    return [(table, name, kind) for table, name, kind in wanted if (table, name) not in known]


def folded(column: Column) -> list[str]:
    """Write the SQL that folds rows of a finer level into one, for each part of a column."""
    name = column.name
    if column.fold is Fold.LAST:
        return [f"max({name})"]
    mean = f"cast(round(sum({name} * n) * 1.0 / sum(n * ({name} IS NOT NULL))) AS INTEGER)"
    return [mean, f"min({name}_min)", f"max({name}_max)"] if column.is_spread else [mean]


def folding(columns: tuple[Column, ...] = COLUMNS) -> str:
    """Write the same for several columns, with the names of the parts."""
    return ", ".join(
        f"{sql} AS {part}"
        for column in columns
        for part, sql in zip(column.parts, folded(column), strict=True)
    )
