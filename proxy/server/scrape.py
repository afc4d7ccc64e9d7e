"""/metrics: for Prometheus and its relatives.

A scrape reads what is stored and never waits for the gateway. It counts as a visit,
because somebody who has nothing but Prometheus wants readings too: this scrape asks for
what is not fresh, the next one finds it.
"""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

from aiohttp import web

from proxy.core.model import Source
from proxy.core.sources import SOLAR_POWERWALL, VITALS
from proxy.publish.energy import ENERGY, ESSENTIAL
from proxy.publish.facts import Facts
from proxy.publish.running import Running
from proxy.server.data import takes_gzip
from proxy.server.problems import PUBLIC_HEADERS, problem

if TYPE_CHECKING:
    from proxy.gateway.gateway import Gateway
    from proxy.publish.metrics import Metrics
    from proxy.server.context import Context, Endpoint
    from proxy.server.route import Route

_TOLD: frozenset[Source] = frozenset(source for row in ENERGY for source in row.sources)


def endpoints(context: Context) -> dict[str, Endpoint]:
    """Make the endpoint of this module."""
    made: list[Metrics] = []

    async def metrics(request: web.Request, _: Route) -> web.Response:
        if not context.settings.metrics:
            return problem(404, "Metrics are switched off: PW_METRICS=no.")
        if not made:
            made.append(_metrics(context))
        context.gateway.want(interest(context.gateway, context.settings.metrics_refresh))
        context.traffic.settle()
        body, media_type = made[0].scrape(request.headers.get("Accept", ""))
        headers = {"Content-Type": media_type, "Cache-Control": "no-store", **PUBLIC_HEADERS}
        if takes_gzip(request.headers.get("Accept-Encoding", "")):
            headers |= {"Content-Encoding": "gzip", "Vary": "Accept, Accept-Encoding"}
            body = gzip.compress(body, compresslevel=1, mtime=0)
        return web.Response(body=body, headers=headers)

    return {"metrics": metrics}


def interest(gateway: Gateway, extent: str) -> frozenset[Source]:
    """Say what a scrape wants: nothing, the essential readings and what was ever asked for, or all."""
    match extent:
        case "no":
            return frozenset()
        case "yes":
            return _TOLD & gateway.visited | frozenset(ESSENTIAL)
    # The strings are in the vitals already, where there are any.
    return _TOLD - {SOLAR_POWERWALL} if gateway.peek(VITALS) else _TOLD


def _metrics(context: Context) -> Metrics:
    from proxy.publish.metrics import Metrics  # noqa: PLC0415 - the first scrape pays for it, not the start

    def facts(gateway: Gateway) -> Facts:
        options, settings = context.readings.options, context.settings
        return Facts(gateway, options, context.clock.wall(), serials=settings.metrics_serials)

    running = Running(
        gateways=(context.gateway,),
        traffic=context.traffic,
        clock=context.clock,
        started_at=context.started_at,
        offers=context.offers,
    )
    return Metrics(running, facts)
