"""What /ready and /health say of how things stand with the gateway."""

import pytest

from proxy.sim.faults import Fault
from tests.clock import pass_time


async def test_the_owner_says_how_old_a_reading_may_be(start, sim, clock):
    """What is still served may be too old for a watchdog; the one sentence says so."""
    proxy = await start(sim, ready_age=10)
    first = await proxy.get("/ready")
    sim.faults.add(Fault(action="refuse"))
    await pass_time(clock, proxy, 8)
    content = await proxy.get("/ready")
    await pass_time(clock, proxy, 8)
    ready = await proxy.get("/ready")

    assert (first.status, content.status, ready.status) == (200, 200, 503)
    assert content.json()["age_seconds"] == pytest.approx(8, abs=0.5)
    assert ready.json()["detail"].endswith("serving readings 16 s old, and PW_READY_AGE allows 10 s.")
    assert (await proxy.get("/aggregates")).status == 200


async def test_knowing_the_firmware_is_not_having_readings(sim, proxy):
    """What the gateway is may be known while it measures nothing: then the proxy is not ready, and says so."""
    for path in ("/api/meters/*", "/api/system_status*"):
        sim.answers(status=500, path=path)

    assert (await proxy.get("/version")).status == 200
    assert (await proxy.get("/ready")).status == 503
    health = (await proxy.get("/health")).json()
    assert (health["status"], health["age_seconds"]) == ("degraded", None)
    assert health["message"].startswith("No readings: /api/meters/aggregates")


async def test_a_silent_gateway_is_seen_in_health_though_only_one_route_is_requested(sim, start, clock):
    """Many failures of one path do not open the circuit for the others, but nothing can be served."""
    proxy = await start(sim, timeout=0.2)
    for _ in range(8):
        await proxy.get("/soe")
        await pass_time(clock, proxy, 1)
    assert (await proxy.get("/health")).json()["status"] == "ok"

    sim.faults.add(Fault(action="hang"))
    for _ in range(33):
        await proxy.get("/soe")
        await pass_time(clock, proxy, 1)
    health = (await proxy.get("/health")).json()

    assert health["status"] == "degraded"
    assert "no complete answer" in health["message"]


async def test_health_names_the_gateway_without_its_serial_number(proxy):
    """Firmware and the last three characters, once they were requested."""
    din = (await proxy.get("/api/status")).json()["din"]
    health = await proxy.get("/health")

    [gateway] = health.json()["gateways"]
    assert gateway["firmware"].startswith("21.44")
    assert gateway["identity"] == f"…{din[-3:]}"
    assert din[-6:] not in health.text


async def test_without_a_gateway_every_answer_says_what_to_set(start):
    proxy = await start()

    assert "PW_HOST" in (await proxy.get("/soe")).text
    assert "PW_HOST" in (await proxy.get("/ready")).text
