"""A request that has come with its connection gets what any other gets, though it may be answered without a transport."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from proxy.server.transport.fastpath import FastConnectionLimiter
from proxy.server.transport.listener import opened
from tests.clock import settled
from tests.server.transport.clients import NOT_PLAIN, PLAIN, head
from tests.server.transport.conftest import with_connection, without_date

LAST = head("GET /soe HTTP/1.1", "Host: localhost", "Connection: close")
NEXT = head("GET /soe HTTP/1.1", "Host: localhost")
_ALL_ENDED_S = 200.0
VITALS = head("GET /vitals HTTP/1.1", "Host: localhost", "Connection: close")


async def with_both_connections(pair, sent: bytes) -> list[bytes]:
    """Do so at both doors, until time has ended both connections."""
    answers = asyncio.gather(*(with_connection(port, sent) for port in pair.ports))
    while not answers.done():
        await settled()
        pair.clock.advance(_ALL_ENDED_S)
    return [without_date(answer) for answer in answers.result()]


@pytest.mark.parametrize("client", PLAIN | NOT_PLAIN)
async def test_the_response_is_the_same_without_the_fast_path(pair, client):
    await with_both_connections(pair, (PLAIN | NOT_PLAIN)[client])

    fast, slow = await with_both_connections(pair, (PLAIN | NOT_PLAIN)[client])

    assert fast == slow


@pytest.mark.each_loop
async def test_a_request_that_is_the_last_is_answered_without_aiohttp_and_counted(pair):
    await pair.request_meanwhile(LAST)
    pair.context.traffic.flush()
    counted, by_aiohttp = pair.context.traffic.requests["/soe", "GET", 200], pair.server.requests_count

    first, second = [await with_connection(pair.ports[0], LAST) for _ in range(2)]

    assert first.startswith(b"HTTP/1.1 200 OK\r\n")
    assert without_date(first) == without_date(second)
    assert b"\r\nConnection: close\r\n" in first
    pair.context.traffic.flush()
    assert pair.context.traffic.requests["/soe", "GET", 200] == counted + 2
    assert pair.server.requests_count == by_aiohttp


async def test_a_connection_goes_on_after_a_request_that_is_not_the_last(pair):
    client = socket.create_connection(("127.0.0.1", pair.ports[0]))
    client.sendall(NEXT)
    reader, writer = await asyncio.open_connection(sock=client)
    await settled()
    writer.write(LAST)

    assert (await reader.read()).count(b"HTTP/1.1 200 OK\r\n") == 2
    writer.close()


async def test_what_is_not_fresh_is_fetched_first(sim, proxy, clock):
    await with_connection(proxy.port, LAST)
    clock.advance(6)

    assert b"\r\nAge: 0\r\n" in await with_connection(proxy.port, LAST)


async def test_there_is_no_room_for_it_either_beyond_the_most_connections(sim, start):
    """It would get its response; but that it is refused must not depend on which packet was faster."""
    proxy = await start(sim, max_connections=1)
    await with_connection(proxy.port, LAST)
    _, other = await asyncio.open_connection("127.0.0.1", proxy.port)
    await settled()

    # What it has sent is not read, so that the end of the connection may overtake the response.
    (refused,) = await asyncio.gather(with_connection(proxy.port, LAST), return_exceptions=True)
    assert isinstance(refused, ConnectionResetError) or refused.startswith(b"HTTP/1.1 503 ")

    other.close()
    await settled()
    assert (await with_connection(proxy.port, LAST)).startswith(b"HTTP/1.1 200 ")


async def test_with_the_access_log_it_has_its_line(sim, start, caplog):
    proxy = await start(sim, access_log=True)
    with caplog.at_level("INFO"):
        for _ in range(3):
            await with_connection(proxy.port, LAST)

    assert [record.route for record in caplog.records if record.message == "request"] == ["/soe"] * 3


@pytest.mark.each_loop
async def test_a_client_that_has_left_costs_nothing(pair, caplog):
    """Its connection is reset before it is accepted."""
    await pair.request_meanwhile(LAST)
    for sent in (b"", LAST, NEXT):
        client = socket.create_connection(("127.0.0.1", pair.ports[0]))
        client.sendall(sent)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()

        assert (await with_connection(pair.ports[0], LAST)).startswith(b"HTTP/1.1 200 OK\r\n")

    assert caplog.records == []


@pytest.fixture
async def ends(pair) -> AsyncIterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a connection to a proxy that has read everything; it holds hardly anything on its way."""
    for sent in (LAST, VITALS):
        await with_connection(pair.ports[0], sent)
    near, far = socket.socketpair()
    near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
    for end in (near, far):
        end.setblocking(False)
    yield near, far
    near.close()
    far.close()


@pytest.mark.each_loop
async def test_no_protocol_is_made_for_a_response_that_is_sent_whole(pair, ends):
    near, far = ends
    far.send(LAST)

    assert FastConnectionLimiter(pair.server, 1, pair.answers).begin(near.fileno(), pair.ports[0]) is None
    assert far.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.each_loop
async def test_a_response_that_does_not_fit_in_at_once_is_whole(pair, ends):
    near, far = ends
    far.send(VITALS)
    loop = asyncio.get_running_loop()
    connection = FastConnectionLimiter(pair.server, 1, pair.answers).begin(near.fileno(), pair.ports[0])
    await loop.connect_accepted_socket(lambda: connection, near)
    received = b""

    while chunk := await loop.sock_recv(far, 65536):
        received += chunk

    assert without_date(received) == without_date(await with_connection(pair.ports[1], VITALS))


@pytest.mark.each_loop
async def test_the_kernel_keeps_a_connection_until_its_request_has_come_or_for_a_second(pair):
    """One that says nothing is admitted after that, or refused."""
    async with AsyncExitStack() as stack:
        ports = []
        for most in (1, 0):
            limiter = FastConnectionLimiter(pair.server, most, pair.answers)
            _, port = await stack.enter_async_context(opened(limiter, "127.0.0.1", 0, None, defers=True))
            ports.append(port)
        await with_connection(ports[0], LAST)

        assert (await with_connection(ports[0], LAST)).startswith(b"HTTP/1.1 200 ")
        assert (await with_connection(ports[1], b"")).startswith(b"HTTP/1.1 503 ")
