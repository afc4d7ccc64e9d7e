"""Many clients, few requests: what the gateway is spared."""

import asyncio

import pytest

from tests.clock import pass_time

ROUTES = [
    "/aggregates",
    "/soe",
    "/csv",
    "/csv/v2",
    "/version",
    "/api/operation",
    "/api/sitemaster",
    "/api/powerwalls",
]


async def test_twenty_clients_with_eight_routes_cost_one_request_per_source_and_ttl(sim, proxy, clock):
    """Every second for 15 s: one login, at most two connections, no client is refused."""
    for _ in range(15):
        answers = await asyncio.gather(*(proxy.get(path) for path in ROUTES * 20))
        assert {answer.status for answer in answers} == {200}
        await pass_time(clock, proxy, 1)

    requested = {record.path for record in sim.requests if record.method == "GET"}
    assert all(sim.requests_for(path) <= 4 for path in requested)
    assert sim.logins == 1
    assert sim.max_in_flight <= 2


@pytest.mark.parametrize(
    "path",
    [
        "/api/sitemaster/stop",
        "/api/config/completed",
        "/api/login/Basic",
        "/./api/sitemaster/stop",
        "/x/../api/sitemaster/stop",
        "/%61pi/sitemaster/stop",
        "/API/sitemaster/stop",
        "//api/sitemaster/stop",
        "/api/solar_powerwall/reset",
    ],
)
async def test_nothing_unlisted_reaches_the_gateway(sim, proxy, path):
    """GET /api/sitemaster/stop stops the battery of the house."""
    await proxy.get("/soe")
    before = len(sim.requests)
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()

    assert not answer.startswith(b"HTTP/1.1 200")
    assert len(sim.requests) == before
