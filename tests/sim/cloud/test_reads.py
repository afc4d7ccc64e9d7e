"""What the cloud reports of a house is what the house's gateway reports."""

from __future__ import annotations

import pytest

from proxy.sim.cloud.server import SimulatedCloud
from proxy.sim.server import SimulatedGateway


async def test_powers_and_charge_are_those_of_the_house(cloud, call):
    """Watts are the gateway's; the charge is on the app's scale, which hides the lowest 5 %."""
    cloud.house.pin(solar=4000, battery=-1500, load=2000)
    cloud.house.plant.set_charge(52.5)

    live = (await (await call()).site("live_status")).response

    assert (live["solar_power"], live["battery_power"], live["load_power"]) == (4000, -1500, 2000)
    assert live["grid_power"] == -500
    assert live["percentage_charged"] == pytest.approx(50.0)
    assert (live["grid_status"], live["island_status"]) == ("Active", "on_grid")
    assert "energy_left" not in live


async def test_an_outage_shows_as_an_island(cloud, call):
    cloud.house.plant.contactor.lose_grid(0.0, at_once=True)

    live = (await (await call()).site("live_status")).response

    assert (live["grid_status"], live["island_status"]) == ("Inactive", "off_grid")


async def test_a_site_without_battery_reports_none(clock, call):
    """A solar-only site has no charge, no reserve and an unknown grid status."""
    async with SimulatedCloud(SimulatedGateway("solar_only", clock=clock.clock), clock=clock.clock) as cloud:
        caller = await call(at=cloud)
        live = (await caller.site("live_status")).response
        info = (await caller.site("site_info")).response

    assert "percentage_charged" not in live
    assert live["grid_status"] == "Unknown"
    assert "backup_reserve_percent" not in info
    assert "--" not in info["id"]


async def test_products_list_sites_and_vehicles(clock, call):
    """Two sites and a car; the Fleet API leaves the type of a site out."""
    houses = [SimulatedGateway("fw23_44", clock=clock.clock, seed=seed) for seed in (1, 2)]
    async with SimulatedCloud(*houses, clock=clock.clock) as cloud:
        owner = (await (await call(at=cloud)).get("products")).json()
        fleet = (await (await call("simulated-client", at=cloud)).get("products")).json()

    assert owner["count"] == 3
    assert [one.get("resource_type") for one in owner["response"]] == [None, "battery", "battery"]
    assert [one.get("energy_site_id") for one in fleet["response"]] == [None, *cloud.account.sites]
    assert all("resource_type" not in one for one in fleet["response"])


async def test_the_clouds_copy_is_as_old_as_its_timestamp_says(cloud, call, clock):
    """The cloud renews its copy of the powers every ``lag_s`` seconds and dates it."""
    cloud.site.lag_s = 60.0
    caller = await call()
    first = (await caller.site("live_status")).response

    clock.advance(30)
    same = (await caller.site("live_status")).response
    clock.advance(40)
    later = (await caller.site("live_status")).response

    assert same["timestamp"] == first["timestamp"]
    assert later["timestamp"] > first["timestamp"]


async def test_the_energies_of_a_day_add_up_to_what_the_meters_counted(cloud, call, clock):
    """Every 5 minutes an entry; their sum since midnight and the lifetime agree with the counters."""
    cloud.house.pin(solar=3000, battery=-1000, load=1200)
    caller = await call()
    before = cloud.house.plant.counters
    for _ in range(12):
        clock.advance(300)
        await caller.site("live_status")

    day = (await caller.site("calendar_history", kind="energy", period="day")).response["time_series"]
    lifetime = (await caller.site("calendar_history", kind="energy", period="lifetime")).response[
        "time_series"
    ]

    counters = cloud.house.plant.counters
    assert sum(entry["solar_energy_exported"] for entry in lifetime) == pytest.approx(counters.produced)
    assert sum(entry["grid_energy_exported_from_solar"] for entry in day[-12:]) == pytest.approx(
        counters.exported - before.exported, rel=0.1
    )


async def test_midnight_is_refused_as_the_end_of_a_history(cloud, call):
    refused = await (await call()).site(
        "calendar_history", kind="energy", end_date="2025-10-09T00:00:00-07:00"
    )

    assert refused.status == 422


async def test_a_house_can_be_read_locally_and_in_the_cloud(clock, call):
    """Behind a gateway and behind the cloud is the same house."""
    house = SimulatedGateway("fw21_44", clock=clock.clock)
    async with house, SimulatedCloud(house, clock=clock.clock) as cloud:
        house.pin(solar=2345)
        live = (await (await call(at=cloud)).site("live_status")).response

    assert live["solar_power"] == 2345
