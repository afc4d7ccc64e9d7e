"""The vitals of Powerwall 3: its packs, and its power stage as solar and as battery inverter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from proxy.drivers.tedapi.data import Facts, split_din
from proxy.drivers.tedapi.translate import powerwall3
from proxy.drivers.tedapi.translate.devices import Device, energies, string_values


def devices(facts: Facts) -> Iterator[Device]:
    """Describe every Powerwall 3: its packs, and its power stage as solar and battery inverter."""
    for pack in powerwall3.packs(facts):
        values = energies(pack.remaining_wh, pack.full_wh) | dict(pack.temperatures)
        yield f"TEPOD--{pack.din}", {**values, "alerts": list(pack.alerts)}
    for unit in powerwall3.units(facts):
        part, serial = split_din(unit.din)
        yield (
            f"PVAC--{unit.din}",
            {**_solar(unit), "manufacturer": "TESLA", "partNumber": part, "serialNumber": serial},
        )
        yield (
            f"PVS--{unit.din}",
            {
                f"PVS_String{s}_Connected": _is_active(unit.signals.get(f"PCH_PvState_{s}"))
                for s in powerwall3.STRINGS
            },
        )
        yield f"TEPINV--{unit.din}", _battery(unit)


def _solar(unit: powerwall3.Unit) -> dict[str, Any]:
    values: dict[str, Any] = {
        "PVAC_Fout": unit.number("PCH_AcFrequency"),
        "PVAC_Pout": unit.number("PCH_SlowPvPowerSum"),
        "PVAC_State": unit.signals.get("PCH_AcMode"),
        "PVAC_VL1Ground": unit.number("PCH_AcVoltageAN"),
        "PVAC_VL2Ground": unit.number("PCH_AcVoltageBN"),
        "PVAC_Vout": unit.number("PCH_AcVoltageAB"),
    }
    for string in powerwall3.STRINGS:
        # An idle input reads a few millivolts or milliamperes below zero.
        voltage, current = (
            None if value is None else max(value, 0)
            for value in (unit.number(f"PCH_PvVoltage{string}"), unit.number(f"PCH_PvCurrent{string}"))
        )
        values |= string_values(string, voltage, current, unit.signals.get(f"PCH_PvState_{string}"))
    return values


def _is_active(state: Any) -> bool | None:
    return None if state is None else "Pv_Active" in str(state)


def _battery(unit: powerwall3.Unit) -> dict[str, Any]:
    power = unit.number("PCH_BatteryPower")
    values = {
        "PINV_Fout": unit.number("PCH_AcFrequency"),
        "PINV_Pout": None if power is None else power / 1000,
        "PINV_State": unit.signals.get("PCH_AcMode"),
        "PINV_VSplit1": unit.number("PCH_AcVoltageAN"),
        "PINV_VSplit2": unit.number("PCH_AcVoltageBN"),
        "PINV_Vout": unit.number("PCH_AcVoltageAB"),
    }
    extras = ("PCH_AmbientTemp", "PCH_FanSpeed_A", "PCH_FanSpeed_B")
    return values | {name: unit.number(name) for name in extras if unit.number(name) is not None}
