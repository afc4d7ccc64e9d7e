"""TEDAPI with the gateway password: what is requested, how often, and what it reports."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.clients.telegraf import MEASUREMENTS
from tests.clock import pass_time
from tests.drivers.houses import FULL, link


class TestAsking:
    async def test_one_telegraf_round_costs_at_most_three_exchanges(self, gateway, start, clock):
        """Once the slow documents (DIN, configuration, firmware) are known it is one."""
        proxy = await start(gateway, **FULL)
        (way,) = proxy.context.gateway.cache.links

        for path in MEASUREMENTS:
            assert (await proxy.get(path)).status == 200
        cold = sum(way.exchanges.values()), len(gateway.requests)
        clock.advance(10)
        for path in MEASUREMENTS:
            await proxy.get(path)

        assert cold[0] <= 3
        assert cold[1] == 4  # DIN, configuration, firmware, controller
        assert len(gateway.requests) == 5

    async def test_requests_go_out_one_at_a_time_on_one_connection(self, powerwall3, start):
        proxy = await start(powerwall3, **FULL)

        for path in (*MEASUREMENTS, "/tedapi/status", "/api/operation"):
            await proxy.get(path)

        assert powerwall3.max_in_flight == 1
        assert powerwall3.max_connections == 1

    async def test_the_configuration_is_requested_every_half_minute_and_the_firmware_when_it_is_wanted(
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

        assert kinds(gateway)["firmware"] == 1
        assert (await proxy.get("/version")).headers["Age"] == "0"
        assert kinds(gateway)["firmware"] == 2

    async def test_the_mode_is_read_from_the_configuration_alone(self, gateway, start, clock):
        proxy = await start(gateway, **FULL)

        await proxy.get("/api/operation")
        clock.advance(29)
        answer = await proxy.get("/api/operation")

        reported = answer.json()
        assert (reported["real_mode"], reported["backup_reserve_percent"]) == ("self_consumption", 20)
        assert kinds(gateway) == {"din": 1, "config": 1}

    async def test_what_is_not_reported_is_not_requested_again_and_again(self, gateway, start):
        """A site without that meter: 404, and no exchange for it."""
        edit = lambda kind, document: {**document, "meters": []} if kind == "config" else document
        gateway.tedapi.edit = edit
        proxy = await start(gateway, **FULL)
        await proxy.get("/aggregates")
        before = len(gateway.requests)

        assert [(await proxy.get("/api/meters/site")).status for _ in range(3)] == [404] * 3
        assert len(gateway.requests) == before


def kinds(sim):
    """Count the requests by what they are for, recognised by their size (docs/protocol.md, "Messages")."""
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

    async def test_a_silent_follower_costs_its_own_values_and_has_a_cooldown(self, powerwall3, start, clock):
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

    async def test_it_comes_back_without_a_restart(self, powerwall3, start, clock, caplog):
        """The log says when it fell silent and when it is back, not how often it was tried."""
        caplog.set_level("INFO", "proxy.drivers.tedapi")
        _, second, _ = powerwall3.gateway.units
        powerwall3.answers(status=500, path=f"/tedapi/device/{second}/v1")
        proxy = await start(powerwall3, **FULL)
        for _ in range(6):
            await proxy.get("/vitals")
            await pass_time(clock, proxy, 6)
        assert powerwall3.requests_for(f"/tedapi/device/{second}/v1") > 2

        powerwall3.clear_faults()
        for _ in range(3):
            await pass_time(clock, proxy, 6)
            await proxy.get("/vitals")

        assert f"TEPINV--{second}" in (await proxy.get("/vitals")).json()
        assert [record.message for record in caplog.records if record.message.startswith("unit ")] == [
            "unit silent",
            "unit back",
        ]

    async def test_its_up_time_begins_again_after_an_outage(self, powerwall3, start, clock):
        """It reports none; the proxy knows since when it has answered without a break."""
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

    @pytest.mark.parametrize(
        "din", ["1--2/../../v1?x#y", "..", "..--..", "1--2\r\nX: y", "1--é", "--", "1--2\0"]
    )
    async def test_a_din_never_becomes_a_path_of_its_own(self, powerwall3, start, din):
        """A spoiled configuration names a unit; what is requested stays below the units' path."""

        def spoil(kind, document):
            if kind == "config":
                document["battery_blocks"][1]["vin"] = din
            return document

        powerwall3.tedapi.edit = spoil
        proxy = await start(powerwall3, **FULL)

        assert (await proxy.get("/vitals")).status == 200
        for record in powerwall3.requests:
            assert record.path in {"/tedapi/din", "/tedapi/v1"} or (
                record.path.startswith("/tedapi/device/")
                and record.path.endswith("/v1")
                and record.path.count("/") == 4
            )


class TestEnergy:
    async def test_energies_are_counted_from_power_and_marked(self, gateway, start, clock):
        gateway.pin(solar=3600, battery=0, load=7200)
        proxy = await start(gateway, **FULL)
        first = await proxy.get("/aggregates")

        for _ in range(10):
            await pass_time(clock, proxy, 10)  # what is counted is shown once it is on the disk
            last = await proxy.get("/aggregates")

        assert first.headers["Energy-Counters"] == "integrated"
        assert first.json()["load"]["energy_imported"] == 0
        assert last.json()["load"]["energy_imported"] == pytest.approx(200, rel=0.01)
        assert last.json()["site"]["energy_imported"] == pytest.approx(100, rel=0.01)
        assert last.json()["solar"]["energy_exported"] == pytest.approx(100, rel=0.01)
        assert (await proxy.get("/stats")).json()["energy"]["tedapi"]["method"] == "integrated"
        assert "Energy-Counters" not in (await proxy.get("/soe")).headers

    async def test_a_run_that_ends_without_warning_costs_minutes_and_no_counter_steps_back(
        self, gateway, start, clock, tmp_path
    ):
        """What is on the disk is at most five minutes ahead; the next run waits there for the sum."""
        gateway.pin(solar=0, battery=0, load=3600)
        proxy = await start(gateway, **FULL)
        for _ in range(32):
            await pass_time(clock, proxy, 10)  # what is counted is shown once it is on the disk
            before = (await proxy.get("/aggregates")).json()["load"]["energy_imported"]
        shutil.copytree(tmp_path / "state", tmp_path / "crashed")

        after = await start(gateway, **FULL, state_path=str(tmp_path / "crashed"))
        reported = (await after.get("/aggregates")).json()["load"]["energy_imported"]

        assert before <= reported <= before + 300
        assert before == pytest.approx(320, rel=0.05)

    async def test_owners_may_do_without(self, gateway, start):
        proxy = await start(gateway, integrate_energy=False, **FULL)

        answer = await proxy.get("/aggregates")

        assert answer.json()["load"]["energy_imported"] is None
        assert "Energy-Counters" not in answer.headers


async def test_the_routes_of_tedapi_show_the_documents_without_people_and_credentials(gateway, start):
    def spoil(kind, document):
        if kind != "config":
            return document
        return document | {
            "customer": {"name": "A. Person"},
            "credentials": [{"password": "hunter22"}],
            "battery_blocks": [block | {"pairingKey": "hunter22"} for block in document["battery_blocks"]],
            "solars": [{"brand": "Sun", "password": "hunter22"}],
        }

    gateway.tedapi.edit = spoil
    proxy = await start(gateway, **FULL)

    config = await proxy.get("/tedapi/config")
    paths = ("/tedapi/status", "/tedapi/controller", "/tedapi/battery", "/api/solars", "/api/powerwalls")
    bodies = [(await proxy.get(path)).text for path in paths]

    assert config.json()["vin"] == gateway.din
    assert config.json()["customer"] == {"name": "masked"}
    assert not any(word in text for text in (config.text, *bodies) for word in ("Person", "hunter22"))
    assert (await proxy.get("/tedapi/components")).text == "null"
    assert json.loads(bodies[0])["control"]["systemStatus"]["nominalFullPackEnergyWh"] == 28000
