"""Energy counters from ``calendar_history``: what the app shows, not the gateway's own counters. Pure.

The lifetime's sums are fetched once a day; they include the day on which they were fetched, so
what they say of it is taken off again and replaced by the entries of the day itself, which are
fetched more often. A counter never falls: a correction downwards waits until it is overtaken.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from proxy.core.json_access import number

# (imported, exported) of each meter: the members of an entry that make up each of them.
_SUMS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "site": (
        ("grid_energy_imported",),
        (
            "grid_energy_exported_from_solar",
            "grid_energy_exported_from_battery",
            "grid_energy_exported_from_generator",
        ),
    ),
    "battery": (
        (
            "battery_energy_imported_from_solar",
            "battery_energy_imported_from_grid",
            "battery_energy_imported_from_generator",
        ),
        ("battery_energy_exported",),
    ),
    "load": (
        (
            "consumer_energy_imported_from_solar",
            "consumer_energy_imported_from_battery",
            "consumer_energy_imported_from_grid",
            "consumer_energy_imported_from_generator",
        ),
        (),
    ),
    "solar": ((), ("solar_energy_exported",)),
}

Energies = Mapping[str, tuple[float, float]]


def energies(entries: Iterable[Any]) -> dict[str, tuple[float, float]]:
    """Sum entries up; a meter that none of them mentions is missing. Members are missing in quiet intervals."""
    rows = [entry for entry in entries if isinstance(entry, dict)]
    found = {}
    for meter, directions in _SUMS.items():
        names = [name for direction in directions for name in direction]
        if any(number(row.get(name)) is not None for row in rows for name in names):
            imported, exported = (
                sum(max(number(row.get(name)) or 0.0, 0.0) for row in rows for name in direction)
                for direction in directions
            )
            found[meter] = (imported, exported)
    return found


def entries(answer: Any) -> list[Any] | None:
    """Take the entries out of an answer; None for what is no history."""
    series = answer.get("time_series") if isinstance(answer, dict) else None
    return series if isinstance(series, list) else None


@dataclass(frozen=True, slots=True)
class Totals:
    """Counters of a site: sums before a day, the sums of that day, and the highest that were reported."""

    day: str = ""  # the site's day, 2026-11-29
    before: Energies = field(default_factory=dict)
    today: Energies = field(default_factory=dict)
    highest: Energies = field(default_factory=dict)

    def with_lifetime(self, day: str, lifetime: Energies, today: Energies) -> Totals:
        """Begin a day with a lifetime's sums and what they include of the day, fetched one after the other."""
        before = {meter: _minus(both, today.get(meter, (0.0, 0.0))) for meter, both in lifetime.items()}
        return Totals(day, before, today, self.highest)._raised()

    def with_today(self, today: Energies) -> Totals:
        """Take the sums of the day."""
        return Totals(self.day, self.before, today, self.highest)._raised()

    @property
    def counters(self) -> Energies:
        """(Imported, exported) watt-hours by meter; a meter whose lifetime is not known is missing."""
        return {meter: self.highest[meter] for meter in self.before if meter in self.highest}

    def document(self) -> dict[str, Any]:
        """Write down what must outlive the process: the counters that were reported."""
        return {"highest": {meter: list(both) for meter, both in self.highest.items()}}

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Totals:
        """Read what was written down; what is damaged is unknown."""
        kept = document.get("highest")
        highest = {}
        for meter, both in kept.items() if isinstance(kept, dict) else ():
            numbers = [number(one) for one in both] if isinstance(both, list) else []
            if meter in _SUMS and len(numbers) == 2 and None not in numbers:  # noqa: PLR2004 - imported, exported
                highest[meter] = (numbers[0] or 0.0, numbers[1] or 0.0)
        return cls(highest=highest)

    def over(self, kept: Totals) -> Totals:
        """Put the counters where they were reported highest, which may have been by another process."""
        return Totals(self.day, self.before, self.today, _higher(self.highest, kept.highest))

    def _raised(self) -> Totals:
        sums = {meter: _plus(base, self.today.get(meter, (0.0, 0.0))) for meter, base in self.before.items()}
        return Totals(self.day, self.before, self.today, _higher(self.highest, sums))


def _higher(one: Energies, other: Energies) -> Energies:
    raised = dict(one)
    for meter, both in other.items():
        known = raised.get(meter, both)
        raised[meter] = (max(both[0], known[0]), max(both[1], known[1]))
    return raised


def _plus(both: tuple[float, float], day: tuple[float, float]) -> tuple[float, float]:
    return both[0] + day[0], both[1] + day[1]


def _minus(both: tuple[float, float], day: tuple[float, float]) -> tuple[float, float]:
    return max(both[0] - day[0], 0.0), max(both[1] - day[1], 0.0)


def zone_of(info: Mapping[str, Any]) -> tzinfo | None:
    """Return the site's time zone, which decides when its day begins; None where it is not known."""
    name = info.get("installation_time_zone")
    try:
        return ZoneInfo(name) if isinstance(name, str) and name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def query(period: str, now: float, zone: tzinfo) -> dict[str, str]:
    """Make the query for a period up to the end of the site's day, whose midnight itself would be refused."""
    today = datetime.fromtimestamp(now, zone)
    parameters = {
        "kind": "energy",
        "period": period,
        "end_date": today.replace(hour=23, minute=59, second=59, microsecond=0).isoformat(),
        "time_zone": getattr(zone, "key", "UTC"),
    }
    if period == "day":
        parameters["start_date"] = today.replace(hour=0, minute=0, second=0, microsecond=0).isoformat()
    return parameters


def day_of(now: float, zone: tzinfo) -> str:
    """Name the site's day."""
    return f"{datetime.fromtimestamp(now, zone):%Y-%m-%d}"
