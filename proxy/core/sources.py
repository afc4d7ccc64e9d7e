"""What views, drivers and outputs read, by the names of the local API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from proxy.core.json_access import get_path
from proxy.core.model import Source

METERS: Final = Source("/api/meters/aggregates")
SOE: Final = Source("/api/system_status/soe")
GRID_STATUS: Final = Source("/api/system_status/grid_status")
SYSTEM_STATUS: Final = Source("/api/system_status")
OPERATION: Final = Source("/api/operation")
STATUS: Final = Source("/api/status")
SITE_NAME: Final = Source("/api/site_info/site_name")
VITALS: Final = Source("/api/devices/vitals")
SOLAR_POWERWALL: Final = Source("/api/solar_powerwall")
TEDAPI_CONFIG: Final = Source("/tedapi/config")
BACKUP_EVENTS: Final = Source("/tedapi/backup_events")
PROBLEMS: Final = Source("/api/troubleshooting/problems")
SITEMASTER: Final = Source("/api/sitemaster")
CONFIG: Final = Source("/api/config")
SITE_INFO: Final = Source("/api/site_info")
POWERWALLS: Final = Source("/api/powerwalls")
NETWORKS: Final = Source("/api/networks")
METER_LIST: Final = Source("/api/meters")
SOLAR_METER: Final = Source("/api/meters/solar")
SOLAR_INVERTERS: Final = Source("/api/solars")
# What the cloud shows of the settings of a site, by the names that control has for them; no route has this name.
CLOUD_SETTINGS: Final = Source("/cloud/settings")
# The grid rules among them, for all who read and do not control: a cloud that only stands by is not requested for them.
CLOUD_RULES: Final = Source("/cloud/grid_rules")
# The vehicle chargers of a site, of which only the cloud knows; no route has this name.
WALL_CONNECTORS: Final = Source("/cloud/wall_connectors")
# Tesla's own estimate of the hours that the battery lasts; no route has this name.
TIME_REMAINING: Final = Source("/cloud/time_remaining")
# What the site's utility charges, as the pypowerwall library names it.
TARIFF: Final = Source("/api/tesla/tariff_rate")

# Each costs a request of the month's that serves nothing else: it is sent for clients that read it, for no scrape or broker.
ON_REQUEST: Final = frozenset({TIME_REMAINING})

# How a site is set; commands change it.
CONFIGURATION: Final = frozenset({OPERATION, TEDAPI_CONFIG, CLOUD_RULES, CLOUD_SETTINGS})

# Facts that hardly change: served while they are fetched again.
IDENTITY: Final = frozenset(
    Source(f"/api/{name}")
    for name in (
        "auth/toggle/supported",
        "config",
        "customer",
        "generators",
        "generators/disconnect_types",
        "installer",
        "meters",
        "networks",
        "powerwalls",
        "site_info",
        "site_info/grid_codes",
        "site_info/site_name",
        "solars",
        "solars/brands",
        "status",
        "synchrometer/ct_voltage_references",
        "system/networks",
        "system/update/status",
    )
)

# The numbers (and words) for which a source is read. An answer that lacks one which the answer
# before it had is no answer as long as that one may be served.
ESSENTIAL: Final[Mapping[Source, tuple[tuple[str, ...], ...]]] = {
    METERS: tuple((meter, "instant_power") for meter in ("site", "battery", "load", "solar")),
    SOE: (("percentage",),),
    SYSTEM_STATUS: (("nominal_full_pack_energy",), ("nominal_energy_remaining",)),
    OPERATION: (("real_mode",), ("backup_reserve_percent",)),
}


def lacking(source: Source, document: Any, before: Any) -> str | None:
    """Name the essential value that a document of a source lacks and the one before it had; None if there is none."""
    for path in ESSENTIAL.get(source, ()):
        if get_path(document, *path) is None and get_path(before, *path) is not None:
            return ".".join(path)
    return None
