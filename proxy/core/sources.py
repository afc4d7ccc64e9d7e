"""The facts that views, drivers and outputs ask for, by the names the local API gives them."""

from __future__ import annotations

from typing import Final

from proxy.core.model import Source

METERS: Final[Source] = "/api/meters/aggregates"
SOE: Final[Source] = "/api/system_status/soe"
GRID_STATUS: Final[Source] = "/api/system_status/grid_status"
SYSTEM_STATUS: Final[Source] = "/api/system_status"
OPERATION: Final[Source] = "/api/operation"
STATUS: Final[Source] = "/api/status"
SITE_NAME: Final[Source] = "/api/site_info/site_name"
VITALS: Final[Source] = "/api/devices/vitals"
SOLAR_POWERWALL: Final[Source] = "/api/solar_powerwall"
TEDAPI_CONFIG: Final[Source] = "/tedapi/config"
BACKUP_EVENTS: Final[Source] = "/tedapi/backup_events"
PROBLEMS: Final[Source] = "/api/troubleshooting/problems"
SITEMASTER: Final[Source] = "/api/sitemaster"
CONFIG: Final[Source] = "/api/config"
SITE_INFO: Final[Source] = "/api/site_info"
POWERWALLS: Final[Source] = "/api/powerwalls"
