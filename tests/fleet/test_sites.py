"""A site through the whole proxy: what its members report at this moment, added up, or the reason why not."""

import asyncio
import json

import pytest

from proxy.config.gateway_settings import SiteSettings
from proxy.core.sources import OPERATION
from proxy.mqtt.facts import LIVE, SLOW, facts_of, snapshots_of
from proxy.mqtt.watch import Watch
from proxy.server.fleet.routes import OF_SITES
from proxy.server.routes import ROUTES
from proxy.sim.faults import Fault
from tests.clock import pass_time
from tests.fleet.conftest import gateway

POWERS = ("site", "solar", "battery", "load")


async def powers(proxy, prefix):
    return (await proxy.get(f"{prefix}/pw/power")).json()


async def test_the_rows_of_a_site_are_rows():
    assert {route.path for route in ROUTES} >= OF_SITES


async def test_a_total_is_what_the_routes_of_its_members_say_together(fleet, sims):
    sims["house"].pin(site=500.0, solar=3000.0, battery=-1000.0, load=2500.0)
    sims["garage"].pin(site=-100.0, solar=400.0, battery=0.0, load=300.0)

    total = await powers(fleet, "/sites/home")

    members = [await powers(fleet, f"/gateways/{id_}") for id_ in sims]
    assert total == {name: pytest.approx(sum(each[name] for each in members)) for name in POWERS}
    system = (await fleet.get("/sites/home/api/system_status")).json()
    assert len(system["battery_blocks"]) == 3
    percent = (await fleet.get("/sites/home/soe")).json()["percentage"]
    assert percent == pytest.approx(
        100 * system["nominal_energy_remaining"] / system["nominal_full_pack_energy"]
    )
    assert (await fleet.get("/sites/home/pw/site_name")).json() == {"site_name": "Home"}


async def test_every_row_of_a_site_answers(fleet):
    answers = {path: await fleet.get(f"/sites/home{path}") for path in sorted(OF_SITES - {"/events"})}

    assert {path: answer.status for path, answer in answers.items() if answer.status != 200} == {}


async def test_a_total_costs_the_gateways_what_their_own_readings_cost(fleet, sims):
    """It is read from what the members hold."""
    await asyncio.gather(*(fleet.get(f"/gateways/{id_}/aggregates") for id_ in sims))
    before = {id_: len(sim.requests) for id_, sim in sims.items()}

    for _ in range(5):
        assert (await fleet.get("/sites/home/aggregates")).status == 200

    assert {id_: len(sim.requests) for id_, sim in sims.items()} == before


async def test_without_a_member_there_is_no_total_and_afterwards_no_less_than_before(fleet, sims, clock):
    before = (await fleet.get("/sites/home/aggregates")).json()
    fault = sims["garage"].faults.add(Fault(action="refuse"))
    await pass_time(clock, fleet, 40)

    answer = await fleet.get("/sites/home/aggregates")

    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
    assert answer.json()["title"] == "There is no total"
    assert answer.json()["detail"].startswith("garage: ")
    assert (await fleet.get("/gateways/house/aggregates")).status == 200
    assert (await fleet.get("/sites/home/ready")).status == 503
    fault.remove()
    await pass_time(clock, fleet, 60)
    after = (await fleet.get("/sites/home/aggregates")).json()
    assert after["load"]["energy_imported"] >= before["load"]["energy_imported"]


@pytest.mark.parametrize("status", [403, 404])
async def test_a_member_that_denies_what_it_has_leaves_no_partial_sum(fleet, sims, clock, status):
    """A gateway that starts or updates answers 404 for a while; it has meters and a battery all the same."""
    assert (await fleet.get("/sites/home/soe")).status == 200
    for path in ("/api/meters/aggregates", "/api/system_status"):
        sims["garage"].faults.add(Fault(path=path, status=status))
    answers = []
    for _ in range(12):
        await pass_time(clock, fleet, 5)
        answers += [await fleet.get(f"/sites/home/{name}") for name in ("aggregates", "soe")]

    assert {answer.status for answer in answers[-8:]} == {503}
    house = (await fleet.get("/gateways/house/aggregates")).json()["load"]["instant_power"]
    totals = [answer.json()["load"]["instant_power"] for answer in answers[::2] if answer.status == 200]
    assert all(load != pytest.approx(house) for load in totals)


async def test_the_age_of_a_total_is_that_of_its_oldest_member(fleet, clock):
    await fleet.get("/gateways/garage/aggregates")
    await pass_time(clock, fleet, 3.5)

    assert (await fleet.get("/sites/home/aggregates")).headers["Age"] == "3"


async def test_what_is_slow_in_a_total_stays_published_until_it_is_fetched_again(fleet, clock):
    """Mode and capacity are fetched every 20 s for a broker; no older than any other reading, they go."""
    site = fleet.context.gateways.sites["home"]

    async def published():
        await site.cache.get(LIVE)
        state = facts_of(site, snapshots_of(site)).state
        return state.name, state.mode, state.energy_capacity

    await site.cache.get(SLOW)
    at_once = await published()
    await pass_time(clock, fleet, 19)
    later = await published()
    await pass_time(clock, fleet, 12)

    assert None not in at_once
    assert later == at_once
    assert (await published())[1:] == (None, None)


async def test_a_total_is_added_up_again_before_it_is_too_old_for_a_broker(fleet, clock):
    """When one of its members has a newer part, however old it was when it was fetched."""
    house, site = fleet.context.gateways["house"], fleet.context.gateways.sites["home"]
    watch = Watch(site)
    running = asyncio.create_task(watch.run())
    await watch.ready()
    before = site.cache.store.get(OPERATION)

    clock.advance(10)
    await house.cache.get([OPERATION])
    soon = site.cache.store.get(OPERATION)
    clock.advance(10)
    await house.cache.get([OPERATION])
    while site.cache.store.get(OPERATION) is soon:
        await asyncio.sleep(0)
    running.cancel()

    assert soon is before
    assert site.cache.store.get(OPERATION).age(clock.clock.monotonic()) < 1


async def test_an_inverter_is_no_gap_in_the_charge(serve, sims):
    listed = [
        gateway("house", sims["house"], site="home"),
        gateway("roof", sims["garage"], site="home", type="inverter"),
    ]
    proxy = await serve(listed, sites=[SiteSettings("home")])

    assert (await proxy.get("/sites/home/api/system_status")).body != b""
    total, alone = [
        (await proxy.get(f"{at}/soe")).json()["percentage"] for at in ("/sites/home", "/gateways/house")
    ]
    assert total == pytest.approx(alone, abs=0.1)
    assert not sims["garage"].requests_for("/api/system_status")


async def test_with_one_meter_for_all_the_home_is_what_is_left(serve, sims):
    """In the forms of pypowerwall-server, too."""
    sims["house"].pin(site=500.0, solar=3000.0, battery=-1000.0, load=2500.0)
    sims["garage"].pin(site=-100.0, solar=400.0, battery=0.0, load=300.0)
    listed = [gateway(id_, sim, site="home") for id_, sim in sims.items()]
    proxy = await serve(listed, sites=[SiteSettings("home", grid="house")])

    total = await powers(proxy, "/sites/home")

    house = await powers(proxy, "/gateways/house")
    assert total["site"] == pytest.approx(house["site"])
    assert total["load"] == pytest.approx(total["site"] + total["solar"] + total["battery"], abs=1)
    aggregate = (await proxy.get("/api/aggregate/power")).json()
    assert {name: aggregate[name] for name in total} == pytest.approx(total)


async def test_paths_without_a_prefix_may_be_about_a_site(serve, sims):
    """A dashboard shows the total without an edit; control of a total does not exist."""
    listed = [gateway(id_, sim, site="home") for id_, sim in sims.items()]
    proxy = await serve(listed, sites=[SiteSettings("home")], default="home", control_secret="a-long-secret")

    assert (await proxy.get("/aggregates")).json() == (await proxy.get("/sites/home/aggregates")).json()
    assert (await proxy.get("/vitals")).status == 404
    assert (await proxy.post("/control/reserve", data={"value": "20"})).status == 404
    assert not any(sim.writes for sim in sims.values())


async def test_the_live_events_of_a_site_follow_its_members(fleet, sims, clock):
    sims["house"].pin(load=1000.0)
    sims["garage"].pin(load=500.0)
    async with fleet.client.get(f"{fleet.url}/sites/home/events") as stream:

        async def load():
            while not (line := await stream.content.readline()).startswith(b"data:"):
                pass
            return json.loads(line[5:])["load"]

        while await load() != 1500:
            pass
        sims["garage"].pin(load=700.0)
        await pass_time(clock, fleet, 8)
        while await load() != 1700:
            pass
