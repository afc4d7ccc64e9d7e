"""``/api/meters/aggregates`` from TEDAPI.

Powers come from the gateway's own totals; voltages, frequencies and currents
from whatever measures them on this site. Watts, signed as the gateway signs
them; volts, hertz, amperes. Reactive and apparent power are not told: null.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from proxy.drivers.tedapi import cts, powerwall3
from proxy.drivers.tedapi.reading import (
    Facts,
    at,
    dig,
    mean,
    moment,
    number,
    packages,
    rows,
    section,
    signals,
)

METERS = ("site", "battery", "load", "solar")

_NEVER = "0001-01-01T00:00:00Z"
_PHASES = ("A", "B", "C")
_LINES = (1, 2, 3)
_LIVE_V = 100.0  # less than this between a line and neutral is a line that is not connected
_METER_LOST = "SolarMeterComms"
_HELD_W = 10.0  # solar power up to this is what the gateway reports for a lost meter
_HELD_S = 60.0  # a remote meter's reading older than this says nothing about now

_SPLIT_PHASE = 2


@dataclass(frozen=True, slots=True)
class Measured:
    """What the meters around one of the four say beside its power."""

    voltage_v: float | None = None
    frequency_hz: float | None = None
    currents_a: tuple[float | None, ...] = (None, None, None)
    meters: int | None = None


def aggregates(facts: Facts) -> dict[str, Any] | None:
    """Build the document; None while the gateway tells no powers (its site manager is not running)."""
    known = powers(facts)
    if all(power is None for power in known.values()):
        return None
    read_at = dig(facts.controller, "system", "time")
    return {
        meter: _meter(meter, known[meter], _MEASURES[meter](facts), read_at, facts.counters.get(meter))
        for meter in METERS
    }


def powers(facts: Facts) -> dict[str, float | None]:
    """Tell the power of each meter, with what the gateway lost when a remote solar meter dropped out.

    The gateway then reports no solar power and takes the missing watts from
    the load as well; the remote meter's own recent reading puts both right.
    """
    reported = {
        str(row.get("location")).lower(): number(row.get("realPowerW"))
        for row in rows(facts.controller, "control", "meterAggregates")
    }
    known = {meter: reported.get(meter) for meter in METERS}
    held = _held_solar(facts)
    solar, load = known["solar"], known["load"]
    if _METER_LOST in facts.alerts and held is not None and (solar is None or 0 <= solar <= _HELD_W):
        known["solar"] = held
        if load is not None:
            known["load"] = load + held - (solar or 0)
    return known


def meter_z(facts: Facts) -> Mapping[str, Any]:
    """Give the readings of the backup switch's meter, wherever this gateway tells them.

    The components name its voltages line to ground (``METER_Z_VL1G``), which
    is what the other meters call line to neutral.
    """
    from_bus = section(facts.bus, "MSA", "METER_Z_AcMeasurements")
    switch = switch_component(facts)
    told = {**from_bus, **(signals(switch) if switch else {})}
    return {name.removesuffix("G") + "N" if _is_to_ground(name) else name: told[name] for name in told}


def switch_component(facts: Facts) -> Mapping[str, Any] | None:
    """Find the component that carries meter Z; None on sites without a backup switch."""
    for component in facts.components:
        if any(name.startswith("METER_Z_") for name in signals(component)):
            return component
    return None


def line_voltage(volts: Iterable[float | None]) -> float | None:
    """Tell the voltage between lines from those between lines and neutral.

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


def _is_to_ground(name: str) -> bool:
    return name.startswith("METER_Z_VL") and name.endswith("G")


def _held_solar(facts: Facts) -> float | None:
    """Sum the remote meters' solar readings that are recent and positive."""
    now = moment(dig(facts.controller, "system", "time"))
    fresh = [
        ct.power_w
        for ct in cts.remote(facts)
        if ct.is_solar
        and ct.power_w is not None
        and ct.power_w > 0
        and now is not None
        and ct.read_at is not None
        and abs(now - ct.read_at) <= _HELD_S
    ]
    return sum(fresh) if fresh else None


def _meter(
    meter: str,
    power: float | None,
    measured: Measured,
    read_at: Any,
    counted: tuple[float, float] | None,
) -> dict[str, Any]:
    current = power / measured.voltage_v if power is not None and measured.voltage_v else None
    imported, exported = counted or (None, None)
    phase_a, phase_b, phase_c = measured.currents_a
    document = {
        "last_communication_time": read_at,
        "instant_power": power,
        "instant_reactive_power": None,
        "instant_apparent_power": None,
        "frequency": measured.frequency_hz,
        "energy_exported": exported,
        "energy_imported": imported,
        "instant_average_voltage": measured.voltage_v,
        "instant_average_current": current,
        "i_a_current": phase_a,
        "i_b_current": phase_b,
        "i_c_current": phase_c,
        "last_phase_voltage_communication_time": _NEVER,
        "last_phase_power_communication_time": _NEVER,
        "last_phase_energy_communication_time": _NEVER,
        # Nanoseconds, as the gateway itself writes them.
        "timeout": 1_000_000_000 if meter == "solar" else 1_500_000_000,
        "num_meters_aggregated": measured.meters,
        "instant_total_current": current,
    }
    if measured.meters is None:
        del document["num_meters_aggregated"]  # the gateway leaves it out where nothing is counted
    return document


def _site(facts: Facts) -> Measured:
    lines = section(facts.bus, "ISLANDER", "ISLAND_AcMeasurements")
    return Measured(
        line_voltage(_lines(lines, "ISLAND_VL{}N_Main")),
        number(lines.get("ISLAND_FreqL1_Main")) or None,
        _site_currents(facts),
        meters=1,
    )


def _site_currents(facts: Facts) -> tuple[float | None, ...]:
    """Take the first meter that measures the grid: X, Z, Neurio, remote."""
    meter_x = section(facts.bus, "SYNC", "METER_X_AcMeasurements")
    if meter_x:
        return _signed(meter_x, "METER_X")
    switch = meter_z(facts)
    if switch:
        return _signed(switch, "METER_Z")
    return (
        _ct_currents(ct for ct in cts.neurio(facts) if ct.location == "site")
        or _ct_currents(ct for ct in cts.remote(facts) if ct.location == "site")
        or (None, None, None)
    )


def _load(facts: Facts) -> Measured:
    lines = section(facts.bus, "ISLANDER", "ISLAND_AcMeasurements")
    return Measured(
        line_voltage(_lines(lines, "ISLAND_VL{}N_Load")), number(lines.get("ISLAND_FreqL1_Load")) or None
    )


def _solar(facts: Facts) -> Measured:
    inverters = [section(row, "PVAC_Status") for _, row in packages(facts.bus, "PVAC")]
    units = powerwall3.units(facts)
    meter_y = section(facts.bus, "SYNC", "METER_Y_AcMeasurements")
    outside = [ct for ct in cts.remote(facts) if ct.is_solar]
    voltage = mean(
        [unit.number("PCH_AcVoltageAB") for unit in units]
        + [number(status.get("PVAC_Vout")) for status in inverters]
    )
    return Measured(
        voltage or line_voltage(_lines(meter_y, "METER_Y_VL{}N")) or mean(ct.voltage_v for ct in outside),
        mean(
            [unit.number("PCH_AcFrequency") for unit in units]
            + [number(status.get("PVAC_Fout")) for status in inverters]
        ),
        _signed(meter_y, "METER_Y") if meter_y else _ct_currents(outside) or (None, None, None),
        meters=len(inverters) + len(powerwall3.blocks(facts.config)) or None,
    )


def _battery(facts: Facts) -> Measured:
    slots = packages(facts.bus, "THC")
    inverters = [section(at(facts.bus, "PINV", slot), "PINV_Status") for slot, _ in slots]
    units = powerwall3.units(facts)
    return Measured(
        mean(
            [unit.number("PCH_AcVoltageAB") for unit in units]
            + [number(status.get("PINV_Vout")) for status in inverters]
        ),
        mean(
            [unit.number("PCH_AcFrequency") for unit in units]
            + [number(status.get("PINV_Fout")) for status in inverters]
        ),
        meters=len(slots) + len(powerwall3.blocks(facts.config)) or None,
    )


_MEASURES: Mapping[str, Callable[[Facts], Measured]] = {
    "site": _site,
    "battery": _battery,
    "load": _load,
    "solar": _solar,
}


def _lines(readings: Mapping[str, Any], name: str) -> list[float | None]:
    return [number(readings.get(name.format(line))) for line in _LINES]


def _signed(readings: Mapping[str, Any], meter: str) -> tuple[float | None, ...]:
    """Give the three currents of a meter, each with the sign of its real power."""
    found = []
    for phase in _PHASES:
        current = number(readings.get(f"{meter}_CT{phase}_I"))
        power = number(readings.get(f"{meter}_CT{phase}_InstRealPower"))
        found.append(-current if current is not None and power is not None and power < 0 else current)
    return tuple(found)


def _ct_currents(transformers: Iterable[cts.Transformer]) -> tuple[float | None, ...] | None:
    """Give the first three currents of a meter outside; None if there is none."""
    found = [ct.signed_current_a for ct in transformers][: len(_PHASES)]
    return (*found, *(None,) * (len(_PHASES) - len(found))) if found else None
