"""What single devices of a site report: battery packs, solar strings, inverters, fans, phases of the grid.

Powers are watts, energies watt-hours, temperatures °C. What a device does not report is None.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from proxy.core.sources import SYSTEM_STATUS, VITALS
from proxy.views import devices, strings
from proxy.views.batteries import temp_numbers
from proxy.views.json_access import Documents, number, text, truth
from proxy.views.options import Options
from proxy.views.packs import Pack, packs

_LINES: Final = ("L1", "L2", "L3")
_SIDES: Final = {"main": "Main", "load": "Load"}


@dataclass(frozen=True, slots=True)
class PackState:
    """One battery pack. ``power`` is positive while it discharges."""

    number: int
    part_number: str | None
    serial: str | None
    version: str | None
    state: str | None
    power: float | None
    reactive_power: float | None
    voltage: float | None
    current: float | None
    frequency: float | None
    energy_remaining: float | None
    energy_capacity: float | None
    charged: float | None
    discharged: float | None
    temperature: float | None
    is_backup_ready: bool | None
    is_off_grid: bool | None
    disabled_reasons: int | None

    @property
    def name(self) -> str:
        """The name that the pack has in every route."""
        return f"PW{self.number}"

    @property
    def charge(self) -> float | None:
        """The charge in percent of this pack; None without a capacity."""
        if not self.energy_capacity or self.energy_remaining is None:
            return None
        return 100.0 * self.energy_remaining / self.energy_capacity

    @property
    def is_ready(self) -> bool | None:
        """Whether the pack works. Firmware that does not say so lists why it would not."""
        return False if self.disabled_reasons else self.is_backup_ready


@dataclass(frozen=True, slots=True)
class SolarString:
    """One string of solar panels."""

    power: float | None
    voltage: float | None
    current: float | None
    is_connected: bool | None


@dataclass(frozen=True, slots=True)
class Inverter:
    """One solar inverter."""

    power: float | None
    voltage: float | None


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase on one side of the switch between the house and the grid."""

    voltage: float | None
    frequency: float | None


def pack_states(documents: Documents, options: Options) -> tuple[PackState, ...]:
    """Read all battery packs, PW1 first; none before their blocks were read once, which number them."""
    if not options.pack_order and SYSTEM_STATUS not in documents:
        return ()
    temperatures = temp_numbers(documents, options)
    return tuple(
        _pack_state(pack, number(temperatures.get(f"PW{pack.number}_temp")))
        for pack in packs(options.pack_order, documents)
    )


def _pack_state(pack: Pack, temperature: float | None) -> PackState:
    block = pack.block
    reasons = block.get("disabled_reasons")
    return PackState(
        number=pack.number,
        part_number=text(block.get("PackagePartNumber")),
        serial=text(block.get("PackageSerialNumber")),
        version=text(block.get("version")),
        state=text(block.get("pinv_state")),
        power=number(block.get("p_out")),
        reactive_power=number(block.get("q_out")),
        voltage=number(block.get("v_out")),
        current=number(block.get("i_out")),
        frequency=number(block.get("f_out")),
        energy_remaining=number(pack.energy_remaining),
        energy_capacity=number(pack.energy_capacity),
        charged=number(block.get("energy_charged")),
        discharged=number(block.get("energy_discharged")),
        temperature=temperature,
        is_backup_ready=truth(block.get("backup_ready")),
        is_off_grid=truth(block.get("off_grid")),
        disabled_reasons=len(reasons) if isinstance(reasons, list) else None,
    )


def solar_strings(documents: Documents, options: Options) -> Mapping[str, SolarString]:
    """Read all solar strings, by the names that /strings gives them."""
    return {
        name: SolarString(
            power=number(signals.get("Power")),
            voltage=number(signals.get("Voltage")),
            current=number(signals.get("Current")),
            is_connected=truth(signals.get("Connected")),
        )
        for name, signals in strings.strings(documents, options).items()
    }


def inverters(documents: Documents, options: Options) -> tuple[Inverter, ...]:
    """Read all solar inverters, in an order that lasts."""
    return tuple(
        Inverter(number(signals.get("PVAC_Pout")), number(signals.get("PVAC_Vout")))
        for signals in strings.inverters(documents, options)
    )


def fan_speeds(documents: Documents, options: Options) -> Mapping[tuple[str, str], float | None]:
    """Read the speeds (RPM) by fan and kind (actual, target), with the numbers of /fans/pw."""
    found = {}
    for key, value in devices.fan_numbers(documents, options).items():
        fan, _, kind = key.partition("_")
        if kind in {"actual", "target"}:
            found[fan, kind] = number(value)
    return found


def phases(documents: Documents) -> Mapping[tuple[str, str], Phase]:
    """Read every phase by line and side (main: the grid's, load: the house's); 0 is a phase that is not there."""
    switch = _switch(documents)
    return {
        (line, side): Phase(
            voltage=number(switch.get(f"ISLAND_V{line}N_{suffix}")) or None,
            frequency=number(switch.get(f"ISLAND_Freq{line}_{suffix}")) or None,
        )
        for line in _LINES
        for side, suffix in _SIDES.items()
    }


def _switch(documents: Documents) -> dict[str, Any]:
    """Return the signals of the device that separates the house from the grid."""
    if VITALS not in documents:
        return {}
    found: dict[str, Any] = {}
    for _, signals in devices.devices(documents, "TESYNC", "TEMSA"):
        found |= {key: value for key, value in signals.items() if value is not None}
    return found
