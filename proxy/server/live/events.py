"""Live events: the feed as server-sent events (HTML standard, section 9.2)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

from proxy.server.http.problems import PUBLIC_HEADERS

if TYPE_CHECKING:
    from proxy.gateways.live import StateStream, Subscriber

_RETRY = b"retry: 3000\n\n"
# A comment, as servers in between know it, and a named event: pages, which are not shown comments,
# have to notice a stream that died.
_ALIVE = b": quiet\nevent: alive\ndata: 1\n\n"
_GONE = b"event: gone\ndata: 1\n\n"
_HEARTBEAT_S = 15.0
_STALLED_S = 30.0
_HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx: pass on at once
    **PUBLIC_HEADERS,
}


async def stream(request: web.Request, feed: StateStream) -> web.StreamResponse:
    """Send the object now, at every change, and a heartbeat when it is quiet, until either side goes."""
    response = web.StreamResponse(headers=_HEADERS)
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    async with feed.listen() as listener:
        try:
            await response.write(_RETRY)
            while True:
                message = await _next(listener)
                await _taken(request)
                await response.write(message)
                if message is _GONE:
                    break
        except (ConnectionError, TimeoutError):
            if request.transport is not None:
                request.transport.abort()
    return response


async def _next(listener: Subscriber) -> bytes:
    try:
        async with asyncio.timeout(_HEARTBEAT_S):
            return await listener.next() or _GONE
    except TimeoutError:
        return _ALIVE


async def _taken(request: web.Request) -> None:
    """Wait until the reader took what was sent; raises TimeoutError for one that does not."""
    async with asyncio.timeout(_STALLED_S):
        while request.transport is not None and request.transport.get_write_buffer_size():  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(_STALLED_S / 60)
