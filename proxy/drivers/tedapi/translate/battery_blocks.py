"""``/api/system_status`` and ``/api/powerwalls`` from TEDAPI: the battery blocks and their sums."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from proxy.drivers.tedapi.data import (
    Facts,
    at,
    get_path,
    names,
    number,
    packages,
    rows,
    scaled,
    section,
    split_din,
    text,
)
from proxy.drivers.tedapi.translate import powerwall3, vitals
from proxy.drivers.tedapi.translate.grid import grid_state

# A block in the order of the gateway's own document.
_BLOCK: dict[str, Any] = {
    "Type": "",
    "PackagePartNumber": None,
    "PackageSerialNumber": None,
    "disabled_reasons": [],
    "pinv_state": None,
    # Home Assistant wants a text here and takes the empty one for "no inverter at work".
    "pinv_grid_state": "",
    "nominal_energy_remaining": None,
    "nominal_full_pack_energy": None,
    "p_out": None,
    "q_out": None,
    "v_out": None,
    "f_out": None,
    "i_out": None,
    "energy_charged": None,
    "energy_discharged": None,
    "off_grid": None,
    "vf_mode": None,
    "wobble_detected": None,
    "charge_power_clamped": None,
    "backup_ready": None,
    "OpSeqState": None,
    "version": None,
}

# What /api/system_status has and TEDAPI does not report.
_UNKNOWN_BEFORE = ("command_source", "battery_target_power", "battery_target_reactive_power")
_UNKNOWN_LIMITS = (
    "max_power_energy_remaining",
    "max_power_energy_to_be_charged",
)
# What the site is built for (W) limits these.
_NOMINAL_LIMITS = ("max_charge_power", "max_discharge_power", "max_apparent_power")
_UNKNOWN_MOMENTARY = (
    "instantaneous_max_discharge_power",
    "instantaneous_max_charge_power",
    "instantaneous_max_apparent_power",
    "hardware_capability_charge_power",
    "hardware_capability_discharge_power",
    "grid_services_power",
)
_UNKNOWN_AFTER = (
    "ffr_power_availability_high",
    "ffr_power_availability_low",
    "load_charge_constraint",
    "max_sustained_ramp_rate",
    "grid_faults",
    "can_reboot",
    "smart_inv_delta_p",
    "smart_inv_delta_q",
    "last_toggle_timestamp",
    "solar_real_power_limit",
    "score",
)
_UNKNOWN_LAST = (
    "primary",
    "auxiliary_load",
    "all_enable_lines_high",
    "inverter_nominal_usable_power",
    "expected_energy_remaining",
)


def system_status(facts: Facts) -> dict[str, Any] | None:
    """Build ``/api/system_status``: watt-hours, the grid state, the blocks; null for what is not reported."""
    energies = section(facts.controller, "control", "systemStatus")
    full = number(energies.get("nominalFullPackEnergyWh"))
    remaining = number(energies.get("nominalEnergyRemainingWh"))
    if (full is None and remaining is None) or not powerwall3.are_named(facts):
        return None
    controlled = len(rows(facts.controller, "control", "batteryBlocks"))
    return {
        **dict.fromkeys(_UNKNOWN_BEFORE),
        "nominal_full_pack_energy": full,
        "nominal_energy_remaining": remaining,
        **dict.fromkeys(_UNKNOWN_LIMITS),
        **dict.fromkeys(_NOMINAL_LIMITS, _nominal_w(facts)),
        **dict.fromkeys(_UNKNOWN_MOMENTARY),
        "system_island_state": grid_state(facts),
        "available_blocks": controlled,
        "available_charger_blocks": None,
        "battery_blocks": list(battery_blocks(facts)),
        **dict.fromkeys(_UNKNOWN_AFTER),
        "blocks_controlled": controlled,
        **dict.fromkeys(_UNKNOWN_LAST),
    }


def _nominal_w(facts: Facts) -> float | None:
    """Return the nominal power of the site (W), which is configured in kilowatts."""
    kilowatts = number(get_path(facts.config, "site_info", "nominal_system_power_ac"))
    return None if kilowatts is None else round(kilowatts * 1000)


def battery_blocks(facts: Facts) -> Iterator[dict[str, Any]]:
    """List the blocks: every Powerwall in order, then the expansion packs."""
    reasons = {
        text(row.get("din")): names(row.get("disableReasons"))
        for row in rows(facts.controller, "control", "batteryBlocks")
    }
    yield from _powerwalls2(facts, reasons)
    yield from _powerwalls3(facts, reasons)


def powerwalls(facts: Facts) -> dict[str, Any] | None:
    """Build ``/api/powerwalls`` from the configured blocks; diagnostics are not reported: null."""
    if not facts.config:
        return None
    states = {block["PackageSerialNumber"]: block["pinv_grid_state"] for block in battery_blocks(facts)}
    listed = []
    for block in rows(facts.config, "battery_blocks"):
        part, serial = split_din(block.get("vin"))
        listed.append(
            {
                "Type": "",
                "PackagePartNumber": part,
                "PackageSerialNumber": serial,
                "type": block.get("type"),
                "grid_state": states.get(serial),
                "grid_reconnection_time_seconds": None,
                "under_phase_detection": get_path(facts.controller, "esCan", "phaseDetection", "inProgress"),
                "updating": get_path(facts.controller, "esCan", "firmwareUpdate", "isUpdating"),
                "commissioning_diagnostic": None,
                "update_diagnostic": None,
                "bc_type": None,
                "in_config": True,
            }
        )
    return {
        "enumerating": get_path(facts.controller, "esCan", "enumeration", "inProgress"),
        "updating": get_path(facts.controller, "esCan", "firmwareUpdate", "isUpdating"),
        "checking_if_offgrid": None,
        "running_phase_detection": get_path(facts.controller, "esCan", "phaseDetection", "inProgress"),
        "phase_detection_last_error": None,
        "bubble_shedding": None,
        "on_grid_check_error": None,
        "grid_qualifying": None,
        "grid_code_validating": None,
        "phase_detection_not_available": None,
        "powerwalls": listed,
        "gateway_din": facts.config.get("vin"),
        "sync": None,
        "msa": None,
        "states": None,
    }


def _powerwalls2(facts: Facts, reasons: dict[Any, list[Any]]) -> Iterator[dict[str, Any]]:
    signals = vitals.paired_signals(facts)
    for slot, package in packages(facts.bus, "THC"):
        part, serial = package.get("packagePartNumber"), package["packageSerialNumber"]
        inverter = section(at(facts.bus, "PINV", slot), "PINV_Status")
        energy = section(at(facts.bus, "POD", slot), "POD_EnergyStatus")
        known = signals.get(serial, {})
        yield _BLOCK | {
            "PackagePartNumber": part,
            "PackageSerialNumber": serial,
            "disabled_reasons": reasons.get(f"{part}--{serial}", []),
            "pinv_state": inverter.get("PINV_State"),
            "pinv_grid_state": inverter.get("PINV_GridState") or "",
            "nominal_energy_remaining": number(energy.get("POD_nom_energy_remaining")),
            "nominal_full_pack_energy": number(energy.get("POD_nom_full_pack_energy")),
            # The local API has watts here, the bus kilowatts.
            "p_out": scaled(inverter.get("PINV_Pout"), 1000),
            "q_out": scaled(known.get("PINV_Qout"), 1000),
            "v_out": number(inverter.get("PINV_Vout")),
            "f_out": number(inverter.get("PINV_Fout")),
            "energy_charged": number(known.get("PINV_EnergyCharged")),
            "energy_discharged": number(known.get("PINV_EnergyDischarged")),
        }


def _powerwalls3(facts: Facts, reasons: dict[Any, list[Any]]) -> Iterator[dict[str, Any]]:
    """List the units that the configuration names, also while one does not answer; then their expansions."""
    units = {unit.din: unit for unit in powerwall3.units(facts)}
    packs = {pack.din: pack for pack in powerwall3.packs(facts)}
    islander = section(facts.bus, "ISLANDER", "ISLAND_AcMeasurements").get("ISLAND_GridState")
    grid = str(islander or "").removeprefix("ISLAND_GridState_")
    for block in powerwall3.blocks(facts.config):
        din = block["vin"]
        unit = units.get(din)
        measured = {}
        if unit:
            measured = {
                "pinv_state": unit.signals.get("PCH_AcMode"),
                "pinv_grid_state": grid,
                "p_out": unit.number("PCH_BatteryPower"),
                "v_out": unit.number("PCH_AcVoltageAB"),
                "f_out": unit.number("PCH_AcFrequency"),
            }
        yield _named(din) | _stored(packs.get(din)) | measured | {"disabled_reasons": reasons.get(din, [])}
    for pack in packs.values():
        if pack.is_expansion:
            yield _named(pack.din) | _stored(pack) | {"Type": "BatteryExpansion"}


def _named(din: str | None) -> dict[str, Any]:
    part, serial = split_din(din)
    return _BLOCK | {"PackagePartNumber": part, "PackageSerialNumber": serial, "disabled_reasons": []}


def _stored(pack: powerwall3.Pack | None) -> dict[str, Any]:
    if pack is None:
        return {}
    return {"nominal_energy_remaining": pack.remaining_wh, "nominal_full_pack_energy": pack.full_wh}
