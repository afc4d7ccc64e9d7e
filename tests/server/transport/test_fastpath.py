"""The fast path serves nothing that is too old, counts what it serves, and keeps connections in bounds."""

import asyncio
import re
import socket
from types import SimpleNamespace

import pytest

from proxy.app import build_app, listening
from proxy.config.settings import settings_of
from proxy.server.context import CONTEXT
from proxy.server.transport.prepared import PreparedResponses
from tests.clock import settled
from tests.server.transport.clients import head

ONE = head("GET /soe HTTP/1.1", "Host: localhost")
SOE = "/api/system_status/soe"


async def send_request(reader, writer, request=ONE):
    """Send a request and return the answer's head and body."""
    writer.write(request)
    lines = await reader.readuntil(b"\r\n\r\n")
    size = next(int(line[16:]) for line in lines.split(b"\r\n") if line.startswith(b"Content-Length: "))
    return lines.decode(), await reader.readexactly(size)


async def open_to(proxy):
    return await asyncio.open_connection("127.0.0.1", proxy.port)


async def test_what_is_no_longer_fresh_is_read_again(sim, proxy, clock):
    """One comparison per request, but never the wrong way."""
    reader, writer = await open_to(proxy)
    for advance, age in ((0, 0), (4.5, 4), (0.6, 0)):
        clock.advance(advance)
        lines, _ = await send_request(reader, writer)

        assert f"\r\nAge: {age}\r\n" in lines
    writer.close()


async def test_what_a_write_has_changed_is_not_served_again(sim, proxy):
    reader, writer = await open_to(proxy)
    _, before = await send_request(reader, writer)
    assert before == (await send_request(reader, writer))[1]
    sim.plant.set_charge(11)
    proxy.context.gateway.cache.discard([SOE])

    _, after = await send_request(reader, writer)

    assert after != before
    writer.close()


async def test_it_counts_like_any_other_request(proxy):
    """Requests by route and status, bytes, durations, and how the sources were obtained."""
    reader, writer = await open_to(proxy)
    for _ in range(10):
        _, body = await send_request(reader, writer)

    stats = (await proxy.get("/stats")).json()

    traffic = proxy.context.traffic
    assert stats["uri"]["/soe"] == 10
    assert traffic.bytes_sent["/soe"] == 10 * len(body)
    assert traffic.seconds["/soe", "fresh"].count == 9
    assert {(s, r.value): n for (s, r), n in proxy.context.gateway.cache.results.items() if s == SOE} == {
        (SOE, "miss"): 1,
        (SOE, "fresh"): 9,
    }
    writer.close()


async def test_what_fails_inside_is_answered_and_logged_as_everywhere(proxy, caplog):
    """A view with a bug costs its route a 500, and no other route anything."""
    await proxy.get("/csv")
    proxy.context.gateway.options = SimpleNamespace(headers=False)
    reader, writer = await open_to(proxy)

    lines, _ = await send_request(reader, writer, head("GET /csv HTTP/1.1", "Host: localhost"))

    assert lines.startswith("HTTP/1.1 500 ")
    assert "unhandled exception" in caplog.text
    assert (await proxy.get("/soe")).status == 200
    writer.close()


async def test_clearing_the_counters_clears_these_too(proxy):
    reader, writer = await open_to(proxy)
    for _ in range(5):
        await send_request(reader, writer)

    stats = (await proxy.post("/stats/clear")).json()

    assert stats["uri"].get("/soe", 0) == 0
    writer.close()


async def test_with_the_access_log_every_request_has_its_line(sim, start, caplog):
    proxy = await start(sim, access_log=True)
    reader, writer = await open_to(proxy)
    with caplog.at_level("INFO"):
        for _ in range(3):
            await send_request(reader, writer)

    assert [record.route for record in caplog.records if record.message == "request"] == ["/soe"] * 3
    writer.close()


@pytest.mark.parametrize(("requests", "timeout_s"), [(0, 20), (1, 75), (3, 75)])
async def test_a_silent_connection_is_closed(proxy, clock, requests, timeout_s):
    """20 s for the first request, 75 s between requests, as without the fast path."""
    await proxy.get("/soe")
    reader, writer = await open_to(proxy)
    for _ in range(requests):
        await send_request(reader, writer)
    await settled()
    clock.advance(timeout_s - 2)
    await settled()
    assert not reader.at_eof()

    for _ in range(3):
        clock.advance(5)
        await settled()

    assert reader.at_eof()
    writer.close()


async def test_requests_keep_a_connection_open(proxy, clock):
    """Also one on which aiohttp has answered before, and whose timer aiohttp keeps."""
    reader, writer = await open_to(proxy)
    await send_request(reader, writer, head("GET /health HTTP/1.1", "Host: localhost"))
    for _ in range(6):
        await send_request(reader, writer)
        clock.advance(50)
        await settled()

    assert "200 OK" in (await send_request(reader, writer))[0]
    writer.close()


async def test_sleeping_connections_are_counted(sim, start):
    """Beyond PW_MAX_CONNECTIONS a client gets 503, whether or not the others needed aiohttp."""
    proxy = await start(sim, max_connections=3)
    some = [await open_to(proxy) for _ in range(3)]
    reader, writer = await open_to(proxy)

    assert (await reader.read()).startswith(b"HTTP/1.1 503 ")
    for _, other in [*some, (reader, writer)]:
        other.close()


async def test_a_client_that_takes_no_answers_gets_no_more_of_them(proxy, clock):
    """Its requests wait, the memory for it is bounded, and after a minute it is dropped."""
    reader, writer = await open_to(proxy)
    vitals = head("GET /vitals HTTP/1.1", "Host: localhost")
    await send_request(reader, writer, vitals)
    writer.transport.pause_reading()
    for _ in range(2000):
        writer.write(vitals)
        await asyncio.sleep(0)
    answered = proxy.context.traffic
    answered.flush()
    assert answered.requests["/vitals", "GET", 200] < 1500

    clock.advance(61)
    await settled()
    writer.transport.resume_reading()

    (end,) = await asyncio.gather(reader.read(), return_exceptions=True)
    assert isinstance(end, ConnectionResetError) or end.count(b"HTTP/1.1 200 OK") < 1500
    writer.close()


async def test_ten_thousand_kinds_of_head_take_no_memory(proxy):
    """Whatever clients invent, a few hundred heads are remembered; none of what was counted is lost."""
    await proxy.get("/soe")
    answers = PreparedResponses(proxy.context)
    for number in range(10_000):
        answer = answers.find(head("GET /soe HTTP/1.1", "Host: localhost", f"If-None-Match: x{number}"))
        assert answers.renew(answer, answers.now())
        answer.hits += 1
    proxy.context.traffic.flush()

    assert len(answers.by_head) <= 256
    assert proxy.context.traffic.requests["/soe", "GET", 200] == 10_001


async def test_a_proxy_stops_at_once_though_connections_sleep(tmp_path):
    settings = settings_of(bind_address="127.0.0.1", port=0, state_path=str(tmp_path))
    async with listening(build_app(settings), settings) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await settled()
        stopped = asyncio.get_running_loop().time()

    assert await reader.read() == b""
    assert asyncio.get_running_loop().time() - stopped < 1
    writer.close()


@pytest.mark.parametrize("wakes", [False, True])
async def test_an_answer_that_is_taken_slowly_is_whole_though_the_proxy_stops(sim, clock, tmp_path, wakes):
    """Its last bytes have not left the proxy yet when it has to stop."""
    settings = settings_of(
        host=sim.address, password="password", bind_address="127.0.0.1", port=0, state_path=str(tmp_path)
    )
    app = build_app(settings, clock.clock)
    vitals, loop = head("GET /vitals HTTP/1.1", "Host: localhost"), asyncio.get_running_loop()
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.setblocking(False)
        async with listening(app, settings) as (_, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            await send_request(reader, writer, vitals)
            writer.close()
            await loop.sock_connect(client, ("127.0.0.1", port))
            await loop.sock_sendall(client, b"\r\n" if wakes else b"")
            turns, server = 0, app[CONTEXT].limiter.server
            while not any(connection.writing_paused for connection in server.connections):
                turns += 1
                await (loop.sock_sendall(client, vitals) if turns % 20 == 0 else asyncio.sleep(0))
            ways = [connection.transport for connection in server.connections]
            reading = asyncio.create_task(everything(client))
        # A process ends here; what has left it by now arrives.
        assert not any(way.get_write_buffer_size() for way in ways)
        *lines, rest = (await reading).split(b"\r\n\r\n")

    assert len(rest) == int(re.search(rb"Content-Length: (\d+)", lines[-1])[1])


async def everything(client):
    """Read on after a while, until the end."""
    await settled()
    received = b""
    while chunk := await asyncio.get_running_loop().sock_recv(client, 65536):
        received += chunk
    return received


async def test_it_can_be_switched_off(sim, start):
    """PW_FAST_PATH=no: the same answers, by aiohttp."""
    proxy = await start(sim, fast_path=False)
    reader, writer = await open_to(proxy)
    await send_request(reader, writer)

    assert "hit; ttl=" in (await send_request(reader, writer))[0]
    writer.close()
