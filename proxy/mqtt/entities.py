"""ENTITIES: everything that is published, one row each.

Topics, the document, Home Assistant's discovery and the documentation are made from these rows. What is a
quantity of every site projects the row of ``QUANTITIES``; strings and units make rows of their own
(mqtt/equipment.py). Suffixes, topics and names are those of pypowerwall-server where it has them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from proxy.core.commands import EXPORT_RULES, MODES
from proxy.core.model import Setting
from proxy.mqtt.entity import BINARY, SENSOR, Entity, Read, Value, as_set
from proxy.views.quantities import BY_NAME, FLAG

if TYPE_CHECKING:
    from proxy.mqtt.facts import Facts

GRID_STATES: Final = ("UP", "DOWN", "SYNCING")
COUNTED_BY: Final = ("gateway", "integrated", "cloud")
# By unit: decimals of a value that stands alone, and those that Home Assistant shows.
_DECIMALS: Final = {
    "W": (1, 0),
    "Wh": (0, 0),
    "%": (1, 1),
    "h": (2, 1),
    "V": (2, 1),
    "A": (2, 1),
    "Hz": (2, 2),
}


def _row(suffix: str, name: str, quantity: str, **others: Any) -> Entity:
    """Make a row that projects one of QUANTITIES: unit and classes are its own unless others are given.

    Its topic and its key in the document are the suffix. ``made`` turns the value into the one to publish;
    it is not called for what is unknown.
    """
    row = BY_NAME[quantity]
    made: Callable[[Any], Value] = others.pop("made", lambda value: value)

    def read(facts: Facts) -> Value:
        value = row.read(facts.state)
        return None if value is None else made(value)

    decimals, digits = _DECIMALS.get(row.unit, (1, None))
    filled = {
        "platform": BINARY if row.kind is FLAG else SENSOR,
        "path": (suffix,),
        "topic": suffix,
        "decimals": decimals,
        "digits": digits,
        "unit": row.unit,
        "device_class": row.device_class,
        "state_class": row.state_class,
        **others,
    }
    return Entity(suffix=suffix, name=name, read=read, quantity=quantity, **filled)


def _derived(suffix: str, name: str, quantity: str, made: Callable[[Any], Value] = float) -> Entity:
    """Make a row that stands in the document alone: it is derived, and most do without it."""
    return _row(suffix, name, quantity, topic="", is_extra=True, made=made)


def _average(suffix: str, name: str, key: str, unit: str, device_class: str, **others: Any) -> Entity:
    """Make a row of what the meter of the grid shows as an average of its phases."""

    def read(facts: Facts) -> Value:
        site = facts.state.meters.get("site")
        return None if site is None else getattr(site, key)

    decimals, digits = _DECIMALS[unit]
    return Entity(
        suffix,
        SENSOR,
        name,
        read,
        (suffix,),
        suffix,
        decimals,
        unit,
        device_class,
        state_class="measurement",
        digits=digits,
        **others,
    )


def _fact(suffix: str, name: str, read: Read, platform: str = SENSOR, **others: Any) -> Entity:
    """Make a row of what is no quantity of the site; its topic is the suffix."""
    return Entity(suffix, platform, name, read, (suffix,), **{"topic": suffix, **others})


def _rule(setting: Setting) -> Read:
    return lambda facts: facts.rules.get(setting)


def _last_reading(facts: Facts) -> Value:
    read_at = facts.read_at
    return None if read_at is None else datetime.fromtimestamp(read_at, UTC).isoformat(timespec="seconds")


def _positive(watts: float) -> float:
    return max(watts, 0.0)


def _negative(watts: float) -> float:
    return max(-watts, 0.0)


_FLOWS: Final = {
    "solar_to_home": "s2h",
    "solar_to_battery": "s2b",
    "solar_to_grid": "s2g",
    "battery_to_home": "b2h",
    "battery_to_grid": "b2g",
    "grid_to_home": "g2h",
    "grid_to_battery": "g2b",
}
# The word of QUANTITIES for the state of the grid, as pypowerwall has it.
_GRID: Final = {"up": "UP", "outage": "DOWN", "off_grid": "DOWN", "islanded": "DOWN", "transition": "SYNCING"}
_EXTRA: Final[Mapping[str, Any]] = {"is_diagnostic": True, "is_extra": True}

ENTITIES: Final[tuple[Entity, ...]] = (
    _row("battery", "Battery", "charge_app", path=("soe",)),
    _row("battery_raw", "Battery Raw", "charge", path=("soe_raw",), device_class="", is_diagnostic=True),
    _row("solar", "Solar Power", "solar_power"),
    _row("grid", "Grid Power", "site_power"),
    _row("home", "Home Load", "load_power"),
    _row("powerwall", "Powerwall Power", "battery_power"),
    _derived("grid_import_power", "Grid Import Power", "site_power", _positive),
    _derived("grid_export_power", "Grid Export Power", "site_power", _negative),
    _derived("battery_charge_power", "Battery Charge Power", "battery_power", _negative),
    _derived("battery_discharge_power", "Battery Discharge Power", "battery_power", _positive),
    *(
        _derived(suffix, suffix.replace("_", " ").title().replace(" To ", " to "), f"flow_{edge}")
        for suffix, edge in _FLOWS.items()
    ),
    _average("grid_voltage", "Grid Voltage", "voltage", "V", "voltage"),
    _average("grid_current", "Grid Current", "average_current", "A", "current"),
    _average("frequency", "Grid Frequency", "frequency", "Hz", "frequency", is_extra=True),
    _row("grid_energy_imported", "Grid Energy Imported", "site_imported"),
    _row("grid_energy_exported", "Grid Energy Exported", "site_exported"),
    _row("home_energy_imported", "Home Energy Consumption", "load_imported"),
    _row("solar_energy_exported", "Solar Energy Production", "solar_exported"),
    _row("battery_energy_imported", "Battery Energy Charged", "battery_imported"),
    _row("battery_energy_exported", "Battery Energy Discharged", "battery_exported"),
    _row("total_capacity", "Total Battery Capacity", "energy_capacity"),
    _row("current_charge", "Current Battery Charge", "energy_remaining"),
    _row("reserve", "Backup Reserve", "reserve_app", made=as_set, device_class="", digits=0),
    _row("time_remaining", "Time Remaining", "time_remaining"),
    _row("grid_status", "Grid Status", "grid", made=_GRID.__getitem__, options=GRID_STATES),
    _row(
        "mode",
        "Operation Mode",
        "mode",
        made=lambda mode: mode if mode in MODES else None,
        options=MODES,
    ),
    _fact(
        "grid_export", "Grid Export", _rule(Setting.GRID_EXPORT), device_class="enum", options=EXPORT_RULES
    ),
    _row("version", "Firmware Version", "firmware", is_diagnostic=True),
    _fact("online", "Gateway Online", lambda facts: facts.is_online, BINARY, device_class="connectivity"),
    _row("grid_connected", "Grid Connected", "grid_up", device_class="connectivity"),
    _fact("grid_charging", "Grid Charging", _rule(Setting.GRID_CHARGING), BINARY),
    _row("grid_services", "Grid Services Active", "grid_services", device_class="", **_EXTRA),
    _row("alerts", "Alerts", "alerts", decimals=0, digits=0, is_diagnostic=True),
    _row(
        "problem",
        "Problem",
        "problems",
        made=bool,
        platform=BINARY,
        device_class="problem",
        state_class="",
        is_diagnostic=True,
    ),
    _row("connected_to_tesla", "Connected To Tesla", "connected_to_tesla", **_EXTRA),
    _fact(
        "last_reading",
        "Last Reading",
        _last_reading,
        topic="",
        device_class="timestamp",
        expires=False,
        **_EXTRA,
    ),
    _row("energy_source", "Energy Counters", "energy_origin", options=COUNTED_BY, **_EXTRA),
)
