"""TLS handshakes that are begun and left, broken off, or were never meant: they cost what connections cost."""

from __future__ import annotations

import asyncio
import resource
import socket
import struct
from contextlib import suppress

import pytest

from proxy.app import build_app, listening
from proxy.config.settings import settings_of
from proxy.server.context import CONTEXT
from proxy.server.transport.limits import REQUEST_S
from proxy.state.certificates import serving_context, trusting_context
from tests.clock import settled, until
from tests.quiet import QUIET

ROOM = 8
HELLO_BEGUN = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
NO_HANDSHAKES = {
    "silence": b"",
    "half a hello": HELLO_BEGUN,
    "plain HTTP": b"GET /soe HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "garbage": bytes(range(256)),
    "an alert": b"\x15\x03\x03\x00\x02\x02\x28",
    "a record that is too long": b"\x16\x03\x03\xff\xff" + b"\x01" * 65535,
}
SOE = b"GET /soe HTTP/1.1\r\nHost: localhost\r\n\r\n"

each_loop = pytest.mark.each_loop


@pytest.fixture
async def house(start, sim):
    """A proxy with TLS and little room."""
    return await start(sim, https="yes", max_connections=ROOM)


@pytest.fixture
async def complaints():
    """What the event loop has to complain about."""
    reported = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    return reported


async def begun(port: int, data: bytes = HELLO_BEGUN) -> socket.socket:
    """Open a connection and leave it there."""
    client = socket.create_connection(("127.0.0.1", port))
    client.setblocking(False)
    await asyncio.get_running_loop().sock_sendall(client, data)
    return client


async def shaken(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a connection with a handshake."""
    return await asyncio.open_connection("127.0.0.1", port, ssl=trusting_context())


async def last_of(client: socket.socket) -> bytes:
    """Read until the server hangs up, however it does."""
    octets = bytearray()
    with client, suppress(ConnectionError):
        while chunk := await asyncio.get_running_loop().sock_recv(client, 65536):
            octets += chunk
    return bytes(octets)


def room_taken(proxy) -> int:
    doors = proxy.context.limiter
    return len(doors.active)


@each_loop
async def test_handshakes_are_bounded_and_the_log_says_so_once(house, caplog):
    """
    Handshakes that are begun and left have their place among PW_MAX_CONNECTIONS:
    beyond it connections are closed. When some leave, clients get through again.
    """
    hanging = [await begun(house.port, HELLO_BEGUN[:size]) for size in range(ROOM)]
    await until(lambda: room_taken(house) == ROOM)

    turned_away = [await last_of(await begun(house.port)) for _ in range(5)]

    assert turned_away == [b""] * 5
    assert room_taken(house) == ROOM
    for client in hanging[:2]:
        client.close()
    await until(lambda: room_taken(house) == ROOM - 2)
    assert (await house.get("/soe")).status == 200
    lines = [record for record in caplog.records if "connections" in record.message]
    assert [(line.message, line.levelname) for line in lines] == [
        ("too many connections", "WARNING"),
        ("connections admitted again", "WARNING"),
    ]
    assert lines[1].refused == 5
    for client in hanging:
        client.close()


@each_loop
async def test_a_handshake_that_is_over_keeps_its_place(house):
    """A client that was admitted stays when all places are taken, and is one connection, not two."""
    some = [await shaken(house.port) for _ in range(ROOM - 1)]
    hanging = await begun(house.port)
    await until(lambda: room_taken(house) == ROOM)

    with pytest.raises(ConnectionError):
        await shaken(house.port)
    hanging.close()
    await until(lambda: room_taken(house) == ROOM - 1)
    some.append(await shaken(house.port))

    assert room_taken(house) == ROOM
    for reader, writer in some:
        writer.write(SOE)
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
    for _, writer in some:
        writer.transport.abort()
    await until(lambda: room_taken(house) == 0)


@each_loop
@pytest.mark.parametrize("data", NO_HANDSHAKES.values(), ids=NO_HANDSHAKES)
@pytest.mark.parametrize("is_reset", [False, True])
async def test_what_is_no_handshake_leaves_nothing(house, caplog, complaints, data, is_reset):
    """No place taken, no line in the log, no task left behind; others are served."""
    client = await begun(house.port, data)
    await settled()
    if is_reset:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
    else:
        with suppress(OSError):
            client.shutdown(socket.SHUT_WR)
        assert b"HTTP" not in await last_of(client)
    await until(lambda: room_taken(house) == 0)

    assert (await house.get("/soe")).status == 200
    assert complaints == []
    assert {record.levelname for record in caplog.records} <= {"INFO", "DEBUG"}


@each_loop
@pytest.mark.parametrize("fast_path", [True, False])
async def test_a_proxy_stops_at_once_though_handshakes_hang(tmp_path, complaints, fast_path):
    loop = asyncio.get_running_loop()
    settings = settings_of(
        **QUIET, bind_address="127.0.0.1", port=0, state_path=str(tmp_path), https="yes", fast_path=fast_path
    )
    app, tls = build_app(settings), serving_context(settings)
    before = asyncio.all_tasks()
    async with listening(app, settings, tls) as (_, port):
        hanging = [await begun(port) for _ in range(ROOM)]
        reader, writer = await shaken(port)
        await until(lambda: len(app[CONTEXT].limiter.active) == ROOM + 1)
        late = await begun(port)  # accepted, but its handshake has not had a turn
        stopped = loop.time()

    assert loop.time() - stopped < 1
    assert [await last_of(client) for client in [*hanging, late]] == [b""] * (ROOM + 1)
    assert await reader.read() == b""
    writer.transport.abort()
    await settled()
    assert asyncio.all_tasks() == before
    assert complaints == []


@each_loop
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_tls_listens_on_every_address(start, sim, address):
    """PW_BIND_ADDRESS is empty by default: then IPv4 and IPv6 are served, each by its own socket."""
    with socket.create_server(("", 0)) as free:
        port = free.getsockname()[1]
    proxy = await start(sim, https="yes", bind_address="", port=port)

    async with proxy.client.get(
        f"https://{address if '.' in address else f'[{address}]'}:{port}/soe"
    ) as answer:
        assert answer.status == 200


@each_loop
async def test_a_port_that_is_taken_is_an_error(start, sim):
    """Also when one of the two sockets could be bound."""
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        await start(sim, https="yes", bind_address="", port=taken.getsockname()[1])


async def test_handshakes_that_take_too_long_are_dropped(house, clock):
    """20 s for a handshake, whatever a client dribbles; others are served meanwhile."""
    hanging = [await begun(house.port) for _ in range(ROOM - 1)]
    for _ in range(4):
        await settled()
        clock.advance(REQUEST_S / 5)
        for client in hanging:
            client.send(b"\x01")
    await settled()
    assert room_taken(house) == ROOM - 1
    assert (await house.get("/soe")).status == 200

    clock.advance(REQUEST_S / 5 + 1)

    assert [await last_of(client) for client in hanging] == [b""] * (ROOM - 1)


async def test_a_client_that_only_shakes_hands_is_dropped(house, clock):
    """It has 20 s for its first request, like any client."""
    reader, writer = await shaken(house.port)
    for _ in range(5):
        clock.advance(REQUEST_S / 4)
        await settled()

    assert await reader.read() == b""
    writer.transport.abort()
    await settled()


async def test_without_files_no_client_is_admitted_until_there_are_some(house, clock, caplog):
    """The limit of open files is no end: one line in the log, and a second later clients come in again."""
    before, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    clients = [socket.create_connection(("127.0.0.1", house.port)) for _ in range(3)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (free_file(), most))
    try:
        await until(lambda: any(record.levelname == "ERROR" for record in caplog.records))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before, most))
    assert room_taken(house) == 0
    assert [record.reason for record in caplog.records if record.levelname == "ERROR"] == [
        "Too many open files"
    ]

    clock.advance(1.5)

    await until(lambda: room_taken(house) == 3)
    assert (await house.get("/soe")).status == 200
    for client in clients:
        client.close()


def free_file() -> int:
    """Return the number that the next file gets; all below are in use."""
    with socket.socket() as file:
        return file.fileno()
