"""Clients that are pushed to, event streams and WebSockets: whether any misses a message, and what one costs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

from bench.targets import Bench

_UPGRADE = (
    b"GET /ws/aggregate HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
_TEXT, _PING = 0x1, 0x9
# A pong without a body; a client masks what it sends, here with zeros.
_PONG = b"\x8a\x80\x00\x00\x00\x00"

Receive = Callable[[asyncio.StreamReader, asyncio.StreamWriter], AsyncIterator[bytes]]


async def event_streams(bench: Bench) -> dict[str, float]:
    """Hold 200 readers of ``/events``."""
    return await _measure(bench, "readers of events", _events, 200, 20.0)


async def websockets(bench: Bench) -> dict[str, float]:
    """Hold a thousand WebSockets of pypowerwall-server's form."""
    return await _measure(bench, "WebSockets", _messages, 1000, 30.0)


async def _measure(bench: Bench, name: str, receive: Receive, count: int, seconds: float) -> dict[str, float]:
    """Hold clients whose readings change every second; all of them have to get every message."""
    target = replace(bench, ttl_s=1.0).daemon("push")
    await target.start()
    before = target.process.resident_mb
    received: dict[bytes, list[float]] = {}

    async def listen() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
        try:
            async for message in receive(reader, writer):
                received.setdefault(message, []).append(time.perf_counter())
        finally:
            writer.close()

    listening = [asyncio.create_task(listen()) for _ in range(count)]
    await asyncio.sleep(seconds / 3)  # all have joined
    joined, spent = time.perf_counter(), target.process.cpu_s
    await asyncio.sleep(seconds)
    resident, spent = target.process.resident_mb, target.process.cpu_s - spent
    lost = sum(task.done() for task in listening)
    for task in listening:
        task.cancel()
    await asyncio.gather(*listening, return_exceptions=True)
    target.process.stop()
    # The last message may be on its way.
    whole = [times for times in received.values() if times[0] > joined][:-1]
    figures = {
        "clients": count,
        "lost": lost + max((count - len(times) for times in whole), default=count),
        "messages": len(whole),
        "spread_ms": round(max((times[-1] - times[0] for times in whole), default=0.0) * 1e3, 1),
        "kB each": round((resident - before) * 1000 / count, 1),
        "CPU us a message and client": round(spent * 1e6 / max(sum(map(len, whole)), 1), 1),
    }
    print(f"\n{name}:", figures, flush=True)
    return figures


async def _events(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> AsyncIterator[bytes]:
    """Yield the ids of events."""
    writer.write(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    async for line in reader:
        if line.startswith(b"id: "):
            yield line


async def _messages(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> AsyncIterator[bytes]:
    """Yield the messages of a WebSocket, until it is closed; answer its pings."""
    writer.write(_UPGRADE)
    await reader.readuntil(b"\r\n\r\n")
    while True:
        kind, body = await _frame(reader)
        if kind == _TEXT:
            yield body
        elif kind == _PING:
            writer.write(_PONG)
        else:
            return


async def _frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Read a frame (RFC 6455 section 5.2): its opcode and its payload."""
    first, length = await reader.readexactly(2)
    if length >= 126:
        length = int.from_bytes(await reader.readexactly(2 if length == 126 else 8))
    return first & 0xF, await reader.readexactly(length)
