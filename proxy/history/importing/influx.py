"""InfluxDB 1.x as Powerwall-Dashboard keeps it: database ``powerwall``, measurement ``http``.

Its continuous queries keep a mean of every minute in the retention policy ``autogen``: home, solar, and
grid and battery in two directions each; ``percentage`` is the charge of the whole pack. ``grid``, ``pwtemps``,
``pod`` and ``strings`` have the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from proxy.history.importing.past import Importer, PastRow, PastSignal, SourceError, with_flows
from proxy.history.importing.progress import Progress
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
POWERS: Final = "autogen"
GRID: Final = ("grid", "grid_status")
# Retention policy, pattern of a field, metric.
_DEVICES: Final = (
    ("pwtemps", re.compile(r"(PW\d+)_temp"), "temperature"),
    ("pod", re.compile(r"(PW\d+)_POD_nom_full_pack_energy"), "energy_capacity"),
    ("pod", re.compile(r"(PW\d+)_POD_nom_energy_remaining"), "energy_remaining"),
    ("strings", re.compile(r"([A-F]\d*)_Power"), "string_power"),
)
POLICIES: Final = frozenset({POWERS, GRID[0], *(policy for policy, _, _ in _DEVICES)})


class Influx:
    """A database by its URL: ``http://host:8086``, or ``http://user:password@host:8086/powerwall``."""

    def __init__(self, url: str) -> None:
        self._site = Site(url, path="")
        self._database = Site(url).path or "powerwall"
        self.name = f"InfluxDB at {self._site.url.partition('://')[2]}, database {self._database}"

    def read(self, importer: Importer, now: float, progress: Progress) -> None:
        """Read all of it, the oldest first. Raises SourceError."""
        begin = self._first()
        at = begin
        while at < now:
            step = _span_at(at, now)
            end = min(at + _CHUNKS[step], now)
            importer.add(self._rows(at, end, step))
            importer.add_signals(self._signals(at, end))
            at = end
            progress((at - begin) / (now - begin), at)

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
            yield from past_rows(
                int(row["time"]), step, int(row["minutes"] or 1), row, grids.get(row["time"])
            )

    def _signals(self, begin: float, end: float) -> Iterator[PastSignal]:
        for policy in dict.fromkeys(policy for policy, _, _ in _DEVICES):
            for row in self._query(
                f'SELECT mean(*) FROM "{policy}"."http" WHERE {_when(begin, end)} GROUP BY time(1h) fill(none)'
            ):
                for field, value in row.items():
                    yield from past_signals(policy, int(row["time"]), field.removeprefix("mean_"), value)

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


def past_rows(
    at: int, span_s: int, minutes: int, means: Mapping[str, float | None], grid: float | None
) -> Iterator[PastRow]:
    """Make a row of the means of a span by field, if there are any; ``grid`` is that of its status."""
    values = {name: mean for name, field in _SINGLE.items() if (mean := means.get(field)) is not None}
    for name, (plus, minus) in _HALVES.items():
        # The halves are computed with a division by the power: at 0 W one of them, or both, is missing.
        if means.get(plus) is not None or means.get(minus) is not None:
            values[name] = (means.get(plus) or 0.0) - (means.get(minus) or 0.0)
    if grid is not None:
        values["grid_up"] = min(max(grid, 0.0), 1.0)
    if values:
        yield PastRow(at, span_s, min(minutes, span_s // _MINUTE_S), with_flows(values))


def past_signals(policy: str, at: int, field: str, mean: Any) -> Iterator[PastSignal]:
    """Make an hour of a device, if the field is that of one."""
    if (device := _device(policy, field)) and kept(mean) is not None:
        name, metric = device
        yield PastSignal(at - at % HOUR.span_s, name, metric, round(mean * METRICS[metric].scale))


def span_of(policy: str, field: str, at: float, now: float) -> int:
    """Return how finely the values of a field are kept, in seconds; 0 if they are not."""
    if (policy == POWERS and field in _FIELDS) or (policy, field) == GRID:
        return _span_at(at, now)
    return HOUR.span_s if _device(policy, field) else 0


@lru_cache(maxsize=1024)
def _device(policy: str, field: str) -> tuple[str, str] | None:
    """Return the device and the metric that a field is of."""
    for of, pattern, metric in _DEVICES:
        if of == policy and (match := pattern.fullmatch(field)):
            return match[1], metric
    return None


def _span_at(at: float, now: float) -> int:
    """Choose how finely powers are read: as they would be kept."""
    for level in (MINUTE, QUARTER):
        if level.kept_s is not None and at >= now - level.kept_s:
            return level.span_s
    return HOUR.span_s


def _when(begin: float, end: float) -> str:
    return f"time >= {int(begin)}s AND time < {int(end)}s"
