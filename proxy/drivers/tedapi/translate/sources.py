"""Which source of the local API comes from where in TEDAPI's documents: the one table.

A source whose function gives None is unknown at the moment and is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from proxy.core.model import Source
from proxy.core.sources import (
    CONFIG,
    GRID_STATUS,
    METERS,
    OPERATION,
    SITE_NAME,
    SOE,
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

# What the configuration alone tells.
FROM_CONFIG: Mapping[Source, Translation] = {
    OPERATION: site.operation,
    "/api/site_info": site.site_info,
    SITE_NAME: site.site_name,
    CONFIG: site.config,
    "/api/solars": lambda facts: masked(site.solars(facts)),
    "/api/meters": site.meters,
    TEDAPI_CONFIG: lambda facts: masked(facts.config) or None,
    "/tedapi/battery": lambda facts: masked(site.battery_blocks(facts)),
}

# What needs the controller query, with the configuration and the firmware at hand, and of the
# units those that were asked along with it: they share one grid, and its voltage is that of all.
FROM_CONTROLLER: Mapping[Source, Translation] = {
    METERS: meters.aggregates,
    **{f"/api/meters/{name}": partial(site.meter_at, location=name) for name in meters.METERS},
    SOE: site.soe,
    GRID_STATUS: site.grid_status,
    "/api/sitemaster": site.sitemaster,
    STATUS: site.status,
    "/tedapi/controller": lambda facts: masked(facts.controller) or None,
}

# What needs every unit: as old as what the oldest of them said.
FROM_UNITS: Mapping[Source, Translation] = {
    SYSTEM_STATUS: blocks.system_status,
    "/api/powerwalls": blocks.powerwalls,
    VITALS: vitals.vitals,
}


def translate(table: Mapping[Source, Translation], facts: Facts) -> dict[Source, Any]:
    """Build every document of a table that can be told from these facts."""
    built = {source: translation(facts) for source, translation in table.items()}
    return {source: value for source, value in built.items() if value is not None}
