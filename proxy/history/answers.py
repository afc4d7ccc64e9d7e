"""The answers of the history, as JSON and as CSV (RFC 4180). Pure; times are Unix seconds in JSON, ISO 8601 in CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import tzinfo
from itertools import islice, repeat
from typing import Any, Final

from proxy.history.columns import Column
from proxy.history.days import iso
from proxy.history.energies import FLOWS, NAMES, DayTotals, basis
from proxy.history.incidents import Alert, Outage
from proxy.history.reading import DeviceSeries, Series

_ENCODER: Final = json.JSONEncoder(separators=(",", ":"))
_BLOCK: Final = 25  # rows or values that are written at once
_PARTS: Final = ("mean", "min", "max")
_EDGES: Final = {name: name.removeprefix("flow_") for name in FLOWS}
_TO_HOME: Final = tuple(name for name in FLOWS if name.endswith("2h"))
_NO_ENERGIES: Final[dict[str, float | None]] = dict.fromkeys(NAMES)
_NO_FLOWS: Final[dict[str, float | None]] = dict.fromkeys(_EDGES.values())


def series_json(series: Series, columns: Iterable[Column]) -> dict[str, Any]:
    """Write series: the times once, then by quantity its unit and its values, null where it was unknown."""
    return {
        "at": list(series.at),
        "series": {
            column.name: {
                "unit": column.quantity.unit,
                **{word: list(series.values[part]) for word, part in zip(_PARTS, column.parts, strict=False)},
            }
            for column in columns
        },
    }


def device_json(series: DeviceSeries) -> dict[str, Any]:
    """Write the readings of one device."""
    return {
        "device": series.device,
        "metric": series.metric,
        "unit": series.unit,
        "at": list(series.at),
        "mean": list(series.mean),
        "min": list(series.least),
        "max": list(series.most),
    }


def day_json(totals: DayTotals, label: str) -> dict[str, Any]:
    """Write the energies of a day or month in Wh; null is unknown. ``basis``: what they come from."""
    return {
        "day": label,
        **_NO_ENERGIES,
        **{name: _tenths(wh) for name, wh in totals.total.items()},
        "flows": _NO_FLOWS | {_EDGES[name]: _tenths(wh) for name, wh in totals.flows.items()},
        "self_powered": _rounded(self_powered(totals)),
        "basis": basis(totals.total, totals.integrated) if totals.total else None,
        "gap_s": round(totals.gap_s),
    }


def self_powered(totals: DayTotals) -> float | None:
    """Return which part of what the house used did not come from the grid, in percent."""
    used = sum(map(totals.flows.get, _TO_HOME, repeat(0.0)))
    bought = totals.flows.get("flow_g2h")
    return None if bought is None or used <= 0 else 100 * (1 - bought / used)


def written(value: Any) -> Iterator[str]:
    """Write JSON piece by piece: no other thread runs while the encoder is at work. An iterator becomes an array."""
    if isinstance(value, Mapping):
        before = "{"
        for key, member in value.items():
            yield f"{before}{_ENCODER.encode(key)}:"
            yield from written(member)
            before = ","
        yield "}" if value else "{}"
    elif isinstance(value, (list, Iterator)):
        before, values = "[", iter(value)
        while block := [*islice(values, _BLOCK)]:
            yield before + _ENCODER.encode(block)[1:-1]
            before = ","
        yield "[]" if before == "[" else "]"
    else:
        yield _ENCODER.encode(value)


def alert_json(alert: Alert) -> dict[str, Any]:
    """Write an alert; ``end`` is null while it is active."""
    return asdict(alert)


def outage_json(outage: Outage) -> dict[str, Any]:
    """Write a time without grid; ``end`` is null while it lasts."""
    until = outage.seen if outage.end is None else outage.end
    return {**asdict(outage), "duration_s": round(until - outage.start)}


def series_csv(series: Series, columns: Sequence[Column], zone: tzinfo) -> Iterator[str]:
    """Write a table of series, piece by piece."""
    heads = [f"{part} ({column.quantity.unit or '%'})" for column in columns for part in column.parts]
    values = [series.values[part] for column in columns for part in column.parts]
    rows = zip(series.at, *values, strict=True)
    return _table(["time", *heads], ([iso(at, zone), *map(_cell, row)] for at, *row in rows))


def days_csv(days: Iterable[tuple[str, DayTotals]]) -> Iterator[str]:
    """Write a table of energies, piece by piece."""
    heads = ["day", *(f"{name} (Wh)" for name in (*NAMES, *FLOWS)), "self_powered (%)", "gap (s)", "basis"]
    rows = (
        [
            label,
            *(_cell(_rounded(totals.total.get(name))) for name in NAMES),
            *(_cell(_rounded(totals.flows.get(name))) for name in FLOWS),
            _cell(_rounded(self_powered(totals))),
            round(totals.gap_s),
            basis(totals.total, totals.integrated) if totals.total else "",
        ]
        for label, totals in days
    )
    return _table(heads, rows)


def _table(heads: Sequence[str], rows: Iterator[Sequence[Any]]) -> Iterator[str]:
    block: Iterable[Sequence[Any]] = [heads]
    while block:
        text = io.StringIO()
        csv.writer(text, lineterminator="\r\n").writerows(block)
        yield text.getvalue()
        block = [*islice(rows, _BLOCK)]


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.10g}"


def _rounded(value: float | None) -> float | None:
    return None if value is None else _tenths(value)


def _tenths(value: float) -> float:
    """Round to tenths, in a tenth of the time of ``round``: ten years have 70,000 energies."""
    return (10 * value + 0.5) // 1 / 10
