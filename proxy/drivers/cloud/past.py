"""A day of the site's past, from ``calendar_history``: its energies in spans of five minutes. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any, Final

from proxy.core.json_access import get_path, number
from proxy.drivers.base import PastInterval
from proxy.drivers.cloud.history import entries

_SPAN_S: Final = 300

# The members of an entry that make up each energy, and each flow of it.
_MEMBERS: Final[Mapping[str, tuple[str, ...]]] = {
    "solar": ("solar_energy_exported",),
    "home": tuple(
        f"consumer_energy_imported_from_{part}" for part in ("solar", "battery", "grid", "generator")
    ),
    "battery_in": tuple(f"battery_energy_imported_from_{part}" for part in ("solar", "grid", "generator")),
    "battery_out": ("battery_energy_exported",),
    "grid_in": ("grid_energy_imported",),
    "grid_out": tuple(f"grid_energy_exported_from_{part}" for part in ("solar", "battery", "generator")),
    "generator": ("generator_energy_exported",),
    "s2h": ("consumer_energy_imported_from_solar",),
    "s2b": ("battery_energy_imported_from_solar",),
    "s2g": ("grid_energy_exported_from_solar",),
    "g2h": ("consumer_energy_imported_from_grid",),
    "g2b": ("battery_energy_imported_from_grid",),
    "b2h": ("consumer_energy_imported_from_battery",),
    "b2g": ("grid_energy_exported_from_battery",),
    "n2h": ("consumer_energy_imported_from_generator",),
    "n2b": ("battery_energy_imported_from_generator",),
}
# Of which part of the site each name is; entries have zeros for parts that it lacks.
_PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "solar": ("solar", "s2h", "s2b", "s2g"),
    "battery": ("battery_in", "battery_out", "s2b", "g2b", "b2h", "b2g", "n2b"),
    "generator": ("generator", "n2h", "n2b"),
}


def day_query(day: date, zone: tzinfo) -> dict[str, str]:
    """Make the query for the energies of a local day. Its end is a second before midnight, which would be refused."""
    return {
        "kind": "energy",
        "period": "day",
        "start_date": datetime.combine(day, time(), zone).isoformat(),
        "end_date": datetime.combine(day, time(23, 59, 59), zone).isoformat(),
        "time_zone": getattr(zone, "key", "UTC"),
    }


def intervals(answer: Any, day: date, zone: tzinfo, info: Mapping[str, Any]) -> list[PastInterval]:
    """Read an answer; ``info`` is ``site_info``. Entries of another day are left out: some servers choose the day."""
    begin, end = (datetime.combine(day + timedelta(days), time(), zone).timestamp() for days in (0, 1))
    rows = {
        at: row
        for row in entries(answer) or []
        if isinstance(row, dict) and (at := _moment(row.get("timestamp"))) is not None and begin <= at < end
    }
    names = list(_names(list(rows.values()), info))
    return [
        PastInterval(at, _SPAN_S, {name: _sum(row, _MEMBERS[name]) for name in names})
        for at, row in sorted(rows.items())
    ]


def installed(info: Mapping[str, Any], zone: tzinfo) -> date | None:
    """Read from ``site_info`` on which day the site was installed."""
    moment = _moment(info.get("installation_date"))
    return None if moment is None else datetime.fromtimestamp(moment, zone).date()


def _names(rows: list[Mapping[str, Any]], info: Mapping[str, Any]) -> Iterator[str]:
    """Give the names that the entries mention, but none of a part that the site lacks."""
    lacking = {name for part in ("solar", "battery") if _lacks(info, part) for name in _PARTS[part]}
    if not any(_sum(row, _MEMBERS["generator"]) for row in rows):
        lacking.update(_PARTS["generator"])
    for name, members in _MEMBERS.items():
        if name not in lacking and any(
            number(row.get(member)) is not None for row in rows for member in members
        ):
            yield name


def _lacks(info: Mapping[str, Any], part: str) -> bool:
    return get_path(info, "components", part) is False


def _sum(row: Mapping[str, Any], members: tuple[str, ...]) -> float:
    """Add members up; in quiet intervals some are missing."""
    return sum(max(number(row.get(member)) or 0.0, 0.0) for member in members)


def _moment(text: Any) -> int | None:
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return int(moment.timestamp()) if moment and moment.tzinfo else None
