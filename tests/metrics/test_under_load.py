"""A scrape among many clients."""

import asyncio
import subprocess
import sys
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


def test_the_start_does_not_pay_for_metrics():
    """prometheus-client takes longer to import than the proxy to start; the first scrape brings it."""
    made = "import sys, proxy.app as a, proxy.config.settings as s; a.build_app(s.Settings())"
    check = "print([name for name in sys.modules if name.startswith(('prometheus_client', 'proxy.publish.energy'))])"
    command = [sys.executable, "-c", f"{made}; {check}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
