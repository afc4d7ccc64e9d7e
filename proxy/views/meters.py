"""Power and charge: meter sections and CSV lines, with the corrections that the operator chose (core/powers.py)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from proxy.core.model import app_percent
from proxy.core.powers import Powers, corrected
from proxy.core.sources import (
    METERS,
    SOE,
    SOLAR_METER,
    SYSTEM_STATUS,
    TIME_REMAINING,
    VITALS,
    WALL_CONNECTORS,
)
from proxy.views import site
from proxy.views.json_access import Documents, number, section
from proxy.views.options import Options
from proxy.views.strings import strings

View = Callable[[Documents, Options], Any]

# Every meter that some gateway has.
METER_NAMES = ("site", "battery", "load", "solar", "generator", "busway")
_YEAR_ONE = "0001-"
CSV_COLUMNS = ("Grid", "Home", "Solar", "Battery", "BatteryLevel")
CSV_V2_COLUMNS = (*CSV_COLUMNS, "GridStatus", "Reserve")


def never_heard(documents: Documents, name: str) -> bool:
    """Say whether the gateway lists a meter without ever having read it (last in year 1): there is no such meter."""
    stamp = section(documents.get(METERS), name).get("last_communication_time")
    return isinstance(stamp, str) and stamp.startswith(_YEAR_ONE)


def heard(documents: Documents, name: str) -> Mapping[str, Any]:
    """Return the section of a meter that there is, an empty one for any other."""
    return {} if never_heard(documents, name) else section(documents.get(METERS), name)


def powers(documents: Documents, options: Options) -> Powers:
    """Return the powers of the meters document, corrected."""
    meters = documents.get(METERS)
    watts = {name: number(section(meters, name).get("instant_power")) for name in Powers.__slots__}
    return corrected(
        Powers(**watts), neg_solar=options.neg_solar, site_zero_threshold=options.site_zero_threshold
    )


def chargers(documents: Documents) -> tuple[float | None, ...]:
    """Return the power (W) of every vehicle charger that is reported."""
    listed = section(documents.get(WALL_CONNECTORS)).get("wall_connectors", ())
    return tuple(number(section(each).get("power")) for each in listed)


def aggregates(documents: Documents, options: Options) -> Any:
    """Return the meters document with corrected powers, otherwise as the gateway gave it."""
    meters = documents.get(METERS)
    if not isinstance(meters, Mapping):
        return meters
    watts = powers(documents, options)
    return {name: _with_power(name, value, watts) for name, value in meters.items()}


def _with_power(name: str, value: Any, watts: Powers) -> Any:
    if name not in Powers.__slots__ or not isinstance(value, Mapping) or "instant_power" not in value:
        return value
    return {**value, "instant_power": getattr(watts, name)}


def meter(name: str) -> View:
    """Make the view of one meter section (site, battery, solar, load); null if there is none."""

    def view(documents: Documents, options: Options) -> Any:
        return section(aggregates(documents, options)).get(name)

    return view


def power(documents: Documents, options: Options) -> dict[str, float | None]:
    """Return the four powers in watts."""
    watts = powers(documents, options)
    return {"site": watts.site, "solar": watts.solar, "battery": watts.battery, "load": watts.load}


def solar_meter(documents: Documents, options: Options) -> list[Any]:
    """Return the gateway's list of solar meters, or one with the readings of the meters document; none without solar."""
    listed = documents.get(SOLAR_METER)
    if isinstance(listed, list):
        return listed
    return [readings] if (readings := section(aggregates(documents, options)).get("solar")) else []


def battery_power(documents: Documents, options: Options) -> dict[str, float | None]:
    """Return the power of the battery in watts."""
    return {"power": powers(documents, options).battery}


def level(documents: Documents, _: Options) -> dict[str, float | None]:
    """Return the charge in percent of the whole pack."""
    return {"level": charge_percent(documents)}


def soe(documents: Documents, _: Options) -> dict[str, float | None]:
    """Return the charge in percent of the whole pack, under both names that it has."""
    raw = charge_percent(documents)
    return {"percentage": raw, "raw_percentage": raw}


def soe_app(documents: Documents, _: Options) -> dict[str, float | None]:
    """Return the charge in percent of the app's scale, which starts at the hidden 5 %, and of the whole pack."""
    raw = charge_percent(documents)
    return {"percentage": charge_app(documents), "raw_percentage": raw}


def charge_percent(documents: Documents) -> float | None:
    """Return the charge in percent of the whole pack, the gateway's scale."""
    return number(section(documents.get(SOE)).get("percentage"))


def charge_app(documents: Documents) -> float | None:
    """Return the charge on the app's scale, 0 to 100."""
    raw = charge_percent(documents)
    return None if raw is None else min(max(0.0, app_percent(raw)), site.FULL)


def csv(documents: Documents, options: Options) -> str:
    """Return grid, home, solar and battery power (W) and charge (raw percent) as a line."""
    return _lines(CSV_COLUMNS, _measurements(documents, options), options)


def csv_v2(documents: Documents, options: Options) -> str:
    """Return the CSV line with grid status (1 up, 0 not) and reserve (app percent, truncated)."""
    up = site.is_grid_up(documents)
    reserve = site.reserve_percent(documents)
    fields = (*_measurements(documents, options), _whole(up), _whole(reserve))
    return _lines(CSV_V2_COLUMNS, fields, options)


def _measurements(documents: Documents, options: Options) -> tuple[str, ...]:
    watts = powers(documents, options)
    values = (watts.site, watts.load, watts.solar, watts.battery, charge_percent(documents))
    return tuple("" if value is None else f"{value:.2f}" for value in values)


def _whole(value: float | None) -> str:
    # The app's scale has noise in its last bits: 23.999999999999996 is 24, not 23.
    return "" if value is None else str(int(round(value, 9)))


def _lines(columns: tuple[str, ...], fields: tuple[str, ...], options: Options) -> str:
    # An unknown field stays empty: readers go by position, and a 0 would be a statement.
    line = ",".join(fields) + "\n"
    return f"{','.join(columns)}\n{line}" if options.headers else line


def json(documents: Documents, options: Options) -> dict[str, Any]:
    """Return the summary that small clients poll: powers, charge, energies, strings."""
    watts = powers(documents, options)
    system = section(documents.get(SYSTEM_STATUS))
    up = site.is_grid_up(documents)
    return {
        "grid": watts.site,
        "home": watts.load,
        "solar": watts.solar,
        "battery": watts.battery,
        "soe": charge_percent(documents),
        "soe_raw": charge_percent(documents),
        "grid_status": None if up is None else int(up),
        "reserve": site.reserve_percent(documents),
        "time_remaining_hours": hours_remaining(documents, options),
        "full_pack_energy": number(system.get("nominal_full_pack_energy")),
        "energy_remaining": number(system.get("nominal_energy_remaining")),
        "strings": None if documents.get(VITALS, {}) is None else strings(documents, options),
    }


def hours_remaining(documents: Documents, options: Options) -> float | None:
    """Return how many hours the battery lasts at the present load: Tesla's estimate, else computed; None without load."""
    estimate = number(section(documents.get(TIME_REMAINING)).get("time_remaining_hours"))
    if estimate is not None:
        return estimate
    load = None if never_heard(documents, "load") else powers(documents, options).load
    energy = number(section(documents.get(SYSTEM_STATUS)).get("nominal_energy_remaining"))
    return None if energy is None or load is None or load <= 0 else energy / load


def time_remaining(documents: Documents, options: Options) -> dict[str, float | None]:
    """Return how many hours the battery lasts at the present load."""
    return {"time_remaining": hours_remaining(documents, options)}
