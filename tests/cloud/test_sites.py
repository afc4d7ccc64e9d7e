"""Which site of an account is read, and what each kind of site has."""

from __future__ import annotations

from collections import Counter

import pytest

from proxy.server.routes import ROUTES
from proxy.sim.server import SimulatedGateway
from tests.cloud.conftest import named, simulated


async def test_the_account_is_the_one_that_is_named(connect, cloud, tmp_path):
    """PW_EMAIL chooses among the accounts of a file; without it the first is used."""
    wrong = await connect(cloud, "owner", email="other@example.com")

    answer = await wrong.get("/aggregates")

    assert answer.status == 503
    assert "sign in" in answer.json()["detail"].lower()
    assert cloud.api_requests == 0


async def test_the_site_is_the_one_that_is_named(connect, clock):
    houses = [SimulatedGateway("fw23_44", clock=clock.clock) for _ in range(2)]
    async with simulated(clock, *houses) as cloud:
        for house, load in zip(houses, (1000, 3000), strict=True):
            house.gateway.speed = 0
            house.pin(solar=0, battery=0, load=load)
        second = list(cloud.account.sites)[1]
        proxy = await connect(cloud, siteid=str(second))

        line = (await proxy.get("/csv")).text

    assert line.startswith("3000.00,3000.00,0.00,0.00,")


async def test_a_site_without_battery_is_whole(connect, clock):
    """No battery is no gap: no error, no zero, and the page shows none."""
    async with simulated(clock, SimulatedGateway("solar_only", clock=clock.clock)) as cloud:
        cloud.house.pin(solar=3000, load=1000)
        proxy = await connect(cloud)

        meters = await proxy.get("/aggregates")
        flow = (await proxy.get("/flow.json")).json()
        answers = {
            path: (await proxy.get(path)).status
            for path in (
                "/csv",
                "/csv/v2",
                "/json",
                "/alerts",
                "/freq",
                "/pod",
                "/vitals",
                "/",
                "/ready",
                "/pw/power",
            )
        }
        line = (await proxy.get("/csv/v2")).text
        metrics = (await proxy.get("/metrics")).text
        health = (await proxy.get("/health")).json()

    assert set(meters.json()) == {"site", "load", "solar"}
    assert set(answers.values()) == {200}, answers
    assert flow["has"] == {"solar": True, "battery": False}
    assert flow["soc"] is None
    assert line == "-2000.00,1000.00,3000.00,,,1,\n"
    assert "battery" not in "".join(row for row in metrics.splitlines() if row.startswith("powerwall_power"))
    assert health["status"] == "ok"


# What a site without battery does not have.
OF_BATTERIES = {"/soe"} | {
    f"/pw/{name}" for name in ("level", "battery_blocks", "system_status", "get_reserve", "get_mode")
}


@pytest.mark.parametrize(("persona", "missing"), [("fw23_44", set()), ("solar_only", OF_BATTERIES)])
async def test_every_reading_is_there_or_not_offered(connect, clock, persona, missing):
    """What the cloud does not report is 404, no error and no invention; each endpoint is requested once."""
    async with simulated(clock, SimulatedGateway(persona, clock=clock.clock)) as cloud:
        proxy = await connect(cloud)
        await proxy.get("/aggregates")
        await proxy.get("/api/status")

        answers = {route.path: (await proxy.get(route.path)).status for route in ROUTES if not route.endpoint}

    assert {path: status for path, status in answers.items() if status not in {200, 404}} == {}
    assert {path for path, status in answers.items() if status == 404 and path[:5] != "/api/"} == missing
    hours = {} if missing else {"backup_time_remaining": 1}
    assert Counter(named(cloud)) == {"products": 1, "live_status": 1, "site_info": 1, **hours}
