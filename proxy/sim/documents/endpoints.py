"""The one table of what can be read: path, document, firmware, login."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from proxy.sim.documents import fixed, inverter, meters, site, system, vitals
from proxy.sim.firmware import FIRST, LAST, V20, V20_49, V23_44, Version
from proxy.sim.scene import Scene

# What a Powerwall 3 answers of all this.
POWERWALL3 = frozenset({"/api/meters/aggregates", "/api/system_status/soe", "/api/system_status/grid_status"})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One document: since which firmware, until which, and since which it needs a login."""

    path: str
    render: Callable[[Scene], Any]
    login_since: Version = FIRST
    since: Version = FIRST
    until: Version = LAST
    needs_site_master: bool = False  # 502 while it is stopped

    def exists(self, version: Version) -> bool:
        """Say whether this firmware has the document."""
        return self.since <= version < self.until


def _fixed(document: Any, _scene: Scene) -> Any:
    return document


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("/api/status", site.status, login_since=LAST),
    Endpoint("/api/auth/toggle/supported", site.toggle_supported, login_since=LAST, since=V20),
    Endpoint("/api/meters/aggregates", meters.aggregates, V20_49, needs_site_master=True),
    Endpoint("/api/system_status", system.system_status, needs_site_master=True),
    Endpoint("/api/system_status/soe", system.soe, V20_49, needs_site_master=True),
    Endpoint("/api/system_status/grid_status", system.grid_status, V20_49, needs_site_master=True),
    Endpoint("/api/system_status/grid_faults", system.grid_faults, V20_49, needs_site_master=True),
    Endpoint("/api/sitemaster", site.sitemaster, V20_49),
    Endpoint("/api/operation", site.operation),
    Endpoint("/api/powerwalls", system.powerwalls, V20_49),
    Endpoint("/api/powerwalls/status", system.powerwalls_status),
    Endpoint("/api/powerwalls/phase_usages", system.phase_usages),
    Endpoint("/api/site_info", site.site_info, V20_49),
    Endpoint("/api/site_info/site_name", site.site_name, V20_49),
    Endpoint("/api/devices/vitals", vitals.answer, since=V20, until=V23_44),
    Endpoint("/api/solar_powerwall", inverter.solar_powerwall, since=V20),
    Endpoint("/api/solar_powerwall/power_status", inverter.power_status, since=V20),
    Endpoint("/api/customer", site.customer),
    Endpoint("/api/customer/registration", site.registration, V20_49),
    Endpoint("/api/config", site.config),
    Endpoint("/api/installer", site.installer),
    Endpoint("/api/system/update/status", site.update_status, V20_49),
    Endpoint("/api/troubleshooting/problems", site.problems),
    Endpoint("/api/meters", meters.meters),
    Endpoint("/api/meters/site", meters.meters_site, V20_49),
    Endpoint("/api/meters/solar", meters.meters_solar, V20_49),
    Endpoint("/api/meters/readings", meters.readings),
    Endpoint("/api/meters/status", meters.status),
    Endpoint("/api/meters/{meter}synchrometerX/cts", meters.cts_x),
    Endpoint("/api/meters/{meter}synchrometerY/cts", meters.cts_y),
    Endpoint("/api/meters/{meter}synchrometerX/ct_config", meters.ct_config_x),
    Endpoint("/api/meters/{meter}synchrometerY/ct_config", meters.ct_config_y),
    Endpoint("/api/synchrometer/ct_voltage_references", meters.voltage_references),
    Endpoint("/api/synchrometer/ct_voltage_references/options", meters.voltage_options),
    Endpoint("/api/solars", site.solars),
    Endpoint("/api/networks", site.networks),
    *(
        Endpoint(path, partial(_fixed, document), login_since=LAST if path == "/api/legal/radio" else FIRST)
        for path, document in fixed.DOCUMENTS.items()
    ),
    *(
        Endpoint(path, partial(_fixed, document), V20_49, until=V20)
        for path, document in fixed.OLD_DOCUMENTS.items()
    ),
)


def table(meter_serial: str) -> dict[str, Endpoint]:
    """Map the paths of one installation to their endpoints."""
    return {endpoint.path.replace("{meter}", meter_serial): endpoint for endpoint in ENDPOINTS}
