"""WebSockets of pypowerwall-server: the object of the moment, then every change, and never a word too many."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest

from proxy.app import build_app, listening
from proxy.config.settings import settings_of
from proxy.server.live.pushed import PushedObject
from proxy.sim.server import SimulatedGateway
from tests.clock import pass_time, settled, until
from tests.conftest import client_of

AGGREGATE, ONE = "/ws/aggregate", "/ws/gateway/default"


def opened(proxy, path, **options):
    return proxy.client.ws_connect(proxy.url + path, **options)


async def frame(socket) -> dict:
    """The next message."""
    message = await socket.receive()
    assert message.type is aiohttp.WSMsgType.TEXT
    return json.loads(message.data)


def without_times(document):
    if isinstance(document, dict):
        return {k: without_times(v) for k, v in document.items() if k not in {"timestamp", "last_updated"}}
    return document


@pytest.mark.parametrize(("path", "same"), [(AGGREGATE, "/api/aggregate/"), (ONE, "/api/gateways/default")])
async def test_the_first_message_is_the_object_of_the_route(proxy, path, same):
    async with opened(proxy, path) as socket:
        first = await frame(socket)

    assert without_times(first) == without_times((await proxy.get(same)).json())


async def test_a_change_is_sent_and_an_unchanged_object_is_not(proxy, sim, clock):
    async with opened(proxy, AGGREGATE) as socket:
        before = (await frame(socket))["total_load_power"]
        sim.pin(load=4321.0)
        await pass_time(clock, proxy, 6)

        while (after := await frame(socket))["total_load_power"] == before:
            pass
        reads = asyncio.ensure_future(socket.receive())
        await pass_time(clock, proxy, 2)

        assert after["total_load_power"] == pytest.approx(4321, abs=1)
        assert not reads.done()
        reads.cancel()


async def test_an_object_that_cannot_be_made_ends_the_messages(proxy, sim, clock, caplog):
    """Silence would pass for readings that do not change; a client that comes again gets what there is then."""
    can_be_made = True

    def view(_):
        if not can_be_made:
            raise ValueError("an unexpected document")
        return {"made": clock.clock.monotonic()}

    pushed = PushedObject(proxy.context.gateways, view, clock.clock)
    async with pushed.listen() as listener:
        await listener.next()
        can_be_made = False
        sim.pin(load=4321.0)
        await pass_time(clock, proxy, 6)
        while await listener.next() is not None:
            pass
        assert "pushed object failed" in caplog.text

        can_be_made = True
        async with pushed.listen() as another:
            assert await another.next() is not None
            await pass_time(clock, proxy, 6)
            assert await another.next() is not None
    await pushed.close()


async def test_silence_is_broken_after_a_while(proxy, sim, clock):
    """For clients that take silence for a lost connection; ticks of the house stand still."""
    sim.answers(body='{"percentage": 50.0}', path="/api/system_status/soe")
    async with opened(proxy, ONE) as socket:
        first = await frame(socket)
        for _ in range(4):
            await pass_time(clock, proxy, 5)

        assert (await frame(socket)).keys() == first.keys()


async def test_a_gateway_that_goes_away_is_shown_offline(proxy, sim, clock):
    async with opened(proxy, ONE) as socket:
        assert (await frame(socket))["online"] is True
        sim.answers(status=503)
        for _ in range(4):
            await pass_time(clock, proxy, 8)
        await settled()

        while (shown := await frame(socket))["data"] is not None:
            assert shown["online"] in {True, False}

        assert shown["online"] is False


async def test_an_unknown_gateway_is_answered_once(proxy):
    """As pypowerwall-server does every second for ever."""
    async with opened(proxy, "/ws/gateway/nope") as socket:
        assert await frame(socket) == {"error": "Gateway not found"}
        assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
        assert socket.close_code == 4404


@pytest.mark.parametrize("path", ["/ws/nope", "/ws/aggregate/", "/ws/gateway/", "/ws/gateway/default/x"])
async def test_no_other_path_is_a_websocket(proxy, path):
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await opened(proxy, path)

    assert refused.value.status == 404


async def test_a_plain_request_is_shown_what_is_spoken_here(proxy):
    answer = await proxy.get(AGGREGATE)

    assert (answer.status, answer.headers["Upgrade"]) == (426, "websocket")


async def test_a_page_of_another_origin_is_refused(proxy):
    """Browsers let any page open a WebSocket."""
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await opened(proxy, AGGREGATE, origin="http://elsewhere.example")

    assert refused.value.status == 403
    async with opened(proxy, AGGREGATE, origin=proxy.url) as socket:
        assert await frame(socket)


async def test_a_connection_lives_through_silence_and_what_a_client_sends(proxy, clock):
    """It is pinged every 20 s; what it sends is discarded."""
    async with opened(proxy, ONE, autoping=True) as socket:
        await frame(socket)
        await socket.send_str("hello")
        await socket.ping()
        for _ in range(6):
            await pass_time(clock, proxy, 10)
            await frame(socket)

        assert proxy.context.streams == 1
    await until(lambda: proxy.context.streams == 0)


async def test_a_message_that_is_too_long_ends_the_connection(proxy):
    async with opened(proxy, ONE) as socket:
        await frame(socket)
        await socket.send_str("x" * (64 * 1024 + 1))

        while (message := await socket.receive()).type is aiohttp.WSMsgType.TEXT:
            pass
        assert message.type in {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}
        assert socket.close_code in {1009, 1006}


async def test_listeners_share_what_is_read(proxy, sim, clock):
    """Any number costs the gateway what one does, and none reads for clients that left."""
    async with opened(proxy, AGGREGATE) as one:
        await frame(one)
        await pass_time(clock, proxy, 20)
        alone = len(sim.requests)
        others = [await opened(proxy, AGGREGATE) for _ in range(20)]
        await pass_time(clock, proxy, 20)
        together = len(sim.requests) - alone
        for other in others:
            await other.close()

    assert together <= alone + 5
    await until(lambda: proxy.context.streams == 0)
    await settled()
    before = len(sim.requests)
    await pass_time(clock, proxy, 120)
    assert len(sim.requests) - before <= 15  # what clients wanted is kept for a while


async def test_a_client_that_does_not_read_holds_up_no_other(proxy, sim, clock):
    """It has room for one message; a newer one takes its place."""
    async with opened(proxy, AGGREGATE) as quick, opened(proxy, AGGREGATE) as slow:
        await frame(quick)
        for watts in (1000.0, 2000.0, 3000.0):
            sim.pin(load=watts)
            await pass_time(clock, proxy, 6)
            while (await frame(quick))["total_load_power"] != pytest.approx(watts, abs=1):
                pass

        assert not slow.closed


async def test_a_stop_closes_every_connection(sim, clock, tmp_path):
    """With the code that says so, within the time that a stop may take."""
    settings = settings_of(
        host=sim.address, password="password", bind_address="127.0.0.1", port=0, state_path=str(tmp_path)
    )
    app = build_app(settings, clock.clock)
    running = listening(app, settings)
    _, port = await running.__aenter__()
    async with client_of(app, port) as proxy:
        sockets = [await opened(proxy, path) for path in (AGGREGATE, ONE)]
        for socket in sockets:
            await frame(socket)
        stop = asyncio.ensure_future(running.__aexit__(None, None, None))

        for socket in sockets:
            while (message := await socket.receive()).type is aiohttp.WSMsgType.TEXT:
                pass
            assert message.type is aiohttp.WSMsgType.CLOSE
            assert socket.close_code == aiohttp.WSCloseCode.GOING_AWAY
        await stop


class RawSocket:
    """A WebSocket as little more than its bytes: a thousand of them cost a test seconds."""

    HANDSHAKE = (
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )

    def __init__(self, reader, writer) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, port: int, path: str) -> RawSocket:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(cls.HANDSHAKE.format(path=path).encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 ")
        return cls(reader, writer)

    async def message(self) -> dict:
        """The next text message (RFC 6455 section 5.2); a server's has no mask."""
        kind, length = await self._reader.readexactly(2)
        assert kind == 0x81
        if length > 125:
            length = int.from_bytes(await self._reader.readexactly(2 if length == 126 else 8))
        return json.loads(await self._reader.readexactly(length))

    def close(self) -> None:
        self._writer.transport.abort()


async def test_a_thousand_clients_all_get_every_change(start, clock):
    """One read of the gateway for all of them, and none is lost."""
    async with SimulatedGateway("pw3_lan", clock=clock.clock) as sim:
        proxy = await start(sim)
        sockets = []
        for _ in range(20):
            sockets += await asyncio.gather(*(RawSocket.open(proxy.port, AGGREGATE) for _ in range(50)))
        await asyncio.gather(*(socket.message() for socket in sockets))
        assert proxy.context.streams == 1000
        before = len(sim.requests)

        sim.pin(load=4321.0)
        clock.advance(6)

        async def changed(socket) -> None:
            while (await socket.message())["total_load_power"] != pytest.approx(4321, abs=1):
                pass

        await asyncio.gather(*map(changed, sockets))
        assert proxy.context.streams == 1000
        assert len(sim.requests) - before <= 20
        for socket in sockets:
            socket.close()
        await until(lambda: proxy.context.streams == 0)
