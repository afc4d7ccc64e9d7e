"""What is not known is said to be unknown: never a zero, never an empty house, and no other reading is lost."""

import pytest

from proxy.sim.server import SimulatedGateway
from tests.clock import pass_time
from tests.drivers.houses import FULL
from tests.spec.conftest import spoiled

METERS, SOE = "/api/meters/aggregates", "/api/system_status/soe"

NULLED = {
    "/soe": (SOE, {"percentage": None}),
    "/aggregates": (
        METERS,
        {"site": {"instant_power": 1.0}, "battery": {"instant_power": 1.0}},
    ),
}


@pytest.mark.parametrize("path", NULLED)
async def test_an_answer_without_its_essential_number_is_none_while_a_good_one_is_at_hand(
    sim, proxy, clock, path
):
    """The good one is served, stale, up to the limit; then the truth is that it is not known."""
    source, document = NULLED[path]
    good = await proxy.get(path)
    sim.answers(body=document, path=source)
    seen = []
    for _ in range(45):
        await pass_time(clock, proxy, 1)
        answer = await proxy.get(path)
        seen.append((answer.status, answer.body == good.body, int(answer.headers.get("Age", -1))))

    assert seen[:28] == [(200, True, second + 1) for second in range(28)]
    assert {status for status, is_good, _ in seen[31:]} == {200}
    assert not any(is_good for _, is_good, _ in seen[31:])
    assert sim.requests_for(source) <= 14
    sim.clear_faults()
    await pass_time(clock, proxy, 6)
    assert (await proxy.get(path)).json().keys() == good.json().keys()


async def test_a_house_that_never_had_it_does_not_miss_it(sim, proxy, clock):
    """No sun on the roof: a document without solar is complete."""
    sim.answers(body={name: {"instant_power": 1.0} for name in ("site", "battery", "load")}, path=METERS)
    for _ in range(10):
        answer = await proxy.get("/aggregates")
        assert int(answer.headers["Age"]) <= 5
        await pass_time(clock, proxy, 6)


@pytest.mark.parametrize("kind", ["config", "components"])
async def test_what_is_not_known_of_a_powerwall3_is_no_empty_house(start, clock, powerwall3, kind):
    """Neither strings nor packs that cannot be read are strings and packs that do not exist."""
    powerwall3.tedapi.edit = spoiled({kind})
    proxy = await start(powerwall3, **FULL)

    paths = ["/strings", "/temps/pw", "/fans", "/pw/battery_blocks", "/tedapi/components"]
    paths += ["/api/system_status"] if kind == "config" else []
    statuses = {path: (await proxy.get(path)).status for path in paths}
    summary = await proxy.get("/json")

    assert set(statuses.values()) <= {502, 503}, statuses
    assert (await proxy.get("/aggregates")).status == 200
    assert summary.status != 200 or summary.json()["strings"] is None


async def test_strings_that_cannot_be_read_are_null_in_the_summary(sim, proxy):
    sim.answers(status=500, path="/api/devices/vitals")

    assert (await proxy.get("/strings")).status == 503
    summary = await proxy.get("/json")
    assert summary.status == 200
    assert summary.json()["strings"] is None


async def test_a_contactor_of_an_unknown_kind_costs_no_other_reading(start, clock):
    """A firmware may send an object where a word was."""
    async with SimulatedGateway("fw23_44", clock=clock.clock) as sim:

        def odd(kind, document):
            if kind == "controller":
                document["control"]["alerts"]["active"] = []
                connection = document["esCan"]["bus"]["ISLANDER"]["ISLAND_GridConnection"]
                connection["ISLAND_GridConnected"] = [{}]
            return document

        sim.tedapi.edit = odd
        proxy = await start(sim, **FULL)

        assert (await proxy.get("/aggregates")).status == 200
        assert (await proxy.get("/soe")).status == 200
        assert (await proxy.get("/api/system_status/grid_status")).status == 503
