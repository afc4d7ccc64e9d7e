"""The tables that this proxy writes: /history.csv and ``history export``."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from itertools import islice, pairwise
from pathlib import Path
from typing import Final

from proxy.history.columns import PARTS
from proxy.history.energies import FLOWS, NAMES, DayTotals
from proxy.history.importing.past import Importer, PastRow, SourceError
from proxy.history.numbers import kept

_AT_ONCE: Final = 5000
_MINUTE_S: Final = 60


def read(path: Path, importer: Importer) -> None:
    """Read a table of series or of days. Raises SourceError and OSError."""
    with path.open(encoding="utf-8-sig", newline="") as lines:
        table = csv.DictReader(lines)
        heads = {head: head.partition(" (")[0] for head in table.fieldnames or ()}
        try:
            if "day" in heads:
                importer.add_days(_day(_named(row, heads)) for row in table)
            elif "time" in heads:
                rows = list(_rows([_named(row, heads) for row in table]))
                for start in range(0, len(rows), _AT_ONCE):
                    importer.add(islice(rows, start, start + _AT_ONCE))
            else:
                raise SourceError(
                    f"{path} is no table of this proxy: its first column is neither time nor day."
                )
        except (ValueError, TypeError, csv.Error) as exc:
            raise SourceError(f"{path}, line {table.line_num}: {exc}") from exc


def _named(row: Mapping[str, str], heads: Mapping[str, str]) -> dict[str, str]:
    return {heads[head]: text for head, text in row.items() if head in heads and text}


def _rows(table: list[dict[str, str]]) -> Iterator[PastRow]:
    times = [int(datetime.fromisoformat(row["time"]).timestamp()) for row in table]
    # A table without the column "span" has steps of one length.
    common = min((after - before for before, after in pairwise(times) if after > before), default=_MINUTE_S)
    for at, row in zip(times, table, strict=True):
        span = int(float(row.get("span", common)))
        values = {part: _number(row[part]) for part in PARTS if part in row}
        yield PastRow(at, span, int(float(row.get("minutes", max(span // _MINUTE_S, 1)))), values)


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
