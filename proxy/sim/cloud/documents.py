"""What the cloud reports of a site: products, live_status, site_info, site_status, calendar_history.

Charge and reserve are on the app's scale, powers in watts with the gateway's signs.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from proxy.core.model import app_percent
from proxy.sim.cloud.history import energy_entry, intervals
from proxy.sim.cloud.site import CloudSite
from proxy.sim.hardware import UNIT_NOMINAL_KWH, Device
from proxy.sim.island import CONNECTED
from proxy.sim.scene import Scene

_KINDS = ("energy", "power", "soe", "backup", "self_consumption")


def product(site: CloudSite) -> dict[str, Any]:
    """One entry of ``products``."""
    live = live_status(site)
    battery = (
        {}
        if site.is_solar_only
        else {
            "percentage_charged": live["percentage_charged"],
            "battery_power": live["battery_power"],
            "battery_type": "ac_powerwall",
            "backup_capable": True,
        }
    )
    return {
        "energy_site_id": site.site_id,
        "resource_type": "solar" if site.is_solar_only else "battery",
        "site_name": site.gateway.site.name,
        "id": f"STE{site.site_id}",
        "gateway_id": site.gateway.hardware.gateway.din,
        "asset_site_id": _uuid(site, "asset"),
        **battery,
        "components": {
            "battery": not site.is_solar_only,
            "solar": bool(site.gateway.hardware.inverters),
            "grid": True,
            "load_meter": True,
            "market_type": "residential",
        },
    }


def vehicle() -> dict[str, Any]:
    """One entry of ``products`` that is no energy site."""
    return {"id": 100021, "vehicle_id": 99999, "vin": "5YJSA1E00SIMULATE", "state": "asleep"}


def live_status(site: CloudSite) -> dict[str, Any]:
    """``live_status``: powers, charge and grid as the gateway uploaded them last."""
    scene = site.live()
    reading = scene.reading
    common = {
        "solar_power": reading.solar_w,
        "grid_status": "Unknown" if site.is_solar_only else _grid_status(scene),
        "grid_services_active": scene.site.grid_services,
        "timestamp": datetime.fromtimestamp(int(scene.now), site.zone).isoformat(),
    }
    flows = {
        "load_power": reading.load_w,
        "grid_power": reading.site_w,
        "grid_services_power": 0,
        "generator_power": reading.generator_w,
        "wall_connectors": [_wall_connector(n, power) for n, power in enumerate(site.wall_connectors)],
    }
    if site.is_solar_only:
        return {**common, **flows, "battery_power": 0, "island_status": "island_status_unknown"}
    energies = (
        {"energy_left": reading.energy_wh, "total_pack_energy": reading.full_wh}
        if site.reports_energy
        else {}
    )
    return {
        **common,
        **flows,
        **energies,
        "percentage_charged": max(app_percent(reading.percentage), 0),
        "backup_capable": True,
        "battery_power": reading.battery_w,
        "island_status": _island_status(site, scene),
        "storm_mode_active": site.is_storm_active,
    }


def _wall_connector(number: int, power: float) -> dict[str, Any]:
    """Form an entry as Wall Connectors of the third generation have it (seen in August 2023)."""
    return {
        "din": f"1529455-02-D--SIM{number:011d}",
        "vin": None,
        "wall_connector_state": 1 if power else 2,
        "wall_connector_fault_state": 2,
        "wall_connector_power": power,
    }


def site_status(site: CloudSite) -> dict[str, Any]:
    """``site_status``: a summary that Tesla does not document."""
    one = product(site)
    return {key: value for key, value in one.items() if key != "components"} | {
        "storm_mode_enabled": site.storm_mode
    }


def site_info(site: CloudSite) -> dict[str, Any]:
    """``site_info``: the installation and its settings."""
    site.catch_up()
    hardware, configured = site.gateway.hardware, site.gateway.site
    units = len(hardware.packs)
    battery = (
        {}
        if site.is_solar_only
        else {
            "backup_reserve_percent": site.reserve,
            "default_real_mode": configured.mode,
            "battery_count": units,
            "nameplate_power": 5000 * units,
            "nameplate_energy": int(UNIT_NOMINAL_KWH * 1000 * units),
        }
    )
    return {
        "id": _uuid(site, "site") if site.is_solar_only else hardware.gateway.din,
        "site_name": configured.name,
        **battery,
        "installation_date": site.installed.isoformat(timespec="seconds"),
        "installation_time_zone": configured.timezone,
        "version": site.gateway.persona.firmware.strip(),
        "max_site_meter_power_ac": 1000000000,
        "min_site_meter_power_ac": -1000000000,
        "user_settings": {
            "storm_mode_enabled": site.storm_mode,
            "off_grid_vehicle_charging_reserve_percent": site.off_grid_vehicle_reserve,
        },
        "tariff_content": {"name": "Residential", "utility": "Simulated Utility", "code": "SIM-1"},
        "address": {"address_line1": "1 Simulated Street", "city": "Springfield", "zip": "00000"},
        "geolocation": {"latitude": 37.0, "longitude": -122.0},
        "components": _components(site),
    }


def calendar_history(site: CloudSite, query: Mapping[str, str]) -> dict[str, Any] | None:
    """``calendar_history`` of one kind and period; None for a kind or an end that is refused."""
    site.catch_up()
    kind, period = query.get("kind", "energy"), query.get("period", "day")
    now = datetime.fromtimestamp(site.gateway.clock.wall(), site.zone)
    end = _moment(query.get("end_date")) or now
    end = end.astimezone(site.zone)
    if kind not in _KINDS or (end.hour, end.minute, end.second) == (0, 0, 0):
        return None
    if kind == "backup":
        return {"events": [], "events_count": 0, "total_events": 0}
    series = [
        _entry(site, kind, start, stop)
        for start, stop in intervals(period, end, site.installed)
        if start < now and stop > site.installed
    ]
    return {
        "period": period,
        "installation_time_zone": site.gateway.site.timezone,
        "serial_number": site.gateway.hardware.gateway.serial,
        "time_series": series,
    }


def _entry(site: CloudSite, kind: str, start: datetime, stop: datetime) -> dict[str, Any]:
    used = site.history.between(start.timestamp(), stop.timestamp())
    hours = (stop.timestamp() - start.timestamp()) / 3600
    match kind:
        case "energy":
            return energy_entry(start, used)
        case "power":
            return {
                "timestamp": start.isoformat(),
                "solar_power": used.produced / hours,
                "battery_power": (used.discharged - used.charged) / hours,
                "grid_power": (used.imported - used.exported) / hours,
                "grid_services_power": 0,
                "generator_power": used.generated / hours,
            }
        case "soe":
            return {"timestamp": start.isoformat(), "soe": round(live_status(site)["percentage_charged"])}
        case _:
            total = used.consumed or 1.0
            return {
                "timestamp": start.isoformat(),
                "solar": 100 * min(used.produced / total, 1.0),
                "battery": 100 * min(used.discharged / total, 1.0),
            }


def _components(site: CloudSite) -> dict[str, Any]:
    hardware, configured = site.gateway.hardware, site.gateway.site
    return {
        "solar": bool(hardware.inverters),
        "solar_type": "pv_panel",
        "battery": not site.is_solar_only,
        "grid": True,
        "backup": not site.is_solar_only,
        "gateway": "neo" if site.is_solar_only else "teg",
        "load_meter": True,
        "tou_capable": not site.is_solar_only,
        "disallow_charge_from_grid_with_solar_installed": not configured.grid_charging,
        "customer_preferred_export_rule": configured.export_rule,
        "inverters": [
            {"device_id": _uuid(site, unit.din), "din": unit.din, "is_active": True}
            for unit in hardware.inverters
        ],
        "gateways": [] if site.is_solar_only else [_device(site, hardware.gateway) | _firmware(site)],
        "batteries": [
            _device(site, pack)
            | {
                "nameplate_max_charge_power": 5000,
                "nameplate_max_discharge_power": 5000,
                "nameplate_energy": int(UNIT_NOMINAL_KWH * 1000),
            }
            for pack in hardware.packs
        ],
    }


def _device(site: CloudSite, device: Device) -> dict[str, Any]:
    return {
        "device_id": _uuid(site, device.din),
        "din": device.din,
        "serial_number": device.serial,
        "part_number": device.part,
        "part_name": "Simulated",
        "is_active": True,
    }


def _firmware(site: CloudSite) -> dict[str, Any]:
    return {"firmware_version": site.gateway.persona.firmware.strip()}


def _grid_status(scene: Scene) -> str:
    return "Active" if scene.reading.grid_status == CONNECTED else "Inactive"


def _island_status(site: CloudSite, scene: Scene) -> str:
    if scene.reading.grid_status == CONNECTED:
        return "on_grid"
    return "off_grid_intentional" if site.gateway.plant.contactor.wanted_open else "off_grid"


def _moment(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None


def _uuid(site: CloudSite, what: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{site.site_id} {what}"))
