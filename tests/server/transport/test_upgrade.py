"""After an upgrade a connection is a WebSocket's: none of its bytes is a request, and none has a deadline."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from types import SimpleNamespace

import aiohttp
import pytest
from aiohttp import WSMsgType, web

from proxy.config.settings import settings_of
from proxy.server.transport.limits import HEAD_BYTES, REQUEST_S
from proxy.server.transport.listener import opened
from proxy.server.transport.protocols import candidates, limiter_for
from proxy.state.certificates import serving_context, trusting_context
from tests.clock import settled
from tests.server.transport.conftest import NO_ANSWERS

PING, PONG = WSMsgType.PING, WSMsgType.PONG
HANDSHAKE = (
    b"GET /%s HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


@pytest.fixture(params=["plain", "TLS"])
def tls(request, tmp_path):
    if request.param == "plain":
        return None
    return serving_context(settings_of(https="yes", state_path=str(tmp_path)))


@pytest.fixture(params=[True, False], ids=["fast path", "no fast path"])
async def served(request, tls):
    """A server with a WebSocket that returns what it receives and leaves pings and pongs to its handler."""
    received = []

    async def socket(request):
        ws = web.WebSocketResponse(autoping=False)
        await ws.prepare(request)
        async for message in ws:
            received.append(message.type)
            if message.type is PING:
                await ws.pong(message.data)
            elif message.type is WSMsgType.TEXT:
                await ws.send_str(message.data)
            if message.data == "ping me":
                await ws.ping(b"from the server")
        return ws

    async def declines(request):
        if request.path == "/slow":
            await asyncio.sleep(REQUEST_S / 2)
        return web.Response(text="no")

    async def handler(request):
        return await (socket if request.path == "/socket" else declines)(request)

    async with AsyncExitStack() as stack:
        server = web.Server(handler)
        stack.push_async_callback(server.shutdown, 0.1)
        limiter = await limiter_for(server, 10, candidates(NO_ANSWERS if request.param else None))
        _, port = await stack.enter_async_context(opened(limiter, "127.0.0.1", 0, tls))
        connector = aiohttp.TCPConnector(ssl=False)
        client = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        scheme = "https" if tls else "http"
        yield SimpleNamespace(url=f"{scheme}://127.0.0.1:{port}", port=port, client=client, received=received)


async def let_pass(clock, seconds):
    """Advance in steps, so that timers which set others are all reached."""
    for _ in range(int(seconds)):
        clock.advance(1)
        await settled()


async def test_a_websocket_that_is_silent_for_a_minute_goes_on(served, clock):
    """Then it pings, is pinged and pongs, and each side can send text and close."""
    async with served.client.ws_connect(served.url + "/socket", autoping=False) as ws:
        await ws.send_str("hello")
        assert (await ws.receive()).data == "hello"

        await let_pass(clock, 60)
        await ws.ping(b"from the client")
        answer = await ws.receive()
        assert (answer.type, answer.data) == (PONG, b"from the client")

        await let_pass(clock, 60)
        await ws.send_str("ping me")
        assert (await ws.receive()).data == "ping me"
        ping = await ws.receive()
        assert (ping.type, ping.data) == (PING, b"from the server")
        await ws.pong(ping.data)

        await let_pass(clock, 60)
        await ws.send_str("and on")
        assert (await ws.receive()).data == "and on"
        await ws.close()
        assert ws.close_code == 1000

    text = WSMsgType.TEXT
    assert served.received == [text, PING, text, PONG, text]


async def test_a_websocket_whose_client_says_nothing_stays_open(served, clock):
    async with served.client.ws_connect(served.url + "/socket") as ws:
        await let_pass(clock, 180)
        await ws.send_str("here")

        assert (await ws.receive()).data == "here"


async def test_frames_larger_than_a_head_may_be_pass(served):
    async with served.client.ws_connect(served.url + "/socket") as ws:
        for _ in range(3):
            await ws.send_str("x" * HEAD_BYTES)
            assert len((await ws.receive()).data) == HEAD_BYTES


def connect(served):
    unchecked = trusting_context() if served.url.startswith("https") else None
    return asyncio.open_connection("127.0.0.1", served.port, ssl=unchecked)


async def test_a_frame_sent_before_the_upgrade_is_accepted_starts_no_deadline(served, clock):
    """RFC 6455 has clients wait, but a hasty one is served."""
    reader, writer = await connect(served)
    writer.write(HANDSHAKE % b"socket")
    writer.write(b"\x81\x82\0\0\0\0hi")
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
    assert await reader.readexactly(4) == b"\x81\x02hi"

    await let_pass(clock, 60)
    writer.write(b"\x81\x82\0\0\0\0on")

    assert await reader.readexactly(4) == b"\x81\x02on"
    writer.close()


async def test_after_a_declined_upgrade_the_connection_serves_requests_as_before(served, clock):
    """Also the one that was sent before the answer; its deadline does not outlast it."""
    reader, writer = await connect(served)
    writer.write(HANDSHAKE % b"slow")
    await let_pass(clock, 1)
    writer.write(b"GET /one HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await let_pass(clock, REQUEST_S / 2 + 1)
    for _ in range(2):
        assert b" 200 OK" in await reader.readuntil(b"\r\n\r\nno")

    await let_pass(clock, REQUEST_S + 1)
    writer.write(b"GET /two HTTP/1.1\r\nHost: localhost\r\n\r\n")

    assert (await reader.readuntil(b"\r\n\r\nno")).startswith(b"HTTP/1.1 200 ")
    writer.close()


async def test_a_request_begun_after_a_declined_upgrade_has_a_deadline(served, clock):
    reader, writer = await connect(served)
    writer.write(HANDSHAKE % b"at-once")
    await reader.readuntil(b"\r\n\r\nno")
    writer.write(b"GET /one HTTP/1.1\r\n")
    await let_pass(clock, REQUEST_S + 1)

    assert (await reader.read()).startswith(b"HTTP/1.1 408 ")
    writer.close()
