"""What OpenC2 clients can query: PROPERTIES by their name in the profile, DRAFT by that of the connector of 2018.

A property that a gateway does not report is None here and unavailable to the client. Powers are watts, signed
as everywhere; energies watt-hours; percent of the whole pack unless the name says ``app`` or ``reserve``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from proxy.core.json_access import is_count
from proxy.core.model import Source
from proxy.core.sources import (
    GRID_STATUS,
    METERS,
    POWERWALLS,
    PROBLEMS,
    SITE_INFO,
    SITEMASTER,
    SOE,
    STATUS,
    SYSTEM_STATUS,
    VITALS,
)
from proxy.views.equipment import PackState
from proxy.views.json_access import Documents, finite, number, section, sections, text
from proxy.views.quantities import BY_NAME, Kind
from proxy.views.state import SiteState

Reader = Callable[[SiteState, Documents], Any]

_DIGITS: Final = 3
_GRID: Final = {1: "up", 0: "islanded", -1: "transition"}
_KINDS: Final = {Kind.GAUGE: "number", Kind.COUNTER: "number", Kind.TEXT: "string", Kind.FLAG: "boolean"}
_EDGES: Final = ("s2h", "s2b", "s2g", "g2h", "g2b", "b2h", "b2g")
_PART: Final = "PackagePartNumber"
_SERIAL: Final = "PackageSerialNumber"
MASKED: Final = "masked"


@dataclass(frozen=True, slots=True)
class Property:
    """How to read a property from the state of a site: the type of its value, its sources, the key of the draft's answer.

    Without a key the value is the whole of the draft's results.
    """

    kind: str
    sources: tuple[Source, ...]
    read: Reader
    key: str | None = None


def masked(value: Any) -> Any:
    """Copy a value without serial numbers."""
    if isinstance(value, list):
        return [masked(entry) for entry in value]
    if isinstance(value, Mapping):
        return {name: _hidden(name, entry) for name, entry in value.items()}
    return value


def _hidden(name: str, value: Any) -> Any:
    is_serial = name in {"serial", _SERIAL} and value is not None
    return MASKED if is_serial else masked(value)


# -- readers ----------------------------------------------------------------------------------------


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)


def _quantity(name: str) -> Property:
    """Make the property of one of QUANTITIES."""
    quantity = BY_NAME[name]
    return Property(_KINDS[quantity.kind], quantity.sources, lambda state, _: quantity.read(state))


def _rounded_quantity(name: str) -> Property:
    row = _quantity(name)
    return replace(row, read=lambda state, documents: _rounded(row.read(state, documents)))


def _entry(source: Source, key: str, kind: Callable[[Any], Any], *path: str) -> Reader:
    return lambda _, documents: kind(section(documents.get(source), *path).get(key))


def _grid_status(state: SiteState, _: Documents) -> str | None:
    return None if state.grid_number is None else _GRID[state.grid_number]


def _grid_code(key: str, kind: Callable[[Any], Any]) -> Reader:
    """Read an entry of the grid code: firmware 1.46 moved it from the site into an object of its own."""

    def read(_: SiteState, documents: Documents) -> Any:
        info = section(documents.get(SITE_INFO))
        return kind((section(info, "grid_code") or info).get(key))

    return read


def _decimal(value: Any) -> str | None:
    """Write a number as the connector did: 240, not 240.0."""
    known = number(value)
    return None if known is None else f"{known:.15g}"


def _flows(state: SiteState, _: Documents) -> dict[str, float | None] | None:
    """Return the seven edges between s(olar), b(attery), g(rid) and h(ome), in watts."""
    known = state.flows
    return None if known is None else {edge: _rounded(getattr(known, edge)) for edge in _EDGES}


def _energy(state: SiteState, _: Documents) -> dict[str, Any] | None:
    counters = {
        name: {"imported_wh": _total(meter.imported), "exported_wh": _total(meter.exported)}
        for name, meter in state.meters.items()
    }
    return counters or None


def _total(watt_hours: float | None) -> float | None:
    """Return a lifetime energy (Wh); None for what no meter can have counted."""
    return watt_hours if watt_hours is not None and is_count(watt_hours) else None


def _battery(state: SiteState, _: Documents) -> dict[str, Any] | None:
    known = {
        "percentage": state.charge,
        "power": state.power("battery"),
        "remaining": state.energy_remaining,
        "capacity": state.energy_capacity,
    }
    if all(value is None for value in known.values()):
        return None
    return {**known, "units": [{"power": pack.power, **_energies(pack)} for pack in state.packs]}


def _energies(pack: PackState | None) -> dict[str, float | None]:
    return {
        "energy_remaining": None if pack is None else pack.energy_remaining,
        "energy_capacity": None if pack is None else pack.energy_capacity,
    }


def _powerwalls(state: SiteState, documents: Documents) -> list[dict[str, Any]] | None:
    """Return every battery unit: those that the gateway lists, or else those that it reports on."""
    packs = [((pack.part_number, pack.serial), pack) for pack in state.packs]
    listed = sections(section(documents.get(POWERWALLS)).get("powerwalls"))
    units = [(name, dict(packs).get(name)) for name in map(_name, listed)] or packs
    return [
        {"part_number": part, "serial": serial, "ready": pack and pack.is_ready, **_energies(pack)}
        for (part, serial), pack in units
    ] or None


def _name(unit: Mapping[str, Any]) -> tuple[str | None, str | None]:
    return text(unit.get(_PART)), text(unit.get(_SERIAL))


def _labels(_: SiteState, documents: Documents) -> list[dict[str, Any]] | None:
    """Return part and serial number of every battery unit, as the connector did."""
    units = sections(section(documents.get(POWERWALLS)).get("powerwalls"))
    return [dict(zip((_PART, _SERIAL), _name(unit), strict=True)) for unit in units] or None


def _count(state: SiteState, documents: Documents) -> int | None:
    if SYSTEM_STATUS not in state.observed_at and POWERWALLS not in documents:
        return None
    return len(_powerwalls(state, documents) or [])


def _apparent_power(state: SiteState, _: Documents) -> float | None:
    return state.meters["site"].apparent_power if "site" in state.meters else None


def _last_communication(state: SiteState, _: Documents) -> str | None:
    return state.meters["site"].read_at if "site" in state.meters else None


def _uptime_text(_: SiteState, documents: Documents) -> str | None:
    """Return the uptime that firmware 1.x reports of its site master, and later ones of the gateway."""
    old = text(section(documents.get(SITEMASTER)).get("uptime"))
    return old or text(section(documents.get(STATUS)).get("up_time_seconds"))


def _alerts(state: SiteState, _: Documents) -> list[str] | None:
    return None if state.alerts is None else list(state.alerts)


def _problems(state: SiteState, _: Documents) -> list[Any] | None:
    return None if state.problems is None else [finite(problem) for problem in state.problems]


# -- the tables -------------------------------------------------------------------------------------

PROPERTIES: Mapping[str, Property] = {
    "battery_percentage": _quantity("charge"),
    "battery_percentage_app": _rounded_quantity("charge_app"),
    "backup_reserve": _rounded_quantity("reserve_app"),
    "mode": _quantity("mode"),
    "grid_status": Property("string", (GRID_STATUS,), _grid_status),
    "grid_services_active": _quantity("grid_services"),
    "solar_power": _quantity("solar_power"),
    "site_power": _quantity("site_power"),
    "battery_power": _quantity("battery_power"),
    "load_power": _quantity("load_power"),
    "flows": Property("object", (METERS, GRID_STATUS), _flows),
    "energy": Property("object", (METERS,), _energy),
    "energy_remaining": _quantity("energy_remaining"),
    "energy_capacity": _quantity("energy_capacity"),
    "battery": Property("object", (SOE, SYSTEM_STATUS, METERS), _battery),
    "powerwalls": Property("array", (POWERWALLS, SYSTEM_STATUS), _powerwalls),
    "device_count": Property("integer", (SYSTEM_STATUS, POWERWALLS), _count),
    "site_name": _quantity("site_name"),
    "timezone": Property("string", (SITE_INFO,), _entry(SITE_INFO, "timezone", text)),
    "country": Property("string", (SITE_INFO,), _grid_code("country", text)),
    "grid_code": Property("string", (SITE_INFO,), _grid_code("grid_code", text)),
    "grid_voltage_setting": Property("number", (SITE_INFO,), _grid_code("grid_voltage_setting", number)),
    "grid_freq_setting": Property("number", (SITE_INFO,), _grid_code("grid_freq_setting", number)),
    "nominal_system_energy_kwh": Property(
        "number", (SITE_INFO,), _entry(SITE_INFO, "nominal_system_energy_kWh", number)
    ),
    "instant_apparent_power": Property("number", (METERS,), _apparent_power),
    "last_communication_time": Property("string", (METERS,), _last_communication),
    "firmware": _quantity("firmware"),
    "uptime": _rounded_quantity("uptime"),
    "alerts": Property("array", (VITALS, GRID_STATUS), _alerts),
    "problems": Property("array", (PROBLEMS,), _problems),
    "running": _quantity("running"),
    "connected_to_tesla": _quantity("connected_to_tesla"),
}

_LABELS = Property("array", (POWERWALLS,), _labels)
# What the connector answered differently: two keys, numbers as text, the units as results.
_QUIRKS: Mapping[str, Property] = {
    "battery_percentage": replace(PROPERTIES["battery_percentage"], kind="float"),
    "timezone": replace(PROPERTIES["timezone"], key="time_zone"),
    "grid_voltage_setting": Property("string", (SITE_INFO,), _grid_code("grid_voltage_setting", _decimal)),
    "grid_freq_setting": Property(
        "string", (SITE_INFO,), _grid_code("grid_freq_setting", _decimal), "grid_frequency_setting"
    ),
    "device_count": _LABELS,
    "powerwalls": _LABELS,
    "uptime": Property("string", (SITEMASTER, STATUS), _uptime_text),
}
DRAFT: Mapping[str, Property] = {
    name: replace(row, kind="float" if row.kind == "number" else row.kind, key=row.key or name)
    if row is not _LABELS
    else row
    for name, row in {**PROPERTIES, **_QUIRKS}.items()
}
