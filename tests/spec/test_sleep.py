"""The machine sleeps and wakes again (a notebook, a virtual machine): its timers stood still, the house did not."""

import asyncio
import time

import pytest

from proxy.app import system_clock
from proxy.server.transport.limits import KEEP_ALIVE_S
from tests.clock import until

NIGHT_S = 8 * 3600.0


@pytest.mark.parametrize("fast_path", [True, False])
async def test_a_reading_of_last_night_is_not_fresh(sim, start, clock, fast_path):
    proxy = await start(sim, fast_path=fast_path)
    for _ in range(2):
        await proxy.get("/soe")
    before = sim.requests_for("/api/system_status/soe")

    clock.sleep(NIGHT_S)
    answer = await proxy.get("/soe")

    assert (answer.status, answer.headers["Age"]) == (200, "0")
    assert sim.requests_for("/api/system_status/soe") == before + 1


async def test_a_reading_of_last_night_is_not_served_while_the_gateway_is_away(sim, proxy, clock):
    await proxy.get("/soe")
    sim.answers(status=500)

    clock.sleep(NIGHT_S)

    assert (await proxy.get("/soe")).status == 503


async def test_idle_connections_end_in_time_all_the_same(proxy, clock):
    """Their time is that of the timers."""
    clock.sleep(NIGHT_S)
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    for _ in range(2):
        writer.write(b"GET /soe HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await reader.readuntil(b"}")

    clock.advance(KEEP_ALIVE_S + 30)
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
    await until(lambda: not proxy.context.limiter.server.connections)


def test_the_clock_counts_the_time_asleep():
    """On Linux; elsewhere Python has no such clock."""
    real = system_clock()

    assert real.monotonic() == pytest.approx(time.clock_gettime(time.CLOCK_BOOTTIME), abs=5)
    assert real.wall() == pytest.approx(time.time(), abs=5)
