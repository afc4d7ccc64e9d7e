"""Strings of the Tesla solar inverters, and ``/api/solar_powerwall``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from proxy.sim.answers import NOT_FOUND
from proxy.sim.hardware import shares
from proxy.sim.island import CONNECTED
from proxy.sim.scene import Scene

STRING_VOLTS = 280.0
NAMEPLATE_W = 7680
PVAC_ALERTS = ("PVAC_a001_inv_L1_HW_overcurrent", "PVAC_a019_ambient_overtemperature")
PVS_ALERTS = ("PVS_a001_WatchdogReset", "PVS_a018_MciStringB")


@dataclass(frozen=True, slots=True)
class PvString:
    """One string of panels: its letter, watts and volts."""

    letter: str
    watts: float
    volts: float
    connected: bool = True

    @property
    def amps(self) -> float:
        """Current, so that volts times amps are the watts."""
        return self.watts / self.volts


def inverter_watts(scene: Scene) -> list[float]:
    """Split the solar watts over the inverters; they add up."""
    return shares(max(scene.reading.solar_w, 0.0), len(scene.hardware.inverters))


def strings(scene: Scene, watts: float) -> list[PvString]:
    """Split an inverter's watts over its strings; they add up."""
    letters = scene.hardware.strings
    return [
        PvString(letter, share, STRING_VOLTS + 5 * n if watts else 2.5)
        for n, (letter, share) in enumerate(zip(letters, shares(watts, len(letters)), strict=True))
    ]


def states(scene: Scene) -> dict[str, str]:
    """Name grid and inverter state as PVAC does."""
    connected = scene.reading.grid_status == CONNECTED
    return {
        "grid_state": "Grid_Compliant" if connected else "Grid_Uncompliant",
        "inv_state": "INV_Grid_Connected" if connected else "INV_Micro_Grid",
    }


def _alerts(scene: Scene, names: tuple[str, ...]) -> dict[str, Any]:
    head: dict[str, Any] = {"LastRxTime": scene.timestamp(), "ReceivedMuxBitmask": 0}
    return head | dict.fromkeys(names, False)


def solar_powerwall(scene: Scene) -> Any:
    """``/api/solar_powerwall``: the first inverter only; 404 without one."""
    if not scene.hardware.inverters:
        return NOT_FOUND
    watts = inverter_watts(scene)[0]
    volts = scene.hardware.volts
    return {
        "pvac_status": {
            "state": "PVAC_Active",
            "disabled": False,
            "disabled_reasons": [],
            **states(scene),
            "v_out": volts,
            "f_out": scene.reading.frequency_hz,
            "p_out": watts,
            "q_out": 20,
            "i_out": watts / volts,
            "string_vitals": [
                {
                    "string_id": n + 1,
                    "connected": string.connected,
                    "measured_voltage": string.volts,
                    "current": string.amps,
                    "measured_power": string.watts,
                }
                for n, string in enumerate(strings(scene, watts))
            ],
        },
        "pvs_status": {
            "state": "PVS_Active",
            "disabled": False,
            "enable_output": True,
            "v_ll": volts,
            "self_test_state": "PVS_SelfTestOff",
        },
        "pv_power_limit": NAMEPLATE_W,
        "power_status_setpoint": "on",
        "pvac_alerts": _alerts(scene, PVAC_ALERTS),
        "pvs_alerts": _alerts(scene, PVS_ALERTS),
    }


def power_status(scene: Scene) -> Any:
    """``/api/solar_powerwall/power_status``."""
    return {"power_status": "on"} if scene.hardware.inverters else NOT_FOUND
