"""DEVICE_METRICS: the rows of SITE_METRICS about battery packs, strings, inverters, phases and alerts."""

from __future__ import annotations

from proxy.core.sources import METERS, SYSTEM_STATUS, VITALS
from proxy.metrics import device_samples as units
from proxy.metrics.families import Family, counter, gauge
from proxy.metrics.scraped_site import ScrapedSite
from proxy.metrics.site_samples import Convert, joules, quantity, vehicle_chargers
from proxy.views.quantities import BY_NAME, OF_PACK, OF_STRING


def _pack(family: str, help_: str, name: str, convert: Convert = float) -> Family[ScrapedSite]:
    """Make the row of one of PACK_QUANTITIES."""
    row = OF_PACK[name]
    return gauge(f"battery_{family}", "block", help_, units.pack(row.read, convert), *row.sources)


def _string(family: str, help_: str, name: str) -> Family[ScrapedSite]:
    """Make the row of one of STRING_QUANTITIES."""
    row = OF_STRING[name]
    return gauge(f"string_{family}", "string", help_, units.string(row.read), *row.sources)


DEVICE_METRICS: tuple[Family[ScrapedSite], ...] = (
    gauge(
        "battery_info",
        "block part_number version serial",
        "Part number and version of a pack; serial number only with PW_METRICS_SERIALS=yes",
        units.pack_identity,
        SYSTEM_STATUS,
    ),
    _pack("power_watts", "Power of a pack, + discharges", "power"),
    _pack("reactive_power_vars", "Reactive power of a pack", "reactive_power"),
    _pack("voltage_volts", "Voltage of a pack", "voltage"),
    _pack("current_amperes", "Current of a pack", "current"),
    _pack("frequency_hertz", "Frequency of a pack", "frequency"),
    _pack("energy_remaining_joules", "Energy in a pack", "energy_remaining", joules),
    _pack("energy_capacity_joules", "Energy of the full pack", "energy_capacity", joules),
    counter(
        "battery_energy_joules_total",
        "block direction",
        "Energy charged and discharged by a pack",
        units.pack_throughput,
        SYSTEM_STATUS,
    ),
    _pack("temperature_celsius", "Temperature of a pack", "temperature"),
    gauge(
        "battery_fan_rpm",
        "block kind",
        "Fan speed, named as in /fans/pw; which pack a fan belongs to is not reported",
        units.fan_speeds,
        VITALS,
    ),
    _pack("backup_ready", "Whether a pack is ready for an outage", "backup_ready"),
    _pack("off_grid", "Whether a pack is off the grid", "off_grid"),
    _pack("disabled_reasons", "Number of reasons why a pack is disabled", "disabled_reasons"),
    gauge(
        "battery_state",
        "block state",
        "State of a pack's inverter: 1 for the current one",
        units.pack_inverter_state,
        SYSTEM_STATUS,
    ),
    _string("power_watts", "Power of a solar string", "power"),
    _string("voltage_volts", "Voltage of a solar string", "voltage"),
    _string("current_amperes", "Current of a solar string", "current"),
    _string("connected", "Whether a solar string is connected", "connected"),
    gauge(
        "inverter_power_watts",
        "inverter",
        "Power of a solar inverter",
        units.inverter(lambda inverter: inverter.power),
        VITALS,
    ),
    gauge(
        "inverter_voltage_volts",
        "inverter",
        "Voltage of a solar inverter",
        units.inverter(lambda inverter: inverter.voltage),
        VITALS,
    ),
    gauge(
        "grid_phase_voltage_volts",
        "phase side",
        "Voltage of a phase on the grid's (main) and the house's (load) side",
        units.phase(lambda phase: phase.voltage),
        VITALS,
    ),
    gauge(
        "grid_phase_frequency_hertz",
        "phase side",
        "Frequency of a phase on both sides",
        units.phase(lambda phase: phase.frequency),
        VITALS,
    ),
    gauge(
        "ev_charger_power_watts",
        "charger",
        "Power of a vehicle charger, where the gateway reports it",
        vehicle_chargers,
        METERS,
    ),
    gauge("alert_active", "alert", "Active alerts, 1 each", units.alerts_active, *BY_NAME["alerts"].sources),
    gauge("alerts", "", "Number of active alerts", quantity("alerts"), *BY_NAME["alerts"].sources),
)
