"""``/api/meters/aggregates`` from TEDAPI.

Powers come from the gateway's own totals; voltages, frequencies and currents
from whatever measures them on this site. Watts, signed as the gateway signs
them; volts, hertz, amperes. Reactive and apparent power are not reported: null.
"""

from __future__ import annotations

from typing import Any

from proxy.drivers.tedapi.data import Facts, get_path, moment, number, rows
from proxy.drivers.tedapi.translate import current_transformers as cts
from proxy.drivers.tedapi.translate.measures import MEASURES, Measured

METERS = ("site", "battery", "load", "solar")
GENERATOR = "generator"

# Where the configuration lists what a meter adds up; the other meters every site has.
_LISTED = {"battery": "battery_blocks", "solar": "solars"}

_NEVER = "0001-01-01T00:00:00Z"
_METER_LOST = "SolarMeterComms"
_HELD_W = 10.0  # solar power up to this is what the gateway reports for a lost meter
_HELD_S = 60.0  # a remote meter's reading older than this says nothing about now


def aggregates(facts: Facts) -> dict[str, Any] | None:
    """Build the document; None while the gateway reports no powers (its site manager is not running)."""
    known = powers(facts)
    if all(power is None for power in known.values()):
        return None
    read_at = get_path(facts.controller, "system", "time")
    return {
        meter: _meter(meter, power, MEASURES[meter](facts), read_at, facts.counters.get(meter))
        for meter, power in known.items()
        if _exists(meter, power, facts)
    }


def powers(facts: Facts) -> dict[str, float | None]:
    """Read the power of each meter; that of a generator where it is reported, be there one or not.

    When a remote solar meter drops out, the gateway reports no solar power and takes the missing
    watts from the load as well; that meter's own recent reading corrects both.
    """
    reported = {
        str(row.get("location")).lower(): number(row.get("realPowerW"))
        for row in rows(facts.controller, "control", "meterAggregates")
    }
    known = {meter: reported.get(meter) for meter in METERS}
    if GENERATOR in reported:
        known[GENERATOR] = reported[GENERATOR]
    held = _held_solar(facts)
    solar, load = known["solar"], known["load"]
    if _METER_LOST in facts.alerts and held is not None and (solar is None or 0 <= solar <= _HELD_W):
        known["solar"] = held
        if load is not None:
            known["load"] = load + held - (solar or 0)
    return known


def _held_solar(facts: Facts) -> float | None:
    """Sum the remote meters' solar readings that are recent and positive."""
    now = moment(get_path(facts.controller, "system", "time"))
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


def _exists(meter: str, power: float | None, facts: Facts) -> bool:
    """Say whether a site has a meter: one whose power is unknown exists unless the configuration lists none.

    Gateways report 0 W for a generator, too, where there is none.
    """
    if meter == GENERATOR:
        return bool(power) or any(facts.counters.get(meter, ()))
    return power is not None or facts.config.get(_LISTED.get(meter, "")) != []


def _meter(
    meter: str,
    power: float | None,
    measured: Measured,
    read_at: Any,
    counted: tuple[float, float] | None,
) -> dict[str, Any]:
    current = measured.current_a(power)
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
