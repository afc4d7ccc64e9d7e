"""Another aiohttp: what lacks a part that our connections rely on costs what needs the part, not the daemon."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from typing import ClassVar

import pytest
from aiohttp import web

from proxy.server.transport.aiohttp_internals import FAST, FRESH
from proxy.server.transport.connection import Connection
from proxy.server.transport.fastpath import FastConnection, FastConnectionLimiter
from proxy.server.transport.limiter import ConnectionLimiter
from proxy.server.transport.listener import opened
from proxy.server.transport.protocols import Candidate, PlainConnection, candidates, limiter_for
from tests.server.transport.conftest import NO_ANSWERS


class ChangedFast(FastConnection):
    """Relies on parts that this aiohttp does not have so."""

    parts: ClassVar = {**FAST, "closes_at": 1.0, "sleeps_at": 0.0}


class Changed(Connection):
    parts: ClassVar = {**FRESH, "waiter": object()}


class MoreForClosing(FastConnection):
    """As if aiohttp needed more of a dormant connection than is set."""

    def connection_lost(self, exc):
        if self._keepalive_timeout:
            super().connection_lost(exc)


class Silent(Connection):
    """As if a method that is overridden were no longer called as it was."""

    def data_received(self, data):
        """Parse nothing."""


class OtherSignature(Connection):
    def __init__(self, limiter, *, renewed):
        super().__init__(limiter)


def fast(kind) -> Candidate:
    class Limiter(FastConnectionLimiter):
        def __call__(self):
            return kind(self)

    return Candidate(kind, lambda server, most: Limiter(server, most, NO_ANSWERS))


def usual(kind) -> Candidate:
    return Candidate(kind, lambda server, most: ConnectionLimiter(server, most, kind), "no fast path")


async def handler(request):
    return web.Response(text=f"{request.method} {request.path}")


OWN = candidates(None)[-1]


@asynccontextmanager
async def served_by(*listed: Candidate, most: int = 10):
    """A server with the best of these protocols: its port and its limiter."""
    async with AsyncExitStack() as stack:
        server = web.Server(handler)
        stack.push_async_callback(server.shutdown, 0.1)
        limiter = await limiter_for(server, most, listed)
        _, port = await stack.enter_async_context(opened(limiter, "127.0.0.1", 0, None))
        yield port, limiter


async def get(port) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /soe HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    return answer


@pytest.mark.each_loop
async def test_this_aiohttp_has_all_parts(caplog):
    """With every aiohttp that is allowed: the fast path if it is wanted, and nothing in the log."""
    for answers, expected in ((NO_ANSWERS, FastConnection), (None, Connection)):
        async with served_by(*candidates(answers)) as (port, limiter):
            assert (await get(port)).endswith(b"GET /soe")
            assert type(limiter()) is expected

    assert caplog.records == []


@pytest.mark.parametrize(
    ("candidate", "reason"),
    [
        (fast(ChangedFast), "closes_at, sleeps_at"),
        (fast(MoreForClosing), "_keepalive_timeout"),
    ],
)
async def test_without_a_part_of_the_fast_path_it_is_off(candidate, reason, caplog):
    async with served_by(candidate, usual(Connection), OWN) as (port, limiter):
        assert (await get(port)).endswith(b"GET /soe")
        assert type(limiter()) is Connection

    (record,) = caplog.records
    assert (record.levelname, record.message) == ("WARNING", "no fast path")
    assert reason in record.reason


@pytest.mark.parametrize(
    ("kind", "reason"), [(Changed, "waiter"), (Silent, "no response"), (OtherSignature, "renewed")]
)
async def test_without_a_part_of_every_connection_aiohttps_own_serve(kind, reason, caplog):
    """One line in the log says what is lost and why; clients are served, and counted."""
    async with served_by(fast(ChangedFast), usual(kind), OWN, most=1) as (port, limiter):
        assert (await get(port)).endswith(b"GET /soe")
        assert type(limiter()) is PlainConnection
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await get(port) == b""
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        assert (await reader.read()).endswith(b"GET /")
        writer.close()

    (record, refused) = caplog.records
    assert (record.levelname, record.message) == ("WARNING", "no limits of time for requests")
    assert reason in record.reason
    assert refused.message == "too many connections"
