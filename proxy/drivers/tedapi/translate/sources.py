"""Which source of the local API comes from where in TEDAPI's documents: the one table.

A source whose function gives None is unknown at the moment and is left out. One whose function
stumbles over a document of an unforeseen kind costs that source and no other.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from proxy.core.errors import BadAnswer
from proxy.core.model import Source
from proxy.core.sources import (
    CONFIG,
    GRID_STATUS,
    METER_LIST,
    METERS,
    OPERATION,
    POWERWALLS,
    SITE_INFO,
    SITE_NAME,
    SITEMASTER,
    SOE,
    SOLAR_INVERTERS,
    STATUS,
    SYSTEM_STATUS,
    TEDAPI_CONFIG,
    VITALS,
)
from proxy.drivers.tedapi.data import Facts
from proxy.drivers.tedapi.translate import battery_blocks as blocks
from proxy.drivers.tedapi.translate import meters, site, vitals
from proxy.drivers.tedapi.translate.mask import masked

Translation = Callable[[Facts], Any]

_log = logging.getLogger(__name__)

# What a value of an unforeseen kind raises.
_SURPRISES = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)

# What the configuration alone reports.
FROM_CONFIG: Mapping[Source, Translation] = {
    OPERATION: site.operation,
    SITE_INFO: site.site_info,
    SITE_NAME: site.site_name,
    CONFIG: site.config,
    SOLAR_INVERTERS: lambda facts: masked(site.solars(facts)),
    METER_LIST: site.meters,
    TEDAPI_CONFIG: lambda facts: masked(facts.config) or None,
    Source("/tedapi/battery"): lambda facts: masked(site.battery_blocks(facts)),
}

# What needs the controller query, with the configuration at hand, and of the units those that were
# queried along with it: they share one grid, and its voltage is that of all.
FROM_CONTROLLER: Mapping[Source, Translation] = {
    METERS: meters.aggregates,
    **{Source(f"/api/meters/{name}"): partial(site.meter_at, location=name) for name in meters.METERS},
    SOE: site.soe,
    GRID_STATUS: site.grid_status,
    SITEMASTER: site.sitemaster,
    Source("/tedapi/controller"): lambda facts: masked(facts.controller) or None,
}

# What the firmware reports, with the controller's clock.
FROM_FIRMWARE: Mapping[Source, Translation] = {STATUS: site.status}

# What needs every unit: as old as what the oldest of them said.
FROM_UNITS: Mapping[Source, Translation] = {
    SYSTEM_STATUS: blocks.system_status,
    VITALS: vitals.vitals,
}

# The same for what is mostly configuration: as old as that, too.
FROM_CONFIG_AND_UNITS: Mapping[Source, Translation] = {POWERWALLS: blocks.powerwalls}


def translate(table: Mapping[Source, Translation], facts: Facts) -> dict[Source, Any]:
    """Build every document of a table that can be made of these facts; BadAnswer for one that stumbled."""
    built = {source: _built(source, translation, facts) for source, translation in table.items()}
    return {source: value for source, value in built.items() if value is not None}


def _built(source: Source, translation: Translation, facts: Facts) -> Any:
    try:
        return translation(facts)
    except _SURPRISES:
        _log.exception("translation failed", extra={"path": source})
        return BadAnswer(f"{source}: the answer could not be understood")
