"""Documents below ``/api/system_status``, and those of the battery units."""

from __future__ import annotations

import json
from typing import Any

from proxy.sim.answers import NOT_FOUND, Answer, refusal
from proxy.sim.firmware import V1_20, V20_49
from proxy.sim.hardware import Device, shares
from proxy.sim.island import CONNECTED, ISLANDED
from proxy.sim.scene import Scene

STOP_FIRST = (
    "Cannot perform this action with site controller running. From landing page, "
    'either "STOP SYSTEM" or "RUN WIZARD" to proceed.'
)
COMMISSIONING = ("CAN connectivity", "Enable switch", "Internal communications", "Firmware up-to-date")
UPDATE = ("Powerwall firmware", "Battery firmware", "Inverter firmware", "Grid code")


def grid_status(scene: Scene) -> Any:
    """``/api/system_status/grid_status``; 1.15 has the first key only."""
    document: dict[str, Any] = {"grid_status": scene.reading.grid_status}
    if scene.version >= V1_20:
        document["grid_services_active"] = scene.site.grid_services
    return document


def soe(scene: Scene) -> Any:
    """``/api/system_status/soe``: percent of the whole pack; 404 without one."""
    if not scene.reading.full_wh:
        return NOT_FOUND
    return {"percentage": scene.reading.percentage}


def grid_faults(scene: Scene) -> Any:
    """``/api/system_status/grid_faults``: one under-frequency alert per outage."""
    return [_grid_fault(scene, when) for when in scene.outages]


def _grid_fault(scene: Scene, when: float) -> dict[str, Any]:
    name = "PINV_a006_vfCheckUnderFrequency"
    decoded = [
        {"name": "PINV_alertID", "value": name},
        {"name": "PINV_alertType", "value": "Warning"},
        {"name": "PINV_a006_frequency", "value": 57.207, "units": "Hz"},
    ]
    unit = scene.hardware.packs[0] if scene.hardware.packs else scene.hardware.gateway
    return {
        "timestamp": int(when * 1000),
        "alert_name": name,
        "alert_is_fault": False,
        "decoded_alert": json.dumps(decoded, separators=(",", ":")),
        "alert_raw": 432406325129904128,
        "git_hash": scene.persona.git_hash[:14],
        "site_uid": scene.hardware.gateway.din,
        "ecu_type": "TEPINV",
        "ecu_package_part_number": unit.part,
        "ecu_package_serial_number": unit.serial,
    }


def battery_blocks(scene: Scene) -> list[dict[str, Any]]:
    """One block per unit; their powers and energies add up to those of the system."""
    reading, units = scene.reading, len(scene.hardware.packs)
    islanded = reading.grid_status != CONNECTED
    columns = (
        shares(reading.battery_w, units),
        shares(reading.energy_wh, units),
        shares(reading.full_wh, units),
        shares(round(reading.counters.charged), units),
        shares(round(reading.counters.discharged), units),
    )
    return [
        {
            "Type": "",
            "PackagePartNumber": pack.part,
            "PackageSerialNumber": pack.serial,
            "disabled_reasons": [],
            "pinv_state": "PINV_GridForming" if islanded else "PINV_GridFollowing",
            "pinv_grid_state": "Grid_Uncompliant" if islanded else "Grid_Compliant",
            "nominal_energy_remaining": energy,
            "nominal_full_pack_energy": full,
            "p_out": watts,
            "q_out": 30,
            "v_out": scene.hardware.volts,
            "f_out": reading.frequency_hz,
            "i_out": round(watts / scene.hardware.volts, 1),
            "energy_charged": charged,
            "energy_discharged": discharged,
            "off_grid": islanded,
            "vf_mode": islanded,
            "wobble_detected": False,
            "charge_power_clamped": False,
            "backup_ready": True,
            "OpSeqState": "Active",
            "version": scene.persona.git_hash[:14],
        }
        for pack, watts, energy, full, charged, discharged in zip(scene.hardware.packs, *columns, strict=True)
    ]


def system_status(scene: Scene) -> Any:
    """``/api/system_status``: capacity, limits and the battery units."""
    reading, battery = scene.reading, scene.hardware.battery()
    units = len(scene.hardware.packs)
    return {
        "command_source": "Configuration",
        "battery_target_power": reading.battery_w,
        "battery_target_reactive_power": 0,
        "nominal_full_pack_energy": reading.full_wh,
        "nominal_energy_remaining": reading.energy_wh,
        "max_power_energy_remaining": 0,
        "max_power_energy_to_be_charged": 0,
        "max_charge_power": battery.charge_w,
        "max_discharge_power": battery.discharge_w,
        "max_apparent_power": battery.discharge_w,
        "instantaneous_max_discharge_power": 12000 * units,
        "instantaneous_max_charge_power": 5290 * units,
        "grid_services_power": 0,
        "system_island_state": reading.grid_status,
        "available_blocks": units,
        "battery_blocks": battery_blocks(scene),
        "ffr_power_availability_high": 5800 * units,
        "ffr_power_availability_low": 5290 * units,
        "load_charge_constraint": 0,
        "max_sustained_ramp_rate": 1250000,
        "grid_faults": grid_faults(scene),
        "can_reboot": "Yes",
        "smart_inv_delta_p": 0,
        "smart_inv_delta_q": 0,
        "last_toggle_timestamp": "2021-12-16T22:17:15.683707425-07:00",
        "solar_real_power_limit": -1,
        "score": 10000,
        "blocks_controlled": units,
        "primary": True,
        "auxiliary_load": 0,
        "all_enable_lines_high": True,
        "inverter_nominal_usable_power": 5800 * units,
        "expected_energy_remaining": 0,
    }


def _check(scene: Scene, name: str, *, ran: bool) -> dict[str, Any]:
    """Render one line of a diagnostic; while the system runs the commissioning ones all fail."""
    if not ran:
        head: dict[str, Any] = {"name": name, "status": "not_run", "start_time": None, "end_time": None}
        return head | {"progress": 0, "results": None, "debug": None, "checks": None}
    head = {"name": name, "status": "running", "start_time": scene.timestamp(), "end_time": None}
    if scene.running:
        head |= {"status": "fail", "end_time": scene.timestamp(), "message": STOP_FIRST}
    return head | {"results": {}, "debug": {}, "checks": None}


def _diagnostics(scene: Scene) -> dict[str, Any]:
    def diagnostic(name: str, names: tuple[str, ...], *, update: bool) -> dict[str, Any]:
        checks = [_check(scene, check, ran=not update) for check in names]
        head = {"name": name, "category": "InternalComms", "disruptive": update, "inputs": None}
        return head | {"checks": checks, "alert": False}

    return {
        "commissioning_diagnostic": diagnostic("Commissioning", COMMISSIONING, update=False),
        "update_diagnostic": diagnostic("Firmware Update", UPDATE, update=True),
    }


def powerwalls_status(scene: Scene) -> Any:
    """``/api/powerwalls/status``; firmware 1.x refuses it while the site master runs."""
    if scene.version < V20_49:
        return _conflict() if scene.running else {"enumerating": False, "updating": False}
    reason = "run sitemanager flag enabled"
    return {
        "enumerating": False,
        "updating": False,
        "checking_if_offgrid": False,
        "running_phase_detection": False,
        "phase_detection_last_error": "no phase information",
        "bubble_shedding": False,
        "on_grid_check_error": reason if scene.running else f"{reason}, sitemanager process is running",
        "grid_qualifying": False,
        "grid_code_validating": False,
        "phase_detection_not_available": True,
    }


def _conflict() -> Answer:
    words = "Sitemaster is current running"
    return refusal(409, words, words)


def _powerwall(scene: Scene, unit: Device) -> dict[str, Any]:
    return {
        "Type": "",
        "PackagePartNumber": unit.part,
        "PackageSerialNumber": unit.serial,
        "type": "ACPW",
        "grid_state": "Grid_Uncompliant" if scene.reading.grid_status == ISLANDED else "Grid_Compliant",
        "grid_reconnection_time_seconds": 0,
        "under_phase_detection": False,
        "updating": False,
        **_diagnostics(scene),
        "bc_type": None,
        "in_config": True,
    }


def powerwalls(scene: Scene) -> Any:
    """``/api/powerwalls``: the battery units with their diagnostics."""
    packs = scene.hardware.packs
    if scene.version < V20_49:
        units = [{"PackagePartNumber": p.part, "PackageSerialNumber": p.serial} for p in packs]
        return {"powerwalls": units, "has_sync": True}
    return powerwalls_status(scene) | {
        "powerwalls": [_powerwall(scene, pack) for pack in packs],
        "gateway_din": scene.hardware.gateway.din,
        "sync": {"updating": False, **_diagnostics(scene)},
        "msa": None,
        "states": None,
    }


def phase_usages(_scene: Scene) -> Any:
    """``/api/powerwalls/phase_usages``: nothing measured on this hardware."""
    return refusal(500, "Failed getting phase detection information", "no phase information")
