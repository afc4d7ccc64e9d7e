"""What is known of each battery pack, as flat fields PW1_…, PW2_… and as an object by serial.

A value comes from the pack's device in the vitals if it is there, else from the pack's
block in ``/api/system_status``, else it is null.
"""

from __future__ import annotations

from typing import Any, Final

from proxy.core.sources import SYSTEM_STATUS, TEDAPI_CONFIG
from proxy.views import site
from proxy.views.devices import devices
from proxy.views.json_access import Documents, flag, number, section, sections, text
from proxy.views.meters import hours_remaining
from proxy.views.options import Options
from proxy.views.packs import Pack, packs

_FREQUENCY_BLOCK: Final = (
    "PackagePartNumber",
    "PackageSerialNumber",
    "p_out",
    "q_out",
    "v_out",
    "f_out",
    "i_out",
)
_POD_FLAGS: Final = (
    "POD_ActiveHeating",
    "POD_ChargeComplete",
    "POD_ChargeRequest",
    "POD_DischargeComplete",
    "POD_PermanentlyFaulted",
    "POD_PersistentlyFaulted",
    "POD_enable_line",
)
_POD_BLOCK: Final = (
    "PackagePartNumber",
    "PackageSerialNumber",
    "pinv_state",
    "pinv_grid_state",
    "p_out",
    "q_out",
    "v_out",
    "f_out",
    "i_out",
    "energy_charged",
    "energy_discharged",
)
_BLOCK_FLAGS: Final = ("off_grid", "vf_mode", "wobble_detected", "charge_power_clamped", "backup_ready")


def temp_numbers(documents: Documents, options: Options) -> dict[str, Any]:
    """Return the temperature (°C) of every pack as PW1_temp, PW2_temp, …"""
    numbered = {}
    for pack in packs(options.pack_order, documents):
        controller, cells = pack.signals("TETHC"), pack.signals("TEPOD")
        if pack.name("TETHC"):
            numbered[f"PW{pack.number}_temp"] = controller.get("THC_AmbientTemp")
        elif "HVP_PackTempMax" in cells:
            numbered[f"PW{pack.number}_temp"] = cells["HVP_PackTempMax"]
    return numbered


def freq(documents: Documents, options: Options) -> dict[str, Any]:
    """Return frequencies (Hz) and voltages (V) of every pack and meter, and the grid's state."""
    fields: dict[str, Any] = {}
    for pack in packs(options.pack_order, documents):
        fields |= _numbered(pack, _inverter(pack))
    for _, signals in devices(documents, "TESYNC", "TEMSA"):
        for key, value in signals.items():
            # Translated vitals list every meter there could be; a null must not hide a reading.
            if key.startswith(("ISLAND", "METER")) and (value is not None or key not in fields):
                fields[key] = value
    return {**fields, "grid_status": site.grid_number(documents)}


def _inverter(pack: Pack) -> dict[str, Any]:
    signals = pack.signals("TEPINV")
    fout = signals.get("PINV_Fout")
    return {
        "name": pack.name("TEPINV"),
        "PINV_Fout": pack.block.get("f_out") if fout is None else fout,
        "PINV_VSplit1": signals.get("PINV_VSplit1"),
        "PINV_VSplit2": signals.get("PINV_VSplit2"),
        **{key: pack.block.get(key) for key in _FREQUENCY_BLOCK},
    }


def pod(documents: Documents, options: Options) -> dict[str, Any]:
    """Return energies (Wh), powers (W) and states of every pack, and the site's totals."""
    fields: dict[str, Any] = {}
    listed = packs(options.pack_order, documents)
    kinds, leaders = _configured(listed, documents)
    for pack in listed:
        fields |= _numbered(pack, _cells(pack) | {"Type": kinds.get(_din(pack)) or pack.block.get("Type")})
        if leader := leaders.get(_din(pack)):
            fields[f"PW{pack.number}_attached_to"] = leader
    system = section(documents.get(SYSTEM_STATUS))
    return {
        **fields,
        "nominal_full_pack_energy": number(system.get("nominal_full_pack_energy")),
        "nominal_energy_remaining": number(system.get("nominal_energy_remaining")),
        "time_remaining_hours": hours_remaining(documents, options),
        "backup_reserve_percent": site.reserve_percent(documents),
    }


def _din(pack: Pack) -> str:
    return f"{pack.block.get('PackagePartNumber')}--{pack.block.get('PackageSerialNumber')}"


def _configured(listed: list[Pack], documents: Documents) -> tuple[dict[str, Any], dict[str, str]]:
    """Return by DIN the kind of each unit, and for each expansion the unit that it is attached to (PW1)."""
    numbers = {_din(pack): f"PW{pack.number}" for pack in listed}
    kinds: dict[str, Any] = {}
    leaders: dict[str, str] = {}
    for unit in sections(section(documents.get(TEDAPI_CONFIG)).get("battery_blocks")):
        din = text(unit.get("vin")) or ""
        kinds[din] = text(unit.get("type"))
        for expansion in sections(unit.get("battery_expansions")):
            if din in numbers:
                leaders[text(expansion.get("din")) or ""] = numbers[din]
    return kinds, leaders


def _cells(pack: Pack) -> dict[str, Any]:
    signals, block = pack.signals("TEPOD"), pack.block
    return {
        "name": pack.name("TEPOD"),
        **{key: flag(signals.get(key)) for key in _POD_FLAGS},
        "POD_available_charge_power": signals.get("POD_available_charge_power"),
        "POD_available_dischg_power": signals.get("POD_available_dischg_power"),
        "POD_nom_energy_remaining": pack.energy_remaining,
        "POD_nom_energy_to_be_charged": signals.get("POD_nom_energy_to_be_charged"),
        "POD_nom_full_pack_energy": pack.energy_capacity,
        **{key: block.get(key) for key in _POD_BLOCK},
        **{key: flag(block.get(key)) for key in _BLOCK_FLAGS},
        "OpSeqState": block.get("OpSeqState"),
        "version": block.get("version"),
    }


def _numbered(pack: Pack, fields: dict[str, Any]) -> dict[str, Any]:
    return {f"PW{pack.number}_{key}": value for key, value in fields.items()}


def battery_blocks(documents: Documents, _: Options) -> dict[str, dict[str, Any]]:
    """Return the blocks by serial number, with state and temperature (°C) of their controllers."""
    blocks: dict[str, dict[str, Any]] = {}
    for position, block in enumerate(
        sections(section(documents.get(SYSTEM_STATUS)).get("battery_blocks")), 1
    ):
        serial = text(block.get("PackageSerialNumber")) or f"block {position}"
        blocks[serial] = {key: value for key, value in block.items() if key != "PackageSerialNumber"}
    for din, signals in devices(documents, "TETHC"):
        controller = {"THC_State": signals.get("THC_State"), "temperature": signals.get("THC_AmbientTemp")}
        blocks.setdefault(din.rpartition("--")[2], {}).update(controller)
    return blocks
