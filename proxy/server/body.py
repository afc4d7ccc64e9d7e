"""Bodies of requests, whole and bounded."""

from __future__ import annotations

from aiohttp import web


async def read_body(request: web.BaseRequest, most: int) -> bytes | None:
    """Return the body when all of it has arrived; None if it has more than so many bytes."""
    if (request.content_length or 0) > most:
        return None
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > most:
            return None
    return bytes(body)
