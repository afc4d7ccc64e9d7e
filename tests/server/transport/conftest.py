"""One proxy with two entrances, one of them without the fast path: the same snapshots behind both."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
from aiohttp import web

from proxy.app import build_app
from proxy.config.settings import Settings, settings_of
from proxy.core.clock import Clock
from proxy.server.context import CONTEXT, Context
from proxy.server.routes import ROUTES
from proxy.server.transport.connection import Connection
from proxy.server.transport.fastpath import FastConnectionLimiter
from proxy.server.transport.limiter import ConnectionLimiter
from proxy.server.transport.listener import opened
from proxy.server.transport.prepared import PreparedResponses
from proxy.state.certificates import serving_context, trusting_context
from tests.clock import EPOCH, TestClock, settled
from tests.quiet import QUIET
from tests.server.transport.clients import head

# After this every connection has ended: idle ones, silent ones, requests that stay incomplete.
_ALL_ENDED_S = 200.0
# A proxy that has no response ready.
NO_ANSWERS = SimpleNamespace(
    now=time.monotonic,
    ready_for=lambda _head, _now: None,
    at=lambda _transport: NO_ANSWERS,
    at_port=lambda _port: NO_ANSWERS,
)
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
    answers: PreparedResponses
    tls: ssl.SSLContext | None
    ports: list[int] = field(default_factory=list)  # with the fast path, without

    async def request_both(self, *chunks: bytes) -> tuple[bytes, bytes]:
        """Send the same chunks to both and return all that came until each connection was closed."""
        answers = asyncio.create_task(self.request_meanwhile(*chunks))
        while not answers.done():
            # Everything happens in this process: what has not been answered by now waits for its time to pass.
            await settled()
            self.clock.advance(_ALL_ENDED_S)
        return answers.result()

    async def request_twice(self, *chunks: bytes) -> tuple[bytes, bytes]:
        """Send the same chunks twice to the door without the fast path: with prepared responses at hand, and without."""
        received = []
        for prepared in (self.answers, None):
            self.context.prepared = prepared
            received.append((await self.request_both(*chunks))[1])
        with_them, without = received
        return with_them, without

    async def request_meanwhile(self, *chunks: bytes) -> tuple[bytes, bytes]:
        """Do the same while time goes its own way: both connections have to come to an end by themselves."""
        fast, slow = await asyncio.gather(*(talk(port, chunks, tls=self.tls) for port in self.ports))
        return without_date(fast), without_date(slow)

    async def handled_by_aiohttp(self, *chunks: bytes) -> int:
        """Say how many of the requests in these chunks reached aiohttp through the fast door."""
        before = self.server.requests_count
        await talk(self.ports[0], chunks, last=b"")
        return self.server.requests_count - before


async def warm(pair: Pair) -> None:
    """Have every reading made, so that nothing has to be requested any more."""
    heads = [
        head(f"GET {route.for_gateway('default')} HTTP/1.1", "Host: a")
        for route in ROUTES
        if not route.endpoint
    ]
    await pair.handled_by_aiohttp(*heads)


async def talk(
    port: int, chunks: Sequence[bytes], last: bytes = _LAST, tls: ssl.SSLContext | None = None
) -> bytes:
    """Send chunks one by one, each when the one before has arrived; return what comes back until the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
    received = bytearray()

    async def listen() -> None:
        with suppress(ConnectionError):
            while chunk := await reader.read(65536):
                received.extend(chunk)

    listening = asyncio.create_task(listen())
    with suppress(ConnectionError):
        for chunk in (b"", *chunks, last):  # the first one lets a handshake come to its end
            if listening.done():
                break
            writer.write(chunk)
            await writer.drain()
            for _ in range(12):
                await asyncio.sleep(0)
        if not last:
            writer.write_eof()
    await listening
    writer.close()
    await asyncio.gather(writer.wait_closed(), return_exceptions=True)
    return bytes(received)


async def with_connection(port: int, sent: bytes) -> bytes:
    """Send bytes before the connection is accepted; return what comes back until its end."""
    client = socket.create_connection(("127.0.0.1", port))
    client.sendall(sent)
    reader, writer = await asyncio.open_connection(sock=client)
    received = await reader.read()
    writer.close()
    return received


def without_date(answers: bytes) -> bytes:
    lines = [line for line in answers.split(b"\r\n") if not line.startswith(b"Date: ")]
    return b"\r\n".join(lines)


@asynccontextmanager
async def two_doors(clock: TestClock, settings: Settings) -> AsyncIterator[Pair]:
    """Two doors to one proxy whose clock stands still."""
    standing = Standing()
    app = build_app(settings, standing.clock)
    serving, polling = None, None
    if settings.https == "yes":
        serving, polling = serving_context(settings), trusting_context()
    async with AsyncExitStack() as stack:
        runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=0.1)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        server, answers = runner.server, PreparedResponses(app[CONTEXT])
        pair = Pair(app[CONTEXT], standing, clock, server, answers, polling)
        for limiter in (
            FastConnectionLimiter(server, 500, answers),
            ConnectionLimiter(server, 500, Connection),
        ):
            _, port = await stack.enter_async_context(opened(limiter, "127.0.0.1", 0, serving))
            pair.ports.append(port)
        yield pair


@pytest.fixture
async def pair(sim, clock, tmp_path) -> AsyncIterator[Pair]:
    """Two doors to one proxy whose readings of all kinds were just made."""
    settings = settings_of(host=sim.address, password="password", state_path=str(tmp_path / "state"), **QUIET)
    async with two_doors(clock, settings) as pair:
        yield pair


@pytest.fixture(params=["no", "yes"], ids=["plain", "TLS"])
async def each_pair(request, sim, clock, tmp_path) -> AsyncIterator[Pair]:
    """The same over plain HTTP and over TLS."""
    settings = settings_of(
        **QUIET,
        host=sim.address,
        password="password",
        state_path=str(tmp_path / "state"),
        https=request.param,
    )
    async with two_doors(clock, settings) as pair:
        yield pair
