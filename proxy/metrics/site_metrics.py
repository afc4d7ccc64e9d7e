"""SITE_METRICS: the metrics of a gateway and of what is connected to it, one row each.

Every sample also has the label ``gateway``. Powers are signed as the gateway signs them:
site + imports, battery + discharges, solar + produces, load + consumes. Energies are joules,
the base unit: ``rate()`` of joules is watts, and 3.6e6 joules are a kilowatt-hour.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from proxy.core.model import Source
from proxy.core.sources import (
    GRID_STATUS,
    METERS,
    OPERATION,
    SOE,
    STATUS,
    SYSTEM_STATUS,
)
from proxy.metrics import site_samples as site
from proxy.metrics.device_metrics import DEVICE_METRICS
from proxy.metrics.families import Family, counter, gauge
from proxy.metrics.scraped_site import ScrapedSite
from proxy.views.quantities import BY_NAME

# What a scrape keeps fresh by itself: powers, charge, grid. The rest once a client requested it.
ESSENTIAL: Final[tuple[Source, ...]] = (METERS, SOE, GRID_STATUS)


def _quantity(
    family: str, help_: str, name: str, convert: Callable[[float], float | None] = float
) -> Family[ScrapedSite]:
    """Make the row of one of QUANTITIES, which has no labels."""
    return gauge(family, "", help_, site.quantity(name, convert), *BY_NAME[name].sources)


SITE: tuple[Family[ScrapedSite], ...] = (
    gauge(
        "instant_power_watts",
        "meter",
        "Power: site + imports, battery + discharges, solar + produces, load + consumes",
        site.meter(lambda meter: meter.power),
        METERS,
    ),
    gauge(
        "instant_reactive_power_vars",
        "meter",
        "Reactive power",
        site.meter(lambda meter: meter.reactive_power),
        METERS,
    ),
    gauge(
        "instant_apparent_power_voltamperes",
        "meter",
        "Apparent power",
        site.meter(lambda meter: meter.apparent_power),
        METERS,
    ),
    gauge(
        "voltage_volts",
        "meter",
        "Average voltage; unreliable for the site meter on split phase",
        site.meter(lambda meter: meter.voltage),
        METERS,
    ),
    gauge("current_amperes", "meter", "Total current", site.meter(lambda meter: meter.current), METERS),
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
        site.meter(lambda meter: meter.frequency),
        METERS,
    ),
    counter(
        "energy_joules_total",
        "meter direction origin",
        "Energy as seen by the meter: solar exported is production, battery exported is discharge, load imported is consumption; "
        "origin is there if the gateway did not count it: cloud or integrated",
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
    _quantity("flow_unbalanced_watts", "Disagreement of the meters: inflow minus outflow", "flow_unbalanced"),
    _quantity("charge_ratio", "Charge of the whole pack, on the gateway's scale", "charge", site.ratio),
    _quantity(
        "charge_usable_ratio",
        "Charge on the app's scale, which hides the lowest 5 %",
        "charge_app",
        site.ratio,
    ),
    _quantity(
        "backup_reserve_ratio",
        "Backup reserve of the whole pack; compare with powerwall_charge_ratio",
        "reserve",
        site.ratio,
    ),
    _quantity("backup_reserve_usable_ratio", "Backup reserve on the app's scale", "reserve_app", site.ratio),
    gauge("operation_mode", "mode", "Mode of operation: 1 for the current one", site.mode, OPERATION),
    _quantity("grid_up", "1 with the grid, 0 in island mode, absent in between", "grid_up"),
    gauge(
        "grid_state",
        "state",
        "State of the grid connection: 1 for the current one",
        site.grid_state,
        GRID_STATUS,
    ),
    _quantity("grid_services_active", "Whether grid services use the battery now", "grid_services"),
    _quantity("energy_remaining_joules", "Energy in the battery", "energy_remaining", site.joules),
    _quantity("energy_capacity_joules", "Energy of the full battery", "energy_capacity", site.joules),
    _quantity(
        "time_remaining_seconds",
        "Time until the battery is empty at the present load",
        "time_remaining",
        site.seconds,
    ),
    gauge(
        "power_limit_watts",
        "limit",
        "Power limits of the battery system and of solar",
        site.limits,
        SYSTEM_STATUS,
    ),
    _quantity("running", "Whether the site controller runs", "running"),
    _quantity("connected_to_tesla", "Whether the gateway is connected to Tesla", "connected_to_tesla"),
    gauge(
        "info",
        "version device_type sync_type driver",
        "Firmware and type of the gateway, and the driver in use",
        site.identity,
        STATUS,
    ),
    gauge("start_timestamp_seconds", "", "When the gateway started, to 10 s", site.started, STATUS),
    _quantity("problems", "Number of problems that the gateway reports", "problems"),
)

SITE_METRICS: tuple[Family[ScrapedSite], ...] = (*SITE, *DEVICE_METRICS)
