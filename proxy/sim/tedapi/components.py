"""The components document of one Powerwall 3: inverter, battery management, packs."""

from __future__ import annotations

from typing import Any

from proxy.sim.documents.inverter import inverter_watts, strings
from proxy.sim.hardware import Device, shares
from proxy.sim.island import CONNECTED
from proxy.sim.scene import Scene
from proxy.sim.tedapi.status import Variables, signal

TYPES = frozenset({"PW3SAF", "PCH", "PW3BMS", "PW3HVP", "BAGGR"})
KEYS = ("pws", "pch", "bms", "hvp", "baggr")
Signals = dict[str, Any]


def _inverter(scene: Scene, index: int) -> Signals:
    hardware, reading = scene.hardware, scene.reading
    solar = inverter_watts(scene)[index]
    battery = shares(reading.battery_w, len(hardware.packs))[index]
    leg_1, leg_2, _ = hardware.leg_volts
    signals: Signals = {
        "PCH_State": "PCH_STATE_ACTIVE",
        "PCH_AcMode": "PCH_AC_MODE_GridFollowing"
        if reading.grid_status == CONNECTED
        else "PCH_AC_MODE_GridForming",
        "PCH_AcFrequency": reading.frequency_hz,
        "PCH_AcVoltageAB": hardware.volts,
        "PCH_AcVoltageAN": leg_1,
        "PCH_AcVoltageBN": leg_2,
        "PCH_BatteryPower": battery,
        "PCH_AcRealPowerAB": battery + solar,
        "PCH_SlowPvPowerSum": solar,
        "PCH_AmbientTemp": 25.0 + index,
        "PCH_FanSpeed_A": 1200,
        "PCH_FanSpeed_B": 1210,
        "PCH_FanDuty_A": 20,
        "PCH_FanDuty_B": 21,
    }
    for line in strings(scene, solar):
        signals[f"PCH_PvState_{line.letter}"] = "Pv_Active" if line.watts else "Pv_Standby"
        signals[f"PCH_PvVoltage{line.letter}"] = line.volts
        signals[f"PCH_PvCurrent{line.letter}"] = line.amps
    return signals


def _packs(scene: Scene, index: int) -> list[tuple[Device, Signals]]:
    """Return the unit's own pack and, with the leader, the expansions, with their energies in kWh."""
    hardware, reading = scene.hardware, scene.reading
    all_packs = (*hardware.packs, *hardware.expansions)
    energies = shares(reading.energy_wh, len(all_packs))
    fulls = shares(reading.full_wh, len(all_packs))
    places = [index]
    if index == 0:
        places += range(len(hardware.packs), len(all_packs))
    return [
        (
            all_packs[place],
            {
                "BMS_nominalEnergyRemaining": energies[place] / 1000,
                "BMS_nominalFullPackEnergy": fulls[place] / 1000,
                "HVP_State": "HVP_STATE_ACTIVE",
                "HVP_PackTempMax": 26.5 + place,
                "HVP_PackTempMin": 24.5 + place,
            },
        )
        for place in places
    ]


def components(scene: Scene, unit: str, variables: Variables) -> dict[str, Any] | None:
    """Answer the components query to the unit with this DIN; None for unknown types of component."""
    names = {key: variables.get(f"{key}SignalNames", []) for key in KEYS}
    types = [kind for key in KEYS for kind in variables.get(f"{key}ComponentsFilter", {}).get("types", [])]
    if not TYPES.issuperset(types):
        return None
    dins = [pack.din for pack in scene.hardware.packs]
    if not scene.hardware.is_powerwall3 or unit not in dins:
        return {"pw3Can": {"firmwareUpdate": {"isUpdating": False}}, "components": {key: [] for key in KEYS}}
    index = dins.index(unit)
    packs = _packs(scene, index)
    own: Signals = {"PWS_SelfTest": "PWS_SelfTest_Idle"}
    group: Signals = {"BAGGR_State": "BAGGR_STATE_ACTIVE", "BAGGR_NumBatteriesConnected": len(packs)}

    def part(key: str, known: Signals, label: Signals | None = None) -> dict[str, Any]:
        found = [signal(name, known[name], scene.timestamp()) for name in names[key] if name in known]
        return {**(label or {}), "signals": found, "activeAlerts": []}

    return {
        "pw3Can": {"firmwareUpdate": {"isUpdating": False, "progress": None}},
        "components": {
            "pws": [part("pws", own)],
            "pch": [part("pch", _inverter(scene, index))],
            "bms": [part("bms", signals) for _, signals in packs],
            "hvp": [
                part("hvp", signals, {"partNumber": pack.part, "serialNumber": pack.serial})
                for pack, signals in packs
            ],
            "baggr": [part("baggr", group)],
        },
    }
