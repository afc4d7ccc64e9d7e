"""The routes and WebSockets of pypowerwall-server with two gateways: house and garage."""

from __future__ import annotations

import json

import aiohttp
import pytest

from tests.clock import pass_time


async def test_every_gateway_is_an_object_of_its_own(fleet):
    objects = (await fleet.get("/api/gateways/")).json()

    assert list(objects) == ["house", "garage"]
    for id_, shown in objects.items():
        own = (await fleet.get(f"/gateways/{id_}/aggregates")).json()
        assert shown["gateway"]["id"] == id_
        assert shown["data"]["aggregates"] == own
        assert (await fleet.get(f"/api/gateways/{id_}/aggregates")).json() == own
        raw = await fleet.get(f"/api/gateways/{id_}/api/system_status/soe")
        assert raw.json()["percentage"] == (await fleet.get(f"/gateways/{id_}/soe")).json()["percentage"]


async def test_totals_are_those_of_the_site(fleet):
    """Sums of powers, charge by energy: as /sites/home, to which both belong."""
    power = (await fleet.get("/api/aggregate/power")).json()
    site = (await fleet.get("/sites/home/pw/power")).json()
    soe = (await fleet.get("/api/aggregate/soe")).json()
    battery = (await fleet.get("/api/aggregate/battery")).json()

    assert {name: power[name] for name in site} == pytest.approx(site)
    assert soe["raw_percentage"] == pytest.approx((await fleet.get("/sites/home/soe")).json()["percentage"])
    assert battery["total_capacity"] == (await fleet.get("/sites/home/json")).json()["full_pack_energy"]
    assert (soe["num_gateways"], battery["num_gateways"]) == (2, 2)


async def test_a_gateway_that_is_away_leaves_totals_null_and_the_other_whole(fleet, sims, clock):
    await fleet.get("/api/gateways/")
    sims["garage"].answers(status=503)
    clock.advance(60)

    total = (await fleet.get("/api/aggregate/")).json()
    objects = (await fleet.get("/api/gateways/")).json()

    house = (await fleet.get("/gateways/house/pw/power")).json()
    assert total["total_load_power"] is None
    assert total["missing"] == ["garage"]
    assert total["partial"]["total_load_power"] == pytest.approx(house["load"])
    assert list(total["gateways"]) == ["house"]
    assert (objects["house"]["online"], objects["garage"]["online"]) == (True, False)
    assert objects["garage"]["data"] is None


async def test_a_websocket_shows_its_gateway_only(fleet, sims, clock):
    """A change of the garage is no message about the house."""
    url = f"{fleet.url}/ws/gateway"
    async with (
        fleet.client.ws_connect(f"{url}/house") as house,
        fleet.client.ws_connect(f"{url}/garage") as garage,
    ):
        assert json.loads((await house.receive()).data)["gateway"]["id"] == "house"
        assert json.loads((await garage.receive()).data)["gateway"]["id"] == "garage"
        sims["garage"].pin(load=4321.0)
        await pass_time(clock, fleet, 6)

        while True:
            message = await garage.receive()
            assert message.type is aiohttp.WSMsgType.TEXT
            if json.loads(message.data)["data"]["aggregates"]["load"]["instant_power"] == pytest.approx(
                4321, abs=1
            ):
                break


async def test_health_and_statistics_count_all_gateways(fleet, sims):
    sims["garage"].answers(status=503)
    for id_ in ("house", "garage"):
        await fleet.get(f"/gateways/{id_}/aggregates")

    health, stats = (await fleet.get("/health")).json(), (await fleet.get("/stats")).json()

    assert health["gateway_ids"] == ["house", "garage"]
    assert (health["gateways_online"], health["gateways_offline"]) == (1, 1)
    assert stats["gateways"] == {"total": 2, "online": 1, "offline": 1}
    assert [each["id"] for each in stats["gateway_statuses"]] == ["house", "garage"]
