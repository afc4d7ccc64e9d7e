"""Rows of the routes that pypowerwall-server adds: gateways, totals, and what its programs look for.

``{id}`` in a path stands for the id of a gateway.
"""

from __future__ import annotations

from dataclasses import replace

from proxy.core.sources import METERS, SOLAR_POWERWALL, TARIFF, VITALS
from proxy.server.route import Legacy, Route, Style
from proxy.views import devices, meters, strings

_GATEWAYS = "/api/gateways/"
# The endpoint of WebSockets.
SOCKET = "websocket"


def _object(path: str, summary: str) -> Route:
    """Make the row of an object with serial numbers and addresses: no page of another origin may read it."""
    return Route(path, summary, "Gateways", endpoint="fleet", process=True, public=False, local=True)


def _total(name: str, summary: str) -> Route:
    return Route(f"/api/aggregate/{name}", summary, "Gateways", endpoint="fleet", process=True)


def _socket(path: str, summary: str) -> Route:
    return replace(_object(path, summary), endpoint=SOCKET, methods=("GET",))


_VITALS = Route(
    _GATEWAYS + "{id}/vitals",
    "All devices of one gateway",
    "Gateways",
    process=True,
    offered=(VITALS,),
    view=devices.vitals,
    legacy=Legacy.EMPTY_OBJECT,
)

OBJECTS: tuple[Route, ...] = (
    Route(
        "/battery",
        "Power of the battery (W): positive while it discharges",
        "Readings",
        sources=(METERS,),
        view=meters.battery_power,
        legacy=Legacy.VIEW,
    ),
    _object(_GATEWAYS, "Every gateway by id: what it is, what it reports, whether it can be reached"),
    _object(_GATEWAYS + "{id}", "The same of one gateway"),
    _VITALS,
    replace(
        _VITALS,
        path=_GATEWAYS + "{id}/strings",
        summary="Solar strings of one gateway",
        instead=((VITALS, SOLAR_POWERWALL),),
        view=strings.strings,
        style=Style.LINE,
    ),
    replace(
        _VITALS,
        path=_GATEWAYS + "{id}/aggregates",
        summary="Meters of one gateway",
        sources=(METERS,),
        offered=(),
        view=meters.aggregates,
    ),
    _object("/api/aggregate/", "Totals of all gateways, and every gateway"),
    _total("power", "Sums of the powers (W); null with a gateway missing, which is named"),
    _total("soe", "Charge of all packs together, by energy"),
    _total("battery", "Capacity (Wh), charge and power of all packs together"),
    _total("strings", "Solar strings by gateway"),
    _total("alerts", "Active alerts by gateway"),
    _total("vitals", "All devices by gateway"),
    _socket("/ws/aggregate", "WebSocket: /api/aggregate/ at every change, at most once a second"),
    _socket("/ws/gateway/{id}", "WebSocket: the object of one gateway, in the same manner"),
    Route(
        "/api/mqtt/status",
        "State of the connection to the MQTT broker",
        "Gateways",
        endpoint="mqtt_status",
        process=True,
    ),
    Route(
        "/api/tesla/tariff_rate",
        "What the utility charges, as Tesla's cloud has it; 503 where the cloud is not read",
        "Gateways",
        sources=(TARIFF,),
        endpoint="tariff",
        process=True,
    ),
    Route(
        "/console",
        "302 to /status: where bookmarks of pypowerwall-server's console lead",
        "Pages",
        endpoint="console",
        media_type="text/html",
        public=False,
    ),
)

# Other spellings of rows, which programs of pypowerwall-server use.
ALIASES = {"/api/gateways": "/api/gateways/", "/api/aggregate": "/api/aggregate/", "/tedapi/": "/tedapi"}
