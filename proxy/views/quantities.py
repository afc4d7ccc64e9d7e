"""What can be known of every site, as one value each: with its unit and where it comes from.

QUANTITIES are of the site, PACK_QUANTITIES of each battery pack, STRING_QUANTITIES of each solar
string. Outputs that list quantities (metrics, properties of OpenC2, MQTT discovery, columns of the
history) take name, unit, sources and reader from here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, Generic, TypeVar

from proxy.core.json_access import is_count
from proxy.core.model import Source
from proxy.core.sources import (
    GRID_STATUS,
    METERS,
    OPERATION,
    PROBLEMS,
    SITE_INFO,
    SITE_NAME,
    SITEMASTER,
    SOE,
    SOLAR_POWERWALL,
    STATUS,
    SYSTEM_STATUS,
    TIME_REMAINING,
    VITALS,
    WALL_CONNECTORS,
)
from proxy.views.equipment import PackState, SolarString
from proxy.views.state import SiteState

Value = float | str | bool | None
Subject = TypeVar("Subject")


class Kind(Enum):
    """How a quantity behaves: a number that moves, one that only grows, a word, or yes and no."""

    GAUGE = "gauge"
    COUNTER = "counter"
    TEXT = "text"
    FLAG = "flag"


GAUGE, COUNTER, TEXT, FLAG = Kind
_STATE_CLASSES: Final = {GAUGE: "measurement", COUNTER: "total_increasing"}


@dataclass(frozen=True, slots=True)
class Quantity(Generic[Subject]):
    """One row: ``read`` returns the value, None where it is unknown.

    ``sources`` are all that ``read`` looks at. ``device_class`` is the word that Home Assistant has
    for such a sensor, or binary sensor if it is a flag; "" if it has none.
    """

    name: str
    unit: str
    kind: Kind
    sources: tuple[Source, ...]
    read: Callable[[Subject], Value]
    device_class: str = ""

    @property
    def state_class(self) -> str:
        """Home Assistant's word for how the value behaves over time; "" if it is no number."""
        return _STATE_CLASSES.get(self.kind, "")


def _power(meter: str) -> Quantity[SiteState]:
    return Quantity(f"{meter}_power", "W", GAUGE, (METERS,), lambda state: state.power(meter), "power")


def _energy(meter: str, direction: str) -> Quantity[SiteState]:
    def read(state: SiteState) -> float | None:
        return _counted(getattr(state.meters.get(meter), direction, None))

    return Quantity(f"{meter}_{direction}", "Wh", COUNTER, (METERS,), read, "energy")


def _flow(edge: str) -> Quantity[SiteState]:
    return Quantity(
        f"flow_{edge}",
        "W",
        GAUGE,
        (METERS, GRID_STATUS, SOE),
        lambda state: getattr(state.flows, edge, None),
        "power",
    )


def _counted(watt_hours: float | None) -> float | None:
    """Return a lifetime energy; None for what no meter can have counted."""
    return watt_hours if watt_hours is not None and is_count(watt_hours) else None


_PARTS: Final = ("site", "battery", "load", "solar", "generator")
# From s(olar), b(attery), g(rid) and (ge)n(erator) to h(ome), b and g.
EDGES: Final = ("s2h", "s2b", "s2g", "g2h", "g2b", "b2h", "b2g", "n2h", "n2b")
_DEVICES: Final = (VITALS, SOLAR_POWERWALL)
_PACKS: Final = (VITALS, SYSTEM_STATUS)

QUANTITIES: Final[tuple[Quantity[SiteState], ...]] = (
    *map(_power, _PARTS),
    *(_energy(part, direction) for part in _PARTS for direction in ("imported", "exported")),
    # Who counted these energies: the gateway, or Tesla's cloud, or this proxy from powers.
    Quantity("energy_origin", "", TEXT, (METERS,), lambda state: state.energy_origin, "enum"),
    *map(_flow, (*EDGES, "home", "unserved", "unbalanced")),
    Quantity("charge", "%", GAUGE, (SOE,), lambda state: state.charge, "battery"),
    Quantity("charge_app", "%", GAUGE, (SOE,), lambda state: state.charge_app, "battery"),
    Quantity("reserve", "%", GAUGE, (OPERATION,), lambda state: state.reserve, "battery"),
    Quantity("reserve_app", "%", GAUGE, (OPERATION,), lambda state: state.reserve_app, "battery"),
    Quantity("mode", "", TEXT, (OPERATION,), lambda state: state.mode, "enum"),
    Quantity("grid", "", TEXT, (GRID_STATUS, *_DEVICES), lambda state: state.grid, "enum"),
    Quantity("grid_up", "", FLAG, (GRID_STATUS,), lambda state: state.is_grid_up, "power"),
    Quantity("grid_services", "", FLAG, (GRID_STATUS,), lambda state: state.grid_services, "running"),
    Quantity(
        "energy_remaining",
        "Wh",
        GAUGE,
        (SYSTEM_STATUS,),
        lambda state: state.energy_remaining,
        "energy_storage",
    ),
    Quantity(
        "energy_capacity",
        "Wh",
        GAUGE,
        (SYSTEM_STATUS,),
        lambda state: state.energy_capacity,
        "energy_storage",
    ),
    Quantity(
        "time_remaining",
        "h",
        GAUGE,
        (METERS, SYSTEM_STATUS, TIME_REMAINING),
        lambda state: state.time_remaining,
        "duration",
    ),
    Quantity("alerts", "", GAUGE, (*_DEVICES, GRID_STATUS), lambda state: _length(state.alerts)),
    Quantity("problems", "", GAUGE, (PROBLEMS,), lambda state: _length(state.problems)),
    Quantity("running", "", FLAG, (SITEMASTER,), lambda state: state.is_running, "running"),
    Quantity(
        "connected_to_tesla",
        "",
        FLAG,
        (SITEMASTER,),
        lambda state: state.is_connected_to_tesla,
        "connectivity",
    ),
    Quantity("site_name", "", TEXT, (SITE_NAME, SITE_INFO), lambda state: state.name),
    Quantity("firmware", "", TEXT, (STATUS,), lambda state: state.gateway.version),
    Quantity("uptime", "s", GAUGE, (STATUS,), lambda state: state.gateway.uptime, "duration"),
)

PACK_QUANTITIES: Final[tuple[Quantity[PackState], ...]] = (
    Quantity("power", "W", GAUGE, (SYSTEM_STATUS,), lambda pack: pack.power, "power"),
    Quantity(
        "reactive_power", "var", GAUGE, (SYSTEM_STATUS,), lambda pack: pack.reactive_power, "reactive_power"
    ),
    Quantity("voltage", "V", GAUGE, (SYSTEM_STATUS,), lambda pack: pack.voltage, "voltage"),
    Quantity("current", "A", GAUGE, (SYSTEM_STATUS,), lambda pack: pack.current, "current"),
    Quantity("frequency", "Hz", GAUGE, (SYSTEM_STATUS,), lambda pack: pack.frequency, "frequency"),
    Quantity("charge", "%", GAUGE, _PACKS, lambda pack: pack.charge, "battery"),
    Quantity("energy_remaining", "Wh", GAUGE, _PACKS, lambda pack: pack.energy_remaining, "energy_storage"),
    Quantity("energy_capacity", "Wh", GAUGE, _PACKS, lambda pack: pack.energy_capacity, "energy_storage"),
    Quantity("charged", "Wh", COUNTER, (SYSTEM_STATUS,), lambda pack: _counted(pack.charged), "energy"),
    Quantity("discharged", "Wh", COUNTER, (SYSTEM_STATUS,), lambda pack: _counted(pack.discharged), "energy"),
    Quantity("temperature", "°C", GAUGE, _PACKS, lambda pack: pack.temperature, "temperature"),
    Quantity("state", "", TEXT, (SYSTEM_STATUS,), lambda pack: pack.state),
    Quantity("backup_ready", "", FLAG, (SYSTEM_STATUS,), lambda pack: pack.is_backup_ready),
    Quantity("off_grid", "", FLAG, (SYSTEM_STATUS,), lambda pack: pack.is_off_grid),
    Quantity("disabled_reasons", "", GAUGE, (SYSTEM_STATUS,), lambda pack: pack.disabled_reasons),
    Quantity("version", "", TEXT, (SYSTEM_STATUS,), lambda pack: pack.version),
)

STRING_QUANTITIES: Final[tuple[Quantity[SolarString], ...]] = (
    Quantity("power", "W", GAUGE, _DEVICES, lambda string: string.power, "power"),
    Quantity("voltage", "V", GAUGE, _DEVICES, lambda string: string.voltage, "voltage"),
    Quantity("current", "A", GAUGE, _DEVICES, lambda string: string.current, "current"),
    Quantity("connected", "", FLAG, _DEVICES, lambda string: string.is_connected, "connectivity"),
)


def _length(entries: tuple[object, ...] | None) -> int | None:
    return None if entries is None else len(entries)


BY_NAME: Final[Mapping[str, Quantity[SiteState]]] = {row.name: row for row in QUANTITIES}
OF_PACK: Final[Mapping[str, Quantity[PackState]]] = {row.name: row for row in PACK_QUANTITIES}
OF_STRING: Final[Mapping[str, Quantity[SolarString]]] = {row.name: row for row in STRING_QUANTITIES}
# What the tables are read from.
QUANTITY_SOURCES: Final[tuple[Source, ...]] = tuple(
    dict.fromkeys(
        source
        for table in (QUANTITIES, PACK_QUANTITIES, STRING_QUANTITIES)
        for quantity in table
        for source in quantity.sources
    )
)
# All that a state is read from. The chargers come with the powers of the cloud, and are not requested by themselves.
STATE_SOURCES: Final[tuple[Source, ...]] = (*QUANTITY_SOURCES, WALL_CONNECTORS)
