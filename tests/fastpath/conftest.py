"""One proxy with two entrances, one of them without the fast path: the same snapshots behind both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from proxy.app import build_app
from proxy.config.settings import Settings
from proxy.core.clock import Clock
from proxy.server.connection import Entrance
from proxy.server.context import CONTEXT, Context
from proxy.server.fastpath import FastEntrance
from proxy.server.prepared import PreparedAnswers
from tests.clock import EPOCH, TestClock

# After this every connection has ended: idle ones, silent ones, requests that stay incomplete.
_ALL_ENDED_S = 200.0
_TURNS = 250
_LAST = b"GET /the-last HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@dataclass
class Standing:
    """A product clock that stands still until it is set: ages are exact. Timers run on the loop's clock."""

    now: float = 1000.0

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.now, lambda: EPOCH + self.now)


@dataclass
class Pair:
    """The two doors of one proxy."""

    context: Context
    standing: Standing
    clock: TestClock
    server: web.Server
    with_fast_path: int
    without: int
    warm: set[str] = field(default_factory=set)

    async def ask_both(self, *chunks: bytes) -> tuple[bytes, bytes]:
        """Send the same chunks to both and return all that came until each connection was closed."""
        talks = [asyncio.create_task(talk(port, chunks)) for port in (self.with_fast_path, self.without)]
        while not all(task.done() for task in talks):
            # Everything happens in this process: what has not been answered by now waits for its time to pass.
            for _ in range(_TURNS):
                await asyncio.sleep(0)
            self.clock.advance(_ALL_ENDED_S)
        fast, slow = (task.result() for task in talks)
        return without_date(fast), without_date(slow)

    async def handled_by_aiohttp(self, *chunks: bytes) -> int:
        """Say how many of the requests in these chunks reached aiohttp through the fast door."""
        before = self.server.requests_count
        await talk(self.with_fast_path, chunks, last=b"")
        return self.server.requests_count - before


async def talk(port: int, chunks: Sequence[bytes], last: bytes = _LAST) -> bytes:
    """Send chunks one by one, each when the one before has arrived; return what comes back until the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for chunk in (*chunks, last):
            writer.write(chunk)
            await writer.drain()
            for _ in range(12):
                await asyncio.sleep(0)
        if not last:
            writer.write_eof()
        return await reader.read()
    except ConnectionError:
        return b"reset"
    finally:
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


def without_date(answers: bytes) -> bytes:
    lines = [line for line in answers.split(b"\r\n") if not line.startswith(b"Date: ")]
    return b"\r\n".join(lines)


@pytest.fixture
async def pair(sim, clock, tmp_path) -> AsyncIterator[Pair]:
    """Two doors to one proxy whose readings of all kinds were just made."""
    settings = Settings(host=sim.address, password="password", state_path=str(tmp_path / "state"))
    standing = Standing()
    app = build_app(settings, standing.clock)
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=0.1)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        server = runner.server
        doors = (FastEntrance(server, 500, PreparedAnswers(app[CONTEXT])), Entrance(server, 500))
        ports = []
        for door in doors:
            listening = await loop.create_server(door, "127.0.0.1", 0)
            stack.callback(listening.close)
            ports.append(listening.sockets[0].getsockname()[1])
        yield Pair(app[CONTEXT], standing, clock, server, *ports)
