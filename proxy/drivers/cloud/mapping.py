"""What the cloud reports of a site, as documents of the local API. Pure.

Powers are watts and energies watt-hours with the gateway's signs. Charge and reserve come on the
app's scale and leave on the gateway's, as ``core/model.py`` has it. What the cloud does not report is
null or absent: it has no voltages, no currents, and no energies beside those of its history.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from proxy.core.json_access import get_path, number, text
from proxy.core.model import raw_percent

_CONNECTED = "SystemGridConnected"
_ISLANDED = "SystemIslandedActive"
_POWERS = {"site": "grid_power", "battery": "battery_power", "load": "load_power", "solar": "solar_power"}
_ALERTS = {
    "on_grid": "SystemConnectedToGrid",
    "off_grid_intentional": "ScheduledIslandContactorOpen",
    "off_grid": "UnscheduledIslandContactorOpen",
    "off_grid_unintentional": "UnscheduledIslandContactorOpen",
}


@dataclass(frozen=True, slots=True)
class Reported:
    """The latest answers; empty where there is none yet.

    ``energies`` are (imported, exported) Wh by meter, ``battery`` is ``site_status``, ``time`` is ``backup_time_remaining``.
    """

    live: Mapping[str, Any] = field(default_factory=dict)
    info: Mapping[str, Any] = field(default_factory=dict)
    energies: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    battery: Mapping[str, Any] = field(default_factory=dict)
    time: Mapping[str, Any] = field(default_factory=dict)

    @property
    def has_battery(self) -> bool:
        """Whether the site has one, as far as it is known."""
        return "percentage_charged" in self.live or get_path(self.info, "components", "battery") is True


def powers(live: Mapping[str, Any]) -> dict[str, float | None]:
    """Give the power of each meter; a site without battery has no battery power, not 0 W."""
    known = {meter: number(live.get(name)) for meter, name in _POWERS.items()}
    if "percentage_charged" not in live:
        known["battery"] = None
    return known


def aggregates(reported: Reported) -> dict[str, Any] | None:
    """Build ``/api/meters/aggregates``; None while no power is reported. A meter that is not there is left out."""
    known = powers(reported.live)
    if all(power is None for power in known.values()):
        return None
    counts = {"site": 1, "battery": _battery_count(reported), "solar": _solar_count(reported), "load": None}
    return {
        meter: _meter(power, reported.live.get("timestamp"), reported.energies.get(meter), counts[meter])
        for meter, power in known.items()
        if power is not None or (meter == "battery" and reported.has_battery)
    }


def _meter(
    power: float | None, read_at: Any, energy: tuple[float, float] | None, meters: int | None
) -> dict[str, Any]:
    imported, exported = energy or (None, None)
    document = {
        "last_communication_time": read_at,
        "instant_power": power,
        "instant_reactive_power": None,
        "instant_apparent_power": None,
        "frequency": None,
        "energy_exported": exported,
        "energy_imported": imported,
        "instant_average_voltage": None,
        "instant_average_current": None,
        "i_a_current": None,
        "i_b_current": None,
        "i_c_current": None,
        "last_phase_voltage_communication_time": None,
        "last_phase_power_communication_time": None,
        "last_phase_energy_communication_time": None,
        "timeout": None,
        "instant_total_current": None,
    }
    return document if meters is None else document | {"num_meters_aggregated": meters}


def soe(reported: Reported) -> dict[str, Any] | None:
    """Build ``/api/system_status/soe``; None without a battery."""
    charge = number(reported.live.get("percentage_charged"))
    return None if charge is None else {"percentage": raw_percent(charge)}


def grid_state(live: Mapping[str, Any]) -> str | None:
    """Say whether the house is on the grid, by the island status where it is known; None where nothing says."""
    island = live.get("island_status")
    if island == "on_grid":
        return _CONNECTED
    if isinstance(island, str) and island.startswith("off_grid"):
        return _ISLANDED
    match live.get("grid_status"):
        case "Inactive":
            return _ISLANDED
        case "Active" | "Unknown" | None:
            # A site without battery reports nothing else, and cannot leave the grid.
            return _CONNECTED if live else None
        case _:
            return None


def grid_status(reported: Reported) -> dict[str, Any] | None:
    """Build ``/api/system_status/grid_status``."""
    state = grid_state(reported.live)
    if state is None:
        return None
    return {"grid_status": state, "grid_services_active": reported.live.get("grid_services_active") is True}


def system_status(reported: Reported) -> dict[str, Any] | None:
    """Build ``/api/system_status``, as much of it as is known; None without a battery."""
    live, info = reported.live, reported.info
    if not reported.has_battery:
        return None
    power = number(info.get("nameplate_power"))
    return {
        "nominal_full_pack_energy": number(live.get("total_pack_energy")),
        "nominal_energy_remaining": number(live.get("energy_left")),
        "max_charge_power": power,
        "max_discharge_power": power,
        "max_apparent_power": power,
        "grid_services_power": number(live.get("grid_services_power")),
        "system_island_state": grid_state(live),
        "available_blocks": _battery_count(reported),
        "blocks_controlled": _battery_count(reported),
        "battery_blocks": [],
    }


def vitals(reported: Reported) -> dict[str, Any] | None:
    """Build the one device of ``/api/devices/vitals`` that the cloud knows: the controller with its alerts."""
    alert = _ALERTS.get(str(reported.live.get("island_status")))
    if alert is None:
        alert = {_CONNECTED: _ALERTS["on_grid"], _ISLANDED: _ALERTS["off_grid"]}.get(
            grid_state(reported.live) or ""
        )
    part, _, serial = (text(reported.info.get("id")) or "").partition("--")
    if alert is None or not serial:
        return None
    return {
        f"STSTSM--{part}--{serial}": {
            "partNumber": part,
            "serialNumber": serial,
            "manufacturer": "TESLA",
            "firmwareVersion": text(reported.info.get("version")),
            "alerts": [alert],
        }
    }


def wall_connectors(reported: Reported) -> dict[str, Any] | None:
    """List the power (W) of every Wall Connector, null where it is not reported; it is part of the load's power."""
    if not reported.live:
        return None
    listed = reported.live.get("wall_connectors")
    found = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return {"wall_connectors": [{"power": number(one.get("wall_connector_power"))} for one in found]}


def operation(reported: Reported) -> dict[str, Any] | None:
    """Build ``/api/operation``; None on a site that has no mode and no reserve."""
    mode = text(reported.info.get("default_real_mode"))
    reserve = number(reported.info.get("backup_reserve_percent"))
    if mode is None and reserve is None:
        return None
    return {"real_mode": mode, "backup_reserve_percent": None if reserve is None else raw_percent(reserve)}


def status(reported: Reported) -> dict[str, Any] | None:
    """Build ``/api/status``; the hash of the build is the second word of its version."""
    version = text(reported.info.get("version"))
    if version is None:
        return None
    return {
        "din": text(reported.info.get("id")),
        "start_time": None,
        "up_time_seconds": None,
        "is_new": None,
        "version": version,
        "git_hash": next(iter(version.split()[1:]), None),
        "commission_count": None,
        "device_type": text(get_path(reported.info, "components", "gateway")),
        "teg_type": None,
        "sync_type": None,
        "cellular_disabled": None,
    }


def site_name(reported: Reported) -> dict[str, Any] | None:
    """Build ``/api/site_info/site_name``."""
    info = reported.info
    if "site_name" not in info and "installation_time_zone" not in info:
        return None
    return {"site_name": text(info.get("site_name")), "timezone": text(info.get("installation_time_zone"))}


def site_info(reported: Reported) -> dict[str, Any] | None:
    """Build ``/api/site_info``: kilowatts and kilowatt-hours."""
    info = reported.info
    if not info:
        return None
    energy, power = _kilo(info.get("nameplate_energy")), _kilo(info.get("nameplate_power"))
    return {
        "max_system_energy_kWh": energy,
        "max_system_power_kW": power,
        "site_name": text(info.get("site_name")),
        "timezone": text(info.get("installation_time_zone")),
        "max_site_meter_power_kW": number(info.get("max_site_meter_power_ac")),
        "min_site_meter_power_kW": number(info.get("min_site_meter_power_ac")),
        "nominal_system_energy_kWh": energy,
        "nominal_system_power_kW": power,
        "panel_max_current": None,
        "grid_code": {
            "grid_code": None,
            "grid_voltage_setting": None,
            "grid_freq_setting": None,
            "grid_phase_setting": None,
            "country": None,
            "state": None,
            "utility": text(get_path(info, "tariff_content", "utility")),
        },
    }


def powerwalls(reported: Reported) -> dict[str, Any] | None:
    """Build ``/api/powerwalls`` from the batteries' part and serial numbers; None where they are not listed."""
    found = [
        {
            "PackagePartNumber": text(one.get("part_number")),
            "PackageSerialNumber": text(one.get("serial_number")),
        }
        for one in _rows(reported.info, "batteries")
    ]
    return {"powerwalls": found} if found else None


def time_remaining(reported: Reported) -> dict[str, Any] | None:
    """Give Tesla's estimate of the hours that the battery lasts; None where there is none."""
    hours = number(reported.time.get("time_remaining_hours"))
    return None if hours is None or hours < 0 else {"time_remaining_hours": hours}


def tariff(reported: Reported) -> dict[str, Any] | None:
    """Give the tariff of the utility as the site has it configured; None without one."""
    found = reported.info.get("tariff_content")
    return found if isinstance(found, dict) and found else None


def has_powers(live: Any) -> bool:
    """Say whether an answer looks like ``live_status``: some power is known."""
    return isinstance(live, dict) and any(power is not None for power in powers(live).values())


def has_site(info: Mapping[str, Any]) -> bool:
    """Say whether an answer looks like ``site_info``: an outage answers with an empty object."""
    return bool(info.keys() & {"id", "site_name", "components", "version"})


def _battery_count(reported: Reported) -> int | None:
    count = number(reported.info.get("battery_count"))
    return None if count is None else int(count)


def _solar_count(reported: Reported) -> int | None:
    if not reported.info:
        return None
    inverters = len(_rows(reported.info, "inverters"))
    return inverters or int(get_path(reported.info, "components", "solar") is True)


def _rows(info: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    rows = get_path(info, "components", name)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _kilo(value: Any) -> float | None:
    known = number(value)
    return None if known is None else known / 1000
