"""Keeping the charge that the battery has, and what control can do: two requests of pypowerwall-server's programs.

evcc holds a battery this way: the reserve becomes the present charge, so that the house draws from
the grid. The charge is read now; a reading of minutes ago would give energy away or buy it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from aiohttp import web

from proxy.cache.lookup import CacheResult
from proxy.core.errors import GatewayError, SourceUnavailable
from proxy.core.model import Command, Setting, app_percent
from proxy.core.sources import SOE
from proxy.gateways.commands import named
from proxy.server.control.endpoints import admitted, failed, success
from proxy.server.control.request import Refused, invalid
from proxy.server.http.admission import client_of
from proxy.server.http.problems import private
from proxy.views.meters import charge_percent

if TYPE_CHECKING:
    from proxy.gateways.gateway import Gateway
    from proxy.server.context import Context, Endpoint
    from proxy.server.route import Route

_NEW = frozenset({CacheResult.FRESH, CacheResult.MISS})
_FULL_PERCENT = 100


def endpoints(context: Context) -> dict[str, Endpoint]:
    """Make the endpoints of this module, by name."""

    async def reserve_hold(request: web.Request, _: Route, gateway: Gateway) -> web.Response:
        try:
            return await _hold(context, request, gateway)
        except Refused as refused:
            gateway.commands.counts[Setting.RESERVE.value, refused.outcome] += 1
            return refused.response

    async def control_status(_: web.Request, __: Route, ___: Gateway) -> web.Response:
        return private(200, {"enabled": context.guard.is_on, "battery_dispatch": False})

    return {"reserve_hold": reserve_hold, "control_status": control_status}


async def _hold(context: Context, request: web.Request, gateway: Gateway) -> web.Response:
    """Set the reserve to the charge, rounded down to a value that the gateway takes. Raises Refused."""
    fields = await admitted(context, request)
    if fields.keys() - {"token"}:
        raise invalid(400, "reserve_hold requires an empty JSON object")
    try:
        asked = math.floor(await _charge(gateway))
    except GatewayError as error:
        return failed(error, "Battery state of charge unavailable")
    reserve = await gateway.commands.rules.reserve_taken(asked)
    command = Command({Setting.RESERVE: reserve})
    report = await gateway.commands.execute(command, client_of(request, context.settings))
    if report.error is not None:
        return failed(report.error, "Failed to set reserve", named(report.after))
    body: dict[str, Any] = success(report)
    if reserve != asked:
        body.update(asked=asked)
    return private(200, body)


async def _charge(gateway: Gateway) -> float:
    """Return the charge in percent of the app's scale, read now. Raises GatewayError."""
    got = (await gateway.cache.get((SOE,))).sources[SOE]
    if got.snapshot is None or got.result not in _NEW:
        raise got.error or SourceUnavailable("the charge is not known now", retry_after=1.0)
    raw = charge_percent({SOE: got.snapshot.document.value})
    if raw is None:
        raise SourceUnavailable("the gateway does not report its charge", retry_after=1.0)
    # The scale has noise in its last bits: 19.999999999999996 is 20, not 19.
    return min(max(round(app_percent(raw), 9), 0.0), _FULL_PERCENT)
