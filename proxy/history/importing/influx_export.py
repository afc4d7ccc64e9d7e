"""What ``influx_inspect export`` writes of an InfluxDB 1.x that Powerwall-Dashboard has filled.

A line has one value of one field, and the fields of a moment are far apart: in the order of the files of the database.
So values are added up in a temporary database first, by the spans that are kept of them.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import groupby, islice
from operator import itemgetter
from typing import Any, Final, TypeAlias

from proxy.history.importing.influx import GRID, POLICIES, POWERS, past_rows, past_signals, span_of
from proxy.history.importing.past import Importer, PastRow, PastSignal, SourceError
from proxy.history.numbers import kept

HEAD: Final = "# INFLUXDB EXPORT"
_POLICY: Final = "# CONTEXT-RETENTION-POLICY:"
# Line protocol: measurement and tags, field, number, time in nanoseconds.
_LINE: Final = re.compile(r"http(?:,(?:\\.|[^\s\\])*)? (\w+)=(-?[\d.e+-]+)[iu]? (-?\d+)\s*$")
_NS: Final = 1_000_000_000
_AT_ONCE: Final = 1000
_SUMS: Final = (
    "CREATE TABLE sums (at INTEGER, span_s INTEGER, policy TEXT, field TEXT, total REAL, n INTEGER, "
    "PRIMARY KEY (at, span_s, policy, field)) WITHOUT ROWID"
)
_ADD: Final = (
    "INSERT INTO sums VALUES (?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (at, span_s, policy, field) DO UPDATE SET total = total + excluded.total, n = n + excluded.n"
)

_Key: TypeAlias = tuple[int, int, str, str]


def read(lines: Iterator[str], importer: Importer, now: float, progress: Callable[[float], None]) -> None:
    """Read what follows the first line; ``progress`` gets the time of what was read last. Raises SourceError and ValueError."""
    is_empty = True
    # A database without a name is a file that is deleted when it is closed.
    with closing(sqlite3.connect("", isolation_level=None)) as db:
        db.execute(_SUMS)
        db.execute("BEGIN")
        sums = _sums(lines, now)
        while some := [*islice(sums, _AT_ONCE)]:
            db.executemany(_ADD, some)
            progress(float(some[-1][0]))
        moments = groupby(db.execute("SELECT * FROM sums ORDER BY at, span_s"), key=itemgetter(0, 1))
        made = (each for (at, span_s), rows in moments for each in _past(at, span_s, rows))
        while found := [*islice(made, _AT_ONCE)]:
            is_empty = False
            importer.add(each for each in found if isinstance(each, PastRow))
            importer.add_signals(each for each in found if isinstance(each, PastSignal))
    if is_empty:
        raise SourceError("this export has nothing of a database of Powerwall-Dashboard")


def _sums(lines: Iterator[str], now: float) -> Iterator[tuple[Any, ...]]:
    """Add up values that follow one another in the same span."""
    for key, found in groupby(_values(lines, now), key=itemgetter(0)):
        values = [value for _, value in found]
        yield (*key, sum(values), len(values))


def _values(lines: Iterator[str], now: float) -> Iterator[tuple[_Key, float]]:
    policy = ""
    for line in lines:
        if line.startswith(_POLICY):
            policy = line.removeprefix(_POLICY).strip()
        elif policy in POLICIES and (match := _LINE.match(line)):
            field, value, at = match[1], float(match[2]), int(match[3]) // _NS
            if (span_s := span_of(policy, field, at, now)) and kept(value) is not None:
                yield (at - at % span_s, span_s, policy, field), value


def _past(at: int, span_s: int, rows: Iterable[tuple[Any, ...]]) -> Iterator[PastRow | PastSignal]:
    """Make what is kept of a span from the sums of its fields."""
    means = {(policy, field): (total / n, n) for *_, policy, field, total, n in rows}
    powers = {field: mean for (policy, field), (mean, _) in means.items() if policy == POWERS}
    minutes = max((n for (policy, _), (_, n) in means.items() if policy == POWERS), default=0)
    yield from past_rows(at, span_s, minutes, powers, means[GRID][0] if GRID in means else None)
    for (policy, field), (mean, _) in means.items():
        yield from past_signals(policy, at, field, mean)
