"""ROUTES: everything that a client can request, one row each.

Code, README, OpenAPI, metric labels and tests are made from this table. A path
that is not a row does not exist, and nothing of it reaches the gateway.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from proxy.config.cloud import KEY_PATH
from proxy.core.model import Source
from proxy.core.sources import (
    GRID_STATUS,
    METERS,
    OPERATION,
    SITE_NAME,
    SOE,
    SOLAR_POWERWALL,
    STATUS,
    SYSTEM_STATUS,
    TEDAPI_CONFIG,
    TIME_REMAINING,
    VITALS,
)
from proxy.features import features
from proxy.server.control.routes import CONTROL
from proxy.server.families import family
from proxy.server.fleet.object_routes import OBJECTS
from proxy.server.fleet.routes import FLEET, OF_SITES
from proxy.server.gateway_api.routes import GATEWAY
from proxy.server.route import Legacy, Route, Style, View
from proxy.server.status.application_key import MEDIA_TYPE
from proxy.server.status.check import CHECK
from proxy.views import batteries, devices, meters, site, strings

_CSV = "text/plain; charset=utf-8"

# Firmware 23.44 removed the vitals and left the inverter's report.
_NO_VITALS = ((VITALS, SOLAR_POWERWALL),)


def _reading(path: str, summary: str, *sources: Source, **others: Any) -> Route:
    return Route(path, summary, "Readings", sources=sources, **others)


def _devices(path: str, summary: str, view: View, **others: Any) -> Route:
    others = {"offered": (VITALS,), "legacy": Legacy.VIEW, **others}
    return Route(path, summary, "Devices", view=view, **others)


def _pw(name: str, summary: str, view: View | None, *sources: Source, **others: Any) -> Route:
    return Route(f"/pw/{name}", summary, "Functions", sources=sources, view=view, **others)


def _single_value(name: str, summary: str, view: View, *sources: Source, **others: Any) -> Route:
    """Make a row of one value, which the pypowerwall proxy gives as null when it does not know it."""
    return _pw(name, summary, view, *sources, legacy=Legacy.VIEW, **others)


def _page(path: str, summary: str, endpoint: str, *, local: bool = False) -> Route:
    return Route(path, summary, "Pages", endpoint=endpoint, media_type="text/html", public=False, local=local)


_ROWS: tuple[Route, ...] = (
    _reading(
        "/aggregates",
        "Power, energy, voltage and current of grid, battery, home and solar",
        METERS,
        view=meters.aggregates,
    ),
    _reading("/soe", "Charge in percent of the whole pack", SOE, view=meters.soe),
    _reading(
        "/csv",
        "Grid, home, solar, battery (W), charge (%)",
        METERS,
        offered=(SOE,),
        view=meters.csv,
        media_type=_CSV,
        legacy=Legacy.ZEROS,
        query=("headers",),
    ),
    _reading(
        "/csv/v2",
        "The same with grid status (1 up, 0 down) and reserve (%)",
        *(METERS, GRID_STATUS),
        offered=(SOE, OPERATION),
        view=meters.csv_v2,
        media_type=_CSV,
        legacy=Legacy.ZEROS_V2,
        query=("headers",),
    ),
    _reading(
        "/json",
        "Powers (W), charge (%), grid, reserve, energies (Wh) and strings in one",
        *(METERS, GRID_STATUS),
        offered=(SOE, SYSTEM_STATUS, OPERATION),
        optional=(VITALS, TIME_REMAINING),
        instead=_NO_VITALS,
        view=meters.json,
        legacy=Legacy.ZEROS_JSON,
    ),
    _reading(
        "/version",
        "Firmware version, also as a number",
        STATUS,
        view=site.version,
        legacy=Legacy.SOLAR_ONLY,
    ),
    _devices(
        "/vitals", "All devices and their signals", devices.vitals, style=Style.PRETTY, legacy=Legacy.NULL
    ),
    _devices(
        "/strings",
        "Solar strings: current, voltage, power, state",
        strings.strings,
        instead=_NO_VITALS,
        style=Style.PRETTY,
    ),
    _devices("/temps", "Temperatures (°C) by device", devices.temps, style=Style.PRETTY),
    _devices(
        "/temps/pw",
        "Temperatures (°C) as PW1_temp, …",
        batteries.temp_numbers,
        offered=(SYSTEM_STATUS, VITALS),  # the blocks number the packs
    ),
    _devices(
        "/alerts",
        "Active alerts, sorted",
        devices.alerts,
        sources=(GRID_STATUS,),
        instead=_NO_VITALS,
        style=Style.PRETTY,
    ),
    _devices(
        "/alerts/pw",
        "Active alerts as fields of value 1",
        devices.alert_flags,
        sources=(GRID_STATUS,),
        instead=_NO_VITALS,
    ),
    _devices(
        "/freq",
        "Frequency and voltage of packs, meters and grid",
        batteries.freq,
        sources=(GRID_STATUS,),
        offered=(SYSTEM_STATUS, VITALS),
    ),
    _devices(
        "/pod",
        "Energy and state of every pack; totals, reserve, time remaining",
        batteries.pod,
        sources=(METERS,),
        offered=(SYSTEM_STATUS, OPERATION, VITALS),
        optional=(TEDAPI_CONFIG, TIME_REMAINING),
    ),
    _devices("/fans", "Fan speeds (RPM) by inverter", devices.fans),
    _devices("/fans/pw", "Fan speeds (RPM) as FAN1_actual, …", devices.fan_numbers),
    _single_value("level", "Charge in percent of the whole pack", meters.level, SOE),
    _pw("power", "The four powers (W)", meters.power, METERS, legacy=Legacy.ZERO_POWERS),
    *(
        _pw(name, f"Meter of the {whose}", meters.meter(section), METERS)
        for name, section, whose in (
            ("site", "site", "grid"),
            ("grid", "site", "grid"),
            ("solar", "solar", "solar inverters"),
            ("battery", "battery", "batteries"),
            ("load", "load", "home"),
            ("home", "load", "home"),
        )
    ),
    _pw(
        "battery_blocks",
        "Battery units by serial number, with temperature",
        batteries.battery_blocks,
        SYSTEM_STATUS,
        offered=(VITALS,),
    ),
    _pw("vitals", "As /vitals, in the gateway's order", devices.vitals, offered=(VITALS,)),
    _single_value("temps", "As /temps, on one line", devices.temps, offered=(VITALS,)),
    _single_value(
        "strings", "Solar strings by inverter", strings.verbose, offered=(VITALS,), instead=_NO_VITALS
    ),
    _single_value("din", "Identity of the gateway", site.din, STATUS),
    _single_value("uptime", "Uptime of the gateway, as text like 127h34m16s", site.uptime, STATUS),
    _single_value("version", "Firmware version, also as a number", site.version, STATUS),
    _pw("status", "As /api/status", None, STATUS),
    _pw("system_status", "As /api/system_status", None, SYSTEM_STATUS),
    _pw("aggregates", "As /aggregates", meters.aggregates, METERS),
    _pw("grid_status", "As /api/system_status/grid_status", None, GRID_STATUS, legacy=Legacy.EMPTY_OBJECT),
    _single_value("site_name", "Name of the site", site.site_name, SITE_NAME),
    _single_value(
        "alerts", "Active alerts", devices.alert_list, GRID_STATUS, offered=(VITALS,), instead=_NO_VITALS
    ),
    _single_value(
        "is_connected",
        "Whether the gateway reports its status or its powers",
        site.is_connected,
        optional=(STATUS, METERS),
    ),
    _single_value("get_reserve", "Reserve in percent of the app's scale", site.reserve, OPERATION),
    _single_value("get_mode", "Mode of operation", site.mode, OPERATION),
    _single_value(
        "get_time_remaining",
        "Hours until the battery is empty at the present load",
        meters.time_remaining,
        METERS,
        offered=(SYSTEM_STATUS,),
        optional=(TIME_REMAINING,),
    ),
    *family("tedapi", "TEDAPI", "config", "status", "components", "battery", "controller", shown_by="config"),
    *family("cloud", "Cloud API", "battery", "power", "config", shown_by="config"),
    *family("fleetapi", "FleetAPI", "info", "status", shown_by="info"),
    *GATEWAY,
    *OBJECTS,
    _page("/", "The power-flow page, also for frames (PW_UI)", "front_page"),
    _page("/flow.html", "The power-flow page, independent of PW_UI", "flow_page"),
    _page("/gateway", "The gateway's own web app, if it has one", "gateway_page"),
    _page("/status", "State of the proxy and its gateway, as a page", "status_page", local=True),
    CHECK,
    _page("/docs", "This list as a page, with a button to try each route", "docs_page"),
    _page("/help", "The same", "docs_page"),
    Route("/openapi.json", "This list for programs (OpenAPI 3.1)", "Pages", endpoint="openapi"),
    _page("/example.html", "How to embed the power flow in another page", "example_page"),
    Route("/flow.json", "The data of the power-flow page", "Pages", endpoint="flow_json"),
    Route(
        "/events",
        "The same as server-sent events, one at every change",
        "Pages",
        endpoint="events",
        media_type="text/event-stream",
    ),
    *CONTROL,
    *(row for feature in features() for row in feature.routes()),
    *FLEET,
    Route("/health", "State of the proxy and of its connection to the gateway", "Proxy", endpoint="health"),
    Route(
        "/health/reset",
        "Reset the counters, as /stats/clear",
        "Proxy",
        endpoint="health_reset",
        process=True,
        methods=("GET", "POST"),
        public=False,
        local=True,
    ),
    Route("/ready", "Whether readings are fresh enough to be useful (200 or 503)", "Proxy", endpoint="ready"),
    Route(
        KEY_PATH,
        "Public key of the operator's application for the Fleet API",
        "Proxy",
        endpoint="application_key",
        media_type=MEDIA_TYPE,
    ),
    Route(
        "/metrics",
        "Metrics for Prometheus (text or OpenMetrics)",
        "Proxy",
        endpoint="metrics",
        media_type="text/plain; version=0.0.4; charset=utf-8",
    ),
    Route("/stats", "Counters and effective settings", "Proxy", endpoint="stats", public=False, local=True),
    Route(
        "/stats/clear",
        "Reset the counters",
        "Proxy",
        endpoint="stats_clear",
        process=True,
        methods=("GET", "POST"),
        public=False,
        local=True,
    ),
)

# A feature's row takes the place of one that says the feature is off.
ROUTES: tuple[Route, ...] = tuple(
    replace(row, total=row.total or row.path in OF_SITES) for row in {row.path: row for row in _ROWS}.values()
)

# What a program gets that is logged in as to a gateway: the gateway's own bytes.
RAW: dict[str, Route] = {
    route.path: replace(route, view=None, optional=())
    for route in ROUTES
    if route.view and route.sources == (route.path,)
}
