"""/metrics: for Prometheus and its relatives.

A scrape reads what is stored and never waits for the gateway. It counts as a visit,
because an operator who has nothing but Prometheus wants readings too: this scrape requests
what is not fresh, the next one finds it.
"""

from __future__ import annotations

import asyncio
import gzip
import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from aiohttp import web

from proxy.server.http.addressing import TARGET
from proxy.server.http.coding import takes_gzip
from proxy.server.http.problems import PUBLIC_HEADERS, problem
from proxy.server.memory import give_back

if TYPE_CHECKING:
    from proxy.cache.source_cache import SourceCache
    from proxy.gateways.counter_state import CounterState
    from proxy.gateways.gateway import Gateway
    from proxy.metrics.exposition import Metrics
    from proxy.metrics.scraped_site import ScrapedSite
    from proxy.server.context import Context, Endpoint
    from proxy.server.route import Route


def _import() -> None:
    importlib.import_module("proxy.metrics.exposition")
    give_back()


def endpoints(context: Context) -> dict[str, Endpoint]:
    """Make the endpoint of this module."""
    made: list[Metrics] = []
    counters = {gateway.id: gateway.counters for gateway in context.gateways.values()}

    async def metrics(request: web.Request, _: Route, gateway: Gateway) -> web.Response:
        if not context.settings.metrics:
            return problem(404, "Metrics are switched off: PW_METRICS=no.")
        if not made:
            # Slow to import: the first scrape waits for it, neither the start nor another client does.
            await asyncio.to_thread(_import)
            await asyncio.gather(*(each.load() for each in counters.values()))
        if not made:
            made.append(_metrics(context, counters))
        only = gateway.id if request[TARGET].prefix else ""
        for each in [gateway] if only else context.gateways.values():
            each.cache.prefetch(made[0].interest(each.cache, context.settings.metrics_refresh))
        context.traffic.flush()
        body, media_type = made[0].scrape(request.headers.get("Accept", ""), only)
        # Nothing leaves before the disk says so much.
        await asyncio.gather(*(each.settle() for each in counters.values()))
        headers = {"Content-Type": media_type, "Cache-Control": "no-store", **PUBLIC_HEADERS}
        if takes_gzip(request.headers.get("Accept-Encoding", "")):
            headers |= {"Content-Encoding": "gzip", "Vary": "Accept, Accept-Encoding"}
            body = gzip.compress(body, compresslevel=1, mtime=0)
        return web.Response(body=body, headers=headers)

    return {"metrics": metrics}


def _metrics(context: Context, counters: Mapping[str, CounterState]) -> Metrics:
    """Connect the metrics to a running proxy."""
    from proxy.metrics.exposition import Metrics  # noqa: PLC0415 - imported by the first scrape
    from proxy.metrics.proxy_samples import Running  # noqa: PLC0415 - imported by the first scrape
    from proxy.metrics.scraped_site import scraped_site  # noqa: PLC0415 - imported by the first scrape

    def scraped(cache: SourceCache) -> ScrapedSite:
        state, serials = context.gateways[cache.name].site.current(), context.settings.metrics_serials
        return scraped_site(cache, state, context.clock.wall(), serials=serials)

    running = Running(
        gateways=tuple(gateway.cache for gateway in context.gateways.values()),
        traffic=context.traffic,
        clock=context.clock,
        started_at=context.started_at,
        samples=context.samples,
    )
    return Metrics(
        running, scraped, lambda gateway, series, reading: counters[gateway].export(series, reading)
    )
