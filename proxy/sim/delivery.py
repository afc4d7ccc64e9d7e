"""Putting an answer on the wire, whole or broken."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Mapping

from aiohttp import hdrs, web

from proxy.sim.answers import Answer

FOR_EVER_S = 30 * 24 * 3600.0
TRICKLE_BYTES = 65536
NO_CONTENT = 204
# SO_LINGER with no time to linger: closing sends a reset.
NO_LINGER = struct.pack("ii", 1, 0)

Headers = Mapping[str, str]


def _response(given: Answer, common: Headers) -> web.StreamResponse:
    response = web.StreamResponse(status=given.status, headers={**common, **given.headers})
    for cookie in given.cookies:
        # As it is: the framework would put a token that ends in "==" into quotes.
        response.headers.add(hdrs.SET_COOKIE, cookie)
    response.headers[hdrs.CONTENT_TYPE] = given.media_type
    if given.status != NO_CONTENT:
        response.content_length = len(given.body)
    return response


async def strip(_request: web.BaseRequest, response: web.StreamResponse) -> None:
    """Remove what the framework adds and a gateway does not send."""
    response.headers.pop(hdrs.SERVER, None)
    if not response.headers.get(hdrs.CONTENT_TYPE):
        response.headers.popall(hdrs.CONTENT_TYPE, None)


async def reset(request: web.BaseRequest) -> None:
    """Break the connection with a TCP reset, and wait to be cancelled by the loss of it."""
    transport = request.transport
    if transport is not None:
        raw = transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        transport.abort()
    await asyncio.sleep(FOR_EVER_S)


async def deliver(
    request: web.BaseRequest, given: Answer, common: Headers, action: str | None
) -> web.StreamResponse:
    """Send an answer; ``action`` is one of the deliveries of ``faults``."""
    if action == "hang":
        await asyncio.sleep(FOR_EVER_S)
    if action == "reset":
        await reset(request)
    response = _response(given, common)
    if action == "close":
        response.force_close()
    await response.prepare(request)
    body = b"" if request.method == "HEAD" else given.body
    if action == "cut":
        await response.write(body[: len(body) // 2])
        await reset(request)
    if action in {"drip", "trickle"}:
        step = 1 if action == "drip" else TRICKLE_BYTES
        for start in range(0, len(body), step):
            await response.write(body[start : start + step])
            await asyncio.sleep(1.0)
    elif body:
        await response.write(body)
    await response.write_eof()
    return response
