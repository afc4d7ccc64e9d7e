"""Composition root: settings in, a running proxy out. Nothing happens at import."""

from __future__ import annotations

import asyncio
import random
import ssl
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, cast

from aiohttp import web

from proxy.cache.link import Link
from proxy.cache.source_cache import SourceCache
from proxy.config.cloud import cloud_mode
from proxy.config.lifetimes import reading_policy
from proxy.core.clock import Clock
from proxy.drivers.registry import drivers_for, reads_tedapi
from proxy.features import ActiveFeature, features
from proxy.gateways.gateway import Gateway, Gateways
from proxy.server.context import CONTEXT, Context
from proxy.server.control import endpoints as control
from proxy.server.data.readings import Readings
from proxy.server.gateway_api import emulation
from proxy.server.gateway_api.sessions import Sessions
from proxy.server.http import security_metrics as counts
from proxy.server.http.dispatch import dispatch, expect
from proxy.server.http.guard import Guard
from proxy.server.http.traffic import Traffic
from proxy.server.pages.ui import Ui
from proxy.server.session_file import SessionFile
from proxy.server.status import application_key
from proxy.server.status import endpoints as status
from proxy.server.transport.limiter import raise_fd_limit
from proxy.server.transport.limits import SERVER
from proxy.server.transport.listener import opened
from proxy.server.transport.prepared import PreparedResponses
from proxy.server.transport.protocols import candidates, limiter_for
from proxy.state.folder import folder_of, remove_leftovers
from proxy.state.store import StateStore
from proxy.views.options import Options

if TYPE_CHECKING:
    from proxy.config.gateway_settings import GatewaySettings
    from proxy.config.load import Loaded
    from proxy.config.settings import Settings
    from proxy.server.context import Endpoint
    from proxy.server.route import Route

# telegraf gives up after 4 s; an answer has to leave a little earlier.
_LONGEST_ANSWER_S = 3.8
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
    gateways = tuple(context.gateways.values())

    async def end_waits(_: web.Application) -> None:
        for gateway in gateways:
            asyncio.get_running_loop().call_later(_LAST_WAIT_S, gateway.cache.cancel_pending)
        await asyncio.gather(*(gateway.live.close() for gateway in gateways))

    async def close_gateways(_: web.Application) -> AsyncIterator[None]:
        yield
        await context.gateways.close()
        for finish in context.at_end:
            await finish()
        await asyncio.gather(*(gateway.state.close() for gateway in gateways))

    app = web.Application()
    app[CONTEXT] = context
    app.on_response_prepare.append(_sign)
    app.on_shutdown.append(end_waits)
    app.cleanup_ctx.append(close_gateways)
    app.router.add_route("*", "/{path:.*}", dispatch, expect_handler=expect)
    _add_pages(context)
    context.endpoints |= status.endpoints(context) | emulation.endpoints(context) | control.endpoints(context)
    context.endpoints |= application_key.endpoints() | _metrics_later(context)
    context.samples |= control.samples(context) | counts.samples(context)
    if context.sessions is not None:
        _keep_sessions(app, context, context.sessions)
    for feature in features():
        _add(app, context, feature.start(context))
    return app


def _context_of(settings: Settings, clock: Clock, loaded: Loaded | None) -> Context:
    remove_leftovers(settings)
    return Context(
        settings=settings,
        clock=clock,
        gateways=Gateways([gateway_of(settings.gateway, clock, StateStore(folder_of(settings.state_path)))]),
        readings=Readings(clock, legacy_errors=settings.legacy_errors),
        traffic=Traffic(clock),
        started_at=clock.wall(),
        guard=Guard("control", settings.control_secret, clock.monotonic),
        login_guard=Guard("login", settings.lan_password, clock.monotonic),
        sessions=Sessions(clock.monotonic) if settings.emulate_gateway else None,
        origins=loaded.origins if loaded else {},
        warnings=loaded.warnings if loaded else (),
    )


async def _sign(_: web.BaseRequest, response: web.StreamResponse) -> None:
    response.headers["Server"] = SERVER


def _add_pages(context: Context) -> None:
    ui = Ui(context)
    context.endpoints |= ui.endpoints()
    context.samples |= ui.samples()
    context.fallback = ui.fallback


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
            from proxy.server.data import scrape  # noqa: PLC0415 - see above

            made.update(scrape.endpoints(context))
        return await made["metrics"](request, route, gateway)

    return {"metrics": metrics}


def gateway_of(settings: GatewaySettings, clock: Clock, state: StateStore) -> Gateway:
    """Make a gateway with all that belongs to it.

    Lost links are probed where TEDAPI is among them, and where the cloud stands in meanwhile: its readings
    are fresh for so long that no client would bring the gateway back.
    """
    has_stand_in = bool(settings.host) and bool(cloud_mode(settings))
    probes = settings.tedapi_recovery and (reads_tedapi(settings) or has_stand_in)
    return Gateway(
        settings,
        build_gateway(settings, clock, state),
        clock,
        state,
        options_of(settings),
        probe_interval_s=settings.tedapi_probe_interval if probes else None,
    )


def build_gateway(settings: GatewaySettings, clock: Clock, memory: StateStore) -> SourceCache:
    """Make the gateway with its links, in the order in which they are tried."""

    def jitter() -> float:
        return random.uniform(1.0, 1.1)  # noqa: S311 - spreads retries, guards nothing

    links = [
        Link(
            driver,
            clock,
            max_concurrent=settings.pool_maxsize,  # at least one
            jitter=jitter,
            guarded=settings.health_check,
        )
        for driver in drivers_for(settings, memory, clock)
    ]
    return SourceCache(
        links,
        clock,
        policy=reading_policy(settings),
        deadline_s=min(settings.timeout, _LONGEST_ANSWER_S),
        fail_fast=settings.fail_fast,
    )


def options_of(settings: GatewaySettings) -> Options:
    """Take what views need from the settings."""
    return Options(neg_solar=settings.neg_solar, site_zero_threshold=settings.site_zero_threshold)


@asynccontextmanager
async def listening(
    app: web.Application, settings: Settings, tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[str, int]]:
    """Serve the app while the block runs; yields the bound address. In-flight answers are delivered at the end."""
    runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=_IN_FLIGHT_GRACE_S)
    await runner.setup()
    limiter = await limiter_for(
        cast("web.Server", runner.server),
        raise_fd_limit(settings.max_connections),
        candidates(PreparedResponses(app[CONTEXT]) if settings.fast_path else None),
    )
    app[CONTEXT].limiter = limiter
    try:
        async with opened(limiter, settings.bind_address or None, settings.port, tls) as address:
            yield address
    finally:
        await runner.cleanup()
