"""A file on its way to a client: taken as fast as the gateway sends it, given as fast as the client takes it.

What lies between the two waits here, in a room that all deliveries share, and not at
the gateway: its few connections are for readings.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from aiohttp import web

_STALLED_S: Final = 30.0


@dataclass(slots=True)
class BufferBudget:
    """Number of bytes that may still be buffered for slow clients."""

    left: int


class BufferedResponse:
    """One answer whose head is sent. It owns the task that sends the body, until ``end`` or ``break_off``."""

    def __init__(self, request: web.Request, response: web.StreamResponse, room: BufferBudget) -> None:
        self._request = request
        self._response = response
        self._room = room
        self._held = 0
        self._chunks: asyncio.Queue[bytes] = asyncio.Queue()
        self._sending = asyncio.create_task(self._send())

    def add(self, chunk: bytes) -> None:
        """Have a part sent. Raises OSError when the client is gone, or too slow for the room there is."""
        if self._sending.done():
            raise ConnectionResetError("the client has left")
        if len(chunk) > self._room.left:
            raise BlockingIOError("too much waits for slow clients")
        self._take(len(chunk))
        self._chunks.put_nowait(chunk)

    async def end(self) -> web.StreamResponse:
        """Wait until the client has received everything or disconnected."""
        self._chunks.put_nowait(b"")
        try:
            is_taken = await self._sending
        finally:
            self._drop()
        return self._response if is_taken else self.break_off()

    def break_off(self) -> web.StreamResponse:
        """Break the connection: when the head is out, only that can still say that the file is not whole."""
        self._drop()
        if self._request.transport is not None:
            self._request.transport.abort()
        return self._response

    async def _send(self) -> bool:
        """Send parts until the empty one, which is the end; return whether the client received all of them."""
        try:
            while chunk := await self._chunks.get():
                async with asyncio.timeout(_STALLED_S):
                    await self._response.write(chunk)
                self._take(-len(chunk))
        except (OSError, TimeoutError):
            return False
        return True

    def _take(self, size: int) -> None:
        self._held += size
        self._room.left -= size

    def _drop(self) -> None:
        self._sending.cancel()
        self._take(-self._held)


async def next_part(parts: AsyncIterator[bytes], deadline: float) -> bytes:
    """Return the next part of a file, b"" at its end. Raises TimeoutError if it comes after the loop's ``deadline``."""
    async with asyncio.timeout_at(deadline):
        return await anext(parts, b"")
