"""QUANTITIES: what can be known of every site as one value each, with its unit and where it comes from.

Outputs that list quantities (metrics without labels, properties of OpenC2, the page) take name, sources
and reader from here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

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
    VITALS,
)
from proxy.views.state import SiteState

Value = float | str | bool | None


class Kind(Enum):
    """How a quantity behaves: a number that moves, one that only grows, a word, or yes and no."""

    GAUGE = "gauge"
    COUNTER = "counter"
    TEXT = "text"
    FLAG = "flag"


@dataclass(frozen=True, slots=True)
class Quantity:
    """One row.

    ``sources`` are all that ``read`` looks at; ``device_class`` is the word that Home Assistant has
    for it ("" if it has none).
    """

    name: str
    unit: str
    kind: Kind
    sources: tuple[Source, ...]
    read: Callable[[SiteState], Value]
    device_class: str = ""


def _power(meter: str) -> Quantity:
    return Quantity(
        f"{meter}_power", "W", Kind.GAUGE, (METERS,), lambda state: state.power(meter), device_class="power"
    )


def _energy(meter: str, direction: str) -> Quantity:
    def read(state: SiteState) -> float | None:
        known = state.meters.get(meter)
        return getattr(known, direction, None)

    return Quantity(f"{meter}_{direction}", "Wh", Kind.COUNTER, (METERS,), read, device_class="energy")


def _flow(edge: str) -> Quantity:
    return Quantity(
        f"flow_{edge}",
        "W",
        Kind.GAUGE,
        (METERS, GRID_STATUS, SOE),
        lambda state: getattr(state.flows, edge, None),
        device_class="power",
    )


_GAUGE, _TEXT, _FLAG = Kind.GAUGE, Kind.TEXT, Kind.FLAG
_PARTS: Final = ("site", "battery", "load", "solar", "generator")
# From s(olar), b(attery), g(rid) and (ge)n(erator) to h(ome), b and g.
EDGES: Final = ("s2h", "s2b", "s2g", "g2h", "g2b", "b2h", "b2g", "n2h", "n2b")

QUANTITIES: Final[tuple[Quantity, ...]] = (
    *map(_power, _PARTS),
    *(_energy(part, direction) for part in _PARTS for direction in ("imported", "exported")),
    *map(_flow, (*EDGES, "home", "unserved", "unbalanced")),
    Quantity("charge", "%", _GAUGE, (SOE,), lambda state: state.charge, "battery"),
    Quantity("charge_app", "%", _GAUGE, (SOE,), lambda state: state.charge_app, "battery"),
    Quantity("reserve", "%", _GAUGE, (OPERATION,), lambda state: state.reserve, "battery"),
    Quantity("reserve_app", "%", _GAUGE, (OPERATION,), lambda state: state.reserve_app, "battery"),
    Quantity("mode", "", _TEXT, (OPERATION,), lambda state: state.mode, "enum"),
    Quantity("grid", "", _TEXT, (GRID_STATUS, VITALS, SOLAR_POWERWALL), lambda state: state.grid, "enum"),
    Quantity("grid_up", "", _FLAG, (GRID_STATUS,), lambda state: state.is_grid_up, "power"),
    Quantity("grid_services", "", _FLAG, (GRID_STATUS,), lambda state: state.grid_services, "running"),
    Quantity(
        "energy_remaining",
        "Wh",
        _GAUGE,
        (SYSTEM_STATUS,),
        lambda state: state.energy_remaining,
        "energy_storage",
    ),
    Quantity(
        "energy_capacity",
        "Wh",
        _GAUGE,
        (SYSTEM_STATUS,),
        lambda state: state.energy_capacity,
        "energy_storage",
    ),
    Quantity(
        "time_remaining", "h", _GAUGE, (METERS, SYSTEM_STATUS), lambda state: state.time_remaining, "duration"
    ),
    Quantity(
        "alerts",
        "",
        _GAUGE,
        (VITALS, SOLAR_POWERWALL, GRID_STATUS),
        lambda state: None if state.alerts is None else len(state.alerts),
    ),
    Quantity(
        "problems",
        "",
        _GAUGE,
        (PROBLEMS,),
        lambda state: None if state.problems is None else len(state.problems),
    ),
    Quantity("running", "", _FLAG, (SITEMASTER,), lambda state: state.is_running, "running"),
    Quantity(
        "connected_to_tesla",
        "",
        _FLAG,
        (SITEMASTER,),
        lambda state: state.is_connected_to_tesla,
        "connectivity",
    ),
    Quantity("site_name", "", _TEXT, (SITE_NAME, SITE_INFO), lambda state: state.name),
    Quantity("firmware", "", _TEXT, (STATUS,), lambda state: state.gateway.version),
    Quantity("uptime", "s", _GAUGE, (STATUS,), lambda state: state.gateway.uptime, "duration"),
)

BY_NAME: Final[Mapping[str, Quantity]] = {quantity.name: quantity for quantity in QUANTITIES}
# All that a state is read from.
STATE_SOURCES: Final[tuple[Source, ...]] = tuple(
    dict.fromkeys(source for quantity in QUANTITIES for source in quantity.sources)
)
