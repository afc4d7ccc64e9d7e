"""The time series of a running pypowerwall-server: its days, and the samples that it still has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, tzinfo
from typing import Any, Final

from proxy.core.model import raw_percent
from proxy.history.days import day_of
from proxy.history.energies import DayTotals
from proxy.history.importing.past import Importer, PastRow, SourceError, with_flows
from proxy.history.importing.progress import Progress
from proxy.history.importing.web import Site

_HOURS_S: Final = 2 * 3600  # of samples every 5 s: well below the server's limit of rows
_LIMIT: Final = "10000"
_MINUTE_S: Final = 60
_FIRST_YEAR: Final = 2015
_DAYS_AT_MOST: Final = 40 * 86_400
_ENERGIES: Final = {
    "solar": "solar_kwh",
    "home": "home_kwh",
    "battery_in": "battery_charge_kwh",
    "battery_out": "battery_discharge_kwh",
    "grid_in": "grid_import_kwh",
    "grid_out": "grid_export_kwh",
}


class Server:
    """A pypowerwall-server by its URL; ``gateway`` is the id of the gateway there."""

    def __init__(self, url: str, gateway: str) -> None:
        self._site = Site(url)
        self._gateway = gateway
        self.name = f"pypowerwall-server at {self._site.url.partition('://')[2]}"

    def read(self, importer: Importer, now: float, zone: tzinfo, progress: Progress) -> None:
        """Read all of it. Raises SourceError."""
        try:
            self._read(importer, now, zone, progress)
        except (KeyError, TypeError, ValueError, AttributeError) as exc:
            raise SourceError(f"{self.name} answers in a form that is not that of its release 0.13.") from exc

    def _read(self, importer: Importer, now: float, zone: tzinfo, progress: Progress) -> None:
        status = self._site.get("/api/timeseries/status")
        if not isinstance(status, Mapping) or not status.get("enabled"):
            raise SourceError(f"{self.name} keeps no time series (PW_TIMESERIES_RETENTION).")
        gateways = status.get("gateways") or []
        gateway = self._gateway if self._gateway in gateways or len(gateways) != 1 else gateways[0]
        retention = float(status.get("retention_seconds") or _DAYS_AT_MOST)
        begin = now - min(retention, _DAYS_AT_MOST)
        at = begin
        while at < now:
            end = min(at + _HOURS_S, now)
            importer.add(self._minutes(gateway, at, end))
            at = end
            progress((at - begin) / (now - begin), at)
        for year in range(_FIRST_YEAR, day_of(now, zone).year + 1):
            importer.add_days(self._days(gateway, year, day_of(now, zone)))

    def _minutes(self, gateway: str, begin: float, end: float) -> Iterator[PastRow]:
        """Read samples, and give the means of their minutes."""
        answer = self._site.get(
            "/api/timeseries/samples", gateway=gateway, start=f"{begin}", end=f"{end}", limit=_LIMIT
        )
        by_minute: dict[int, list[dict[str, float]]] = {}
        for sample in answer["samples"]:
            at = int(sample["ts"] // _MINUTE_S) * _MINUTE_S
            by_minute.setdefault(at, []).append(_values(sample))
        for at, found in by_minute.items():
            names = {name for values in found for name in values}
            means = {name: [values[name] for values in found if name in values] for name in names}
            values = with_flows({name: sum(known) / len(known) for name, known in means.items()})
            for name in ("solar_power", "load_power", "battery_power", "site_power", "charge"):
                if name in means:
                    values |= {f"{name}_min": min(means[name]), f"{name}_max": max(means[name])}
            yield PastRow(at, _MINUTE_S, 1, values)

    def _days(self, gateway: str, year: int, today: date) -> Iterator[DayTotals]:
        answer = self._site.get(
            "/api/timeseries/daily", gateway=gateway, start=f"{year}-01-01", end=f"{year}-12-31"
        )
        for each in answer["days"]:
            day, row = date.fromisoformat(each["day"]), each["gateways"].get(gateway)
            if row and day < today:
                total = {name: row[key] * 1000 for name, key in _ENERGIES.items() if row.get(key) is not None}
                integrated = {} if row.get("source") == "counters" else dict(total)
                yield DayTotals(day, total, integrated, gap_s=float(row.get("gap_seconds", 0.0)))


def _values(sample: Mapping[str, Any]) -> dict[str, float]:
    pairs = {
        "solar_power": (sample.get("solar_w"), 0.0),
        "load_power": (sample.get("home_w"), 0.0),
        "battery_power": (sample.get("battery_discharge_w"), sample.get("battery_charge_w")),
        "site_power": (sample.get("grid_import_w"), sample.get("grid_export_w")),
    }
    values = {
        name: plus - minus for name, (plus, minus) in pairs.items() if plus is not None and minus is not None
    }
    soe = sample.get("soe")
    return values if soe is None else {**values, "charge": raw_percent(soe)}
