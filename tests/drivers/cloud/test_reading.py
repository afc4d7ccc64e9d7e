"""What the cloud reports becomes documents of the local API, and nothing is invented."""

from __future__ import annotations

import pytest

from proxy.core.errors import GatewayError, NotSupported
from proxy.core.sources import (
    GRID_STATUS,
    METERS,
    OPERATION,
    POWERWALLS,
    SITE_INFO,
    SITE_NAME,
    SOE,
    STATUS,
    SYSTEM_STATUS,
    VITALS,
)
from proxy.sim.cloud.server import SimulatedCloud
from proxy.sim.faults import Fault
from proxy.sim.server import SimulatedGateway

MODES = ("fleet", "owner", "static")


@pytest.fixture
def driver_of(connect, cloud):
    def driver_of(mode: str, **options):
        cloud.sign_in.give_static("a fixed token")
        return connect(mode, token="a fixed token", **options)

    return driver_of


@pytest.mark.parametrize("mode", MODES)
async def test_powers_charge_and_settings_are_those_of_the_house(driver_of, cloud, mode):
    """Watts as they are; charge and reserve come on the app's scale and leave on the gateway's."""
    cloud.house.pin(solar=4000, battery=-1500, load=2000)
    cloud.house.plant.set_charge(52.5)

    reported = await driver_of(mode).fetch("live_status")

    meters = reported[METERS].value
    powers = {name: meter["instant_power"] for name, meter in meters.items()}
    assert powers == {"site": -500, "battery": -1500, "load": 2000, "solar": 4000}
    assert reported[SOE].value["percentage"] == pytest.approx(52.5)
    assert reported[GRID_STATUS].value == {
        "grid_status": "SystemGridConnected",
        "grid_services_active": False,
    }
    assert reported[OPERATION].value == {"real_mode": "self_consumption", "backup_reserve_percent": 24.0}
    assert (meters["battery"]["num_meters_aggregated"], meters["solar"]["num_meters_aggregated"]) == (2, 1)


async def test_one_round_is_one_request(connect, cloud):
    """Everything that live_status and site_info report comes with two requests, then with none for a minute."""
    driver = connect()

    await driver.fetch("live_status")
    await driver.fetch("site_info")
    await driver.fetch("live_status")

    assert [record.path.split("/")[-1] for record in cloud.requests] == ["live_status", "site_info"]


async def test_what_the_cloud_does_not_report_is_null(connect):
    """No volts, no amperes, no energies, no energy of the pack: null and not 0."""
    reported = await connect().fetch("live_status")

    site, status = reported[METERS].value["site"], reported[SYSTEM_STATUS].value
    for name in ("instant_average_voltage", "frequency", "energy_imported", "energy_exported", "i_a_current"):
        assert site[name] is None
    assert status["nominal_full_pack_energy"] is None
    assert status["nominal_energy_remaining"] is None
    assert status["max_charge_power"] == 10000


async def test_energies_of_the_pack_are_reported_where_the_cloud_does(connect, cloud):
    cloud.site.reports_energy = True

    status = (await connect().fetch("live_status"))[SYSTEM_STATUS].value

    assert (status["nominal_full_pack_energy"], status["nominal_energy_remaining"]) == (28000, 14000)


async def test_the_installation_is_described_by_its_own_data(connect, cloud):
    reported = await connect().fetch("live_status")

    assert reported[SITE_NAME].value == {
        "site_name": "Home Energy Gateway",
        "timezone": "America/Los_Angeles",
    }
    assert (reported[STATUS].value["din"], reported[STATUS].value["git_hash"]) == (
        cloud.house.din,
        "eb113390",
    )
    assert reported[SITE_INFO].value["nominal_system_energy_kWh"] == 27.0
    assert reported[SITE_INFO].value["grid_code"]["utility"] == "Simulated Utility"
    assert len(reported[POWERWALLS].value["powerwalls"]) == 2
    device = reported[VITALS].value[f"STSTSM--{cloud.house.din}"]
    assert device["alerts"] == ["SystemConnectedToGrid"]


async def test_where_the_house_stands_is_masked(connect):
    """Neither address nor position leave the driver."""
    reported = await connect().fetch("live_status")

    for document in reported.values():
        assert b"Springfield" not in document.body
        assert b"-122.0" not in document.body


@pytest.mark.parametrize(
    ("wanted_open", "alert"),
    [(False, "UnscheduledIslandContactorOpen"), (True, "ScheduledIslandContactorOpen")],
)
async def test_off_grid_is_off_grid(connect, cloud, wanted_open, alert):
    contactor = cloud.house.plant.contactor
    contactor.open(-60.0) if wanted_open else contactor.lose_grid(0.0, at_once=True)

    reported = await connect().fetch("live_status")

    assert reported[GRID_STATUS].value["grid_status"] == "SystemIslandedActive"
    assert next(iter(reported[VITALS].value.values()))["alerts"] == [alert]


async def test_a_site_without_battery_is_whole_without_one(clock, connect):
    """No battery meter, no charge, no reserve: absent permanently, which is no fault of anything."""
    house = SimulatedGateway("solar_only", clock=clock.clock)
    async with SimulatedCloud(house, clock=clock.clock) as cloud:
        house.pin(solar=3000, load=1000)
        reported = await connect(at=cloud).fetch("live_status")

    assert set(reported[METERS].value) == {"site", "load", "solar"}
    assert reported[METERS].value["site"]["instant_power"] == -2000
    assert reported[GRID_STATUS].value["grid_status"] == "SystemGridConnected"
    for source in (SOE, OPERATION, SYSTEM_STATUS):
        assert isinstance(reported[source], NotSupported)


async def test_a_site_without_battery_reports_no_device_but_its_panels(clock, connect):
    """The oldest form has four members."""
    house = SimulatedGateway("solar_only", clock=clock.clock)
    async with SimulatedCloud(house, clock=clock.clock) as cloud:
        oldest = {
            "solar_power": 812,
            "grid_status": "Unknown",
            "grid_services_active": False,
            "timestamp": "2025-10-09T08:53:20Z",
        }
        cloud.faults.add(
            Fault(f"/api/1/energy_sites/{cloud.site.site_id}/live_status", body={"response": oldest})
        )
        reported = await connect(at=cloud).fetch("live_status")

    assert {name: meter["instant_power"] for name, meter in reported[METERS].value.items()} == {"solar": 812}


async def test_the_age_of_a_reading_is_that_of_its_timestamp(connect, cloud, clock):
    """The cloud's copy was 40 s old when it was fetched, and ages from there."""
    cloud.site.lag_s = 300.0
    cloud.site.live()
    clock.advance(40)
    driver = connect()

    first = await driver.fetch("live_status")
    clock.advance(25)
    again = await driver.fetch("live_status")

    now = clock.clock.monotonic()
    assert now - 25 - first[METERS].observed_at == pytest.approx(40, abs=1.5)
    assert again[METERS].observed_at == first[METERS].observed_at
    assert cloud.requests_for("live_status") == 1


async def test_an_interval_is_kept_however_often_the_driver_is_called(connect, cloud, clock):
    """Five minutes with a call every second: five requests of live_status and one of site_info."""
    driver = connect()

    for _ in range(300):
        await driver.fetch("live_status")
        await driver.fetch("site_info")
        clock.advance(1)

    assert cloud.requests_for("live_status") == 5
    assert cloud.requests_for("site_info") == 1


async def test_the_app_numbers_its_requests(connect, cloud, clock):
    """The Owner API's live_status carries a counter of 1 to 64; the Fleet API's does not."""
    owner = connect("owner")
    for _ in range(65):
        await owner.fetch("live_status")
        clock.advance(61)
    await connect("fleet").fetch("live_status")

    queries = [record.query for record in cloud.requests if record.path.endswith("live_status")]
    assert queries[0].startswith("counter=2&")
    assert [queries[n].split("&")[0] for n in (62, 63, 64)] == ["counter=64", "counter=1", "counter=2"]
    assert queries[65] == ""


async def test_the_first_site_of_the_account_is_read_where_none_is_named(clock, connect):
    houses = [SimulatedGateway("fw23_44", clock=clock.clock, seed=seed) for seed in (1, 2)]
    async with SimulatedCloud(*houses, clock=clock.clock) as cloud:
        houses[0].pin(solar=1234)
        reported = await connect("owner", at=cloud, site_id=None).fetch("live_status")

    assert reported[METERS].value["solar"]["instant_power"] == 1234


@pytest.mark.parametrize("name", ["empty", "null", "text", "list", "html"])
async def test_an_outage_page_is_no_reading(connect, cloud, clock, name):
    """A status of success with nothing in it, or the page of a proxy, keeps the last values and pauses."""
    driver = connect()
    await driver.fetch("live_status")
    cloud.trouble(name)
    clock.advance(61)

    with pytest.raises(GatewayError) as caught:
        await driver.fetch("live_status")

    assert caught.value.retry_after == pytest.approx(5.0)
    assert caught.value.code() == "bad_answer"
