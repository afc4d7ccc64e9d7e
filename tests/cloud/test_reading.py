"""A site that is read through Tesla's cloud alone, as clients of the proxy see it."""

from __future__ import annotations

import asyncio
import re

import pytest

from proxy.mqtt.facts import facts_of, snapshots_of
from proxy.sim.faults import Fault
from tests.clock import pass_time
from tests.cloud.conftest import named

# Half a minute after the second request of the test, a sum of its time and an age has a bit less for fractions.
UPTIME_S = 2.0**17 - 30 - 61 + 0.3


@pytest.mark.parametrize("mode", ["fleet", "owner", "static"])
async def test_a_site_is_read_without_a_gateway(connect, cloud, mode):
    """The sign-in that there is selects the API, as the pypowerwall proxy does; routes are those of a gateway."""
    proxy = await connect(cloud, mode)

    meters = (await proxy.get("/aggregates")).json()
    level = (await proxy.get("/soe")).json()
    line = (await proxy.get("/csv/v2")).text
    status = (await proxy.get("/api/status")).json()

    assert {name: meter["instant_power"] for name, meter in meters.items()} == {
        "site": -500,
        "battery": -1500,
        "load": 2000,
        "solar": 4000,
    }
    assert level["percentage"] == pytest.approx(52.5)
    assert line == "-500.00,2000.00,4000.00,-1500.00,52.50,1,20\n"
    assert status["version"].startswith("23.44")
    assert named(cloud).count("live_status") == 1


async def test_the_page_and_metrics_show_the_site(connect, cloud):
    proxy = await connect(cloud)
    await proxy.get("/aggregates")
    await proxy.get("/soe")

    flow = (await proxy.get("/flow.json")).json()
    metrics = (await proxy.get("/metrics")).text

    assert (flow["solar"], flow["load"], flow["soc"]) == (4000, 2000, 52.5)
    link = '{driver="cloud",gateway="default"}'
    assert f"powerwall_proxy_month_reads{link} {cloud.api_requests}.0" in metrics
    assert f"powerwall_proxy_month_budget{link} 5000.0" in metrics
    stretch = re.search(re.escape(f"powerwall_proxy_month_stretch_ratio{link} ") + r"([0-9.]+)", metrics)
    assert 5 < float(stretch[1]) < 15


async def test_a_charging_vehicle_is_shown_with_the_share_of_the_home_that_it_takes(connect, cloud, clock):
    """Of vehicle chargers only the cloud knows, and only while it reports them: they come with the powers."""
    cloud.site.wall_connectors = [1500.0, 0.0]
    proxy = await connect(cloud)

    flow = (await proxy.get("/flow.json")).json()
    metrics = (await proxy.get("/metrics")).text
    requested = named(cloud).count("live_status")

    assert flow["ev"] == [1500.0, 0.0]
    for number, watts in ((1, 1500.0), (2, 0.0)):
        assert f'powerwall_ev_charger_power_watts{{charger="{number}",gateway="default"}} {watts}' in metrics
    assert requested == 1

    cloud.site.wall_connectors = []
    await pass_time(clock, proxy, 3600)
    await proxy.get("/flow.json")  # may still be what is renewed meanwhile
    await pass_time(clock, proxy, 1)

    assert (await proxy.get("/flow.json")).json()["ev"] == []


async def test_grid_rules_are_the_same_wherever_they_are_shown(connect, cloud):
    """To a program of pypowerwall-server, in the object of the gateway and to the broker."""
    proxy = await connect(cloud, control_secret="a long secret")
    rules = {
        rule: (await proxy.get(f"/control/{rule}")).json()[rule] for rule in ("grid_charging", "grid_export")
    }

    operation = (await proxy.get("/api/operation")).json()
    known = (await proxy.get("/api/gateways/default")).json()["data"]
    gateway = proxy.context.gateways["default"]
    published = facts_of(gateway, snapshots_of(gateway)).rules

    assert None not in rules.values()
    assert rules.items() <= operation.items()
    assert rules.items() <= known.items()
    assert {setting.value: held for setting, held in published.items()} == rules


async def test_clients_share_one_request_per_interval(connect, cloud, clock):
    """However often clients come, the cloud is requested at its own pace, and Age says how old the values are."""
    proxy = await connect(cloud, "owner")
    for _ in range(20):
        await proxy.get("/aggregates")
    clock.advance(50)
    answer = await proxy.get("/aggregates")

    assert named(cloud).count("live_status") == 1
    assert answer.headers["Age"] == "50"
    assert re.fullmatch(r"powerwall-proxy; hit; ttl=(9|10)", answer.headers["Cache-Status"])


async def test_the_history_requests_nothing_from_the_cloud(connect, cloud, clock):
    """It keeps what clients request; hours without clients cost no request."""
    proxy = await connect(cloud, history=True)
    await proxy.get("/aggregates")
    before = cloud.api_requests
    await pass_time(clock, proxy, 4 * 3600)

    assert cloud.api_requests - before <= 1  # what the client wanted once more


async def test_age_counts_from_the_clouds_own_timestamp(connect, cloud, clock):
    """Tesla's copy may be minutes old when it is delivered. Not even by the rounding of a sum is it younger."""
    clock.advance(UPTIME_S - clock.clock.monotonic())
    cloud.site.lag_s = 100
    proxy = await connect(cloud, "owner")
    await proxy.get("/aggregates")
    clock.advance(61)
    await pass_time(clock, proxy, 0)
    await proxy.get("/soe")
    await pass_time(clock, proxy, 0)

    assert int((await proxy.get("/soe")).headers["Age"]) == 61
    assert named(cloud).count("live_status") == 2


async def test_age_counts_the_time_that_the_request_took(connect, cloud, clock):
    """A value that took long is as old when it comes (RFC 9111 section 4.2.3); the settings of the site take as long."""
    cloud.faults.add(Fault("/api/1/energy_sites/*", delay_s=1.5))
    proxy = await connect(cloud, "owner")

    answer = asyncio.ensure_future(proxy.get("/soe"))
    for _ in range(7):
        await pass_time(clock, proxy, 0.5)

    assert (await answer).headers["Age"] == "3"


async def test_stale_readings_are_served_up_to_the_limit(connect, cloud, clock):
    """Three intervals after its values were true a reading is an error, with the reason in a sentence."""
    proxy = await connect(cloud, "owner")
    await proxy.get("/soe")
    cloud.trouble("unavailable")

    await pass_time(clock, proxy, 170)
    stale = await proxy.get("/soe")
    await pass_time(clock, proxy, 0)
    await pass_time(clock, proxy, 11)
    late = await proxy.get("/soe")

    assert (stale.status, stale.headers["Age"]) == (200, "170")
    assert late.status == 503
    assert "503" in late.json()["detail"]


async def test_a_limit_of_the_operators_own_holds(connect, cloud, clock):
    proxy = await connect(cloud, "owner", cloud_stale=90)
    await proxy.get("/soe")
    cloud.trouble("unavailable")

    await pass_time(clock, proxy, 89)
    assert (await proxy.get("/soe")).status == 200
    await pass_time(clock, proxy, 2)
    assert (await proxy.get("/soe")).status == 503


async def test_health_and_stats_name_the_api_and_the_site(connect, cloud):
    fleet = await connect(cloud)
    await fleet.get("/aggregates")
    stats, health = (await fleet.get("/stats")).json(), (await fleet.get("/health")).json()
    link = health["gateways"][0]["links"][0]

    assert (stats["mode"], stats["cloudmode"], stats["fleetapi"]) == ("FleetAPI", True, True)
    assert stats["siteid"] == cloud.site.site_id
    assert (health["mode"], health["status"]) == ("FleetAPI", "ok")
    assert link["requests"]["budget"] == 5000
    assert link["is_stretched"] is True
    assert link["interval_s"] > 60


async def test_the_owner_api_is_named_too(connect, cloud):
    proxy = await connect(cloud, "owner")
    await proxy.get("/aggregates")
    stats = (await proxy.get("/stats")).json()

    assert (stats["mode"], stats["cloudmode"], stats["fleetapi"]) == ("Cloud", True, False)
    assert stats["counter"] == 1


async def test_a_month_with_many_clients_stays_within_the_budget(connect, cloud, clock):
    """Twenty clients that request every few minutes for a day get a day's part of the month's requests."""
    proxy = await connect(cloud, cloud_budget=1000)

    for _ in range(24 * 12):
        for _ in range(20):
            assert (await proxy.get("/aggregates")).status == 200
        await pass_time(clock, proxy, 300)

    assert cloud.api_requests <= 1000 / 31 * 1.5 + 2
    assert cloud.api_requests >= 20


async def test_hours_remaining_are_teslas_estimate(connect, cloud, clock):
    """The energy of the pack is not reported; the estimate is requested for those who read it, every five minutes at most."""
    proxy = await connect(cloud, "owner")
    await proxy.get("/aggregates")
    for path in ("/metrics", "/flow.json", "/csv/v2", "/soe"):
        assert (await proxy.get(path)).status == 200
    unread = named(cloud).count("backup_time_remaining")

    hours = (await proxy.get("/pw/get_time_remaining")).json()["time_remaining"]
    shown = [(await proxy.get(path)).json()["time_remaining_hours"] for path in ("/json", "/pod")]
    metrics = (await proxy.get("/metrics")).text
    for _ in range(4):
        await pass_time(clock, proxy, 70)
        await proxy.get("/pod")

    reading = cloud.site.live().reading
    assert hours == pytest.approx(reading.energy_wh / 2000)
    assert shown == [hours, hours]
    assert (await proxy.get("/api/gateways/default")).json()["data"]["time_remaining"] == hours
    assert f'powerwall_time_remaining_seconds{{gateway="default"}} {hours * 3600:.6g}'[:60] in metrics
    assert (unread, named(cloud).count("backup_time_remaining")) == (0, 1)


async def test_hours_are_computed_where_the_energy_is_reported_and_the_estimate_is_not(connect, cloud):
    cloud.site.reports_energy = True
    cloud.faults.add(Fault("/api/1/energy_sites/*/backup_time_remaining", status=404))
    proxy = await connect(cloud, "owner")

    pod = (await proxy.get("/pod")).json()

    assert pod["time_remaining_hours"] == pytest.approx(pod["nominal_energy_remaining"] / 2000)
