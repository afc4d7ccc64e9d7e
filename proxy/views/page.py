"""What the power-flow page shows, as one object; and its numbers as rows of a table.

Everything is null, or left out, when it is not known. Nothing in it is secret, and no
serial number is in it: the page may stand in anybody's dashboard.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from proxy.core.sources import GRID_STATUS, PROBLEMS, SITE_NAME, SYSTEM_STATUS
from proxy.views import meters, site
from proxy.views.devices import alerts
from proxy.views.flows import Flows, Readings, flows
from proxy.views.json_access import Documents, number, section, text
from proxy.views.options import Options
from proxy.views.packs import packs
from proxy.views.strings import strings

_FULL: Final = 100.0
# The alert that tells the owner's wish from a failure of the grid.
_CHOSEN: Final = "ScheduledIslandContactorOpen"
_TRANSITION: Final = -1
_KILO: Final = 1000


def flow(documents: Documents, options: Options) -> dict[str, Any]:
    """Return powers (W), charge (%), state of the grid, battery units and solar strings."""
    watts = meters.powers(documents, options)
    system = section(documents.get(SYSTEM_STATUS))
    charge = meters.charge_percent(documents)
    reserve = site.reserve_percent(documents)
    flowing = split(documents, options)
    return {
        "name": text(section(documents.get(SITE_NAME)).get("site_name")) or "",
        "solar": _rounded(watts.solar),
        "site": _rounded(watts.site),
        "battery": _rounded(watts.battery),
        "load": _rounded(watts.load),
        "generator": _rounded(_generator(documents)),
        "ev": [],
        "soc": _rounded(charge),
        "soc_app": _rounded(meters.soe_app(documents, options)["percentage"]),
        "reserve_app": _rounded(reserve),
        "mode": site.operation_mode(documents),
        "energy": _rounded(number(system.get("nominal_energy_remaining"))),
        "grid": grid_state(documents, options),
        "grid_services": section(documents.get(GRID_STATUS)).get("grid_services_active") is True,
        "has": _has(documents),
        "units": _units(documents, options),
        "strings": [
            {"name": name, "power": _rounded(number(told.get("Power")))}
            for name, told in strings(documents, options).items()
            if number(told.get("Power")) is not None
        ],
        "alerts": _count(section(documents.get(PROBLEMS)).get("problems")),
        "unbalanced": None if flowing is None else _rounded(flowing.unbalanced),
    }


def split(documents: Documents, options: Options) -> Flows | None:
    """Return which source feeds which sink; None if two readings or more are missing."""
    watts, has = meters.powers(documents, options), _has(documents)
    readings = Readings(
        solar=watts.solar if has["solar"] else 0.0,
        site=watts.site,
        battery=watts.battery if has["battery"] else 0.0,
        load=watts.load,
        generator=_generator(documents) or 0.0,
        islanded=grid_state(documents, options) in {"outage", "off_grid"},
    )
    return flows(readings)


def grid_state(documents: Documents, options: Options) -> str:
    """Return up, outage, off_grid (chosen by the owner), transition or unknown."""
    state = site.grid_number(documents)
    if state is None:
        return "unknown"
    if state == _TRANSITION:
        return "transition"
    if state:
        return "up"
    return "off_grid" if _CHOSEN in alerts(documents, options) else "outage"


def rows(snapshot: Mapping[str, Any] | None, words: Mapping[str, str]) -> Sequence[tuple[str, str]]:
    """Return names and values of a snapshot for a page without script; a dash for the unknown."""
    if snapshot is None:
        return [(words["starting"], "…")]
    powers = [
        (words[node], _power(snapshot[key]))
        for node, key in (("solar", "solar"), ("grid", "site"), ("home", "load"), ("battery", "battery"))
        if snapshot["has"].get(node, True)
    ]
    percents = [
        (words[name], f"{snapshot[key]:.0f} %")
        for name, key in (("charge", "soc_app"), ("reserve", "reserve_app"))
        if snapshot[key] is not None
    ]
    state = snapshot["grid"]
    return [*powers, *percents, *([(words["grid"], words[state])] if state in words else [])]


def _power(watts: float | None) -> str:
    if watts is None:
        return "\u2013"
    sign = "\u2212" if watts < 0 else ""
    size = abs(watts)
    return f"{sign}{size / _KILO:.1f} kW" if size >= _KILO else f"{sign}{size:.0f} W"


def _generator(documents: Documents) -> float | None:
    return number(meters.heard(documents, "generator").get("instant_power"))


def _has(documents: Documents) -> dict[str, bool]:
    battery = _exists(documents, "battery") or bool(meters.charge_percent(documents))
    return {"solar": _exists(documents, "solar"), "battery": battery}


def _exists(documents: Documents, name: str) -> bool:
    """Say whether the site has such a meter: it counted energy, or shows power, or cannot count."""
    meter = meters.heard(documents, name)
    counted = [number(meter.get(key)) for key in ("energy_exported", "energy_imported")]
    return bool(meter) and (
        any(counted)
        or all(value is None for value in counted)
        or abs(number(meter.get("instant_power")) or 0.0) >= 1
    )


def _units(documents: Documents, options: Options) -> list[dict[str, Any]]:
    """Return charge (raw percent) and power (W) of every pack that tells its energies."""
    units = []
    for pack in packs(options.pack_order, documents):
        full = number(pack.block.get("nominal_full_pack_energy"))
        left = number(pack.block.get("nominal_energy_remaining"))
        if full and left is not None:
            power = _rounded(number(pack.block.get("p_out")))
            units.append({"name": f"PW{pack.number}", "soc": _rounded(_FULL * left / full), "power": power})
    return units


def _count(listed: Any) -> int:
    return len(listed) if isinstance(listed, list) else 0


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
