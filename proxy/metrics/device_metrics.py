"""DEVICE_METRICS: the rows of SITE_METRICS about battery packs, strings, inverters, phases and alerts."""

from __future__ import annotations

from proxy.core.sources import GRID_STATUS, METERS, SOLAR_POWERWALL, SYSTEM_STATUS, VITALS
from proxy.metrics import device_samples as units
from proxy.metrics.families import Family, counter, gauge
from proxy.metrics.scraped_site import ScrapedSite
from proxy.metrics.site_samples import joules, quantity, vehicle_chargers
from proxy.views.quantities import BY_NAME

_PACKS = (VITALS, SYSTEM_STATUS)
_STRINGS = (VITALS, SOLAR_POWERWALL)

DEVICE_METRICS: tuple[Family[ScrapedSite], ...] = (
    gauge(
        "battery_info",
        "block part_number version serial",
        "Part number and version of a pack; serial number only with PW_METRICS_SERIALS=yes",
        units.pack_identity,
        SYSTEM_STATUS,
    ),
    gauge(
        "battery_power_watts",
        "block",
        "Power of a pack, + discharges",
        units.pack(lambda pack: pack.power),
        SYSTEM_STATUS,
    ),
    gauge(
        "battery_reactive_power_vars",
        "block",
        "Reactive power of a pack",
        units.pack(lambda pack: pack.reactive_power),
        SYSTEM_STATUS,
    ),
    gauge(
        "battery_voltage_volts",
        "block",
        "Voltage of a pack",
        units.pack(lambda pack: pack.voltage),
        SYSTEM_STATUS,
    ),
    gauge(
        "battery_current_amperes",
        "block",
        "Current of a pack",
        units.pack(lambda pack: pack.current),
        SYSTEM_STATUS,
    ),
    gauge(
        "battery_frequency_hertz",
        "block",
        "Frequency of a pack",
        units.pack(lambda pack: pack.frequency),
        SYSTEM_STATUS,
    ),
    gauge(
        "battery_energy_remaining_joules",
        "block",
        "Energy in a pack",
        units.pack(lambda pack: joules(pack.energy_remaining)),
        *_PACKS,
    ),
    gauge(
        "battery_energy_capacity_joules",
        "block",
        "Energy of the full pack",
        units.pack(lambda pack: joules(pack.energy_capacity)),
        *_PACKS,
    ),
    counter(
        "battery_energy_joules_total",
        "block direction",
        "Energy charged and discharged by a pack",
        units.pack_throughput,
        SYSTEM_STATUS,
    ),
    gauge(
        "battery_temperature_celsius",
        "block",
        "Temperature of a pack",
        units.pack(lambda pack: pack.temperature),
        *_PACKS,
    ),
    gauge(
        "battery_fan_rpm",
        "block kind",
        "Fan speed, named as in /fans/pw; which pack a fan belongs to is not reported",
        units.fan_speeds,
        VITALS,
    ),
    gauge(
        "battery_backup_ready",
        "block",
        "Whether a pack is ready for an outage",
        units.pack(lambda pack: pack.is_backup_ready),
        SYSTEM_STATUS,
    ),
    gauge(
        "battery_off_grid",
        "block",
        "Whether a pack is off the grid",
        units.pack(lambda pack: pack.is_off_grid),
        SYSTEM_STATUS,
    ),
    gauge(
        "battery_disabled_reasons",
        "block",
        "Number of reasons why a pack is disabled",
        units.pack(lambda pack: pack.disabled_reasons),
        SYSTEM_STATUS,
    ),
    gauge(
        "battery_state",
        "block state",
        "State of a pack's inverter: 1 for the current one",
        units.pack_inverter_state,
        SYSTEM_STATUS,
    ),
    gauge(
        "string_power_watts",
        "string",
        "Power of a solar string",
        units.string(lambda string: string.power),
        *_STRINGS,
    ),
    gauge(
        "string_voltage_volts",
        "string",
        "Voltage of a solar string",
        units.string(lambda string: string.voltage),
        *_STRINGS,
    ),
    gauge(
        "string_current_amperes",
        "string",
        "Current of a solar string",
        units.string(lambda string: string.current),
        *_STRINGS,
    ),
    gauge(
        "string_connected",
        "string",
        "Whether a solar string is connected",
        units.string(lambda string: string.is_connected),
        *_STRINGS,
    ),
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
    gauge("alert_active", "alert", "Active alerts, 1 each", units.alerts_active, *_STRINGS, GRID_STATUS),
    gauge("alerts", "", "Number of active alerts", quantity("alerts"), *BY_NAME["alerts"].sources),
)
