"""TEDAPI that goes wrong: a clear state in /health, an honest answer on the routes, and nothing for ever."""

from __future__ import annotations

import pytest

from proxy.sim.faults import Fault
from proxy.sim.server import SimulatedGateway
from tests.clients.telegraf import MEASUREMENTS
from tests.clock import pass_time, until
from tests.drivers.houses import FULL, link

QUERY = "/tedapi/v1"


async def test_a_wrong_gateway_password_is_not_tried_again_and_again(gateway, start):
    proxy = await start(gateway, password="", gw_pwd="ABCDEFGHIX")

    answers = [await proxy.get(path) for path in (*MEASUREMENTS, "/tedapi/config")]

    assert {answer.status for answer in answers} == {502, 503}
    assert "refuses the gateway password" in answers[0].json()["detail"]
    assert len(gateway.requests) == 1
    health = (await proxy.get("/health")).json()
    assert link(health)["state"] == "open"
    assert "PW_GW_PWD" in link(health)["reason"]


async def test_a_request_from_outside_the_wifi_says_so(start, clock):
    async with SimulatedGateway("fw25_10", clock=clock.clock) as sim:
        sim.tedapi.on_wifi = False
        proxy = await start(sim, **FULL)

        answer = await proxy.get("/aggregates")

        assert answer.status == 502
        assert "own Wi-Fi" in answer.json()["detail"]


async def test_firmware_without_tedapi_reads_what_it_has(start, clock):
    async with SimulatedGateway("fw20_49", clock=clock.clock) as sim:
        proxy = await start(sim, **FULL)

        answer = await proxy.get("/aggregates")
        health = (await proxy.get("/health")).json()

    assert answer.status == 404
    assert health["status"] == "degraded"
    assert health["message"] == f"No readings: {answer.json()['detail']}."
    assert "PW_PASSWORD" in health["message"]


@pytest.mark.parametrize("status", [429, 503])
async def test_too_many_requests_mean_silence_for_five_minutes(gateway, start, clock, status):
    proxy = await start(gateway, **FULL)
    await proxy.get("/soe")
    gateway.answers(status=status, path=QUERY)
    clock.advance(6)

    answer = await proxy.get("/soe")
    assert (answer.status, answer.json()["percentage"]) == (200, 50.0)
    await until(lambda: not proxy.context.gateway.cache.is_fetching)
    requested = len(gateway.requests)
    for _ in range(29):
        await pass_time(clock, proxy, 10)
        answer = await proxy.get("/soe")

    assert answer.status == 503
    assert len(gateway.requests) == requested
    gateway.clear_faults()
    await pass_time(clock, proxy, 60)
    assert (await proxy.get("/soe")).status == 200


async def test_a_stopped_site_manager_is_said_to_be_stopped(gateway, start):
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
    assert "not running" in link(health)["cooldowns"]["/api/meters/aggregates"]["reason"]
    assert health["status"] == "degraded"
    assert "not of powers" in health["message"]


async def test_a_refused_query_is_an_error_and_not_an_empty_house(gateway, start):
    """Firmware may withdraw a signed query: it then answers with nothing."""
    gateway.tedapi.edit = lambda kind, document: None if kind == "controller" else document
    proxy = await start(gateway, **FULL)

    assert (await proxy.get("/vitals")).status == 503
    assert "refuses" in (await proxy.get("/aggregates")).json()["detail"]
    assert (await proxy.get("/api/operation")).status == 200
    health = (await proxy.get("/health")).json()
    assert "refuses" in link(health)["cooldowns"]["controller"]["reason"]
    assert (health["status"], health["age_seconds"]) == ("degraded", None)
    assert "refuses the query" in health["message"]
    assert (await proxy.get("/ready")).status == 503


@pytest.mark.parametrize("kind", ["config", "components"])
async def test_a_broken_document_costs_only_what_it_reports(powerwall3, start, kind):
    powerwall3.tedapi.edit = lambda requested, document: [] if requested == kind else document
    proxy = await start(powerwall3, **FULL)

    assert (await proxy.get("/aggregates")).status == 200
    assert (await proxy.get("/soe")).status == 200
    mode = await proxy.get("/api/operation")
    assert mode.status == (502 if kind == "config" else 200)
    assert kind == "components" or "config is not an object" in mode.json()["detail"]


@pytest.mark.parametrize(
    "spoil", ["html", "empty", "null", "truncate", "bad-gzip", "utf8", "redirect", "huge", "cut", "reset"]
)
async def test_garbage_is_never_a_reading(gateway, start, clock, spoil):
    proxy = await start(gateway, **FULL)
    await proxy.get("/soe")
    gateway.faults.add(Fault(QUERY, action=spoil))
    clock.advance(6)

    answer = await proxy.get("/soe")
    assert answer.json()["percentage"] == 50.0
    clock.advance(31)
    assert (await proxy.get("/soe")).status in {502, 503, 504}


async def test_another_gateway_at_the_same_address_is_noticed(gateway, start, clock):
    """After a swap the old DIN is refused; the next request learns the new one."""
    proxy = await start(gateway, **FULL)
    await proxy.get("/soe")
    gateway.tedapi.capture = {"din": "1232100-00-E--TG999999999999"}
    clock.advance(6)
    await proxy.get("/soe")

    gateway.tedapi.capture = None
    await pass_time(clock, proxy, 12)

    assert (await proxy.get("/soe")).headers["Age"] == "0"


async def test_it_recovers_from_an_outage_by_itself(gateway, start, clock):
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
