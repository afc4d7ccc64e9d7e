"""Bodies of requests, whole and bounded."""

from __future__ import annotations

from aiohttp import web


def is_packed(request: web.BaseRequest) -> bool:
    """Say whether the body is sent compressed, which nothing here reads: a bomb would be unpacked."""
    return any(coding.lower() != "identity" for coding in request.headers.getall("Content-Encoding", []))


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
