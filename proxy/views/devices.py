"""What the devices behind the gateway report: temperatures, alerts, fans.

The vitals are one object per device, keyed ``TYPE--partNumber--serialNumber``, in the
gateway's order; nothing here writes into them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from proxy.core.sources import GRID_STATUS, SOLAR_POWERWALL, VITALS
from proxy.views.json_access import Documents, section, text
from proxy.views.options import Options
from proxy.views.packs import units_like

# Powerwall+ inverters have one fan with a target speed, Powerwall 3 two without.
_PVAC_FAN: Final = {"actual": "PVAC_Fan_Speed_Actual_RPM", "target": "PVAC_Fan_Speed_Target_RPM"}
_PCH_FANS: Final = tuple({"actual": f"PCH_FanSpeed_{fan}", "duty": f"PCH_FanDuty_{fan}"} for fan in "AB")
_FANS: Final = {"PVAC": (_PVAC_FAN,), "TEPINV": _PCH_FANS}


def devices(documents: Documents, *kinds: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield name and signals of the devices of these types (of all, if none is named)."""
    for din, signals in section(documents.get(VITALS)).items():
        if isinstance(signals, Mapping) and (not kinds or din.partition("--")[0] in kinds):
            yield din, signals


def vitals(documents: Documents, _: Options) -> Any:
    """Return all devices; none on firmware that has no vitals (23.44 and later)."""
    return documents.get(VITALS, {})


def temps(documents: Documents, _: Options) -> dict[str, Any]:
    """Return the ambient temperature (°C) of every Powerwall by device name.

    A Powerwall 3 has no TETHC; the hottest cell of each of its packs is shown instead.
    """
    found = {din: signals.get("THC_AmbientTemp") for din, signals in devices(documents, "TETHC")}
    for din, signals in devices(documents, "TEPOD"):
        if "HVP_PackTempMax" in signals:
            found[din] = signals["HVP_PackTempMax"]
    return found


def alerts(documents: Documents, _: Options) -> list[str]:
    """Return the names of all active alerts and the state of the grid, each once, sorted."""
    named = set(_device_alerts(documents))
    grid = section(documents.get(GRID_STATUS))
    state = (
        "GridServicesActive" if grid.get("grid_services_active") is True else text(grid.get("grid_status"))
    )
    if state:
        named.add(state)
    # The vitals and the grid status have two words for one thing.
    return sorted({name.replace("SystemGridConnected", "SystemConnectedToGrid") for name in named})


def known_alerts(documents: Documents, options: Options) -> list[str] | None:
    """Return the same, None while no device reports its own."""
    is_reported = VITALS in documents or SOLAR_POWERWALL in documents
    return alerts(documents, options) if is_reported else None


def _device_alerts(documents: Documents) -> Iterator[str]:
    if VITALS in documents:
        for _, signals in devices(documents):
            listed = signals.get("alerts")
            yield from filter(text, listed if isinstance(listed, list) else ())
        return
    for part in ("pvac_alerts", "pvs_alerts"):
        flags = section(documents.get(SOLAR_POWERWALL), part)
        yield from (name for name, value in flags.items() if value is True)


def alert_flags(documents: Documents, options: Options) -> dict[str, int]:
    """Return every active alert as a field of value 1, which dashboards can store."""
    return dict.fromkeys(alerts(documents, options), 1)


def alert_list(documents: Documents, options: Options) -> dict[str, list[str]]:
    """Return the alerts as the member of an object."""
    return {"alerts": alerts(documents, options)}


def fans(documents: Documents, _: Options) -> dict[str, dict[str, Any]]:
    """Return the fan speeds (RPM) and duties (%) of every inverter that has fans."""
    found = {}
    for din, signals in devices(documents, *_FANS):
        keys = [key for fan in _FANS[din.partition("--")[0]] for key in fan.values()]
        known = {key: signals[key] for key in keys if signals.get(key) is not None}
        if known:
            found[din] = known
    return found


def fan_numbers(documents: Documents, options: Options) -> dict[str, Any]:
    """Return all fans as FAN1_actual, FAN1_target (or FAN1_duty), …, by name of the inverter.

    A Powerwall 3 that reports nothing at the moment keeps the numbers of its fans.
    """
    known = fans(documents, options)
    units = units_like((din.partition("--")[2] for din in known), options.pack_order)
    numbered: dict[str, Any] = {}
    number = 0
    for din in sorted({*known, *(f"TEPINV--{name}" for name in units)}):
        signals = known.get(din, {})
        for fan in _FANS[din.partition("--")[0]]:
            if not signals or any(key in signals for key in fan.values()):
                number += 1
                numbered |= {
                    f"FAN{number}_{name}": signals[key] for name, key in fan.items() if key in signals
                }
    return numbered
