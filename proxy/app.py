"""Composition root: settings in, a running proxy out. Nothing happens at import."""

from __future__ import annotations

import asyncio
import ssl
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, cast

from aiohttp import web

from proxy.assembly import gateways_of
from proxy.core.clock import Clock
from proxy.features import ActiveFeature, enabled
from proxy.gateways.gateway import Gateway
from proxy.server.context import CONTEXT, Context
from proxy.server.control import endpoints as control
from proxy.server.control import hold
from proxy.server.data.readings import Readings
from proxy.server.fleet import listing, objects
from proxy.server.gateway_api import emulation
from proxy.server.gateway_api.sessions import Sessions
from proxy.server.http import security_metrics as counts
from proxy.server.http.client_rate import ClientRate
from proxy.server.http.dispatch import dispatch, expect
from proxy.server.http.guard import Guard
from proxy.server.http.origins import ANY, restrict
from proxy.server.http.traffic import Traffic
from proxy.server.live.websockets import WebSockets
from proxy.server.pages.ui import Ui
from proxy.server.session_file import SessionFile
from proxy.server.status import application_key
from proxy.server.status import endpoints as status
from proxy.server.transport.limiter import raise_fd_limit
from proxy.server.transport.limits import SERVER
from proxy.server.transport.listener import opened
from proxy.server.transport.prepared import PreparedResponses
from proxy.server.transport.protocols import candidates, limiter_for
from proxy.state.folder import remove_leftovers
from proxy.state.store import StateStore

if TYPE_CHECKING:
    from proxy.config.load import Loaded
    from proxy.config.settings import Settings
    from proxy.server.context import Endpoint
    from proxy.server.route import Route

# A stop takes 2 s at most. Who waits for the gateway then is answered before connections are closed.
_LAST_WAIT_S = 1.0
_IN_FLIGHT_GRACE_S = 1.5


def system_clock() -> Clock:
    """Make the machine's clock. Ages go on while the machine sleeps, where the system has such a clock: so does the house."""
    if sys.platform == "linux":
        return Clock(partial(time.clock_gettime, time.CLOCK_BOOTTIME), time.time)
    return Clock(time.monotonic, time.time)


def build_app(
    settings: Settings, clock: Clock | None = None, loaded: Loaded | None = None
) -> web.Application:
    """Make a proxy. Several may run in one process; each owns its gateway connection.

    ``loaded`` is for people who look at the status page: where the settings come from.
    """
    context = _context_of(settings, clock or system_clock(), loaded)
    gateways = context.gateways.with_sites

    async def end_waits(_: web.Application) -> None:
        for gateway in gateways:
            asyncio.get_running_loop().call_later(_LAST_WAIT_S, gateway.cache.cancel_pending)
        await asyncio.gather(*(gateway.live.close() for gateway in gateways))

    async def close_gateways(_: web.Application) -> AsyncIterator[None]:
        yield
        await context.gateways.close()
        await asyncio.gather(*(gateway.state.close() for gateway in gateways))

    app = web.Application()
    app[CONTEXT] = context
    app.on_response_prepare.append(_sign)
    app.on_shutdown.append(end_waits)
    app.cleanup_ctx.append(close_gateways)
    app.router.add_route("*", "/{path:.*}", dispatch, expect_handler=expect)
    _add_pages(context)
    context.endpoints |= listing.endpoints(context)
    _add_websockets(app, context)
    context.endpoints |= status.endpoints(context) | emulation.endpoints(context) | control.endpoints(context)
    context.endpoints |= objects.endpoints(context) | hold.endpoints(context)
    context.endpoints |= application_key.endpoints() | _metrics_later(context)
    context.samples |= control.samples(context) | counts.samples(context)
    if context.sessions is not None:
        _keep_sessions(app, context, context.sessions)
    for feature in enabled(settings):
        _add(app, context, feature.start(context))
    return app


def _context_of(settings: Settings, clock: Clock, loaded: Loaded | None) -> Context:
    remove_leftovers(settings)
    return Context(
        settings=settings,
        clock=clock,
        gateways=gateways_of(settings, clock),
        readings=Readings(clock, legacy_errors=settings.legacy_errors),
        traffic=Traffic(clock),
        started_at=clock.wall(),
        began=clock.monotonic(),
        guard=Guard("control", settings.control_secret, clock.monotonic),
        login_guard=Guard("login", settings.lan_password, clock.monotonic),
        client_rate=_client_rate(settings),
        sessions=Sessions(clock.monotonic) if settings.emulate_gateway else None,
        origins=loaded.origins if loaded else {},
        warnings=loaded.warnings if loaded else (),
    )


async def _sign(request: web.BaseRequest, response: web.StreamResponse) -> None:
    response.headers["Server"] = SERVER
    if isinstance(request, web.Request):
        restrict(request, response, request.app[CONTEXT].settings.cors_origins)


def _client_rate(settings: Settings) -> ClientRate | None:
    if not settings.rate_limit_enabled:
        return None
    return ClientRate(
        settings.rate_limit_max_requests, settings.rate_limit_window_seconds, settings.rate_limit_max_buckets
    )


def _prepare(context: Context) -> PreparedResponses | None:
    """Keep answers ready if every client gets the same bytes; return them if no request has to be counted, either."""
    settings = context.settings
    if settings.cors_origins == ANY:
        context.prepared = PreparedResponses(context)
    return context.prepared if settings.fast_path and not settings.rate_limit_enabled else None


def _add_pages(context: Context) -> None:
    ui = Ui(context)
    context.endpoints |= ui.endpoints()
    context.samples |= ui.samples()
    context.fallback = ui.fallback
    context.error_page = ui.error_page
    context.page = ui.page


def _add_websockets(app: web.Application, context: Context) -> None:
    sockets = WebSockets(context)
    context.endpoints |= sockets.endpoints()
    context.listeners.append(lambda: sockets.listeners)
    app.on_shutdown.append(sockets.close)


def _keep_sessions(app: web.Application, context: Context, sessions: Sessions) -> None:
    file = SessionFile(sessions, context.settings, StateStore(context.settings.state_path), context.clock)

    async def close(_: web.Application) -> None:
        await file.close()

    app.on_cleanup.append(close)


def _add(app: web.Application, context: Context, active: ActiveFeature | None) -> None:
    """Take in what a feature gives, if it is switched on."""
    if active is None:
        return
    context.endpoints |= active.endpoints
    context.samples |= active.samples
    context.guards.extend(active.guards)
    context.reports.append(active.health)
    context.publish = active.publish or context.publish

    async def begin(_: web.Application) -> None:
        await active.begin()

    async def close(_: web.Application) -> None:
        await active.close()

    app.on_startup.append(begin)
    app.on_shutdown.append(close)


def _metrics_later(context: Context) -> dict[str, Endpoint]:
    """Offer /metrics; its modules are imported at the first scrape, because every start would wait for them."""
    made: dict[str, Endpoint] = {}

    async def metrics(request: web.Request, route: Route, gateway: Gateway) -> web.StreamResponse:
        if not made:
            from proxy.server.data import scrape  # noqa: PLC0415 - imported by the first scrape

            made.update(scrape.endpoints(context))
        return await made["metrics"](request, route, gateway)

    return {"metrics": metrics}


@asynccontextmanager
async def listening(
    app: web.Application, settings: Settings, tls: ssl.SSLContext | None = None, *, defers: bool = False
) -> AsyncIterator[tuple[str, int]]:
    """Serve the app while the block runs; yields the bound address. In-flight answers are delivered at the end.

    A gateway with a port of its own is served there, too. With PW_HTTPS_PORT TLS has a port of its own, and the
    address is that of plain HTTP. ``defers``: see ``opened``; a second of the kernel is one of real time.
    """
    listen = partial(opened, defers=defers)
    runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=_IN_FLIGHT_GRACE_S)
    await runner.setup()
    limiter = await limiter_for(
        cast("web.Server", runner.server),
        raise_fd_limit(settings.max_connections),
        candidates(_prepare(app[CONTEXT])),
    )
    app[CONTEXT].limiter = limiter
    try:
        async with AsyncExitStack() as stack:
            host = settings.bind_address or None
            address = await stack.enter_async_context(
                listen(limiter, host, settings.port, None if settings.https_port else tls)
            )
            for gateway in app[CONTEXT].gateways.values():
                if (port := gateway.settings.listen) is not None:
                    own = await stack.enter_async_context(
                        _named(
                            f"listen of gateway {gateway.id}",
                            f"{host or '*'}:{port}",
                            listen(limiter, host, port, tls),
                        )
                    )
                    app[CONTEXT].ports[own[1]] = gateway
            if tls is not None and (port := settings.https_port):
                await stack.enter_async_context(
                    _named("PW_HTTPS_PORT", f"{host or '*'}:{port}", listen(limiter, host, port, tls))
                )
            yield address
    finally:
        await runner.cleanup()


@asynccontextmanager
async def _named(
    setting: str, place: str, server: AbstractAsyncContextManager[tuple[str, int]]
) -> AsyncIterator[tuple[str, int]]:
    """Listen on a port beside PW_PORT; an OSError has the name of its setting as its file."""
    async with AsyncExitStack() as stack:
        try:
            address = await stack.enter_async_context(server)
        except OSError as exc:
            exc.filename = f"{place}, which is {setting},"
            raise
        yield address
