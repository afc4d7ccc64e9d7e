"""Power and charge: meter sections, CSV lines, and the one place where powers are corrected.

Two corrections exist, and every route that shows power shows the same corrected ones:

- negative solar power (an inverter's own use at night) becomes 0 unless ``Options.neg_solar``;
- site power within ``Options.site_zero_threshold`` of zero (a meter's noise) becomes 0.

What a correction takes away is settled with the load, so that load = site + battery + solar
holds as well as it did before. The two therefore commute; solar is done first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from proxy.core.model import app_percent
from proxy.core.sources import METERS, SOE, SYSTEM_STATUS
from proxy.views import site
from proxy.views.options import Options
from proxy.views.reading import Documents, number, section
from proxy.views.strings import strings

View = Callable[[Documents, Options], Any]

# Every meter that some gateway has.
METER_NAMES = ("site", "battery", "load", "solar", "generator", "busway")
CSV_COLUMNS = ("Grid", "Home", "Solar", "Battery", "BatteryLevel")
CSV_V2_COLUMNS = (*CSV_COLUMNS, "GridStatus", "Reserve")


@dataclass(frozen=True, slots=True)
class Powers:
    """The four corrected powers in watts; None where the gateway gave no number."""

    site: float | None
    battery: float | None
    solar: float | None
    load: float | None


def powers(documents: Documents, options: Options) -> Powers:
    """Return the powers of the meters document, corrected."""
    meters = documents.get(METERS)
    site_w, battery, solar, load = (
        number(section(meters, name).get("instant_power")) for name in ("site", "battery", "solar", "load")
    )
    if not options.neg_solar and solar is not None and solar < 0:
        load = None if load is None else load - solar
        solar = 0
    if site_w is not None and 0 < abs(site_w) <= options.site_zero_threshold:
        load = None if load is None else load - site_w
        site_w = 0
    return Powers(site_w, battery, solar, load)


def aggregates(documents: Documents, options: Options) -> Any:
    """Return the meters document with corrected powers, otherwise as the gateway gave it."""
    meters = documents.get(METERS)
    if not isinstance(meters, Mapping):
        return meters
    corrected = powers(documents, options)
    return {name: _corrected(name, value, corrected) for name, value in meters.items()}


def _corrected(name: str, value: Any, corrected: Powers) -> Any:
    if name not in Powers.__slots__ or not isinstance(value, Mapping) or "instant_power" not in value:
        return value
    return {**value, "instant_power": getattr(corrected, name)}


def meter(name: str) -> View:
    """Make the view of one meter section (site, battery, solar, load); null if there is none."""

    def view(documents: Documents, options: Options) -> Any:
        return section(aggregates(documents, options)).get(name)

    return view


def power(documents: Documents, options: Options) -> dict[str, float | None]:
    """Return the four powers in watts."""
    watts = powers(documents, options)
    return {"site": watts.site, "solar": watts.solar, "battery": watts.battery, "load": watts.load}


def level(documents: Documents, _: Options) -> dict[str, float | None]:
    """Return the charge in percent of the whole pack."""
    return {"level": charge_percent(documents)}


def soe_app(documents: Documents, _: Options) -> dict[str, float | None]:
    """Return the charge in percent of the app's scale, which starts at the hidden 5 %."""
    raw = charge_percent(documents)
    return {"percentage": None if raw is None else max(0.0, app_percent(raw))}


def charge_percent(documents: Documents) -> float | None:
    """Return the charge in percent of the whole pack, the gateway's scale."""
    return number(section(documents.get(SOE)).get("percentage"))


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
    return "" if value is None else str(int(value))


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
        "grid_status": None if up is None else int(up),
        "reserve": site.reserve_percent(documents),
        "time_remaining_hours": hours_remaining(documents, options),
        "full_pack_energy": number(system.get("nominal_full_pack_energy")),
        "energy_remaining": number(system.get("nominal_energy_remaining")),
        "strings": strings(documents, options),
    }


def hours_remaining(documents: Documents, options: Options) -> float | None:
    """Return for how many hours the battery could carry the present load; None without load."""
    load = powers(documents, options).load
    energy = number(section(documents.get(SYSTEM_STATUS)).get("nominal_energy_remaining"))
    return None if energy is None or load is None or load <= 0 else energy / load


def time_remaining(documents: Documents, options: Options) -> dict[str, float | None]:
    """Return the hours that the battery could carry the present load."""
    return {"time_remaining": hours_remaining(documents, options)}
