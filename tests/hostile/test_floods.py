"""Many requests that are each harmless."""

from __future__ import annotations

import asyncio
import gc
import re
import sys
import tracemalloc

from proxy.server.http.guard import AuthResult, Guard
from tests.hostile.commands import SECRET
from tests.hostile.raw import request

MIB = 1024 * 1024


async def test_ten_thousand_queries_cost_no_memory_and_no_gateway(proxy, sim):
    """A query takes no part in a key: all are one reading and one route, and nothing is kept of them."""
    await proxy.get("/soe?warm=up")
    requests = len(sim.requests)
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    gc.collect()
    before = sys.getallocatedblocks()

    answered = 0
    for start in range(0, 10_000, 100):
        writer.write(b"".join(request("GET", f"/soe?x={start + number}") for number in range(100)))
        for _ in range(100):
            head = await reader.readuntil(b"\r\n\r\n")
            answered += head.startswith(b"HTTP/1.1 200 OK\r\n")
            await reader.readexactly(int(re.search(rb"Content-Length: (\d+)", head)[1]))
    gc.collect()
    after = sys.getallocatedblocks()
    writer.close()

    assert answered == 10_000
    assert after - before < 5_000, "something is kept of at least every second one"
    assert len(sim.requests) - requests <= 40, (
        "one reading per five seconds of the test at most, whatever they fetch"
    )
    assert len(proxy.context.traffic.requests) <= 3


async def test_unknown_names_are_not_kept_and_hardly_requested(proxy, sim):
    """Five hundred files that do not exist cost the gateway as many as an app has, and no metric label each."""
    for number in range(500):
        assert (await proxy.get(f"/no/such/file-{number}.js")).status in {404, 503}

    assert sum("no/such" in record.path for record in sim.requests) <= 45
    assert len({route for route, _, _ in proxy.context.traffic.requests}) <= 2


async def test_what_follows_an_answer_and_makes_no_sense_is_not_kept(proxy):
    """Behind a stream that never ends it would wait for ever, megabytes for each connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(request("GET", "/events"))
    await reader.readuntil(b"data: ")
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()

    for _ in range(200):
        writer.write(b"x" * 65_536)
        await writer.drain()
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    writer.transport.abort()

    assert after - before < 2 * MIB
    assert (await proxy.get("/soe")).status == 200


async def test_guesses_from_many_addresses_are_remembered_for_some_of_them(clock):
    """The table of guessers is bounded, the latest stay."""
    guard = Guard("control", SECRET, clock.clock.monotonic)
    for number in range(3000):
        await guard.admit("guess", f"10.0.{number // 250}.{number % 250}")

    assert len(guard) == 1024
    assert (await guard.admit(SECRET, "10.0.11.249")).entry is AuthResult.GRANTED
