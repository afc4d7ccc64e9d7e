"""/health, /ready, /stats, /help: how the proxy is.

/health is liveness and always 200; /ready is 503 with one sentence when no
fresh enough reading can be served, not even by asking for one.
"""

from __future__ import annotations

import html
import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aiohttp import web

from proxy import __version__
from proxy.core.breaker import State
from proxy.core.errors import NotSupported
from proxy.core.sources import METERS, OPERATION, POWERWALLS, SITE_INFO, SITE_NAME, STATUS, TEDAPI_CONFIG
from proxy.server.admission import (
    bearer_of,
    client_of,
    exposed,
    is_anonymous_browser,
    is_ours,
    is_same_origin,
)
from proxy.server.control import account_of, denied
from proxy.server.diagnosis import diagnosis
from proxy.server.guard import Entry
from proxy.server.problems import COMMON_HEADERS, PUBLIC_HEADERS, problem
from proxy.server.route import Route
from proxy.server.routes import ROUTES
from proxy.server.stats import endpoint_statistics, peers_health, reset_of, stats_of
from proxy.views.reading import section, text

if TYPE_CHECKING:
    from proxy.core.errors import GatewayError
    from proxy.gateway.gateway import Gateway
    from proxy.gateway.link import Link
    from proxy.server.context import Context, Endpoint

_DIGITS = 3
_SHOWN = 3  # characters of a serial number, which is personal
# What a gateway is and how it is set, not what it measures: having it does not make readings fresh.
_NO_READINGS = frozenset(
    {
        *(STATUS, SITE_NAME, SITE_INFO, POWERWALLS, TEDAPI_CONFIG, OPERATION),
        *("/api/meters", "/api/solars", "/tedapi/battery"),
    }
)
# The name of the site hardly ever changes: /stats waits for it once, and not for long.
_PATIENCE_S = 1.0


def endpoints(context: Context) -> dict[str, Endpoint]:
    """Make the endpoints of this module, by name."""

    async def health(request: web.Request, __: Route) -> web.Response:
        return await _health(context, request)

    async def ready(_: web.Request, __: Route) -> web.Response:
        return await _ready(context)

    async def stats(_: web.Request, __: Route) -> web.Response:
        await context.gateway.get([SITE_NAME], _PATIENCE_S)
        return _json({**stats_of(context), "message": headline(context)})

    async def stats_clear(request: web.Request, __: Route) -> web.Response:
        if not is_same_origin(request) or is_anonymous_browser(request):
            return problem(403, "A web page may not clear the counters: use POST, or a program such as curl.")
        context.traffic.clear()
        return _json({**stats_of(context), "message": headline(context)})

    async def health_reset(request: web.Request, route: Route) -> web.Response:
        seen = len(endpoint_statistics(context))
        answer = await stats_clear(request, route)
        return _json(reset_of(seen)) if answer.status == HTTPStatus.OK else answer

    async def help_page(_: web.Request, __: Route) -> web.Response:
        headers = {"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store", **COMMON_HEADERS}
        return web.Response(body=help_of(context).encode(), headers=headers)

    return {
        "health": health,
        "ready": ready,
        "stats": stats,
        "stats_clear": stats_clear,
        "health_reset": health_reset,
        "help": help_page,
    }


async def _health(context: Context, request: web.Request) -> web.Response:
    """Tell everybody that the proxy lives, guests of the LAN the rest, holders of the control secret also what was set."""
    if shown := exposed(request):
        return shown
    document = health_of(context)
    if not (is_ours(request, context.settings) and is_same_origin(request)):
        # What anybody may know; the rest is for those who came by a name of this machine.
        document = {key: document[key] for key in ("status", "version", "uptime_seconds", "age_seconds")}
    elif "Authorization" in request.headers:
        verdict = await context.guard.admit(bearer_of(request), client_of(request, context.settings))
        if verdict.entry is not Entry.GRANTED:
            return denied(verdict)
        document["commands"] = account_of(context)
    return _json(document)


async def _ready(context: Context) -> web.Response:
    """Say whether there is a reading that is fresh enough, asking for one if need be."""
    age = newest_age(context.gateway, context.clock.monotonic())
    if age is None or age > context.settings.ready_age:
        # Nobody else may be asking: the question itself is interest enough for one reading.
        await context.gateway.get([METERS])
        age = newest_age(context.gateway, context.clock.monotonic())
    if age is not None and age <= context.settings.ready_age:
        return _json({"status": "ok", "age_seconds": round(age, _DIGITS)})
    why = headline(context)
    if age is not None:
        why = f"{why.removesuffix('.')}, and PW_READY_AGE allows {context.settings.ready_age:g} s."
    return problem(503, why, headers={"Retry-After": "5"})


def newest_age(gateway: Gateway, now: float) -> float | None:
    """Return the age in seconds of the newest servable reading, None when none can be served."""
    meters = gateway.peek(METERS)
    others = (s for s in gateway.store if s.source not in _NO_READINGS and gateway.peek(s.source))
    snapshots = [meters] if meters else others
    return min((now - snapshot.told_at for snapshot in snapshots), default=None)


def headline(context: Context) -> str:
    """Say in one sentence how things stand and what to do."""
    gateway, now = context.gateway, context.clock.monotonic()
    if not gateway.links:
        return "No gateway is configured: set PW_HOST to the address of the gateway."
    age = newest_age(gateway, now)
    resting = next((link for link in gateway.links if not link.breaker.is_closed), None)
    if resting is not None:
        error = resting.breaker.error
        cause = f"{error.title.lower()} ({error})" if error else "it is being tried"
        wait = max(resting.breaker.until - now, 0.0)
        served = f"serving readings {age:.0f} s old" if age is not None else "no readings to serve"
        who = "gateway" if len(gateway.links) == 1 else f"{resting.driver.name} connection"
        return f"The {who} rests: {cause}; next try in {wait:.0f} s; {served}."
    if age is None:
        failing = failure_of(gateway)
        return f"No readings: {failing}." if failing else "No reading has been asked for yet."
    missing = powers_missing(gateway)
    return f"Readings are {age:.1f} s old" + (f", but not of powers: {missing}." if missing else ".")


def is_well(gateway: Gateway, age: float | None) -> bool:
    """Say whether readings can be had; ``age`` is that of the newest servable one."""
    if powers_missing(gateway) or (age is None and failure_of(gateway)):
        return False
    return bool(gateway.links) and all(link.breaker.is_closed for link in gateway.links)


def powers_missing(gateway: Gateway) -> GatewayError | None:
    """Return why there are no powers, which everybody wants, although the gateway answers."""
    if gateway.peek(METERS):
        return None
    found = (
        link.rests.get(METERS) or link.rests.get(link.driver.sources[METERS])
        for link in gateway.links
        if link.has(METERS)
    )
    return next((rest.error for rest in found if rest), None)


def failure_of(gateway: Gateway) -> GatewayError | None:
    """Return why some reading could not be had lately; what is not offered is no failure."""
    errors = (rest.error for link in gateway.links for rest in link.rests.values())
    return next((error for error in errors if not isinstance(error, NotSupported)), None)


def health_of(context: Context) -> dict[str, Any]:
    """Collect what /health tells."""
    gateway, now = context.gateway, context.clock.monotonic()
    age = newest_age(gateway, now)
    return {
        "status": "ok" if is_well(gateway, age) else "degraded",
        "message": headline(context),
        "version": __version__,
        "uptime_seconds": round(context.clock.wall() - context.started_at),
        "age_seconds": None if age is None else round(age, _DIGITS),
        "gateways": [
            {"id": gateway.name, **_identity(gateway), "links": [_link(link, now) for link in gateway.links]}
        ],
        "sources": [_source(gateway, snapshot.source, now) for snapshot in gateway.store],
        **diagnosis(context),
        **peers_health(context),
    }


def _identity(gateway: Gateway) -> dict[str, str | None]:
    """Say which gateway this is, as far as it told: firmware, and the last characters of its number."""
    known = gateway.store.get(STATUS)
    told = section(known.document.value) if known else {}
    version, number = text(told.get("version")), text(told.get("din"))
    return {
        "firmware": version.strip() if version else None,
        "identity": f"…{number[-_SHOWN:]}" if number else None,
    }


def _link(link: Link, now: float) -> dict[str, Any]:
    breaker = link.breaker
    return {
        "driver": link.driver.name,
        "state": breaker.state.value,
        "state_seconds": round(now - breaker.since),
        "failures_in_row": breaker.failures,
        "reason": str(breaker.error) if breaker.error else "",
        "retry_in_seconds": round(max(breaker.until - now, 0.0), 1) if breaker.state is State.OPEN else None,
        "last_success_seconds": None
        if link.last_success is None
        else round(now - link.last_success, _DIGITS),
        "resting": {
            path: {"retry_in_seconds": round(rest.until - now, 1), "reason": str(rest.error)}
            for path, rest in link.rests.items()
            if rest.until > now
        },
        **link.driver.describe(),
    }


def _source(gateway: Gateway, source: str, now: float) -> dict[str, Any]:
    snapshot = gateway.store.get(source)
    age = now - snapshot.told_at if snapshot else None
    policy = gateway.policy(source)
    attempt = next(
        (
            known
            for link in gateway.links
            if link.has(source) and (known := link.latest.get(link.driver.sources[source]))
        ),
        None,
    )
    return {
        "path": source,
        "age_seconds": None if age is None else round(age, _DIGITS),
        "outcome": attempt.outcome if attempt else None,
        "exchange_seconds": round(attempt.seconds, _DIGITS) if attempt else None,
        "ttl_seconds": round(policy.ttl + (snapshot.document.age_s if snapshot else 0.0), _DIGITS),
        "usable_seconds": policy.usable_s,
        "servable": gateway.peek(source) is not None,
    }


def help_of(context: Context) -> str:
    """Write /help: the table of routes for people."""
    rows = "".join(
        f"<tr><td><a href='{html.escape(route.path[1:])}'>{html.escape(route.path)}</a></td>"
        f"<td>{html.escape(route.summary)}</td></tr>"
        for route in ROUTES
    )
    return (
        "<!doctype html><html lang='en'><meta charset='utf-8'><meta name='viewport' content='width=device-width'>"
        f"<title>Powerwall Proxy {__version__}</title><h1>Powerwall Proxy {__version__}</h1>"
        f"<p>{html.escape(headline(context))}</p><table>{rows}</table></html>"
    )


def _json(document: dict[str, Any]) -> web.Response:
    return web.Response(
        body=json.dumps(document, separators=(",", ":")).encode(),
        headers={"Content-Type": "application/json", "Cache-Control": "no-store", **PUBLIC_HEADERS},
    )
