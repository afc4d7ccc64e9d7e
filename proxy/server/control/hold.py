"""Keeping the charge that the battery has, and what control can do: two requests of pypowerwall-server's programs.

evcc holds a battery this way (gateways/holding.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from proxy.core.errors import GatewayError
from proxy.core.model import Command, Setting
from proxy.gateways.commands import named
from proxy.gateways.holding import reserve_to_hold
from proxy.server.control.endpoints import admitted, failed, success
from proxy.server.control.request import Refused, invalid
from proxy.server.http.admission import client_of
from proxy.server.http.problems import private

if TYPE_CHECKING:
    from proxy.gateways.gateway import Gateway
    from proxy.server.context import Context, Endpoint
    from proxy.server.route import Route


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
        charge, reserve = await reserve_to_hold(gateway)
    except GatewayError as error:
        return failed(error, "Battery state of charge unavailable")
    command = Command({Setting.RESERVE: reserve})
    report = await gateway.commands.execute(command, client_of(request, context.settings))
    if report.error is not None:
        return failed(report.error, "Failed to set reserve", named(report.after))
    body: dict[str, Any] = success(report)
    if reserve != charge:
        body |= {"asked": charge}
    return private(200 if report.confirmed else 202, body)
