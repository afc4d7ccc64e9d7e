"""Control through Tesla's cloud, alone or where the gateway may not be written to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxy.core.model import app_percent
from tests.clock import pass_time, until
from tests.cloud.conftest import at

SECRET = "a long enough secret"
BEARER = {"Authorization": f"Bearer {SECRET}"}


@pytest.fixture
def control(connect, cloud):
    """Start a proxy whose control is on; gives it and a function that posts to it."""

    async def control(cloud=cloud, mode="fleet", **settings):
        proxy = await connect(cloud, mode, control_secret=SECRET, **settings)

        async def post(what: str, value: str, **fields: str):
            return await proxy.post(f"/control/{what}", data={"value": value, "token": SECRET, **fields})

        return proxy, post

    return control


@pytest.mark.parametrize(
    ("what", "value", "path", "body"),
    [
        ("reserve", "30", "backup", b'{"backup_reserve_percent":30}'),
        ("mode", "autonomous", "operation", b'{"default_real_mode":"autonomous"}'),
        (
            "grid_charging",
            "true",
            "grid_import_export",
            b'{"disallow_charge_from_grid_with_solar_installed":false}',
        ),
        ("grid_export", "pv_only", "grid_import_export", b'{"customer_preferred_export_rule":"pv_only"}'),
        ("storm_watch", "true", "storm_mode", b'{"enabled":true}'),
        (
            "off_grid_vehicle_reserve",
            "25",
            "off_grid_vehicle_charging_reserve",
            b'{"off_grid_vehicle_charging_reserve_percent":25}',
        ),
    ],
)
async def test_a_command_is_accepted_first_and_confirmed_when_it_shows(
    control, cloud, clock, what, value, path, body
):
    """It is sent once, with nothing but what it sets. 202 until the site shows it, then the history says ok."""
    proxy, post = await control()

    answer = await post(what, value)
    accepted = (await proxy.get("/health", headers=BEARER)).json()["commands"]["latest"][-1]
    for _ in range(4):
        await pass_time(clock, proxy, 11)
    await until(lambda: proxy.context.gateway.commands.reports[-1].confirmed)
    confirmed = (await proxy.get("/health", headers=BEARER)).json()["commands"]["latest"][-1]
    held = (await proxy.get(f"/control/{what}")).json()

    assert answer.status == 202
    assert [(write.path.rpartition("/")[2], write.body) for write in cloud.writes] == [(path, body)]
    assert (accepted["outcome"], confirmed["outcome"]) == ("accepted", "ok")
    assert str(held[what]).lower().removesuffix(".0") == value


async def test_control_has_a_part_of_the_budget_of_its_own(control, cloud):
    """It is sent where the requests for readings are used up; without any left it is refused with the reason."""
    proxy, post = await control(cloud_budget=2)  # one for a reading, one for a command
    refused = await proxy.get("/soe")

    first, second = await post("reserve", "30"), await post("reserve", "40")

    assert (refused.status, first.status, second.status) == (503, 202, 503)
    assert [write.body for write in cloud.writes] == [b'{"backup_reserve_percent":30}']
    assert "PW_CLOUD_BUDGET" in second.json()["detail"]
    assert cloud.api_requests == 2


async def test_a_hold_is_accepted_first_too(control, cloud):
    """200 would say that the site holds it."""
    proxy, _ = await control()

    answer = await proxy.post("/control/reserve_hold", json={}, headers=BEARER)

    assert answer.status == 202
    assert [write.path.rpartition("/")[2] for write in cloud.writes] == ["backup"]


async def test_the_answer_has_the_apps_scale(control):
    """As from the pypowerwall proxy in its cloud modes."""
    _, post = await control()

    body = (await post("reserve", "30", mode="backup")).json()

    assert body["set_backup_reserve_percent"]["backup_reserve_percent"] == 30
    assert (body["reserve"], body["mode"]) == (30, "backup")


async def test_what_never_shows_stays_accepted(control, cloud, clock):
    """It is looked for during two minutes, and not longer."""
    proxy, post = await control()
    cloud.site.settles_s = 1e6
    await post("reserve", "30")

    for _ in range(30):
        await pass_time(clock, proxy, 11)
    looked = cloud.requests_for("site_info")
    await pass_time(clock, proxy, 60)

    assert proxy.context.gateway.commands.reports[-1].outcome == "accepted"
    assert looked <= 15
    assert cloud.requests_for("site_info") == looked


async def test_the_metrics_count_it_as_accepted(control):
    proxy, post = await control()
    await post("reserve", "30")

    metrics = (await proxy.get("/metrics")).text

    assert (
        'powerwall_proxy_commands_total{command="reserve",gateway="default",outcome="accepted"} 1.0'
        in metrics
    )


async def test_fractions_of_a_percent_are_refused(control, cloud):
    _, post = await control()

    answer = await post("reserve", "20.5")

    assert answer.status == 502
    assert "whole percents" in answer.json()["detail"]
    assert cloud.writes == []


async def test_a_lost_answer_leaves_the_outcome_unknown(control, cloud):
    _, post = await control()
    cloud.trouble("lost-write")

    answer = await post("reserve", "30")

    assert answer.status == 504
    assert answer.json()["outcome"] == "outcome_unknown"
    assert len(cloud.writes) == 1


async def test_control_keeps_a_part_of_the_budget(control, cloud):
    """Reads leave some of the month's requests to commands."""
    proxy, post = await control(cloud_budget=20)
    await proxy.get("/soe")
    for _ in range(3):
        await proxy.get("/aggregates")

    assert (await post("reserve", "30")).status == 202


# -- beside a gateway ------------------------------------------------------------------------------


async def test_a_gateway_that_takes_no_writes_leaves_them_to_the_cloud(control, house, both):
    """It is tried once, refuses, and is not tried again; the client gets what the cloud answers."""
    house.persona = replace(house.persona, customer_writes=False)
    _, post = await control(both, **at(house))

    first = await post("reserve", "30")
    refused = len(house.writes)
    second = await post("reserve", "40")

    assert (first.status, second.status) == (202, 202)
    assert refused == len(house.writes)
    assert [write.body for write in both.writes] == [
        b'{"backup_reserve_percent":30}',
        b'{"backup_reserve_percent":40}',
    ]


async def test_another_firmware_is_tried_again(control, clock, house, both):
    """What the gateway refused before it may take now."""
    house.persona = replace(house.persona, customer_writes=False)
    proxy, post = await control(both, **at(house))
    await proxy.get("/version")
    await post("reserve", "30")

    house.persona = "fw21_44"
    await pass_time(clock, proxy, 31)
    await proxy.get("/version")
    answer = await post("reserve", "40")

    assert answer.status == 200
    assert len(both.writes) == 1


async def test_a_gateway_that_takes_writes_gets_them(control, house, both):
    _, post = await control(both, **at(house))

    answer = await post("reserve", "30")

    assert answer.status == 200
    assert both.writes == []
    assert app_percent(house.gateway.site.reserve) == pytest.approx(30)


async def test_the_cloud_may_come_first(control, house, both):
    _, post = await control(both, **at(house, local_first=False))

    answer = await post("reserve", "30")

    assert answer.status == 202
    assert len(both.writes) == 1


async def test_what_only_the_cloud_can_set_goes_there(control, house, both):
    proxy, post = await control(both, **at(house, failover=False))

    assert (await post("storm_watch", "true")).status == 202
    assert (await post("grid_charging", "true")).status == 202
    assert (await proxy.get("/control/storm_watch")).status == 200


async def test_without_the_cloud_it_is_said_who_could(start, sim):
    proxy = await start(sim, control_secret=SECRET)

    answer = await proxy.post("/control/storm_watch", data={"value": "true", "token": SECRET})

    assert answer.status == 404
    assert "Tesla's cloud can (PW_CLOUD_MODE)" in answer.json()["detail"]


async def test_the_cloud_is_not_named_for_what_it_cannot_set(control, cloud):
    """The manual backup event takes a signed message."""
    _, post = await control()

    answer = await post("max_backup", "3600")

    assert answer.status == 404
    assert answer.json()["detail"] == (
        "no connection to this gateway can set max_backup; v1r can (PW_RSA_KEY_PATH)"
    )
    assert cloud.writes == []


async def test_health_says_how_control_through_the_cloud_is(control, cloud, clock):
    """As the pypowerwall proxy names it."""
    proxy, post = await control()
    await proxy.get("/soe")
    well = (await proxy.get("/health")).json()["cloud_control"]
    cloud.trouble("scope")
    await post("reserve", "30")

    assert well == {"active": True, "status": "ok", "mode": "fleetapi"}
    assert (await proxy.get("/health")).json()["cloud_control"]["status"] == "unavailable"


async def test_stats_say_how_the_cloud_beside_a_gateway_is(control, clock, house, both):
    """As pypowerwall-server names it: what was never read is null, and the reserve has the app's scale."""
    house.persona = replace(house.persona, customer_writes=False)
    proxy, post = await control(both, **at(house))
    before = (await proxy.get("/stats")).json()
    await post("reserve", "30")
    await pass_time(clock, proxy, 30)
    after = (await proxy.get("/stats")).json()

    assert before["cloudcontrol"] is True
    assert before["cloud_control"]["last_success_time"] is None
    assert (before["cloud_control"]["state"], before["cloud_control"]["last_known_reserve"]) == (
        "unavailable",
        None,
    )
    control = after["cloud_control"]
    assert (control["configured"], control["connected"], control["state"]) == (True, True, "healthy")
    assert control["last_success_time"] == pytest.approx(clock.clock.wall(), abs=31)
    assert control["last_known_reserve"] == (await proxy.get("/control/reserve")).json()["reserve"]
    assert control["last_known_reserve_time"] == pytest.approx(clock.clock.wall(), abs=31)
    assert (control["last_known_grid_charging"], control["last_known_grid_charging_time"]) == (None, None)


async def test_a_cloud_that_is_not_there_controls_nothing(start, sim):
    stats = (await (await start(sim, control_secret=SECRET)).get("/stats")).json()

    assert (stats["cloudcontrol"], stats["cloud_control"]) == (False, None)
