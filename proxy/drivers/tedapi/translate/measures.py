"""What is measured beside power: voltages, frequencies and currents, and by which device.

All meters of a house hang on the same wires. Where a meter's own devices measure nothing (they
are missing in action, in standby, or the site has none) another device on these wires does: behind
the contactor the islander, the inverters and the solar meters, before it the islander and the
meters of the grid. While the contactor is closed both sides are one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proxy.drivers.tedapi.data import Facts, at, mean, number, packages, section, signals
from proxy.drivers.tedapi.translate import current_transformers as cts
from proxy.drivers.tedapi.translate import powerwall3
from proxy.drivers.tedapi.translate.grid import CONNECTED, ISLANDED, grid_state

_PHASES = ("A", "B", "C")
_LINES = (1, 2, 3)
_LIVE_V = 100.0  # less than this between a line and neutral is a line that is not connected
_LEG_V = 150.0  # less than this is one leg of a split phase
_SPLIT_PHASE = 2
_THREE_PHASES = 3

Currents = tuple[float | None, ...]
_UNKNOWN: Currents = (None, None, None)


@dataclass(frozen=True, slots=True)
class Wires:
    """Voltage between the lines, voltage across an inverter (of three phases it has one), frequency."""

    between_v: float | None = None
    across_v: float | None = None
    frequency_hz: float | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """What is known of one meter beside its power; ``meters`` is how many devices it adds up."""

    voltage_v: float | None = None
    frequency_hz: float | None = None
    currents_a: Currents = _UNKNOWN
    meters: int | None = None

    def current_a(self, power_w: float | None) -> float | None:
        """Compute the current at a power. Wires without voltage carry what their transformers measure, or none."""
        if self.voltage_v is None or power_w is None:
            return None
        if abs(self.voltage_v) < _LIVE_V:
            return sum((current for current in self.currents_a if current is not None), 0.0)
        return power_w / self.voltage_v


def meter_z(facts: Facts) -> Mapping[str, Any]:
    """Give the readings of the backup switch's meter, wherever this gateway reports them.

    The components name its voltages line to ground (``METER_Z_VL1G``), which
    is what the other meters call line to neutral.
    """
    from_bus = section(facts.bus, "MSA", "METER_Z_AcMeasurements")
    switch = switch_component(facts)
    readings = {**from_bus, **(signals(switch) if switch else {})}
    return {
        name.removesuffix("G") + "N" if _is_to_ground(name) else name: value
        for name, value in readings.items()
    }


def switch_component(facts: Facts) -> Mapping[str, Any] | None:
    """Find the component that carries meter Z; None on sites without a backup switch."""
    for component in facts.components:
        if any(name.startswith("METER_Z_") for name in signals(component)):
            return component
    return None


def line_voltage(volts: Iterable[float | None]) -> float | None:
    """Compute the voltage between lines from those between lines and neutral.

    Two live lines are split phase (120 + 120 V), three are three-phase. None when all is dead.
    """
    known = [volt for volt in volts if volt is not None]
    live = [volt for volt in known if abs(volt) > _LIVE_V]
    if not live:
        return sum(known) or None
    if len(live) <= _SPLIT_PHASE:
        return sum(live)
    pairs = ((live[0], live[1]), (live[1], live[2]), (live[2], live[0]))
    return sum(math.sqrt(a * a + b * b + a * b) for a, b in pairs) / len(pairs)


def transformer_voltage(volts: Iterable[float | None]) -> float | None:
    """Compute the voltage between lines from the voltages of current transformers.

    Each is on a line to neutral or, with 240 V, between two lines. Several may share a line.
    """
    known = [volt for volt in volts if volt]
    if not known or len(known) == _THREE_PHASES:
        return line_voltage(known)
    average = sum(known) / len(known)
    return average * min(len(known), _SPLIT_PHASE) if average < _LEG_V else average


def _is_to_ground(name: str) -> bool:
    return name.startswith("METER_Z_VL") and name.endswith("G")


# --- the meters -----------------------------------------------------------------------------


def _site(facts: Facts) -> Measured:
    wires = _first(_sides(facts, _before, _behind, "Main"))
    return Measured(wires.between_v, wires.frequency_hz, _site_currents(facts), meters=1)


def _load(facts: Facts) -> Measured:
    wires = _house(facts)
    return Measured(wires.between_v, wires.frequency_hz)


def _solar(facts: Facts) -> Measured:
    own, house = _solar_inverters(facts), _house(facts)
    meter_y = section(facts.bus, "SYNC", "METER_Y_AcMeasurements")
    outside = cts.at(facts, "solar")
    metered = _first([_built_in(meter_y, "METER_Y"), _transformers(outside)])
    return Measured(
        own.across_v or metered.between_v or house.across_v,
        own.frequency_hz or house.frequency_hz,
        _signed(meter_y, "METER_Y") if meter_y else _outside(outside),
        meters=len(packages(facts.bus, "PVAC")) + len(powerwall3.blocks(facts.config)) or None,
    )


def _battery(facts: Facts) -> Measured:
    wires = _first([_battery_inverters(facts), _house(facts)])
    packs = len(packages(facts.bus, "THC")) + len(powerwall3.blocks(facts.config))
    return Measured(wires.across_v, wires.frequency_hz, meters=packs or None)


MEASURES: Mapping[str, Callable[[Facts], Measured]] = {
    "site": _site,
    "battery": _battery,
    "load": _load,
    "solar": _solar,
    "generator": _load,  # it feeds the house
}


# --- the wires ------------------------------------------------------------------------------

Side = Callable[[Facts], Iterator[Wires]]


def _house(facts: Facts) -> Wires:
    return _first(_sides(facts, _behind, _before, "Load"))


def _sides(facts: Facts, near: Side, far: Side, name: str) -> Iterator[Wires]:
    """List what measures one side of the contactor, and the other side while it is closed."""
    yield from near(facts)
    state = grid_state(facts)
    if state == CONNECTED:
        yield from far(facts)
    elif state == ISLANDED:
        yield _without_voltage(facts, name)


def _behind(facts: Facts) -> Iterator[Wires]:
    yield _islander(facts, "Load")
    yield _solar_inverters(facts)
    yield _battery_inverters(facts)
    yield _built_in(section(facts.bus, "SYNC", "METER_Y_AcMeasurements"), "METER_Y")
    yield _transformers(cts.at(facts, "solar"))


def _before(facts: Facts) -> Iterator[Wires]:
    yield _islander(facts, "Main")
    yield _built_in(section(facts.bus, "SYNC", "METER_X_AcMeasurements"), "METER_X")
    yield _built_in(meter_z(facts), "METER_Z")
    yield _transformers(cts.at(facts, "site"))


def _first(measured: Iterable[Wires]) -> Wires:
    """Take each quantity from the first that knows it."""
    found = Wires()
    for wires in measured:
        found = Wires(
            wires.between_v if found.between_v is None else found.between_v,
            wires.across_v if found.across_v is None else found.across_v,
            wires.frequency_hz if found.frequency_hz is None else found.frequency_hz,
        )
    return found


def _islander(facts: Facts, side: str) -> Wires:
    volts, hertz = _islander_lines(facts, side)
    return _from_lines(volts, next((value for value in hertz if value), None))


def _without_voltage(facts: Facts, side: str) -> Wires:
    """Read what the islander measures on a dead side in an outage: zeros, or the little that is induced."""
    volts, hertz = (
        [value for value in values if value is not None] for values in _islander_lines(facts, side)
    )
    voltage = sum(volts) if volts else None
    return Wires(voltage, voltage, hertz[0] if hertz else None)


def _islander_lines(facts: Facts, side: str) -> tuple[list[float | None], list[float | None]]:
    readings = section(facts.bus, "ISLANDER", "ISLAND_AcMeasurements")
    return _lines(readings, f"ISLAND_VL{{}}N_{side}"), _lines(readings, f"ISLAND_FreqL{{}}_{side}")


def _built_in(readings: Mapping[str, Any], meter: str) -> Wires:
    return _from_lines(_lines(readings, f"{meter}_VL{{}}N"))


def _from_lines(volts: Sequence[float | None], frequency_hz: float | None = None) -> Wires:
    between = line_voltage(volts)
    live = [volt for volt in volts if volt is not None and abs(volt) > _LIVE_V]
    return Wires(between, mean(live) if len(live) == _THREE_PHASES else between, frequency_hz)


def _transformers(transformers: Iterable[cts.Transformer]) -> Wires:
    voltage = transformer_voltage(ct.voltage_v for ct in transformers)
    return Wires(voltage, voltage)


def _solar_inverters(facts: Facts) -> Wires:
    return _inverters(facts, "PVAC", [section(row, "PVAC_Status") for _, row in packages(facts.bus, "PVAC")])


def _battery_inverters(facts: Facts) -> Wires:
    slots = [slot for slot, _ in packages(facts.bus, "THC")]
    return _inverters(facts, "PINV", [section(at(facts.bus, "PINV", slot), "PINV_Status") for slot in slots])


def _inverters(facts: Facts, kind: str, statuses: Iterable[Mapping[str, Any]]) -> Wires:
    """Average a kind of inverters, and the Powerwall 3 units, which are of both kinds."""
    units, known = powerwall3.units(facts), list(statuses)
    voltage = mean(
        [unit.number("PCH_AcVoltageAB") for unit in units]
        + [number(status.get(f"{kind}_Vout")) for status in known]
    )
    frequency = mean(
        [unit.number("PCH_AcFrequency") for unit in units]
        + [number(status.get(f"{kind}_Fout")) for status in known]
    )
    return Wires(voltage, voltage, frequency)


# --- the currents ---------------------------------------------------------------------------


def _site_currents(facts: Facts) -> Currents:
    """Take the first meter that measures the grid: X, Z, Neurio, remote."""
    meter_x = section(facts.bus, "SYNC", "METER_X_AcMeasurements")
    if meter_x:
        return _signed(meter_x, "METER_X")
    switch = meter_z(facts)
    return _signed(switch, "METER_Z") if switch else _outside(cts.at(facts, "site"))


def _lines(readings: Mapping[str, Any], name: str) -> list[float | None]:
    return [number(readings.get(name.format(line))) for line in _LINES]


def _signed(readings: Mapping[str, Any], meter: str) -> Currents:
    """Give the three currents of a meter, each with the sign of its real power."""
    found = []
    for phase in _PHASES:
        current = number(readings.get(f"{meter}_CT{phase}_I"))
        power = number(readings.get(f"{meter}_CT{phase}_InstRealPower"))
        found.append(-current if current is not None and power is not None and power < 0 else current)
    return tuple(found)


def _outside(transformers: Iterable[cts.Transformer]) -> Currents:
    """Give the first three currents of a meter outside."""
    found = [ct.signed_current_a for ct in transformers][: len(_PHASES)]
    return (*found, *(None,) * (len(_PHASES) - len(found)))
