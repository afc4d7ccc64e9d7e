"""The routes about all gateways: objects and totals, made for each request from the caches of the gateways."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import web

from proxy.core.errors import GatewayError, SourceUnavailable
from proxy.core.model import JSON, Source
from proxy.core.sources import TARIFF
from proxy.gateways.status import links_of
from proxy.server.data.readings import encode
from proxy.server.fleet.members import Members, members_of
from proxy.server.http.problems import COMMON_HEADERS, PUBLIC_HEADERS, problem, unavailable
from proxy.server.route import Style
from proxy.views import gateway_object, totals
from proxy.views.gateway_object import STATE

if TYPE_CHECKING:
    from proxy.gateways.gateway import Gateway
    from proxy.server.context import Context, Endpoint
    from proxy.server.route import Route


_NO_TARIFF = "The tariff is read from Tesla's cloud only: without PW_HOST, or with PW_CLOUD_HYBRID=yes beside a gateway."


@dataclass(frozen=True, slots=True)
class _Total:
    """What a total is made of, and how."""

    sources: tuple[Source, ...]
    view: Callable[[Members], dict[str, Any]]


_TOTALS: Mapping[str, _Total] = {
    "/api/aggregate/": _Total(STATE, totals.aggregate),
    "/api/aggregate/power": _Total(totals.POWERS, totals.power),
    "/api/aggregate/soe": _Total(totals.CHARGE, totals.soe),
    "/api/aggregate/battery": _Total((*totals.POWERS, *totals.CHARGE), totals.battery),
    "/api/aggregate/strings": _Total(totals.DEVICES, totals.each("strings")),
    "/api/aggregate/alerts": _Total(totals.DEVICES, totals.each("alerts")),
    "/api/aggregate/vitals": _Total(totals.DEVICES, totals.each("vitals")),
}


def endpoints(context: Context) -> dict[str, Endpoint]:
    """Make the endpoints of this module, by name."""

    async def fleet(_: web.Request, route: Route, gateway: Gateway) -> web.Response:
        if route.path in _TOTALS:
            return await _total(context, route, _TOTALS[route.path])
        shown = context.gateways if "{id}" not in route.path else {gateway.id: gateway}
        objects = {id_: gateway_object.status(m) for id_, m in (await members_of(shown, STATE)).items()}
        return _answer(objects[gateway.id] if "{id}" in route.path else objects, public=route.public)

    async def mqtt_status(_: web.Request, route: Route, __: Gateway) -> web.Response:
        return _answer(MQTT_OFF, public=route.public)

    async def tariff(request: web.Request, route: Route, gateway: Gateway) -> web.Response:
        if not any(TARIFF in link.sources for link in links_of(gateway.cache)):
            return problem(503, _NO_TARIFF)
        return (await context.readings.answer(request, route, gateway))[0]

    async def console(_: web.Request, __: Route, ___: Gateway) -> web.Response:
        return web.Response(status=302, headers={"Location": "status", **COMMON_HEADERS})

    return {"fleet": fleet, "mqtt_status": mqtt_status, "tariff": tariff, "console": console}


# What pypowerwall-server says of its connection to a broker while it has none.
MQTT_OFF: Mapping[str, Any] = {
    "enabled": False,
    "host": None,
    "port": 1883,
    "connected": False,
    "topic_prefix": "pypowerwall",
    "ha_discovery": True,
    "qos": 1,
    "retain": True,
    "tls": False,
}


async def _total(context: Context, route: Route, total: _Total) -> web.Response:
    members = await members_of(context.gateways, total.sources)
    document = total.view(members)
    if any(value is not None for member in members.values() for value in member.documents.values()):
        return _answer(document, public=route.public)
    if context.settings.legacy_errors:
        return _answer(_zeros(document, context.clock.wall()), public=route.public)
    return unavailable(_why(members))


def _why(members: Members) -> GatewayError:
    """Say why nothing is known of any gateway."""
    reasons = dict.fromkeys(member.error for member in members.values() if member.error)
    return SourceUnavailable(" ".join(reasons) or "no gateway is configured", retry_after=1.0)


def _zeros(document: Mapping[str, Any], now: float) -> dict[str, Any]:
    """Return what pypowerwall-server says when nothing is known."""
    numbers = {
        name: 0.0 if value is None and name != "grid_status" else value
        for name, value in document.items()
        if name not in {"missing", "partial"}
    }
    return numbers | ({"timestamp": now} if "timestamp" in document else {})


def _answer(document: Any, *, public: bool) -> web.Response:
    """Write a document; serial numbers and addresses are for no page of another origin."""
    return web.Response(
        body=encode(document, Style.COMPACT),
        headers={
            "Content-Type": JSON,
            "Cache-Control": "no-store",
            **(PUBLIC_HEADERS if public else COMMON_HEADERS),
        },
    )
