"""A scrape among many clients."""

import asyncio
import subprocess
import sys

from tests.metrics.reading import settled


async def test_a_scrape_waits_its_turn_among_sixteen_busy_clients(sim, proxy):
    """It is answered while each of them gets a few answers, and costs the gateway no request beyond the refresher's."""
    await settled(proxy)
    requested = len(sim.requests)
    answers = 0
    stop = asyncio.Event()

    async def client():
        nonlocal answers
        while not stop.is_set():
            await proxy.get("/aggregates")
            answers += 1

    clients = [asyncio.ensure_future(client()) for _ in range(16)]
    meanwhile = []
    for _ in range(5):
        before = answers
        await proxy.get("/metrics")
        meanwhile.append(answers - before)
    stop.set()
    await asyncio.gather(*clients)

    assert max(meanwhile) <= 4 * len(clients)
    assert len(sim.requests) == requested


def test_the_start_does_not_pay_for_metrics():
    """prometheus-client takes longer to import than the proxy to start; the first scrape brings it."""
    made = "import sys, proxy.app as a, proxy.config.settings as s; a.build_app(s.Settings())"
    check = "print([name for name in sys.modules if name.startswith(('prometheus_client', 'proxy.metrics.site_metrics'))])"
    command = [sys.executable, "-c", f"{made}; {check}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
