"""The object of one gateway in the form of pypowerwall-server.

Pure functions of ``Member``: what is known of one gateway at one moment. Powers are watts, energies
watt-hours; charge and reserve are percent (``raw``: of the whole pack, else of the app's scale);
times are seconds since 1970. Every key is always there; what is unknown is null.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from proxy.core.model import Source, app_percent
from proxy.core.sources import (
    CLOUD_RULES,
    GRID_STATUS,
    IDENTITY,
    METERS,
    NETWORKS,
    ON_REQUEST,
    OPERATION,
    POWERWALLS,
    SITE_INFO,
    SITE_NAME,
    SOE,
    SOLAR_POWERWALL,
    STATUS,
    SYSTEM_STATUS,
    TEDAPI_CONFIG,
    VITALS,
)
from proxy.core.totals import spread_s
from proxy.views import devices, meters, site
from proxy.views.json_access import Documents, section, sections, text
from proxy.views.options import Options
from proxy.views.strings import strings

# What the object of a gateway is made of.
STATE: Final[tuple[Source, ...]] = (
    *(METERS, SOE, GRID_STATUS, SYSTEM_STATUS, OPERATION, VITALS, SOLAR_POWERWALL),
    *(STATUS, SITE_INFO, SITE_NAME, POWERWALLS, NETWORKS, TEDAPI_CONFIG, CLOUD_RULES),
)

# Facts that hardly change, and an estimate that is shown while it is known.
_SETTLED: Final = IDENTITY | ON_REQUEST | {TEDAPI_CONFIG, CLOUD_RULES}
_GRID: Final = {1: "UP", 0: "DOWN", -1: "SYNCING"}
_FULL: Final = 100.0
_POWERWALL3: Final = "1707"  # what its part numbers begin with


@dataclass(frozen=True, slots=True)
class Member:
    """What is known of one gateway.

    ``documents`` are as for every view: a source that the gateway offers and that is unknown is
    None, one that it does not offer is missing. ``observed_at`` has the time of each.
    ``configured`` is what its settings say of it, ``mode`` TEDAPI's (full, v1r, hybrid) or None,
    ``connection`` the link that is in use. ``is_online``: the last exchange succeeded.
    ``spread_s`` is how much older than another member's its readings may be in a total.
    ``grid`` is the id of the gateway whose meter measures the grid of the whole property; empty: its own does.
    """

    configured: Mapping[str, Any]
    documents: Documents
    options: Options
    observed_at: Mapping[Source, float] = field(default_factory=dict)
    is_online: bool = False
    error: str | None = None
    last_success: float | None = None
    mode: str | None = None
    connection: str = "Local"
    spread_s: float = field(default_factory=spread_s)
    grid: str = ""

    @property
    def is_inverter(self) -> bool:
        """Say whether it has no battery, as its owner says."""
        return self.configured.get("type") == "inverter"

    @property
    def has_data(self) -> bool:
        """Say whether its powers may be shown."""
        return self.documents.get(METERS) is not None


def status(member: Member) -> dict[str, Any]:
    """Return the object of a gateway: what it is, what it reports, whether it can be reached."""
    is_online = member.is_online and member.has_data
    return {
        "gateway": {**member.configured, "online": is_online, "last_error": member.error},
        "data": data(member) if member.has_data else None,
        "online": is_online,
        "last_updated": member.last_success,
        "error": member.error,
    }


def data(member: Member) -> dict[str, Any]:
    """Return what the gateway reports, each document under the name that it has there."""
    documents, options = member.documents, member.options
    has_devices = documents.get(VITALS) is not None
    has_inverter = has_devices or documents.get(SOLAR_POWERWALL) is not None
    identity, charge = section(documents.get(STATUS)), meters.charge_percent(documents)
    return {
        "vitals": documents.get(VITALS),
        "strings": strings(documents, options) if has_inverter else None,
        "aggregates": meters.aggregates(documents, options),
        "alerts": devices.alerts(documents, options) if has_inverter else None,
        "temps": devices.temps(documents, options) if has_devices else None,
        "grid_status": grid_word(documents),
        "grid_status_detail": documents.get(GRID_STATUS),
        "reserve": site.reserve_percent(documents),
        "time_remaining": meters.hours_remaining(documents, options),
        "system_status": documents.get(SYSTEM_STATUS),
        "fan_speeds": devices.fans(documents, options) if has_devices else None,
        "networks": documents.get(NETWORKS),
        "powerwalls": documents.get(POWERWALLS),
        "meters": None,
        "solars": None,
        "solar_powerwall": documents.get(SOLAR_POWERWALL),
        "soe_raw": charge,
        "soe": app_scale(charge),
        "freq": None,
        "din": text(identity.get("din")),
        "uptime": text(identity.get("up_time_seconds")),
        "version": text(identity.get("version")),
        "status": documents.get(STATUS),
        "device_type": text(identity.get("device_type")),
        "site_name": site.site_name(documents, options)["site_name"],
        "site_info": documents.get(SITE_INFO),
        "mode": site.operation_mode(documents),
        **site.grid_rules(documents),
        "pw3": _is_powerwall3(documents),
        "tedapi_mode": member.mode,
        "connection_mode": member.connection,
        "tedapi_config": documents.get(TEDAPI_CONFIG),
        "timestamp": _oldest(member.observed_at),
    }


def grid_word(documents: Documents) -> str | None:
    """Return UP, DOWN or SYNCING; None if it is unknown."""
    state = site.grid_number(documents)
    return None if state is None else _GRID[state]


def app_scale(raw: float | None) -> float | None:
    """Turn a charge into the app's scale, which ends at 0 and 100."""
    return None if raw is None else min(max(app_percent(raw), 0.0), _FULL)


def _is_powerwall3(documents: Documents) -> bool | None:
    """Judge by the batteries, None while none is known."""
    blocks = sections(section(documents.get(SYSTEM_STATUS)).get("battery_blocks"))
    parts = [part for block in blocks if (part := text(block.get("PackagePartNumber")))]
    return any(part.startswith(_POWERWALL3) for part in parts) if parts else None


def _oldest(observed_at: Mapping[Source, float]) -> float | None:
    """Return the time of the oldest reading; facts that hardly change do not count."""
    readings = [at for source, at in observed_at.items() if source not in _SETTLED]
    return min(readings, default=None)
