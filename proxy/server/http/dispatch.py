"""From a request to the row of ROUTES that answers it; the only way through the server.

Paths are matched exactly and as they were sent: a path that needs decoding, or
has dot segments, doubled slashes or a backslash, is no row, so nothing can be
smuggled past the table. The query string takes no part in matching.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import HttpVersion11, web

from proxy.cache.lookup import CacheResult
from proxy.core.errors import GatewayError
from proxy.server.context import CONTEXT
from proxy.server.gateway_api.emulation import refused
from proxy.server.gateway_api.sessions import Session, session_of, waits_for_challenge
from proxy.server.http.addressing import TARGET, locate, path_of
from proxy.server.http.admission import base_of, client_of, malformed, refusal, target_of
from proxy.server.http.problems import COMMON_HEADERS, PUBLIC_HEADERS, problem, retry_after, unavailable
from proxy.server.http.traffic import UNMATCHED
from proxy.server.routes import RAW
from proxy.server.transport.aiohttp_internals import send_continue
from proxy.server.transport.prepared_stream import PreparedStream, stream_of

if TYPE_CHECKING:
    from proxy.gateways.gateway import Gateway
    from proxy.server.context import Context
    from proxy.server.http.addressing import Target
    from proxy.server.route import Route

_log = logging.getLogger(__name__)

# What is unknown below these is no file of a page.
_FOR_PROGRAMS = ("/api", "/control/")
_KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT"})


async def expect(request: web.Request) -> None:
    """Request a body that waits for that (RFC 9110 section 10.1.1). Raises HTTPExpectationFailed.

    In no words of aiohttp's, which quote the field and fail where it is no text.
    """
    if request.version != HttpVersion11:
        return
    if request.headers.get("Expect", "").lower() != "100-continue":
        raise web.HTTPExpectationFailed
    await send_continue(request)


async def dispatch(request: web.Request) -> web.StreamResponse:
    """Answer any request, and count it."""
    context = request.app[CONTEXT]
    clock = context.clock.monotonic
    started = clock()
    context.traffic.in_flight += 1
    route, cache, ready = None, "none", None
    status, size = 500, 0
    try:
        if too_many := _over_limit(context, request):
            status = too_many.status
            return too_many
        path = path_of(target_of(request), base_of(request, context.settings))
        target = locate(path, context.gateways, context.gateway_at(request.transport))
        route = target.route
        if route and route.endpoint and route.endpoint not in context.endpoints:
            route = None  # a feature that is switched off leaves no trace
        request[TARGET] = target
        response, cache = await _answer(context, request, target, route)
        if isinstance(response, PreparedStream):
            ready = response.answer
            return response
        if route is not None and not route.public:
            response.headers.pop("Access-Control-Allow-Origin", None)
        status, size = response.status, response.content_length or 0
        return _for_people(context, request, response)
    except GatewayError as error:
        response = unavailable(error)
        status = response.status
        return _for_people(context, request, response)
    finally:
        context.traffic.in_flight -= 1
        if ready is not None:
            ready.hits += 1
            ready.seconds += clock() - started
        else:
            label = route.path if route else UNMATCHED
            _count(context, request.method, label, status, cache, clock() - started, size)


def _count(
    context: Context, method: str, route: str, status: int, cache: str, seconds: float, size: int
) -> None:
    method = method if method in _KNOWN_METHODS else "other"
    context.traffic.note(route, method, status, cache, seconds, size)
    if context.settings.access_log:
        _log.info("request", extra={"method": method, "route": route, "status": status, "cache": cache})


def _over_limit(context: Context, request: web.Request) -> web.Response | None:
    """Refuse a client that sends more requests than PW_RATE_LIMIT_* allow."""
    if context.client_rate is None:
        return None
    wait = context.client_rate.wait_s(client_of(request, context.settings), context.clock.monotonic())
    return problem(429, "Rate limit exceeded", headers={"Retry-After": retry_after(wait)}) if wait else None


def _for_people(context: Context, request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    if response.status < HTTPStatus.BAD_REQUEST or context.error_page is None:
        return response
    return context.error_page(request, response) if isinstance(response, web.Response) else response


async def _answer(
    context: Context, request: web.Request, target: Target, route: Route | None
) -> tuple[web.StreamResponse, str]:
    gateway, path = target.gateway, target.path
    if odd := malformed(request):
        return odd, "none"
    if target.missing:
        return problem(404, target.missing), "none"
    if not path:
        return with_slash(request, gateway.id), "none"
    if route is None:
        if context.fallback is not None and not path.lower().startswith(_FOR_PROGRAMS):
            return await context.fallback(request, path, gateway), "none"
        return not_found(path), "none"
    if early := _short_circuit(context, request, route):
        return early, "none"
    if context.sessions is not None and route.path.startswith("/api/") and not route.endpoint:
        session, raw = session_of(request, context.sessions), RAW.get(route.path, route)
        is_challenged = (
            raw is not route and request.secure and waits_for_challenge(request.headers.get("User-Agent", ""))
        )
        if session is Session.LOST or (session is Session.NONE and is_challenged):
            return refused(), "none"
        route = raw if session is Session.VALID else route
    if route.endpoint:
        context.traffic.flush()
        return await context.endpoints[route.endpoint](request, route, gateway), "none"
    return await _reading(context, request, route, gateway)


async def _reading(
    context: Context, request: web.Request, route: Route, gateway: Gateway
) -> tuple[web.StreamResponse, str]:
    """Answer with prepared bytes if they are fresh."""
    if context.prepared is not None and route.public and not route.local:
        ready = stream_of(context.prepared, request, route, gateway)
        if ready is not None:
            return ready, CacheResult.FRESH.value
    return await context.readings.answer(request, route, gateway)


def _short_circuit(context: Context, request: web.Request, route: Route) -> web.Response | None:
    """Answer what needs no endpoint: methods, and what is not admitted."""
    if request.method == "OPTIONS" and route.options:
        return _options(route)
    if request.method not in route.methods:
        return _method_not_allowed(route)
    if request.method in {"GET", "HEAD"} and request.body_exists:
        return problem(400, "A GET takes no body.")
    return refusal(request, route, context.settings)


def with_slash(request: web.Request, name: str) -> web.Response:
    """Send a client to the page of this name with a slash, which it needs to find its files."""
    query = request.rel_url.raw_query_string
    # Relative, because a front server may show us elsewhere.
    location = f"{name}/?{query}" if query else f"{name}/"
    return web.Response(status=308, headers={"Location": location, **COMMON_HEADERS})


def not_found(path: str) -> web.Response:
    """Answer for a path that does not exist."""
    hint = "Paths are matched exactly; GET /help lists them all."
    shown = path if len(path) <= 80 and path.isprintable() else "This path"  # noqa: PLR2004 - a line of text
    return problem(404, f"{shown} is not served here. {hint}")


def _allowed(route: Route) -> str:
    return ", ".join((*route.methods, "OPTIONS") if route.options else route.methods)


def _options(route: Route) -> web.Response:
    headers = {"Allow": _allowed(route), **COMMON_HEADERS}
    if route.public and not set(route.methods) - {"GET", "HEAD"}:
        headers |= {
            **PUBLIC_HEADERS,
            "Access-Control-Allow-Methods": _allowed(route),
            "Access-Control-Allow-Headers": "Accept, Content-Type, If-None-Match",
            "Access-Control-Max-Age": "86400",
        }
    return web.Response(status=204, headers=headers)


def _method_not_allowed(route: Route) -> web.Response:
    allowed = _allowed(route)
    return problem(405, f"{route.path} takes {allowed}.", headers={"Allow": allowed})
