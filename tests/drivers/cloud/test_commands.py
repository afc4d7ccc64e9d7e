"""Settings are sent once, as the cloud takes them, and confirmed when the site shows them."""

from __future__ import annotations

import json

import pytest

from proxy.core.cloud_errors import AccountRefused
from proxy.core.errors import CommandRejected, GatewayError, OutcomeUnknown, RateLimited
from proxy.core.model import Command, Setting
from proxy.core.sources import OPERATION
from proxy.drivers.cloud import commands
from proxy.sim.faults import Fault

COMMANDS = [
    (Setting.RESERVE, 35, "backup", {"backup_reserve_percent": 35}),
    (Setting.MODE, "autonomous", "operation", {"default_real_mode": "autonomous"}),
    (
        Setting.GRID_CHARGING,
        True,
        "grid_import_export",
        {"disallow_charge_from_grid_with_solar_installed": False},
    ),
    (Setting.GRID_EXPORT, "never", "grid_import_export", {"customer_preferred_export_rule": "never"}),
    (Setting.STORM_WATCH, True, "storm_mode", {"enabled": True}),
    (
        Setting.OFF_GRID_VEHICLE_RESERVE,
        40,
        "off_grid_vehicle_charging_reserve",
        {"off_grid_vehicle_charging_reserve_percent": 40},
    ),
]


def set_to(setting: Setting, value) -> Command:
    return Command({setting: value})


@pytest.mark.parametrize("mode", ["fleet", "owner", "static"])
@pytest.mark.parametrize(("setting", "value", "endpoint", "body"), COMMANDS)
async def test_a_setting_is_one_request(connect, cloud, clock, mode, setting, value, endpoint, body):
    """Nothing but what was set is sent, on the app's scale; the site has it some seconds later."""
    cloud.sign_in.give_static("fixed")
    driver = connect(mode, token="fixed")

    outcome = await driver.execute(set_to(setting, value))
    clock.advance(11)
    await driver.fetch("site_info")

    assert [(w.path.split("/")[-1], json.loads(w.body)) for w in cloud.writes] == [(endpoint, body)]
    assert (outcome.confirmed, outcome.values) == (False, {setting: value})
    assert driver.describe()["unconfirmed"] == []


async def test_a_setting_is_unconfirmed_until_the_site_shows_it(connect, cloud, clock):
    """The settings are read every ten seconds until then, and hourly again afterwards."""
    driver = connect()
    await driver.fetch("site_info")
    outcome = await driver.execute(set_to(Setting.RESERVE, 50))

    first = (await driver.fetch("site_info"))[OPERATION].value["backup_reserve_percent"]
    waiting = driver.describe()["unconfirmed"], driver.policy(OPERATION).ttl
    clock.advance(10.5)
    second = (await driver.fetch("site_info"))[OPERATION].value["backup_reserve_percent"]

    assert outcome.before == {Setting.RESERVE: 20}
    assert (first, second) == (24.0, 52.5)
    assert waiting == (["reserve"], 10.0)
    assert (driver.describe()["unconfirmed"], driver.policy(OPERATION).ttl) == ([], 3600.0)


async def test_a_setting_that_never_shows_is_not_looked_for_for_ever(connect, cloud, clock):
    """The cloud made 80 of 93: after two minutes the hourly interval is back."""
    driver = connect()
    await driver.execute(set_to(Setting.RESERVE, 93))

    for _ in range(60):
        await driver.fetch("site_info")
        clock.advance(10.5)

    assert cloud.requests_for("site_info") <= 14
    assert driver.policy(OPERATION).ttl == 3600.0


async def test_two_settings_of_one_endpoint_are_one_request(connect, cloud):
    await connect().execute(Command({Setting.GRID_CHARGING: False, Setting.GRID_EXPORT: "pv_only"}))

    assert [json.loads(write.body) for write in cloud.writes] == [
        {
            "disallow_charge_from_grid_with_solar_installed": True,
            "customer_preferred_export_rule": "pv_only",
        }
    ]


@pytest.mark.parametrize("value", [20.5, 0.1])
async def test_half_a_percent_is_refused_before_anything_is_sent(connect, cloud, value):
    with pytest.raises(CommandRejected, match="whole percents"):
        await connect().execute(Command({Setting.MODE: "backup", Setting.RESERVE: value}))

    assert cloud.writes == []


@pytest.mark.parametrize(
    "trouble", ["lost-write", "broken", "server-error", "gateway-unreachable", "html", "null"]
)
async def test_a_command_without_a_usable_answer_is_not_repeated(connect, cloud, clock, trouble):
    """Its outcome is unknown; the cloud sees it once."""
    driver = connect()
    cloud.trouble(trouble)

    with pytest.raises(OutcomeUnknown):
        await driver.execute(set_to(Setting.RESERVE, 50))
    clock.advance(30)
    cloud.heal()
    await driver.fetch("live_status")

    assert len(cloud.writes) == 1


async def test_a_command_whose_token_had_expired_is_sent_once_more(connect, cloud):
    """A 401 says that nothing was done."""
    driver = connect()
    cloud.sign_in.expire_access()

    await driver.execute(set_to(Setting.MODE, "backup"))

    assert [write.status for write in cloud.writes] == [401, 200]


@pytest.mark.parametrize(
    ("trouble", "error"), [("scope", AccountRefused), ("rate-limit-seconds", RateLimited)]
)
async def test_a_refused_command_was_not_carried_out(connect, cloud, trouble, error):
    driver = connect()
    cloud.trouble(trouble)

    with pytest.raises(error):
        await driver.execute(set_to(Setting.RESERVE, 50))


async def test_no_command_is_sent_during_a_pause(connect, cloud):
    driver = connect()
    cloud.trouble("rate-limit-seconds")
    with pytest.raises(GatewayError):
        await driver.fetch("live_status")

    with pytest.raises(RateLimited):
        await driver.execute(set_to(Setting.RESERVE, 50))

    assert cloud.writes == []


async def test_a_refusal_says_what_was_accepted_before_it(connect, cloud):
    """Two settings are two requests; the first one stays."""
    cloud.faults.add(Fault(f"/api/1/energy_sites/{cloud.site.site_id}/operation", status=422, body={}))

    with pytest.raises(CommandRejected, match="but backup was accepted"):
        await connect().execute(Command({Setting.RESERVE: 40, Setting.MODE: "backup"}))


@pytest.mark.parametrize(
    "answer", ["", {"code": 201}, {"Code": 200, "Message": "Updated"}, {"result": True, "reason": ""}]
)
def test_every_form_of_success_is_one(answer):
    commands.check("backup", answer)


@pytest.mark.parametrize("answer", [{"result": False, "reason": "busy"}, {"code": 400, "message": "busy"}])
def test_a_refusal_with_a_status_of_success_is_one(answer):
    with pytest.raises(CommandRejected, match="busy"):
        commands.check("backup", answer)


@pytest.mark.parametrize("answer", [None, [], {}, {"code": "201"}, 7, "no"])
def test_an_answer_that_says_nothing_leaves_the_outcome_open(answer):
    with pytest.raises(OutcomeUnknown):
        commands.check("backup", answer)
