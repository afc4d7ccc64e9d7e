"""Clients that take their time, and more of them than there is room for."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from proxy.server.transport.limits import ANSWER_S, REQUEST_S
from tests.clock import settled, until
from tests.hostile.raw import Reply

SLOW_HEADS = 60
SLOW_BODIES = 20
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"


async def opened(port: int, data: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    await writer.drain()
    return reader, writer


async def rest(connection: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> Reply:
    """Read until the server hangs up."""
    reader, writer = connection
    octets = await reader.read()
    writer.close()
    return Reply(octets)


@asynccontextmanager
async def small_client(port: int) -> AsyncIterator[socket.socket]:
    """Connect with room for 2 kB of answers."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        client.setblocking(False)
        await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", port))
        yield client


async def test_slow_clients_are_dropped_and_others_served(proxy, clock):
    """
    Sixty clients that dribble a head and twenty that dribble a body are gone 20 s
    after their first byte, whatever they still send; readers notice nothing.
    """
    heads = [await opened(proxy.port, b"GET /soe HTTP/1.1\r\nHost: a\r\n") for _ in range(SLOW_HEADS)]
    post = b"POST /api/login/Basic HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n" + FORM + b"\r\nemail="
    bodies = [await opened(proxy.port, post) for _ in range(SLOW_BODIES)]
    for _ in range(4):
        await settled()
        clock.advance(REQUEST_S / 5)
        for _, writer in heads + bodies:
            writer.write(b"x: y\r\n"[:1])
    await settled()
    assert (await proxy.get("/soe")).status == 200

    clock.advance(REQUEST_S / 5 + 1)
    replies = [await rest(connection) for connection in heads + bodies]

    assert [reply.statuses for reply in replies] == [[408]] * (SLOW_HEADS + SLOW_BODIES)
    assert (await proxy.get("/soe")).status == 200


async def test_a_client_that_says_nothing_is_dropped_without_a_word(proxy, clock):
    """An open connection without a request costs a place for 20 s, no longer."""
    silent = await opened(proxy.port)
    await settled()

    clock.advance(REQUEST_S + 1)

    assert (await rest(silent)).raw == b""


async def test_a_client_that_keeps_its_connection_is_not_slow(proxy, clock):
    """Between requests nothing is owed: a scraper that comes every half minute is not thrown out."""
    reader, writer = await opened(proxy.port, b"GET /soe HTTP/1.1\r\nHost: a\r\n\r\n")
    assert b"200 OK" in await reader.readuntil(b"}")
    await settled()

    clock.advance(REQUEST_S + 10)
    await settled()
    writer.write(b"GET /soe HTTP/1.1\r\nHost: a\r\n\r\n")

    assert b"200 OK" in await reader.readuntil(b"}")
    writer.close()


async def test_a_client_that_does_not_take_its_answers_is_dropped(proxy, clock):
    """Responses are not kept for ever for a client that does not read."""
    _, writer = await opened(proxy.port)
    writer.transport.pause_reading()
    send_request = b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n"
    before = len(proxy.context.limiter.server.connections)

    def is_stuck() -> bool:
        writer.write(send_request * 8)
        return any(connection.writing_paused for connection in proxy.context.limiter.server.connections)

    await until(is_stuck)
    clock.advance(ANSWER_S + 1)

    await until(lambda: len(proxy.context.limiter.server.connections) < before)
    writer.transport.abort()


@pytest.mark.parametrize("fast_path", [True, False])
async def test_a_client_that_leaves_the_end_of_an_answer_is_dropped(start, sim, clock, fast_path):
    """A few bytes that are not read would hold a closed connection open for ever."""
    proxy = await start(sim, fast_path=fast_path)
    server = proxy.context.limiter.server
    async with small_client(proxy.port) as client:

        def has_left_some() -> bool:
            with suppress(BlockingIOError):
                client.send(b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n")
            return any(connection.transport.get_write_buffer_size() for connection in server.connections)

        await until(has_left_some)
        clock.advance(ANSWER_S + 1)

        await until(lambda: not server.connections)


@pytest.mark.parametrize("fast_path", [True, False])
async def test_a_client_that_takes_nothing_and_dribbles_on_is_dropped(start, sim, clock, fast_path):
    """After 20 s for its request; that its answers are still untaken is not forgotten then."""
    proxy = await start(sim, fast_path=fast_path)
    server = proxy.context.limiter.server
    async with small_client(proxy.port) as client:
        while not any(connection.writing_paused for connection in server.connections):
            client.send(b"GET /vitals HTTP/1.1\r\nHost: a\r\n\r\n")
            await settled()
        client.send(b"GET /so")
        await settled()

        for wait_s in (REQUEST_S, ANSWER_S - REQUEST_S):
            clock.advance(wait_s + 1)
            await settled()

        assert not server.connections


async def test_connections_are_bounded_and_the_log_says_so_once(start, sim, caplog):
    """Beyond PW_MAX_CONNECTIONS a client gets 503 at once; one line in the log, one when there is room."""
    proxy = await start(sim, max_connections=8)
    held = [await opened(proxy.port) for _ in range(8)]
    await until(lambda: len(proxy.context.limiter.server.connections) == 8)

    turned_away = [await rest(await opened(proxy.port)) for _ in range(5)]

    assert [reply.statuses for reply in turned_away] == [[503]] * 5
    assert all(b"\r\nRetry-After: " in reply.raw for reply in turned_away)
    _, leaver = held.pop()
    leaver.close()
    await leaver.wait_closed()
    await until(lambda: len(proxy.context.limiter.server.connections) < 8)
    assert (await proxy.get("/soe")).status == 200
    lines = [record for record in caplog.records if "connections" in record.message]
    assert [(line.message, line.levelname) for line in lines] == [
        ("too many connections", "WARNING"),
        ("connections admitted again", "WARNING"),
    ]
    assert lines[1].refused == 5
    for _, writer in held:
        writer.transport.abort()
        await settled()


@pytest.mark.parametrize("requests", [1, 3])
async def test_a_client_that_has_said_all_gets_its_answers(proxy, requests):
    """``printf 'GET …' | nc`` closes its half of the connection at once; every answer still comes."""
    connection = await opened(proxy.port, b"GET /soe HTTP/1.1\r\nHost: a\r\n\r\n" * requests)
    connection[1].write_eof()

    assert (await rest(connection)).statuses == [200] * requests
