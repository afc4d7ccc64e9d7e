"""The gateway's own paths: what may be read of them, and the login of programs made for it.

Only paths that are safe to read stand here (docs/protocol.md, "Safe paths"); no other
path below /api/ exists, let alone reaches the gateway.
"""

from __future__ import annotations

from typing import Any

from proxy.core.model import OCTETS, Source
from proxy.core.sources import (
    CLOUD_RULES,
    CONFIG,
    METERS,
    OPERATION,
    PROBLEMS,
    SOLAR_METER,
    TEDAPI_CONFIG,
    VITALS,
)
from proxy.server.route import Legacy, Route
from proxy.views import meters, site


def _raw(path: str, summary: str, **others: Any) -> Route:
    """Make the row of a source under its own path."""
    return Route(path, summary, "Gateway", sources=(Source(path),), **others)


GATEWAY: tuple[Route, ...] = (
    _raw("/api/meters/aggregates", "Power, energy, voltage and current, uncorrected"),
    _raw(
        "/api/system_status/soe",
        "Charge in percent of the app's scale; of the whole pack with a session",
        view=meters.soe_app,
    ),
    _raw(VITALS, "All devices and their signals, as protobuf", media_type=OCTETS),
    _raw("/api/auth/toggle/supported", "Whether the switch proof is supported"),
    _raw(CONFIG, "Identity of the gateway, and nothing else of its configuration"),
    _raw("/api/customer", "Customer registration flags"),
    _raw("/api/generators", "Generators and how they are connected"),
    _raw("/api/generators/disconnect_types", "Known kinds of transfer switches"),
    _raw("/api/installer", "Installer and installation"),
    _raw("/api/meters", "Meters and their current transformers"),
    _raw("/api/meters/battery", "Battery meter in detail"),
    _raw("/api/meters/load", "Load meter in detail"),
    _raw("/api/meters/readings", "Readings of wireless meters"),
    _raw("/api/meters/site", "Site meter in detail"),
    Route(
        SOLAR_METER,
        "Solar meter in detail; its readings where the gateway lists no such meter",
        "Gateway",
        sources=(METERS,),
        offered=(SOLAR_METER,),
        view=meters.solar_meter,
        legacy=Legacy.VIEW,
    ),
    _raw("/api/meters/status", "Errors of the meters"),
    _raw("/api/networks", "Networks of the gateway"),
    _raw(
        OPERATION,
        "Mode, reserve in percent of the app's scale, grid rules; the gateway's own with a session",
        optional=(TEDAPI_CONFIG, CLOUD_RULES),
        view=site.operation,
    ),
    _raw("/api/powerwalls", "Battery units and their state"),
    _raw("/api/powerwalls/status", "What the battery units are busy with"),
    _raw("/api/site_info", "Site and grid code"),
    _raw("/api/site_info/grid_codes", "Known grid codes"),
    _raw("/api/site_info/site_name", "Name and time zone of the site"),
    _raw("/api/sitemaster", "Whether the system runs"),
    _raw("/api/solar_powerwall", "Inverter of a Powerwall+"),
    _raw("/api/solars", "Solar inverters"),
    _raw("/api/solars/brands", "Known inverter brands"),
    _raw("/api/status", "Firmware, uptime, identity"),
    _raw("/api/synchrometer/ct_voltage_references", "Phases of the current transformers"),
    _raw("/api/system/networks", "Networks, firmware 1.15"),
    _raw("/api/system/networks/conn_tests", "Result of the last network test"),
    _raw("/api/system/testing", "Result of the last system test"),
    _raw("/api/system/update/status", "Firmware update"),
    _raw("/api/system_status", "Battery system and its blocks"),
    _raw("/api/system_status/grid_faults", "Grid faults"),
    _raw("/api/system_status/grid_status", "Grid status"),
    Route(PROBLEMS, "Problems", "Gateway", offered=(PROBLEMS,), view=site.problems, legacy=Legacy.VIEW),
    Route(
        "/api/customer/registration",
        "Not served, because it holds personal data: what the pypowerwall proxy says instead",
        "Gateway",
        view=site.constant({"status": "404 Response - API Disabled"}),
    ),
    Route(
        "/api/login/Basic",
        "Log in as to a gateway, to a session of the proxy",
        "Gateway",
        endpoint="login",
        methods=("POST",),
        public=False,
    ),
    Route(
        "/api/logout",
        "End that session",
        "Gateway",
        endpoint="logout",
        methods=("GET",),
        public=False,
    ),
)
