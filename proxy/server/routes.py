"""ROUTES: everything that a client can ask for, one row each.

Code, README, OpenAPI, metric labels and tests are made from this table. A path
that is not a row does not exist, and nothing of it reaches the gateway.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from proxy.core.model import JSON, Source
from proxy.core.sources import GRID_STATUS, METERS, OPERATION, SOE, STATUS
from proxy.views import meters, site
from proxy.views.options import Options

View = Callable[[Mapping[Source, Any], Options], Any]

CSV = "text/plain; charset=utf-8"
READ = ("GET", "HEAD")


class Style(Enum):
    """How a document is written as JSON."""

    LINE = "one line"
    PRETTY = "indented by four, keys sorted"
    COMPACT = "one line without blanks"


class Legacy(Enum):
    """What the pypowerwall proxy answers (with 200) when it knows nothing."""

    NULL = b"null"
    EMPTY_OBJECT = b"{}"
    EMPTY_LIST = b"[]"
    TIMEOUT = b"TIMEOUT!"
    ZEROS = b"0.00,0.00,0.00,0.00,0.00\n"
    ZEROS_V2 = b"0.00,0.00,0.00,0.00,0.00,0,0\n"


@dataclass(frozen=True, slots=True)
class Route:
    """One row.

    A data route renders ``sources`` (all needed) and ``optional`` ones through
    ``view``; without a view it gives the gateway's own bytes of its one source.
    Any other route names the ``endpoint`` that answers it. ``query`` are the
    parameters that mean something; all others are ignored.
    """

    path: str
    summary: str
    group: str
    sources: tuple[Source, ...] = ()
    optional: tuple[Source, ...] = ()
    view: View | None = None
    media_type: str = JSON
    style: Style = Style.LINE
    legacy: Legacy = Legacy.NULL
    endpoint: str = ""
    methods: tuple[str, ...] = READ
    query: tuple[str, ...] = ()
    public: bool = True  # readable by web pages of any origin


def _raw(path: Source, summary: str) -> Route:
    return Route(path, summary, "Gateway", sources=(path,))


ROUTES: tuple[Route, ...] = (
    Route(
        "/aggregates",
        "Power, energy, voltage and current of grid, battery, home and solar",
        "Readings",
        sources=(METERS,),
        view=meters.aggregates,
    ),
    Route("/soe", "Charge in percent of the whole pack", "Readings", sources=(SOE,)),
    Route(
        "/csv",
        "Grid, home, solar, battery (W), charge (%)",
        "Readings",
        sources=(METERS, SOE),
        view=meters.csv,
        media_type=CSV,
        legacy=Legacy.ZEROS,
        query=("headers",),
    ),
    Route(
        "/csv/v2",
        "The same with grid status (1 up, 0 down) and reserve (%)",
        "Readings",
        sources=(METERS, SOE, GRID_STATUS, OPERATION),
        view=meters.csv_v2,
        media_type=CSV,
        legacy=Legacy.ZEROS_V2,
        query=("headers",),
    ),
    Route("/version", "Firmware version, also as a number", "Readings", sources=(STATUS,), view=site.version),
    Route(
        "/api/meters/aggregates",
        "As /aggregates; the gateway's own bytes for a logged-in program",
        "Gateway",
        sources=(METERS,),
        view=meters.aggregates,
    ),
    Route(
        "/api/system_status/soe",
        "Charge in percent of the app's scale; raw for a logged-in program",
        "Gateway",
        sources=(SOE,),
        view=meters.soe_app,
    ),
    _raw("/api/auth/toggle/supported", "Whether the switch proof is supported"),
    _raw("/api/customer", "Customer registration flags"),
    _raw("/api/installer", "Installer and installation"),
    _raw("/api/meters", "Meters and their current transformers"),
    _raw("/api/meters/readings", "Readings of wireless meters"),
    _raw("/api/meters/site", "Site meter in detail"),
    _raw("/api/meters/solar", "Solar meter in detail"),
    _raw("/api/networks", "Networks of the gateway"),
    _raw("/api/operation", "Mode and reserve (raw percent)"),
    _raw("/api/powerwalls", "Battery units and their state"),
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
    _raw("/api/system/update/status", "Firmware update"),
    _raw("/api/system_status", "Battery system and its blocks"),
    _raw("/api/system_status/grid_faults", "Grid faults"),
    _raw("/api/system_status/grid_status", "Grid status"),
    _raw("/api/troubleshooting/problems", "Problems"),
    Route(
        "/health", "Whether the proxy lives, and how it stands with the gateway", "Proxy", endpoint="health"
    ),
    Route("/ready", "Whether readings are fresh enough to be useful (200 or 503)", "Proxy", endpoint="ready"),
    Route("/stats", "Counters and effective settings", "Proxy", endpoint="stats", public=False),
    Route(
        "/stats/clear",
        "Set the counters to zero",
        "Proxy",
        endpoint="stats_clear",
        methods=("GET", "POST"),
        public=False,
    ),
    Route("/help", "Every route with its meaning", "Proxy", endpoint="help", media_type="text/html"),
)
