"""Age is the age of the fact: of its oldest part, wherever that was kept, and never past PW_CACHE_TTL."""

import asyncio
from datetime import datetime

import pytest

from proxy.sim.faults import Fault
from proxy.sim.server import SimulatedGateway
from tests.clock import pass_time, settled
from tests.drivers.houses import FULL, knows
from tests.spec.conftest import spoiled

METERS, SOE, OPERATION = "/api/meters/aggregates", "/api/system_status/soe", "/api/operation"


async def let(clock, seconds, step=0.25):
    """Let time pass for all, silent gateways included."""
    for _ in range(round(seconds / step)):
        clock.advance(step)
        await settled()


@pytest.mark.parametrize("link", ["full", "v1r"])
async def test_a_configuration_that_cannot_be_read_keeps_its_age(start, clock, powerwall3, key, link):
    """It is served until PW_CACHE_TTL, then not at all; /health says what is missing, and a cure is found."""
    knows(powerwall3, key)
    settings = FULL if link == "full" else key.settings()
    proxy = await start(powerwall3, control_secret="a long enough secret", **settings)

    async def look(times):
        seen = []
        for _ in range(times):
            await proxy.get("/csv/v2")
            await proxy.get("/aggregates")
            answer = await proxy.get("/pw/get_reserve")
            seen.append((answer.status, int(answer.headers.get("Age", -1))))
            await pass_time(clock, proxy, 5)
        return seen

    assert {status for status, _ in await look(4)} == {200}
    powerwall3.tedapi.edit = spoiled({"config"})
    powerwall3.gateway.site.reserve = powerwall3.plant.reserve = 81.0
    lost = await look(60)
    health = (await proxy.get("/health")).json()
    mode = await proxy.get("/control/reserve")
    powerwall3.tedapi.edit = None
    await look(6)
    found = await proxy.get("/pw/get_reserve")

    assert all(age < 30 for status, age in lost if status == 200)
    assert {status for status, _ in lost[6:]} <= {502, 503}
    assert health["status"] == "degraded"
    assert "/api/operation" in health["message"]
    assert mode.status != 200
    assert found.json() == {"reserve": pytest.approx(80)}


async def test_a_firmware_version_that_cannot_be_read_keeps_its_age(start, clock, powerwall3):
    proxy = await start(powerwall3, **FULL)
    before = await proxy.get("/api/status")

    powerwall3.faults.add(Fault("/tedapi/v1", edit=None, status=500))
    ages = []
    for _ in range(12):
        await pass_time(clock, proxy, 5)
        answer = await proxy.get("/api/status")
        ages += [int(answer.headers["Age"])] if answer.status == 200 else []

    assert before.status == 200
    assert max(ages) < 30
    assert len(ages) <= 6


async def test_the_firmware_version_is_read_again_while_it_is_requested(start, clock, powerwall3):
    """An update is seen within PW_CACHE_TTL; without a client nothing is read."""
    proxy = await start(powerwall3, **FULL)
    for _ in range(24):
        answer = await proxy.get("/api/status")
        assert int(answer.headers["Age"]) < 30
        await pass_time(clock, proxy, 5)

    assert sum(len(record.body) == 48 for record in powerwall3.requests) in range(4, 7)
    powerwall3.requests.clear()
    for _ in range(24):
        await proxy.get("/soe")
        await pass_time(clock, proxy, 5)
    assert sum(len(record.body) == 48 for record in powerwall3.requests) == 0


async def test_silent_units_make_powers_neither_older_nor_late(start, clock, powerwall3):
    """Three followers hang: powers come without them, and their age counts from their own request."""
    proxy = await start(powerwall3, **FULL)
    powerwall3.faults.add(Fault("/tedapi/device/*", action="hang"))
    wall, waits = clock.clock.wall, []

    for _ in range(20):
        began, task = wall(), asyncio.create_task(proxy.get("/aggregates"))
        while not task.done():
            await let(clock, 0.25)
        waits.append(wall() - began)
        answer = task.result()
        assert answer.status == 200
        stamp = answer.json()["site"]["last_communication_time"]
        age_s = wall() - powerwall3_time(stamp)
        assert age_s - 1.3 <= int(answer.headers["Age"]) <= age_s + 0.5
        await let(clock, 4)

    assert waits[0] <= 3.5
    assert max(waits[1:]) <= 2.5
    assert (await proxy.get("/strings")).json().keys() >= {"A"}


def powerwall3_time(stamp):
    return datetime.fromisoformat(stamp).timestamp()


async def test_energy_is_counted_at_the_time_of_the_powers(start, clock, powerwall3):
    """A unit that is silent for seconds does not move the readings apart."""
    powerwall3.pin(solar=0, battery=0, load=3600)
    proxy = await start(powerwall3, **FULL)
    await proxy.get("/aggregates")
    began = clock.clock.wall()
    powerwall3.faults.add(Fault("/tedapi/device/*", action="hang"))
    for _ in range(12):
        task = asyncio.create_task(proxy.get("/aggregates"))
        await let(clock, 5)
        last = (await task).json()

    seconds = powerwall3_time(last["site"]["last_communication_time"]) - began
    assert last["load"]["energy_imported"] == pytest.approx(seconds, abs=1)


async def test_nothing_outlives_the_limit_whatever_its_policy(start, clock, powerwall3):
    """The configuration is fresh for longer than powers, and gone as soon as they are."""
    proxy = await start(powerwall3, **FULL)
    paths = ("/pw/get_reserve", OPERATION, "/api/site_info", "/tedapi/config", "/api/powerwalls", "/soe")
    for _ in range(12):
        for path in paths:
            await proxy.get(path)
        await pass_time(clock, proxy, 5)
    powerwall3.faults.add(Fault(action="refuse"))

    last = dict.fromkeys(paths)
    for _ in range(60):
        for path in paths:
            answer = await proxy.get(path)
            if answer.status == 200:
                last[path] = int(answer.headers["Age"])
        await pass_time(clock, proxy, 1)

    assert set(last.values()) <= set(range(26, 30))


@pytest.mark.parametrize(
    "path", ["/vitals", "/temps", "/fans", "/cloud", "/tedapi", "/api/customer/registration"]
)
async def test_an_answer_made_of_nothing_has_no_age(start, clock, path):
    async with SimulatedGateway("fw23_44", clock=clock.clock) as sim:
        proxy = await start(sim)
        await proxy.get(path)
        await pass_time(clock, proxy, 500)

        answer = await proxy.get(path)

    assert answer.status == 200
    assert answer.headers["Age"] == "0"


async def test_a_slow_answer_is_as_old_as_its_request(sim, start, clock):
    """The gateway may have looked at its meters before it began to answer."""
    proxy = await start(sim)
    sim.faults.add(Fault(SOE, delay_s=3.0))
    task = asyncio.create_task(proxy.get("/soe"))
    while not task.done():
        await let(clock, 0.25)

    assert task.result().headers["Age"] in {"2", "3"}


@pytest.mark.parametrize(("gap", "offset"), [(10, 1), (15, 1), (25, 2), (28, 5)])
async def test_two_scrapers_are_not_handed_each_others_last_reading(sim, start, clock, gap, offset):
    """A gateway that answers in 100 ms is waited for; no client gets what is as old as its last visit."""
    proxy = await start(sim)
    sim.faults.add(Fault(delay_s=0.1))
    ages = []
    for _ in range(8):
        for rest in (offset, gap - offset):
            task = asyncio.create_task(proxy.get("/aggregates"))
            while not task.done():
                await let(clock, 0.05, 0.05)
            ages.append(int(task.result().headers["Age"]))
            await let(clock, rest, 0.25)

    assert max(ages) <= 5
    assert sim.requests_for(METERS) <= 2 * len(ages)


@pytest.mark.parametrize("gap", [(10, 1), (20, 3)])
async def test_two_scrapers_of_a_slow_gateway_find_what_was_fetched_for_them(sim, start, clock, gap):
    """It takes longer than any client is made to wait: it is read before each pair of visits."""
    proxy = await start(sim)
    sim.faults.add(Fault(delay_s=0.5))
    ages = []
    for _ in range(8):
        for rest in (gap[1], gap[0] - gap[1]):
            task = asyncio.create_task(proxy.get("/aggregates"))
            while not task.done():
                await let(clock, 0.05, 0.05)
            ages.append(int(task.result().headers["Age"]))
            await let(clock, rest, 0.25)

    assert max(ages[6:]) <= 5
    assert sim.requests_for(METERS) <= 2 * len(ages)


async def test_to_fail_fast_takes_a_failure(sim, start, clock):
    """PW_FAIL_FAST: a gateway that answers is waited for; one that has failed is not."""
    proxy = await start(sim, fail_fast=True)
    await proxy.get("/soe")
    sim.plant.set_charge(62)
    clock.advance(20)

    answer = await proxy.get("/soe")

    assert round(answer.json()["percentage"]) == 62
    assert answer.headers["Age"] == "0"


async def test_a_long_freshness_is_fresh_everywhere(sim, start, clock):
    """PW_CACHE_EXPIRE=60: what /soe serves as fresh is on the page, and good enough for /ready."""
    proxy = await start(sim, cache_expire=60, cache_ttl=120)
    await proxy.get("/soe")
    await proxy.get("/api/system_status/grid_status")
    await pass_time(clock, proxy, 40)
    await proxy.get("/aggregates")
    await pass_time(clock, proxy, 1)

    page = (await proxy.get("/flow.json")).json()
    seen = []
    for _ in range(12):
        seen.append((await proxy.get("/ready")).status)
        await pass_time(clock, proxy, 10)

    assert (page["grid"], page["state"]) == ("up", "fresh")
    assert page["soc"] == pytest.approx(50, abs=1)
    assert seen == [200] * 12


async def test_what_is_slow_stays_on_an_open_page_and_is_never_past_its_limit(sim, proxy, clock):
    """Mode and units are read again before they are too old to be served, and go when they cannot be."""
    async with proxy.client.get(proxy.url + "/events"):
        await let(clock, 3)
        for _ in range(60):
            await pass_time(clock, proxy, 2)
            page = (await proxy.get("/flow.json")).json()
            assert page["mode"] == "self_consumption"
            assert page["units"]
        sim.answers(status=502, path=OPERATION)
        await let(clock, 40, 1)
        gone = (await proxy.get("/flow.json")).json()

    assert gone["mode"] is None
    assert gone["units"]


async def test_energy_is_counted_however_long_readings_stay_fresh(start, clock):
    """PW_CACHE_EXPIRE=300: the readings between which energy is counted are that far apart."""
    async with SimulatedGateway("pw3", clock=clock.clock) as sim:
        sim.pin(solar=3600, battery=0, load=3600)
        proxy = await start(sim, **FULL, cache_expire=300, cache_ttl=400)
        for _ in range(120):
            answer = await proxy.get("/aggregates")
            await pass_time(clock, proxy, 30)

    assert answer.json()["solar"]["energy_exported"] == pytest.approx(3600, rel=0.15)
