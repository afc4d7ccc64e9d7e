"""The small documents of the local API from TEDAPI: charge, grid, mode, site, version.

Each function gives the document, or None when what it needs was not reported.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from proxy.drivers.tedapi.data import (
    Facts,
    get_path,
    names,
    number,
    rows,
    section,
    signals,
    split_din,
    timestamp,
)
from proxy.drivers.tedapi.translate.grid import grid_state
from proxy.drivers.tedapi.translate.meters import METERS, aggregates

# Kind of gateway by part number, without revision: first generation, Gateway 2, its own site controller.
_DEVICE_TYPES = {"1118431": "hec", "1152100": "teg", "1232100": "teg", "1707000": "smc"}


def soe(facts: Facts) -> dict[str, Any] | None:
    """Return the charge in percent of the whole pack. An empty pack is 0, an unknown one is not."""
    energies = section(facts.controller, "control", "systemStatus")
    full = number(energies.get("nominalFullPackEnergyWh"))
    remaining = number(energies.get("nominalEnergyRemainingWh"))
    if not full or remaining is None:
        return None
    return {"percentage": remaining / full * 100}


def grid_status(facts: Facts) -> dict[str, Any] | None:
    """Build ``/api/system_status/grid_status``. Grid services are not reported; readers need a flag, not null."""
    state = grid_state(facts)
    return None if state is None else {"grid_status": state, "grid_services_active": False}


def sitemaster(facts: Facts) -> dict[str, Any] | None:
    """Build ``/api/sitemaster`` from whether the site manager runs."""
    running = get_path(facts.controller, "system", "sitemanagerStatus", "isRunning")
    if not isinstance(running, bool):
        return None
    return {
        "status": "StatusUp" if running else "StatusDown",
        "running": running,
        "connected_to_tesla": None,
        "power_supply_mode": None,
        "can_reboot": None,
    }


def operation(facts: Facts) -> dict[str, Any] | None:
    """Build ``/api/operation``: mode and reserve (raw scale) as configured."""
    mode = facts.config.get("default_real_mode")
    reserve = number(get_path(facts.config, "site_info", "backup_reserve_percent"))
    return (
        None if mode is None and reserve is None else {"real_mode": mode, "backup_reserve_percent": reserve}
    )


def site_name(facts: Facts) -> dict[str, Any] | None:
    """Build ``/api/site_info/site_name``."""
    site = section(facts.config, "site_info")
    return {"site_name": site.get("site_name"), "timezone": site.get("timezone")} if site else None


def site_info(facts: Facts) -> dict[str, Any] | None:
    """Build ``/api/site_info``: kilowatt-hours and kilowatts."""
    site = section(facts.config, "site_info")
    if not site:
        return None
    return {
        "max_system_energy_kWh": site.get("nominal_system_energy_ac"),
        "max_system_power_kW": site.get("nominal_system_power_ac"),
        "site_name": site.get("site_name"),
        "timezone": site.get("timezone"),
        "max_site_meter_power_kW": site.get("max_site_meter_power_ac"),
        "min_site_meter_power_kW": site.get("min_site_meter_power_ac"),
        "nominal_system_energy_kWh": site.get("nominal_system_energy_ac"),
        "nominal_system_power_kW": site.get("nominal_system_power_ac"),
        "panel_max_current": site.get("panel_max_current"),
        "grid_code": {
            "grid_code": site.get("grid_code"),
            "grid_voltage_setting": None,
            "grid_freq_setting": None,
            "grid_phase_setting": None,
            "country": site.get("country"),
            "state": site.get("state"),
            "utility": site.get("utility"),
        },
    }


def status(facts: Facts) -> dict[str, Any] | None:
    """Build ``/api/status``.

    A synchroniser board reports the up-time. Without one it is at least the time
    since this gateway answered first, and that is said: programs made for the
    local API cannot do without the two.
    """
    version = facts.firmware.get("version")
    if version is None:
        return None
    now = timestamp(get_path(facts.controller, "system", "time"))
    up = _up_time(facts, now)
    part, _ = split_din(facts.config.get("vin"))
    commissioned = get_path(facts.config, "site_info", "battery_commission_date")
    return {
        "din": facts.config.get("vin"),
        "start_time": None if now is None or up is None else _start(now, up),
        "up_time_seconds": None if up is None else _duration(up),
        "is_new": False,
        "version": version,
        "git_hash": facts.firmware.get("git_hash"),
        "commission_count": 0,
        "device_type": _DEVICE_TYPES.get((part or "").split("-")[0]),
        "teg_type": "unknown",
        "sync_type": "unknown",
        "cellular_disabled": False,
        **({"battery_commission_date": commissioned} if commissioned else {}),
    }


def config(facts: Facts) -> dict[str, Any] | None:
    """Build ``/api/config``: the identity, which is all that the local API gives of the configuration."""
    return {"vin": facts.config["vin"]} if facts.config.get("vin") else None


def solars(facts: Facts) -> list[Any] | None:
    """Build ``/api/solars``: the configured inverters."""
    return names(facts.config.get("solars")) if "solars" in facts.config else None


def battery_blocks(facts: Facts) -> list[Any] | None:
    """Build ``/tedapi/battery``: the configured blocks, none at a site with solar panels only."""
    return names(facts.config.get("battery_blocks")) if "battery_blocks" in facts.config else None


def meters(facts: Facts) -> list[dict[str, Any]] | None:
    """Build ``/api/meters``: the configured meters."""
    if not rows(facts.config, "meters"):
        return None
    return [
        {
            "serial": get_path(meter, "connection", "device_serial"),
            "short_id": get_path(meter, "connection", "short_id"),
            "type": meter.get("type"),
            "cts": [
                {
                    "type": meter.get("location"),
                    "valid": meter.get("cts"),
                    "inverted": meter.get("inverted"),
                    "real_power_scale_factor": meter.get("real_power_scale_factor"),
                }
            ]
            if meter.get("cts")
            else [],
        }
        for meter in rows(facts.config, "meters")
    ]


def meter_at(facts: Facts, location: str) -> list[dict[str, Any]] | None:
    """Build ``/api/meters/site`` and its like: the meter there, with the readings of the totals."""
    readings = (aggregates(facts) or {}).get(location)
    if location not in METERS or readings is None:
        return None
    found = [
        {
            "id": place,
            "location": location,
            "type": meter.get("type"),
            "cts": meter.get("cts"),
            "inverted": meter.get("inverted"),
            "connection": {"device_serial": get_path(meter, "connection", "device_serial")},
            "Cached_readings": readings,
        }
        for place, meter in enumerate(rows(facts.config, "meters"))
        if str(meter.get("location", "")).lower().startswith(location)
    ]
    return found or None


def _up_time(facts: Facts, now: datetime | None) -> timedelta | None:
    for component in facts.components:
        milliseconds = number(signals(component).get("SYNC_Uptime"))
        if milliseconds is not None:
            return timedelta(milliseconds=milliseconds)
    if now is None or facts.seen_since is None:
        return None
    return timedelta(seconds=max(now.timestamp() - facts.seen_since, 0.0))


def _start(now: datetime, up: timedelta) -> str | None:
    """Write when the gateway started; None for a time that no calendar has."""
    try:
        return f"{now - up:%Y-%m-%d %H:%M:%S %z}"
    except OverflowError:
        return None


def _duration(span: timedelta) -> str:
    """Write a duration as Go does: ``230h55m59.93s``."""
    minutes, seconds = divmod(span.total_seconds(), 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}h{minutes}m{seconds:.6f}".rstrip("0").rstrip(".") + "s"
