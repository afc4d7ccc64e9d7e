"""/health, /ready, /stats: how the proxy is.

/health is liveness and always 200; /ready is 503 with one sentence when no
fresh enough reading can be served, not even by fetching one.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aiohttp import web

from proxy.core.freshness import Freshness
from proxy.core.sources import METERS, SITE_NAME
from proxy.server.control.endpoints import account_of, denied
from proxy.server.fleet.server_state import health_keys, stats_keys
from proxy.server.http.addressing import TARGET
from proxy.server.http.admission import (
    bearer_of,
    client_of,
    exposed,
    is_anonymous_browser,
    is_ours,
    is_same_origin,
    secret_of,
)
from proxy.server.http.guard import AuthResult
from proxy.server.http.problems import PUBLIC_HEADERS, problem
from proxy.server.route import Route
from proxy.server.status.check import Checks
from proxy.server.status.health import health_of, health_of_all
from proxy.server.status.stats import endpoint_statistics, reset_of, stats_of

if TYPE_CHECKING:
    from proxy.gateways.gateway import Gateway
    from proxy.gateways.status import GatewayStatus
    from proxy.server.context import Context, Endpoint

_DIGITS = 3
# The name of the site hardly ever changes: /stats waits for it once, and not for long.
_SOFT_TIMEOUT_S = 1.0


def endpoints(context: Context) -> dict[str, Endpoint]:
    """Make the endpoints of this module, by name."""

    async def health(request: web.Request, _: Route, gateway: Gateway) -> web.Response:
        return await _health(context, request, gateway)

    async def ready(request: web.Request, _: Route, gateway: Gateway) -> web.Response:
        return await _ready(context, _meant(context, request, gateway))

    async def stats(_: web.Request, __: Route, gateway: Gateway) -> web.Response:
        await gateway.cache.get([SITE_NAME], _SOFT_TIMEOUT_S)
        return _json({**stats_of(context, gateway), **stats_keys(context)})

    async def stats_clear(request: web.Request, _: Route, gateway: Gateway) -> web.Response:
        if not is_same_origin(request) or is_anonymous_browser(request):
            return problem(403, "A web page may not clear the counters: use POST, or a program such as curl.")
        context.traffic.clear()
        return _json({**stats_of(context, gateway), **stats_keys(context)})

    async def health_reset(request: web.Request, route: Route, gateway: Gateway) -> web.Response:
        seen = len(endpoint_statistics(context))
        has_token = "Authorization" in request.headers
        if has_token:
            verdict = await context.guard.admit(secret_of(request), client_of(request, context.settings))
            if verdict.entry is not AuthResult.GRANTED:
                return denied(verdict)
        answer = await stats_clear(request, route, gateway)
        if answer.status != HTTPStatus.OK:
            return answer
        done = {"status": "ok", "message": "The counters are reset."} if has_token else {}
        return _json(reset_of(seen) | done)

    return {
        "health": health,
        "ready": ready,
        "check": Checks(context.settings, context.clock).run,
        "stats": stats,
        "stats_clear": stats_clear,
        "health_reset": health_reset,
    }


def _meant(context: Context, request: web.Request, gateway: Gateway) -> Sequence[Gateway]:
    """Return the gateway that a request names, all of them for one that names none."""
    return (gateway,) if request[TARGET].is_named else tuple(context.gateways.values())


async def _health(context: Context, request: web.Request, gateway: Gateway) -> web.Response:
    """Report to every client that the proxy lives, to clients of the LAN the rest, to holders of the control secret also the commands."""
    if shown := exposed(request):
        return shown
    meant = _meant(context, request, gateway)
    document = health_of(context, meant[0]) if len(meant) == 1 else health_of_all(context)
    document |= health_keys(context)
    if not (is_ours(request, context.settings) and is_same_origin(request)):
        # What any client may know; the rest is for requests to a name of this machine.
        document = {key: document[key] for key in ("status", "version", "uptime_seconds", "age_seconds")}
    elif "Authorization" in request.headers:
        verdict = await context.guard.admit(bearer_of(request), client_of(request, context.settings))
        if verdict.entry is not AuthResult.GRANTED:
            return denied(verdict)
        document["commands"] = account_of(context, gateway)
    return _json(document)


async def _ready(context: Context, gateways: Sequence[Gateway]) -> web.Response:
    """Say whether one of these has a reading that is new enough, fetching one if need be.

    One that is fresh (PW_CACHE_EXPIRE) is new enough, whatever PW_READY_AGE says: nothing newer is fetched.
    """
    if not any(_is_ready(context, gateway.status()) for gateway in gateways):
        # There may be no other client: this request is demand enough for one reading.
        await asyncio.gather(*(gateway.cache.get([METERS]) for gateway in gateways))
    statuses = {gateway.id: gateway.status() for gateway in gateways}
    ages = [
        status.age for status in statuses.values() if status.age is not None and _is_ready(context, status)
    ]
    if ages:
        return _json({"status": "ok", "age_seconds": round(min(ages), _DIGITS)})
    reasons = {id_: _unready(context, status) for id_, status in statuses.items()}
    named = (f"{id_}: {why}" for id_, why in reasons.items()) if len(reasons) > 1 else reasons.values()
    return problem(503, " ".join(named), headers={"Retry-After": "5"})


def _unready(context: Context, status: GatewayStatus) -> str:
    if status.age is None:
        return status.reason
    return f"{status.reason.removesuffix('.')}, and PW_READY_AGE allows {context.settings.ready_age:g} s."


def _is_ready(context: Context, status: GatewayStatus) -> bool:
    newest, now = status.newest, status.at
    return newest is not None and (
        newest.freshness(now) is Freshness.FRESH or newest.age(now) <= context.settings.ready_age
    )


def _json(document: dict[str, Any]) -> web.Response:
    return web.Response(
        body=json.dumps(document, separators=(",", ":")).encode(),
        headers={"Content-Type": "application/json", "Cache-Control": "no-store", **PUBLIC_HEADERS},
    )
