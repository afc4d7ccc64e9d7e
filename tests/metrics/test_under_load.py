"""A scrape among many clients."""

import asyncio
import time

from tests.metrics.reading import settled


async def test_a_scrape_is_answered_while_sixteen_clients_are_busy(sim, proxy):
    """In less than a tenth of a second, and without a question to the gateway beyond the refresher's."""
    await settled(proxy)
    asked = len(sim.requests)
    stop = asyncio.Event()

    async def visit():
        while not stop.is_set():
            await proxy.get("/aggregates")

    clients = [asyncio.ensure_future(visit()) for _ in range(16)]
    took = []
    for _ in range(5):
        started = time.perf_counter()
        await proxy.get("/metrics")
        took.append(time.perf_counter() - started)
    stop.set()
    await asyncio.gather(*clients)

    assert min(took) < 0.1
    assert len(sim.requests) == asked
