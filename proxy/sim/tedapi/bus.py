"""The boards on the gateway's bus (``esCan.bus``), with the empty slots that real ones show."""

from __future__ import annotations

from typing import Any

from proxy.sim.documents.inverter import PvString, inverter_watts, states, strings
from proxy.sim.documents.vitals import island_signals, meter_signals
from proxy.sim.hardware import Device, shares
from proxy.sim.island import CONNECTED
from proxy.sim.scene import Scene

Board = dict[str, Any]
STRINGS_ON_BUS = "ABCD"
NO_ONE = {"packagePartNumber": None, "packageSerialNumber": None}
NO_ALERTS = {"isComplete": True, "isMIA": False, "active": []}


def _pvac(scene: Scene, inverter: Device, watts: float, lines: dict[str, PvString]) -> Board:
    leg_1, leg_2, _ = scene.hardware.leg_volts
    return {
        "packagePartNumber": inverter.part,
        "packageSerialNumber": inverter.serial,
        "subPackagePartNumber": None,
        "subPackageSerialNumber": None,
        "PVAC_Status": {
            "isMIA": False,
            "PVAC_Pout": watts,
            "PVAC_State": "PVAC_Active",
            "PVAC_Vout": scene.hardware.volts,
            "PVAC_Fout": scene.reading.frequency_hz,
        },
        "PVAC_InfoMsg": {"PVAC_appGitHash": scene.persona.git_hash[:14]},
        "PVAC_Logging": {
            "isMIA": False,
            **{f"PVAC_PVCurrent_{x}": lines[x].amps if x in lines else 0 for x in STRINGS_ON_BUS},
            **{f"PVAC_PVMeasuredVoltage_{x}": lines[x].volts if x in lines else 0 for x in STRINGS_ON_BUS},
            "PVAC_VL1Ground": leg_1,
            "PVAC_VL2Ground": leg_2,
        },
        "alerts": NO_ALERTS,
    }


def _pvs(scene: Scene, lines: dict[str, PvString]) -> Board:
    return {
        "PVS_Status": {
            "isMIA": False,
            "PVS_State": "PVS_Active",
            "PVS_vLL": scene.hardware.volts,
            **{f"PVS_String{x}_Connected": x in lines and lines[x].connected for x in STRINGS_ON_BUS},
            "PVS_SelfTestState": "PVS_SelfTestOff",
        },
        "alerts": NO_ALERTS,
    }


def _pinv(scene: Scene, watts: float) -> Board:
    connected = scene.reading.grid_status == CONNECTED
    leg_1, leg_2, _ = scene.hardware.leg_volts
    return {
        "PINV_Status": {
            "isMIA": False,
            "PINV_Fout": scene.reading.frequency_hz,
            "PINV_Pout": watts / 1000,
            "PINV_Vout": scene.hardware.volts,
            "PINV_State": "PINV_GridFollowing" if connected else "PINV_GridForming",
            "PINV_GridState": states(scene)["grid_state"],
        },
        "PINV_AcMeasurements": {"isMIA": False, "PINV_VSplit1": leg_1, "PINV_VSplit2": leg_2},
        "PINV_PowerCapability": {"isComplete": True, "isMIA": False, "PINV_Pnom": 5000},
        "alerts": NO_ALERTS,
    }


def _thc(scene: Scene, pack: Device) -> Board:
    return {
        "packagePartNumber": pack.part,
        "packageSerialNumber": pack.serial,
        "THC_InfoMsg": {"isComplete": True, "isMIA": False, "THC_appGitHash": scene.persona.git_hash[:14]},
        "THC_Logging": {"THC_LOG_PW_2_0_EnableLineState": "ENABLE_LINE_STATE_ENABLED"},
    }


def _pod(energy: float, full: float) -> Board:
    return {
        "POD_EnergyStatus": {
            "isMIA": False,
            "POD_nom_energy_remaining": energy,
            "POD_nom_full_pack_energy": full,
        },
        "POD_InfoMsg": {"POD_appGitHash": None},
    }


def _meter(scene: Scene, letter: str, *, present: bool) -> Board:
    if not present:
        return {"isMIA": True, "isComplete": False}
    wanted = ("InstRealPower", "InstReactivePower", "_I", "N")
    signals = {name: value for name, value in meter_signals(scene, letter).items() if name.endswith(wanted)}
    return {"isMIA": False, "isComplete": True, "lastRxTime": scene.timestamp(), **signals}


def _sync(scene: Scene, *, present: bool) -> Board:
    sync = scene.hardware.sync
    label = {"packagePartNumber": sync.part, "packageSerialNumber": sync.serial} if present else NO_ONE
    return {
        **label,
        "SYNC_InfoMsg": {"isMIA": not present, "SYNC_appGitHash": None},
        "METER_X_AcMeasurements": _meter(scene, "X", present=present),
        "METER_Y_AcMeasurements": _meter(scene, "Y", present=present),
        "SYNC_Status": {"lastRxTime": scene.timestamp() if present else None},
    }


def _msa(scene: Scene, *, present: bool) -> Board:
    sync = scene.hardware.sync
    label = {"packagePartNumber": sync.part, "packageSerialNumber": sync.serial} if present else NO_ONE
    meter = _meter(scene, "Z", present=present)
    if present:
        meter |= {f"METER_Z_VL{n}G": meter.pop(f"METER_Z_VL{n}N") for n in (1, 2, 3)}
    return {**label, "METER_Z_AcMeasurements": meter, "MSA_Status": {"lastRxTime": None}}


def _islander(scene: Scene) -> Board:
    connected = scene.reading.grid_status == CONNECTED
    kinds = ("_Main", "_Load", "_GridState")
    signals = {
        name: value
        for name, value in island_signals(scene).items()
        if name.endswith(kinds) and "Phase" not in name
    }
    words = "Connected" if connected else "Disconnected"
    return {
        "ISLAND_GridConnection": {
            "ISLAND_GridConnected": f"ISLAND_GridConnected_{words}",
            "isComplete": True,
        },
        "ISLAND_AcMeasurements": {
            **signals,
            "lastRxTime": scene.timestamp(),
            "isComplete": True,
            "isMIA": False,
        },
    }


def bus(scene: Scene, empty_slots: int) -> Board:
    """Render all boards. A Powerwall 3 has a backup switch and nothing else here."""
    hardware, reading = scene.hardware, scene.reading
    lists: dict[str, list[Board]] = {"PVAC": [], "PVS": [], "PINV": [], "THC": [], "POD": []}
    if not hardware.is_powerwall3:
        for inverter, watts in zip(hardware.inverters, inverter_watts(scene), strict=True):
            lines = {line.letter: line for line in strings(scene, watts)}
            lists["PVAC"].append(_pvac(scene, inverter, watts, lines))
            lists["PVS"].append(_pvs(scene, lines))
        units = len(hardware.packs)
        columns = (shares(total, units) for total in (reading.battery_w, reading.energy_wh, reading.full_wh))
        for pack, watts, energy, full in zip(hardware.packs, *columns, strict=True):
            lists["PINV"].append(_pinv(scene, watts))
            lists["THC"].append(_thc(scene, pack))
            lists["POD"].append(_pod(energy, full))
        for _ in range(empty_slots):
            _add_empty_slot(lists)
    return {
        **lists,
        "MSA": _msa(scene, present=hardware.backup_switch),
        "SYNC": _sync(scene, present=not hardware.backup_switch),
        "ISLANDER": _islander(scene),
    }


def _add_empty_slot(lists: dict[str, list[Board]]) -> None:
    """Pad every list with an empty place: zeros that are missing in action."""
    lists["PVAC"].append(
        {**NO_ONE, "PVAC_Status": {"isMIA": True, "PVAC_Pout": 0}, "PVAC_Logging": {"isMIA": True}}
    )
    lists["PVS"].append({"PVS_Status": {"isMIA": True}})
    lists["PINV"].append({"PINV_Status": {"isMIA": True, "PINV_Pout": 0, "PINV_Vout": 0}})
    lists["THC"].append({**NO_ONE, "THC_InfoMsg": {"isMIA": True}})
    lists["POD"].append({"POD_EnergyStatus": {"isMIA": True, "POD_nom_energy_remaining": 0}})
