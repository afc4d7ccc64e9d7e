"""ENERGY: the metrics of a gateway and what hangs on it, one row each.

Every sample also has the label ``gateway``. Powers are signed as the gateway signs them:
site + imports, battery + discharges, solar + produces, load + consumes. Energies are joules,
the base unit: ``rate()`` of joules is watts, and 3.6e6 joules are a kilowatt-hour.
"""

from __future__ import annotations

from typing import Final

from proxy.core.model import Source
from proxy.core.sources import (
    GRID_STATUS,
    METERS,
    OPERATION,
    PROBLEMS,
    SITEMASTER,
    SOE,
    STATUS,
    SYSTEM_STATUS,
)
from proxy.metrics import site_samples as site
from proxy.metrics.device_metrics import DEVICE_METRICS
from proxy.metrics.facts import Facts
from proxy.metrics.families import Family, counter, gauge

# What a scrape keeps fresh by itself: powers, charge, grid. The rest once somebody asked for it.
ESSENTIAL: Final[tuple[Source, ...]] = (METERS, SOE, GRID_STATUS)

SITE: tuple[Family[Facts], ...] = (
    gauge(
        "instant_power_watts",
        "meter",
        "Power: site + imports, battery + discharges, solar + produces, load + consumes",
        site.meter("instant_power"),
        METERS,
    ),
    gauge(
        "instant_reactive_power_vars", "meter", "Reactive power", site.meter("instant_reactive_power"), METERS
    ),
    gauge(
        "instant_apparent_power_voltamperes",
        "meter",
        "Apparent power",
        site.meter("instant_apparent_power"),
        METERS,
    ),
    gauge(
        "voltage_volts",
        "meter",
        "Average voltage; unreliable for the site meter on split phase",
        site.meter("instant_average_voltage"),
        METERS,
    ),
    gauge("current_amperes", "meter", "Total current", site.meter("instant_total_current"), METERS),
    gauge(
        "phase_current_amperes",
        "meter phase",
        "Current per phase, where a meter measures it",
        site.phase_currents,
        METERS,
    ),
    gauge(
        "frequency_hertz",
        "meter",
        "Frequency, where a meter measures it",
        site.meter("frequency", zero=False),
        METERS,
    ),
    counter(
        "energy_joules_total",
        "meter direction",
        "Energy as seen by the meter: solar exported is production, battery exported is discharge, load imported is consumption",
        site.energies,
        METERS,
    ),
    gauge(
        "meter_read_timestamp_seconds",
        "meter",
        "Time of the gateway's last reading of the meter",
        site.meter_moments,
        METERS,
    ),
    gauge(
        "flow_watts", "source sink", "Computed flow from a source to a sink", site.flows, METERS, GRID_STATUS
    ),
    gauge(
        "flow_unbalanced_watts",
        "",
        "Disagreement of the meters: inflow minus outflow",
        site.unbalanced,
        METERS,
        GRID_STATUS,
    ),
    gauge(
        "charge_ratio",
        "",
        "Charge of the whole pack, on the gateway's scale",
        site.charge(site.raw_ratio),
        SOE,
    ),
    gauge(
        "charge_usable_ratio",
        "",
        "Charge on the app's scale, which hides the lowest 5 %",
        site.charge(site.usable_ratio),
        SOE,
    ),
    gauge(
        "backup_reserve_ratio",
        "",
        "Backup reserve of the whole pack; compare with powerwall_charge_ratio",
        site.reserve(site.raw_ratio),
        OPERATION,
    ),
    gauge(
        "backup_reserve_usable_ratio",
        "",
        "Backup reserve on the app's scale",
        site.reserve(site.usable_ratio),
        OPERATION,
    ),
    gauge("operation_mode", "mode", "Mode of operation: 1 for the current one", site.mode, OPERATION),
    gauge("grid_up", "", "1 with the grid, 0 in island mode, absent in between", site.grid_up, GRID_STATUS),
    gauge(
        "grid_state",
        "state",
        "State of the grid connection: 1 for the current one",
        site.grid_state,
        GRID_STATUS,
    ),
    gauge(
        "grid_services_active",
        "",
        "Whether grid services use the battery now",
        site.yes_or_no(GRID_STATUS, "grid_services_active"),
        GRID_STATUS,
    ),
    gauge(
        "energy_remaining_joules",
        "",
        "Energy in the battery",
        site.system_energy("nominal_energy_remaining"),
        SYSTEM_STATUS,
    ),
    gauge(
        "energy_capacity_joules",
        "",
        "Energy of the full battery",
        site.system_energy("nominal_full_pack_energy"),
        SYSTEM_STATUS,
    ),
    gauge(
        "time_remaining_seconds",
        "",
        "Time until the battery is empty at the present load",
        site.time_remaining,
        METERS,
        SYSTEM_STATUS,
    ),
    gauge(
        "power_limit_watts",
        "limit",
        "Power limits of the battery system and of solar",
        site.limits,
        SYSTEM_STATUS,
    ),
    gauge(
        "running", "", "Whether the site controller runs", site.yes_or_no(SITEMASTER, "running"), SITEMASTER
    ),
    gauge(
        "connected_to_tesla",
        "",
        "Whether the gateway is connected to Tesla",
        site.yes_or_no(SITEMASTER, "connected_to_tesla"),
        SITEMASTER,
    ),
    gauge(
        "info",
        "version device_type sync_type driver",
        "Firmware and type of the gateway, and the driver in use",
        site.about,
        STATUS,
    ),
    gauge("start_timestamp_seconds", "", "When the gateway started, to 10 s", site.started, STATUS),
    gauge("problems", "", "Number of problems that the gateway reports", site.problems, PROBLEMS),
)

SITE_METRICS: tuple[Family[Facts], ...] = (*SITE, *DEVICE_METRICS)
