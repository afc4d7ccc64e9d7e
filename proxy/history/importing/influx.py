"""InfluxDB 1.x as Powerwall-Dashboard keeps it: database ``powerwall``, measurement ``http``.

Its continuous queries keep a mean of every minute in the retention policy ``autogen``: home, solar, and
grid and battery in two directions each; ``percentage`` is the charge of the whole pack. ``grid``, ``pwtemps``,
``pod`` and ``strings`` have the rest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from proxy.history.importing.past import Importer, PastRow, PastSignal, SourceError, with_flows
from proxy.history.importing.web import Site
from proxy.history.numbers import kept
from proxy.history.schema import HOUR, MINUTE, QUARTER
from proxy.history.signals import METRICS

_DAY_S: Final = 86_400
_MINUTE_S: Final = 60
# A request reads so many days: some 1500 to 3000 rows.
_CHUNKS: Final = {MINUTE.span_s: _DAY_S, QUARTER.span_s: 14 * _DAY_S, HOUR.span_s: 60 * _DAY_S}
_HALVES: Final = {"battery_power": ("from_pw", "to_pw"), "site_power": ("from_grid", "to_grid")}
_SINGLE: Final = {"solar_power": "solar", "load_power": "home", "charge": "percentage"}
_FIELDS: Final = (*_SINGLE.values(), *(field for pair in _HALVES.values() for field in pair))
# Retention policy, pattern of a field, metric.
_DEVICES: Final = (
    ("pwtemps", re.compile(r"(PW\d+)_temp"), "temperature"),
    ("pod", re.compile(r"(PW\d+)_POD_nom_full_pack_energy"), "energy_capacity"),
    ("pod", re.compile(r"(PW\d+)_POD_nom_energy_remaining"), "energy_remaining"),
    ("strings", re.compile(r"([A-F]\d*)_Power"), "string_power"),
)


class Influx:
    """A database by its URL: ``http://host:8086``, or ``http://user:password@host:8086/powerwall``."""

    def __init__(self, url: str) -> None:
        self._site = Site(url, path="")
        self._database = Site(url).path or "powerwall"
        self.name = f"InfluxDB at {self._site.url.partition('://')[2]}, database {self._database}"

    def read(self, importer: Importer, now: float, progress: Callable[[float, float, float], None]) -> None:
        """Read all of it, the oldest first; ``progress`` gets begin, end and how far it is. Raises SourceError."""
        begin = self._first()
        at = begin
        while at < now:
            step = _step(at, now)
            end = min(at + _CHUNKS[step], now)
            importer.add(self._rows(at, end, step))
            importer.add_signals(self._signals(at, end))
            at = end
            progress(begin, now, at)

    def _first(self) -> float:
        found = self._query('SELECT first("home") FROM "autogen"."http"')
        if not found:
            raise SourceError(
                f"{self.name} has nothing in autogen.http: is it a database of Powerwall-Dashboard?"
            )
        return float(found[0]["time"] // _DAY_S * _DAY_S)

    def _rows(self, begin: float, end: float, step: int) -> Iterator[PastRow]:
        means = ", ".join(f'mean("{field}") AS "{field}"' for field in _FIELDS)
        grids = {
            row["time"]: row["grid"]
            for row in self._query(
                f'SELECT mean("grid_status") AS "grid" FROM "grid"."http" WHERE {_when(begin, end)} '
                f"GROUP BY time({step}s) fill(none)"
            )
        }
        for row in self._query(
            f'SELECT {means}, count("home") AS "minutes" FROM "autogen"."http" WHERE {_when(begin, end)} '
            f"GROUP BY time({step}s) fill(none)"
        ):
            values = {name: row[field] for name, field in _SINGLE.items() if row[field] is not None}
            for name, (plus, minus) in _HALVES.items():
                # The halves are computed with a division by the power: at 0 W one of them, or both, is missing.
                if row[plus] is not None or row[minus] is not None:
                    values[name] = (row[plus] or 0.0) - (row[minus] or 0.0)
            if grids.get(row["time"]) is not None:
                values["grid_up"] = min(max(grids[row["time"]], 0.0), 1.0)
            minutes = min(int(row["minutes"] or 1), step // _MINUTE_S)
            if values:
                yield PastRow(int(row["time"]), step, minutes, with_flows(values))

    def _signals(self, begin: float, end: float) -> Iterator[PastSignal]:
        for policy in dict.fromkeys(policy for policy, _, _ in _DEVICES):
            for row in self._query(
                f'SELECT mean(*) FROM "{policy}"."http" WHERE {_when(begin, end)} GROUP BY time(1h) fill(none)'
            ):
                for field, value in row.items():
                    yield from _signal(policy, int(row["time"]), field.removeprefix("mean_"), value)

    def _query(self, statement: str) -> list[dict[str, Any]]:
        """Return the rows of a statement; an unknown policy or measurement has none."""
        answer = self._site.get("/query", db=self._database, epoch="s", q=statement)
        try:
            result = answer["results"][0]
            if "error" in result:
                if "not found" in result["error"] and "retention" in result["error"]:
                    return []
                raise SourceError(f"{self.name}: {result['error']}.")
            tables = result.get("series", ())
            return [
                dict(zip(table["columns"], row, strict=True)) for table in tables for row in table["values"]
            ]
        except (KeyError, TypeError, ValueError, IndexError) as exc:
            raise SourceError(f"{self.name} answers in a form that is not that of InfluxDB 1.x.") from exc


def _signal(policy: str, at: int, field: str, value: Any) -> Iterator[PastSignal]:
    if kept(value) is None:
        return
    for of, pattern, metric in _DEVICES:
        if of == policy and (match := pattern.fullmatch(field)):
            yield PastSignal(at - at % HOUR.span_s, match[1], metric, round(value * METRICS[metric].scale))


def _step(at: float, now: float) -> int:
    """Choose how finely a time is read: as it would be kept."""
    for level in (MINUTE, QUARTER):
        if level.kept_s is not None and at >= now - level.kept_s:
            return level.span_s
    return HOUR.span_s


def _when(begin: float, end: float) -> str:
    return f"time >= {int(begin)}s AND time < {int(end)}s"
