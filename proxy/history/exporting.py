"""A whole history as one table, each period at the finest resolution kept."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import tzinfo
from typing import Any, Final

from proxy.history.columns import COLUMNS, PARTS
from proxy.history.days import iso
from proxy.history.schema import LEVELS

HEADS: Final = (
    "time",
    "span (s)",
    "minutes",
    *(f"{part} ({column.quantity.unit or '%'})" for column in COLUMNS for part in column.parts),
)
_SCALES: Final = tuple(column.scale for column in COLUMNS for _ in column.parts)


def rows(db: sqlite3.Connection, begin: int, end: int, zone: tzinfo) -> Iterator[list[Any]]:
    """Read the rows between two times, the oldest first; none covers what a finer one does."""
    finer = [
        db.execute(f"SELECT min(at) FROM {level.table} WHERE at >= ?", (begin,)).fetchone()[0]
        for level in LEVELS
    ]
    for place in range(len(LEVELS) - 1, -1, -1):
        level = LEVELS[place]
        # A coarser row ends before the first finer one begins.
        until = min((at for at in finer[:place] if at is not None), default=end)
        query = f"SELECT at, n, {', '.join(PARTS)} FROM {level.table} WHERE at >= ? AND at + ? <= ? AND at < ? ORDER BY at"
        since = begin
        for at, n, *values in db.execute(
            query, (since, level.span_s, until if place else end + level.span_s, end)
        ):
            yield [iso(at, zone), level.span_s, n, *map(_cell, values, _SCALES)]


def _cell(value: int | None, scale: float) -> str:
    return "" if value is None else f"{value / scale:.10g}"
