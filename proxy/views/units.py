"""Temperatures and fans of each unit, by serial number and under the names that pypowerwall-server has for them.

A unit is a Powerwall, an expansion pack, or the inverter of a Powerwall+ (its serial number is its own).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from proxy.views.devices import devices
from proxy.views.json_access import Documents, number, text

_SEPARATORS: Final = "/+#"


@dataclass(frozen=True, slots=True)
class Signal:
    """One signal of a unit: its key in the vitals, what people call it, its unit (°C, rpm, %) and decimals."""

    key: str
    label: str
    unit: str
    decimals: int


SIGNALS: Final[Mapping[str, Signal]] = {
    "pack_temp_max": Signal("HVP_PackTempMax", "Pack temp (max)", "°C", 1),
    "pack_temp_min": Signal("HVP_PackTempMin", "Pack temp (min)", "°C", 1),
    "shunt_temp": Signal("HVP_ShuntTemperature", "Shunt temp", "°C", 1),
    "inverter_ambient": Signal("PCH_AmbientTemp", "Inverter ambient", "°C", 1),
    "controller_ambient": Signal("THC_AmbientTemp", "Thermal controller ambient", "°C", 1),
    "fan_a_rpm": Signal("PCH_FanSpeed_A", "Fan A speed", "rpm", 0),
    "fan_b_rpm": Signal("PCH_FanSpeed_B", "Fan B speed", "rpm", 0),
    "fan_rpm": Signal("PVAC_Fan_Speed_Actual_RPM", "Fan speed", "rpm", 0),
    "fan_target_rpm": Signal("PVAC_Fan_Speed_Target_RPM", "Fan target speed", "rpm", 0),
    "fan_a_duty": Signal("PCH_FanDuty_A", "Fan A duty", "%", 1),
    "fan_b_duty": Signal("PCH_FanDuty_B", "Fan B duty", "%", 1),
}
_KINDS: Final = ("TEPOD", "TEPINV", "TETHC", "PVAC")


def unit_signals(documents: Documents) -> Mapping[str, Mapping[str, float]]:
    """Return the known signals of every unit by serial number; units without any are left out.

    The solar inverter of a Powerwall 3 has its serial number and repeats its fans: it adds nothing.
    """
    named = [
        (din, signals, _serial(din, signals.get("serialNumber")))
        for din, signals in devices(documents, *_KINDS)
    ]
    powerwall3 = {serial for din, _, serial in named if din.startswith("TEPINV")}
    units: dict[str, dict[str, float]] = {}
    for din, signals, serial in named:
        if serial is None or (din.startswith("PVAC") and serial in powerwall3):
            continue
        for name, signal in SIGNALS.items():
            value = number(signals.get(signal.key))
            if value is not None:
                units.setdefault(serial, {}).setdefault(name, value)
    return units


def _serial(din: str, given: object) -> str | None:
    """Return the serial number of a device; None for one that cannot be part of a topic."""
    serial = text(given) or din.rpartition("--")[2]
    return None if not serial or set(serial) & set(_SEPARATORS) else serial
