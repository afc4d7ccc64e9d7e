"""TEDAPI with the gateway password: what is asked, how often, and what follows when it goes wrong."""

from __future__ import annotations

import json

import pytest

from proxy.sim.faults import Fault
from proxy.sim.server import SimulatedGateway
from tests.clock import pass_time
from tests.drivers.houses import FULL, HYBRID

TELEGRAF = ("/aggregates", "/soe", "/strings", "/temps/pw", "/freq", "/pod", "/fans/pw", "/alerts/pw")
QUERY = "/tedapi/v1"


@pytest.fixture
async def gateway(clock):
    """A gateway whose local API lacks vitals."""
    async with SimulatedGateway("fw23_44", clock=clock.clock) as sim:
        yield sim


@pytest.fixture
async def powerwall3(clock):
    """A Powerwall 3 with two followers and an expansion pack; it compresses unasked."""
    async with SimulatedGateway("pw3", clock=clock.clock, followers=2, expansions=1) as sim:
        yield sim


def link(health, driver="tedapi"):
    return next(way for way in health["gateways"][0]["links"] if way["driver"] == driver)


class TestAsking:
    async def test_one_telegraf_round_costs_at_most_three_exchanges(self, gateway, start, clock):
        """Once the slow documents (DIN, configuration, firmware) are known it is one."""
        proxy = await start(gateway, **FULL)
        (way,) = proxy.context.gateway.links

        for path in TELEGRAF:
            assert (await proxy.get(path)).status == 200
        cold = sum(way.exchanges.values()), len(gateway.requests)
        clock.advance(10)
        for path in TELEGRAF:
            await proxy.get(path)

        assert cold[0] <= 3
        assert cold[1] == 4  # DIN, configuration, firmware, controller
        assert len(gateway.requests) == 5

    async def test_requests_go_out_one_at_a_time_on_one_connection(self, powerwall3, start):
        proxy = await start(powerwall3, **FULL)

        for path in (*TELEGRAF, "/tedapi/status", "/api/operation"):
            await proxy.get(path)

        assert powerwall3.max_in_flight == 1
        assert powerwall3.max_connections == 1

    async def test_the_configuration_is_asked_for_every_half_minute_and_the_firmware_every_hour(
        self, gateway, start, clock
    ):
        proxy = await start(gateway, **FULL)
        await proxy.get("/soe")

        for _ in range(6):
            clock.advance(6)
            await proxy.get("/soe")
        assert kinds(gateway) == {"din": 1, "config": 2, "firmware": 1, "query": 7}
        clock.advance(3600)
        await proxy.get("/soe")

        assert kinds(gateway)["firmware"] == 2

    async def test_the_mode_is_read_from_the_configuration_alone(self, gateway, start, clock):
        proxy = await start(gateway, **FULL)

        await proxy.get("/api/operation")
        clock.advance(29)
        answer = await proxy.get("/api/operation")

        assert answer.json() == {"real_mode": "self_consumption", "backup_reserve_percent": 24}
        assert kinds(gateway) == {"din": 1, "config": 1}

    async def test_what_nobody_tells_is_not_asked_for_again_and_again(self, gateway, start, clock):
        """A site without that meter: 404, and no exchange for it."""
        edit = lambda kind, document: {**document, "meters": []} if kind == "config" else document
        gateway.tedapi.edit = edit
        proxy = await start(gateway, **FULL)
        await proxy.get("/aggregates")
        before = len(gateway.requests)

        assert [(await proxy.get("/api/meters/site")).status for _ in range(3)] == [404] * 3
        assert len(gateway.requests) == before


def kinds(sim):
    """Count the requests by what they ask for, told by their size (see tedapi.md section 2)."""
    counts = {}
    for record in sim.requests:
        kind = (
            "din" if record.method == "GET" else {48: "firmware", 63: "config"}.get(len(record.body), "query")
        )
        counts[kind] = counts.get(kind, 0) + 1
    return counts


class TestPowerwall3:
    async def test_every_unit_and_pack_is_there(self, powerwall3, start):
        proxy = await start(powerwall3, **FULL)

        pod = (await proxy.get("/pod")).json()
        strings = (await proxy.get("/strings")).json()
        stats = (await proxy.get("/stats")).json()

        assert [pod[f"PW{n}_PackageSerialNumber"] is not None for n in (1, 2, 3, 4)] == [True] * 4
        assert sum(pod[f"PW{n}_POD_nom_energy_remaining"] for n in (1, 2, 3, 4)) == pytest.approx(
            powerwall3.plant.read().energy_wh, abs=4
        )
        assert {"A", "F", "F1", "F2"} <= set(strings)
        assert (stats["pw3"], stats["tedapi"], stats["tedapi_mode"]) == (True, True, "full")

    async def test_a_silent_follower_costs_its_own_values_and_rests(self, powerwall3, start, clock):
        _, second, third = powerwall3.gateway.units
        powerwall3.answers(status=500, path=f"/tedapi/device/{second}/v1")
        proxy = await start(powerwall3, **FULL)

        vitals = (await proxy.get("/vitals")).json()
        for _ in range(3):
            clock.advance(1.0)
            await proxy.get("/tedapi/status")
        health = (await proxy.get("/health")).json()

        assert f"TEPINV--{third}" in vitals
        assert f"TEPINV--{second}" not in vitals
        assert (await proxy.get("/soe")).status == 200
        assert "500" in link(health)["units_silent"][second]
        assert powerwall3.requests_for(f"/tedapi/device/{second}/v1") == 1

    async def test_it_comes_back_without_a_restart(self, powerwall3, start, clock):
        _, second, _ = powerwall3.gateway.units
        powerwall3.answers(status=500, path=f"/tedapi/device/{second}/v1")
        proxy = await start(powerwall3, **FULL)
        await proxy.get("/vitals")

        powerwall3.heals()
        await pass_time(clock, proxy, 12)

        assert f"TEPINV--{second}" in (await proxy.get("/vitals")).json()

    async def test_its_up_time_begins_anew_after_an_outage(self, powerwall3, start, clock):
        """It tells none; the proxy knows since when it has answered without a break."""
        proxy = await start(powerwall3, **FULL)
        await proxy.get("/pw/uptime")
        clock.advance(3600)
        before = (await proxy.get("/pw/uptime")).json()["uptime"]

        powerwall3.reboot(60)
        for _ in range(10):
            await pass_time(clock, proxy, 10)
            await proxy.get("/soe")
        after = (await proxy.get("/pw/uptime")).json()["uptime"]

        assert before.startswith("1h0m")
        assert after.startswith("0h0m")


class TestTrouble:
    async def test_a_wrong_gateway_password_is_not_tried_again_and_again(self, gateway, start):
        proxy = await start(gateway, password="", gw_pwd="ABCDEFGHIX")

        answers = [await proxy.get(path) for path in (*TELEGRAF, "/tedapi/config")]

        assert {answer.status for answer in answers} == {502, 503}
        assert "refuses the gateway password" in answers[0].json()["detail"]
        assert len(gateway.requests) == 1
        health = (await proxy.get("/health")).json()
        assert link(health)["state"] == "open"
        assert "PW_GW_PWD" in link(health)["reason"]

    async def test_a_request_from_outside_the_wifi_says_so(self, start, clock):
        async with SimulatedGateway("fw25_10", clock=clock.clock) as sim:
            sim.tedapi.on_wifi = False
            proxy = await start(sim, **FULL)

            answer = await proxy.get("/aggregates")

            assert answer.status == 502
            assert "own Wi-Fi" in answer.json()["detail"]

    @pytest.mark.parametrize("status", [429, 503])
    async def test_too_many_requests_mean_silence_for_five_minutes(self, gateway, start, clock, status):
        proxy = await start(gateway, **FULL)
        await proxy.get("/soe")
        gateway.answers(status=status, path=QUERY)
        clock.advance(6)

        answer = await proxy.get("/soe")
        assert (answer.status, answer.json()) == (200, {"percentage": 50.0})
        asked = len(gateway.requests)
        for _ in range(29):
            await pass_time(clock, proxy, 10)
            answer = await proxy.get("/soe")

        assert answer.status == 503
        assert len(gateway.requests) == asked
        gateway.heals()
        await pass_time(clock, proxy, 60)
        assert (await proxy.get("/soe")).status == 200

    async def test_a_stopped_site_manager_is_said_to_be_stopped(self, gateway, start):
        """``control`` is null: no zeros, no last value for ever."""
        gateway.plant.running = False
        proxy = await start(gateway, **FULL)

        answer = await proxy.get("/aggregates")
        health = (await proxy.get("/health")).json()

        assert answer.status == 503
        assert "site manager is not running" in answer.json()["detail"]
        assert (await proxy.get("/soe")).status == 503
        assert (await proxy.get("/api/sitemaster")).json()["status"] == "StatusDown"
        assert (await proxy.get("/version")).status == 200
        assert link(health)["state"] == "closed"
        assert "not running" in link(health)["resting"]["/api/meters/aggregates"]["reason"]
        assert health["status"] == "degraded"
        assert "not of powers" in health["message"]

    async def test_a_refused_query_is_an_error_and_not_an_empty_house(self, gateway, start):
        """Firmware may withdraw a signed query: it then answers with nothing."""
        gateway.tedapi.edit = lambda kind, document: None if kind == "controller" else document
        proxy = await start(gateway, **FULL)

        assert (await proxy.get("/vitals")).status == 503
        assert "refuses" in (await proxy.get("/aggregates")).json()["detail"]
        assert (await proxy.get("/api/operation")).status == 200
        health = (await proxy.get("/health")).json()
        assert "refuses" in link(health)["resting"]["controller"]["reason"]
        assert (health["status"], health["age_seconds"]) == ("degraded", None)
        assert "refuses the question" in health["message"]
        assert (await proxy.get("/ready")).status == 503

    @pytest.mark.parametrize("kind", ["config", "components"])
    async def test_a_broken_document_costs_only_what_it_tells(self, powerwall3, start, kind):
        powerwall3.tedapi.edit = lambda asked, document: [] if asked == kind else document
        proxy = await start(powerwall3, **FULL)

        assert (await proxy.get("/aggregates")).status == 200
        assert (await proxy.get("/soe")).status == 200
        mode = await proxy.get("/api/operation")
        assert mode.status == (502 if kind == "config" else 200)
        assert kind == "components" or "config is not an object" in mode.json()["detail"]

    @pytest.mark.parametrize(
        "spoil", ["html", "empty", "null", "truncate", "bad-gzip", "utf8", "redirect", "huge", "cut", "reset"]
    )
    async def test_garbage_is_never_a_reading(self, gateway, start, clock, spoil):
        proxy = await start(gateway, **FULL)
        await proxy.get("/soe")
        gateway.faults.add(Fault(QUERY, action=spoil))
        clock.advance(6)

        answer = await proxy.get("/soe")
        assert answer.json() == {"percentage": 50.0}
        clock.advance(31)
        assert (await proxy.get("/soe")).status in {502, 503}

    async def test_another_gateway_at_the_same_address_is_noticed(self, gateway, start, clock):
        """After a swap the old DIN is refused; the next request learns the new one."""
        proxy = await start(gateway, **FULL)
        await proxy.get("/soe")
        gateway.tedapi.capture = {"din": "1232100-00-E--TG999999999999"}
        clock.advance(6)
        await proxy.get("/soe")

        gateway.tedapi.capture = None
        await pass_time(clock, proxy, 12)

        assert (await proxy.get("/soe")).headers["Age"] == "0"

    async def test_it_recovers_from_an_outage_by_itself(self, gateway, start, clock):
        proxy = await start(gateway, **FULL)
        await proxy.get("/soe")
        gateway.reboot(60)
        for _ in range(9):
            await pass_time(clock, proxy, 5)
            await proxy.get("/soe")
        assert (await proxy.get("/soe")).status in {502, 503}

        for _ in range(6):
            await pass_time(clock, proxy, 5)

        assert (await proxy.get("/soe")).status == 200


class TestEnergy:
    async def test_energies_are_counted_from_power_and_marked(self, gateway, start, clock):
        gateway.pin(solar=3600, battery=0, load=7200)
        proxy = await start(gateway, **FULL)
        first = await proxy.get("/aggregates")

        for _ in range(10):
            clock.advance(10)
            last = await proxy.get("/aggregates")

        assert first.headers["Energy-Counters"] == "integrated"
        assert first.json()["load"]["energy_imported"] == 0
        assert last.json()["load"]["energy_imported"] == pytest.approx(200, rel=0.01)
        assert last.json()["site"]["energy_imported"] == pytest.approx(100, rel=0.01)
        assert last.json()["solar"]["energy_exported"] == pytest.approx(100, rel=0.01)
        assert (await proxy.get("/stats")).json()["energy"]["tedapi"]["method"] == "integrated"
        assert "Energy-Counters" not in (await proxy.get("/soe")).headers

    async def test_owners_may_do_without(self, gateway, start):
        proxy = await start(gateway, integrate_energy=False, **FULL)

        answer = await proxy.get("/aggregates")

        assert answer.json()["load"]["energy_imported"] is None
        assert "Energy-Counters" not in answer.headers


class TestHybrid:
    async def test_the_local_api_tells_what_it_has_and_tedapi_the_rest(self, gateway, start):
        proxy = await start(gateway, **HYBRID)

        told = (await proxy.get("/aggregates")).json()
        vitals = (await proxy.get("/vitals")).json()

        assert told["site"]["energy_imported"] > 1000  # the gateway's own counter
        assert any(key.startswith("TEPINV--") for key in vitals)
        assert (await proxy.get("/stats")).json()["tedapi_mode"] == "hybrid"

    async def test_readings_do_not_flicker_between_the_two(self, gateway, start, clock):
        """An exchange for the vitals tells powers too; the local API's stay."""
        proxy = await start(gateway, **HYBRID)
        await proxy.get("/aggregates")
        clock.advance(6)

        for path in ("/vitals", "/aggregates", "/vitals", "/aggregates"):
            answer = await proxy.get(path)

        assert answer.json()["site"]["energy_imported"] > 1000
        assert "Energy-Counters" not in answer.headers

    async def test_each_way_stands_in_for_the_other(self, gateway, start, clock):
        """The login is refused: TEDAPI serves. Neither choice is for good."""
        gateway.answers(status=401, path="/api/*")
        proxy = await start(gateway, **HYBRID)

        assert (await proxy.get("/aggregates")).json()["site"]["energy_imported"] is None
        gateway.heals()
        await pass_time(clock, proxy, 40)

        assert (await proxy.get("/aggregates")).json()["site"]["energy_imported"] > 1000

    async def test_a_way_that_failed_at_start_is_tried_again(self, gateway, start, clock):
        gateway.answers(status=403, path="/tedapi/*")
        proxy = await start(gateway, **HYBRID)
        assert (await proxy.get("/vitals")).status in {502, 503}

        gateway.heals()
        await pass_time(clock, proxy, 40)

        assert any(key.startswith("TEPINV--") for key in (await proxy.get("/vitals")).json())


async def test_the_routes_of_tedapi_show_the_documents_without_people_and_credentials(gateway, start):
    secret = {"customer": {"name": "A. Person"}, "credentials": [{"password": "hunter22"}]}
    gateway.tedapi.edit = lambda kind, document: {**document, **secret} if kind == "config" else document
    proxy = await start(gateway, **FULL)

    config = await proxy.get("/tedapi/config")
    bodies = [(await proxy.get(f"/tedapi/{name}")).text for name in ("status", "controller", "battery")]

    assert config.json()["vin"] == gateway.din
    assert config.json()["customer"] == {"name": "masked"}
    assert not any(word in text for text in (config.text, *bodies) for word in ("Person", "hunter22"))
    assert (await proxy.get("/tedapi/components")).text == "null"
    assert json.loads(bodies[0])["control"]["systemStatus"]["nominalFullPackEnergyWh"] == 28000


@pytest.mark.parametrize("way", [FULL, HYBRID])
async def test_the_vitals_of_tedapi_do_not_pose_as_those_of_the_gateway(gateway, start, way):
    """Programs decode protobuf there, and take 404 for firmware that has none."""
    proxy = await start(gateway, **way)
    assert (await proxy.get("/vitals")).status == 200

    answers = [await proxy.get("/api/devices/vitals") for _ in range(2)]

    assert [answer.status for answer in answers] == [404, 404]
    assert "application/octet-stream" in answers[0].json()["detail"]
