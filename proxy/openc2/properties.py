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
    OPERATION,
    POWERWALLS,
    PROBLEMS,
    SITE_INFO,
    SITEMASTER,
    SOE,
    STATUS,
    SYSTEM_STATUS,
    VITALS,
)
from proxy.views import meters, site
from proxy.views.devices import known_alerts
from proxy.views.flows import flows, readings
from proxy.views.json_access import Documents, finite, number, section, sections, span, text
from proxy.views.options import Options
from proxy.views.packs import Signals, packs

Reader = Callable[[Documents, Options], Any]

_DIGITS: Final = 3
_GRID: Final = {1: "up", 0: "islanded", -1: "transition"}
_EDGES: Final = ("s2h", "s2b", "s2g", "g2h", "g2b", "b2h", "b2g")
_PART: Final = "PackagePartNumber"
_SERIAL: Final = "PackageSerialNumber"
MASKED: Final = "masked"


@dataclass(frozen=True, slots=True)
class Property:
    """How to read a property: the type of its value, its sources, and the key of the draft's answer.

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


def _entry(source: Source, key: str, kind: Callable[[Any], Any], *path: str) -> Reader:
    return lambda documents, _: kind(section(documents.get(source), *path).get(key))


def _truth(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _power(name: str) -> Reader:
    return lambda documents, options: getattr(meters.powers(documents, options), name)


def _grid_status(documents: Documents, _: Options) -> str | None:
    state = site.grid_number(documents)
    return None if state is None else _GRID[state]


def _grid_code(key: str, kind: Callable[[Any], Any]) -> Reader:
    """Read an entry of the grid code: firmware 1.46 moved it from the site into an object of its own."""

    def read(documents: Documents, _: Options) -> Any:
        known = section(documents.get(SITE_INFO))
        return kind((section(known, "grid_code") or known).get(key))

    return read


def _decimal(value: Any) -> str | None:
    """Write a number as the connector did: 240, not 240.0."""
    known = number(value)
    return None if known is None else f"{known:.15g}"


def _charge_app(documents: Documents, options: Options) -> float | None:
    return _rounded(meters.soe_app(documents, options)["percentage"])


def _reserve(documents: Documents, _: Options) -> float | None:
    return _rounded(site.reserve_percent(documents))


def _flows(documents: Documents, options: Options) -> dict[str, float | None] | None:
    """Return the seven edges between s(olar), b(attery), g(rid) and h(ome), in watts."""
    split = flows(readings(documents, options))
    return None if split is None else {edge: _rounded(getattr(split, edge)) for edge in _EDGES}


def _energy(documents: Documents, _: Options) -> dict[str, Any] | None:
    counters = {
        name: {
            f"{direction}_wh": _total(known.get(f"energy_{direction}"))
            for direction in ("imported", "exported")
        }
        for name in meters.METER_NAMES
        if (known := meters.heard(documents, name))
    }
    return counters or None


def _total(value: Any) -> float | None:
    """Read a lifetime energy (Wh); None for what no meter can have counted."""
    known = number(value)
    return known if known is not None and is_count(known) else None


def _battery(documents: Documents, options: Options) -> dict[str, Any] | None:
    system = section(documents.get(SYSTEM_STATUS))
    known = {
        "percentage": meters.charge_percent(documents),
        "power": meters.powers(documents, options).battery,
        "remaining": number(system.get("nominal_energy_remaining")),
        "capacity": number(system.get("nominal_full_pack_energy")),
    }
    if all(value is None for value in known.values()):
        return None
    units = [
        {"power": number(pack.block.get("p_out")), **_energies(pack.block)}
        for pack in packs(options.pack_order, documents)
        if pack.block
    ]
    return {**known, "units": units}


def _energies(block: Signals) -> dict[str, float | None]:
    return {
        "energy_remaining": number(block.get("nominal_energy_remaining")),
        "energy_capacity": number(block.get("nominal_full_pack_energy")),
    }


def _powerwalls(documents: Documents, _: Options) -> list[dict[str, Any]] | None:
    """Return every battery unit, with what its block in the system status reports."""
    blocks = sections(section(documents.get(SYSTEM_STATUS)).get("battery_blocks"))
    by_name = {_name(block): block for block in blocks}
    units = sections(section(documents.get(POWERWALLS)).get("powerwalls")) or blocks
    known = []
    for unit in units:
        part, serial = _name(unit)
        block = by_name.get((part, serial), {})
        ready = {"part_number": part, "serial": serial, "ready": _is_ready(block)}
        known.append({**ready, **_energies(block)})
    return known or None


def _name(unit: Signals) -> tuple[str | None, str | None]:
    return text(unit.get(_PART)), text(unit.get(_SERIAL))


def _is_ready(block: Signals) -> bool | None:
    """Say whether a unit works; firmware that does not say so lists why it would not."""
    reasons = block.get("disabled_reasons")
    return _truth(block.get("backup_ready")) if not isinstance(reasons, list) or not reasons else False


def _labels(documents: Documents, _: Options) -> list[dict[str, Any]] | None:
    """Return part and serial number of every battery unit, as the connector did."""
    units = sections(section(documents.get(POWERWALLS)).get("powerwalls"))
    return [dict(zip((_PART, _SERIAL), _name(unit), strict=True)) for unit in units] or None


def _count(documents: Documents, options: Options) -> int | None:
    if SYSTEM_STATUS not in documents and POWERWALLS not in documents:
        return None
    return len(_powerwalls(documents, options) or [])


def _last_communication(documents: Documents, _: Options) -> str | None:
    known = text(section(documents.get(METERS), "site").get("last_communication_time"))
    return None if known is None or known.startswith("0001-") else known  # year 1: never


def _uptime(documents: Documents, _: Options) -> float | None:
    return _rounded(span(section(documents.get(STATUS)).get("up_time_seconds")))


def _uptime_text(documents: Documents, _: Options) -> str | None:
    """Return what firmware 1.x reports of its site master, and later ones of the gateway."""
    old = text(section(documents.get(SITEMASTER)).get("uptime"))
    return old or text(section(documents.get(STATUS)).get("up_time_seconds"))


def _firmware(documents: Documents, _: Options) -> str | None:
    known = text(section(documents.get(STATUS)).get("version"))
    return known.strip() if known else None


def _problems(documents: Documents, _: Options) -> list[Any] | None:
    listed = section(documents.get(PROBLEMS)).get("problems")
    return finite(listed) if isinstance(listed, list) else None


# -- the tables -------------------------------------------------------------------------------------

PROPERTIES: Mapping[str, Property] = {
    "battery_percentage": Property("number", (SOE,), lambda d, _: meters.charge_percent(d)),
    "battery_percentage_app": Property("number", (SOE,), _charge_app),
    "backup_reserve": Property("number", (OPERATION,), _reserve),
    "mode": Property("string", (OPERATION,), lambda d, _: site.operation_mode(d)),
    "grid_status": Property("string", (GRID_STATUS,), _grid_status),
    "grid_services_active": Property(
        "boolean", (GRID_STATUS,), _entry(GRID_STATUS, "grid_services_active", _truth)
    ),
    "solar_power": Property("number", (METERS,), _power("solar")),
    "site_power": Property("number", (METERS,), _power("site")),
    "battery_power": Property("number", (METERS,), _power("battery")),
    "load_power": Property("number", (METERS,), _power("load")),
    "flows": Property("object", (METERS, GRID_STATUS), _flows),
    "energy": Property("object", (METERS,), _energy),
    "energy_remaining": Property(
        "number", (SYSTEM_STATUS,), _entry(SYSTEM_STATUS, "nominal_energy_remaining", number)
    ),
    "energy_capacity": Property(
        "number", (SYSTEM_STATUS,), _entry(SYSTEM_STATUS, "nominal_full_pack_energy", number)
    ),
    "battery": Property("object", (SOE, SYSTEM_STATUS, METERS), _battery),
    "powerwalls": Property("array", (POWERWALLS, SYSTEM_STATUS), _powerwalls),
    "device_count": Property("integer", (SYSTEM_STATUS, POWERWALLS), _count),
    "site_name": Property("string", (SITE_INFO,), _entry(SITE_INFO, "site_name", text)),
    "timezone": Property("string", (SITE_INFO,), _entry(SITE_INFO, "timezone", text)),
    "country": Property("string", (SITE_INFO,), _grid_code("country", text)),
    "grid_code": Property("string", (SITE_INFO,), _grid_code("grid_code", text)),
    "grid_voltage_setting": Property("number", (SITE_INFO,), _grid_code("grid_voltage_setting", number)),
    "grid_freq_setting": Property("number", (SITE_INFO,), _grid_code("grid_freq_setting", number)),
    "nominal_system_energy_kwh": Property(
        "number", (SITE_INFO,), _entry(SITE_INFO, "nominal_system_energy_kWh", number)
    ),
    "instant_apparent_power": Property(
        "number", (METERS,), _entry(METERS, "instant_apparent_power", number, "site")
    ),
    "last_communication_time": Property("string", (METERS,), _last_communication),
    "firmware": Property("string", (STATUS,), _firmware),
    "uptime": Property("number", (STATUS,), _uptime),
    "alerts": Property("array", (VITALS, GRID_STATUS), known_alerts),
    "problems": Property("array", (PROBLEMS,), _problems),
    "running": Property("boolean", (SITEMASTER,), _entry(SITEMASTER, "running", _truth)),
    "connected_to_tesla": Property(
        "boolean", (SITEMASTER,), _entry(SITEMASTER, "connected_to_tesla", _truth)
    ),
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
