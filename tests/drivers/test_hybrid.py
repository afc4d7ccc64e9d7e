"""The local login and TEDAPI side by side: each reports what it has, and stands in for the other."""

from __future__ import annotations

import pytest

from proxy.core.sources import METERS
from tests.clock import pass_time
from tests.drivers.houses import FULL, HYBRID, link


async def test_the_local_api_reports_what_it_has_and_tedapi_the_rest(gateway, start):
    proxy = await start(gateway, **HYBRID)

    reported = (await proxy.get("/aggregates")).json()
    vitals = (await proxy.get("/vitals")).json()

    assert reported["site"]["energy_imported"] > 1000  # the gateway's own counter
    assert any(key.startswith("TEPINV--") for key in vitals)
    assert (await proxy.get("/stats")).json()["tedapi_mode"] == "hybrid"


async def test_readings_do_not_flicker_between_the_two(gateway, start, clock):
    """An exchange for the vitals reports powers too; the local API's stay."""
    proxy = await start(gateway, **HYBRID)
    await proxy.get("/aggregates")
    clock.advance(6)

    for path in ("/vitals", "/aggregates", "/vitals", "/aggregates"):
        answer = await proxy.get(path)

    assert answer.json()["site"]["energy_imported"] > 1000
    assert "Energy-Counters" not in answer.headers


async def test_each_way_stands_in_for_the_other(gateway, start, clock):
    """The login is refused: TEDAPI serves. Neither choice is permanent."""
    gateway.answers(status=401, path="/api/*")
    proxy = await start(gateway, **HYBRID)

    assert (await proxy.get("/aggregates")).json()["site"]["energy_imported"] is None
    gateway.clear_faults()
    await pass_time(clock, proxy, 40)

    assert (await proxy.get("/aggregates")).json()["site"]["energy_imported"] > 1000


@pytest.mark.parametrize("status", [401, 429, 500])
async def test_an_open_page_goes_on_while_one_way_is_lost(gateway, start, clock, status):
    """A page sends no requests by itself; what it shows is kept fresh for it."""
    proxy = await start(gateway, **HYBRID)
    proxy.context.gateway.cache.watch((METERS,))
    await pass_time(clock, proxy, 6)

    gateway.answers(status=status, path="/api/*")
    for _ in range(60):
        await pass_time(clock, proxy, 1)
        snapshot = proxy.context.gateway.cache.peek(METERS)
        assert snapshot.age(clock.clock.monotonic()) < 7


async def test_two_lost_ways_get_no_more_requests_for_an_open_page(gateway, start, clock):
    proxy = await start(gateway, **HYBRID)
    gateway.answers(status=500)
    proxy.context.gateway.cache.watch((METERS,))

    for _ in range(300):
        await pass_time(clock, proxy, 1)

    requested = [record.time for record in gateway.requests]
    late = [
        time for time in requested if time > requested[0] + 60
    ]  # when cooldowns have grown to ten seconds and more
    assert len(late) <= 240 / 10 * 2


async def test_a_way_that_failed_at_start_is_tried_again(gateway, start, clock):
    gateway.answers(status=403, path="/tedapi/*")
    proxy = await start(gateway, **HYBRID)
    assert (await proxy.get("/vitals")).status in {502, 503}

    gateway.clear_faults()
    await pass_time(clock, proxy, 40)

    assert any(key.startswith("TEPINV--") for key in (await proxy.get("/vitals")).json())


@pytest.mark.parametrize("way", [FULL, HYBRID])
async def test_the_vitals_of_tedapi_do_not_pose_as_those_of_the_gateway(gateway, start, way):
    """Programs decode protobuf there, and take 404 for firmware that has none."""
    proxy = await start(gateway, **way)
    assert (await proxy.get("/vitals")).status == 200

    answers = [await proxy.get("/api/devices/vitals") for _ in range(2)]

    assert [answer.status for answer in answers] == [404, 404]
    assert "application/octet-stream" in answers[0].json()["detail"]


async def test_health_says_which_of_the_two_is_in_cooldown(gateway, start):
    proxy = await start(gateway, password="password", gw_pwd="ABCDEFGHIX")
    await proxy.get("/aggregates")
    await proxy.get("/vitals")

    health = (await proxy.get("/health")).json()

    assert health["status"] == "degraded"
    assert health["message"].startswith("The gateway refuses the login over tedapi: ")
    assert "serving readings" in health["message"]
    assert link(health, "local")["state"] == "closed"


async def test_health_shows_of_a_source_how_the_link_that_serves_it_did(powerwall3, start):
    """The local API of a Powerwall 3 has no mode; TEDAPI has."""
    proxy = await start(powerwall3, **HYBRID)
    assert (await proxy.get("/api/operation")).status == 200

    sources = {reported["path"]: reported for reported in (await proxy.get("/health")).json()["sources"]}

    assert sources["/api/operation"]["outcome"] == "ok"
