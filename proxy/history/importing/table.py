"""The tables that this proxy writes: /history.csv and ``history export``."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from itertools import islice, pairwise
from typing import Final

from proxy.history.columns import COLUMNS, PARTS
from proxy.history.energies import FLOWS, NAMES, DayTotals
from proxy.history.importing.past import Importer, PastRow, SourceError
from proxy.history.numbers import kept

_AT_ONCE: Final = 1000
_MINUTE_S: Final = 60
_VALUES: Final = frozenset({*PARTS, *NAMES, *FLOWS})
_UNITS: Final = tuple(dict.fromkeys(("", "s", "%", *(column.quantity.unit for column in COLUMNS), "Wh")))


def read(lines: Iterator[str], importer: Importer, progress: Callable[[float], None]) -> None:
    """Read a table of series or of days; ``progress`` gets the time of what was read last. Raises SourceError."""
    table = csv.DictReader(lines)
    try:
        heads = dict(map(_named_head, table.fieldnames or ()))
        known = {"day": {*NAMES, *FLOWS}, "time": {*PARTS}}
        if not any(first in heads and names & {*heads.values()} for first, names in known.items()):
            raise SourceError(
                "this is no table of this proxy: it needs a column time or day, and one of values"
            )
        if "day" in heads:
            importer.add_days(_day(_named(row, heads)) for row in table)
        else:
            rows = (_named(row, heads) for row in table)
            found = map(_row, rows if "span" in heads.values() else _with_span(list(rows)))
            while some := list(islice(found, _AT_ONCE)):
                importer.add(some)
                progress(some[-1].at)
    except UnicodeDecodeError:  # a ValueError, which is about the whole file
        raise
    except KeyError as exc:
        raise SourceError(f"line {table.line_num}: there is no {exc.args[0]} in it") from exc
    except (ValueError, TypeError, OverflowError, csv.Error) as exc:
        raise SourceError(f"line {table.line_num}: {exc}") from exc


def _named_head(head: str) -> tuple[str, str]:
    """Return the head of a column, and its name without the unit. Raises ValueError for another unit."""
    name, _, unit = head.partition(" (")
    if name in _VALUES and unit.removesuffix(")") not in _UNITS:
        raise ValueError(f"{head}: a unit is one of {', '.join(filter(None, _UNITS))}")
    return head, name


def _named(row: Mapping[str, str], heads: Mapping[str, str]) -> dict[str, str]:
    if None in row or None in row.values():  # as DictReader has it
        raise ValueError("the row has not as many fields as the head")
    return {heads[head]: text for head, text in row.items() if head in heads and text}


def _with_span(rows: list[dict[str, str]]) -> Iterator[dict[str, str]]:
    """Give rows without it the column "span": such a table has steps of one length."""
    steps = (_time(after) - _time(before) for before, after in pairwise(rows))
    span = str(min((step for step in steps if step > 0), default=_MINUTE_S))
    return ({**row, "span": span} for row in rows)


def _row(row: Mapping[str, str]) -> PastRow:
    span = int(float(row["span"]))
    values = {part: _number(row[part]) for part in PARTS if part in row}
    return PastRow(_time(row), span, int(float(row.get("minutes", max(span // _MINUTE_S, 1)))), values)


def _time(row: Mapping[str, str]) -> int:
    return int(datetime.fromisoformat(row["time"]).timestamp())


def _day(row: Mapping[str, str]) -> DayTotals:
    total = {name: _number(row[name]) for name in NAMES if name in row}
    integrated = dict(total) if row.get("basis") != "counters" else {}
    flows = {name: _number(row[name]) for name in FLOWS if name in row}
    return DayTotals(date.fromisoformat(row["day"]), total, integrated, flows, _number(row.get("gap", "0")))


def _number(text: str) -> float:
    value = float(text)
    if kept(value) is None:
        raise ValueError(f"{text} is no number that can be kept")
    return value
