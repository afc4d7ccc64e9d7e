"""The plain-HTTP port of firmware from 1.20 on: every path leads to HTTPS."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from proxy.sim.delivery import strip


@asynccontextmanager
async def redirecting(host: str, port: int, target: str) -> AsyncIterator[int]:
    """Answer 301 to ``target`` plus the path while the context lasts; yields the port."""

    async def moved(request: web.Request) -> web.Response:
        location = f"{target}{request.rel_url}"
        body = f'<a href="{location}">Moved Permanently</a>.\n\n'
        return web.Response(status=301, text=body, content_type="text/html", headers={"Location": location})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", moved)
    app.on_response_prepare.append(strip)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
