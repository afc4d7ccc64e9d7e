"""Whatever the cloud answers: one pause that all requests share, the reason in a sentence, never a loop."""

from __future__ import annotations

from email.utils import formatdate

import pytest

from proxy.core.cloud_errors import AccountRefused, SignInRequired
from proxy.core.errors import RateLimited
from proxy.core.sources import METERS, SOE
from proxy.drivers.cloud.http import Reply
from proxy.drivers.cloud.refusals import retry_after
from proxy.sim.cloud.sign_in import FLEET
from tests.drivers.cloud.conftest import HOUR, refused, requests_in


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        ("owner-refused", "use the Fleet API"),
        ("scope", "lacks a permission"),
        ("billing-limit", "billing limit"),
        ("payment", "subscription"),
        ("unregistered", "not registered in this region"),
        ("locked", "locked"),
    ],
)
async def test_a_refused_account_is_left_alone_for_an_hour(connect, cloud, clock, trouble, words):
    """One request an hour however many clients there are, and no refresh of the token because of it."""
    driver = connect()
    cloud.trouble(trouble)

    error = await refused(driver)
    within_the_hour = await requests_in(HOUR - 60, driver, cloud, clock, every=30)
    clock.advance(120)
    await refused(driver)

    assert isinstance(error, AccountRefused)
    assert words in str(error)
    assert within_the_hour == 0
    assert cloud.api_requests == 2
    assert cloud.requests_for("/token") == 0


@pytest.mark.parametrize(
    "trouble",
    ["offline", "server-error", "gateway-unreachable", "unavailable", "device-error", "broken", "html"],
)
async def test_a_cloud_that_fails_is_tried_less_and_less_often(connect, cloud, clock, trouble):
    """After 5, 10, 20, 40, 80, 160 s, then every 300 s."""
    driver = connect()
    cloud.trouble(trouble)

    waits = []
    for _ in range(9):
        error = await refused(driver)
        waits.append(error.retry_after)
        clock.advance(error.retry_after + 0.1)

    assert waits == pytest.approx([5, 10, 20, 40, 80, 160, 300, 300, 300])
    assert cloud.requests_for("live_status") == 9


async def test_a_cloud_that_works_again_is_read_at_once(connect, cloud, clock):
    driver = connect()
    cloud.trouble("unavailable")
    await refused(driver)
    cloud.heal()
    clock.advance(5.1)

    reported = await driver.fetch("live_status")

    assert reported[SOE].value["percentage"] == pytest.approx(50.0)


async def test_a_pause_is_logged_once_and_nothing_else_is(connect, cloud, clock, caplog):
    """An endpoint that the site has not begins none."""
    driver = connect()
    cloud.trouble("not-found", times=1)
    await refused(driver)
    cloud.trouble("unavailable")
    for _ in range(3):
        clock.advance((await refused(driver)).retry_after + 0.1)

    assert [record.message for record in caplog.records if record.message == "cloud paused"] == [
        "cloud paused"
    ]


async def test_a_slow_cloud_is_not_waited_for(connect, cloud):
    """PW_TIMEOUT ends it; the requests of the meantime wait for the same one."""
    driver = connect(timeout_s=0.2)
    cloud.trouble("silent")

    error = await refused(driver)

    assert error.code() == "gateway_timeout"
    assert error.retry_after == pytest.approx(5.0)


async def test_pauses_are_shared_by_all_endpoints(connect, cloud):
    driver = connect()
    cloud.trouble("rate-limit-seconds")

    first = await refused(driver, "live_status")
    second = await refused(driver, "site_info")

    assert isinstance(second, RateLimited)
    assert (first.retry_after, round(second.retry_after)) == (120.0, 120)
    assert cloud.api_requests == 1


@pytest.mark.parametrize(
    ("headers", "said", "seconds"),
    [
        ({"Retry-After": "37"}, "", 37),
        ({"Retry-After": formatdate(1_760_000_090, usegmt=True)}, "", 90),
        ({"RateLimit-Reset": "45"}, "", 45),
        ({"RateLimit-Minute-Reset": "20", "RateLimit-Day-Reset": "7200"}, "", 7200),
        ({"X-RateLimit-Reset": "1760000030"}, "", 30),
        ({"Retry-After": "soon"}, "Retry in 12 seconds", 12),
        ({}, "Retry in 10 seconds", 10),
        ({}, "Retry in 9999 seconds", 60),
        ({}, "", 10),
        ({"Retry-After": "0"}, "", 1),
        ({"Retry-After": "99999999"}, "", 31 * 86400),
        ({"Retry-After": "\u0661\u0662"}, "", 10),
    ],
)
def test_every_form_of_retry_after_is_understood(headers, said, seconds):
    """Seconds, a date, reset fields, a sentence; at least a second, at most a month, a sentence up to a minute."""
    assert retry_after(Reply(429, headers, b""), said, 1_760_000_000.0) == pytest.approx(seconds)


async def test_an_expired_token_costs_one_refresh_and_one_repetition(connect, cloud, clock):
    driver = connect()
    cloud.sign_in.expire_access()

    reported = await driver.fetch("live_status")

    assert reported[METERS].value["load"]["instant_power"] is not None
    assert cloud.requests_for("/token") == 1
    assert cloud.requests_for("live_status") == 2


async def test_a_token_that_is_refused_although_it_is_new_is_not_renewed_for_ever(connect, cloud, clock):
    """One refresh, one repetition, then minutes of silence."""
    driver = connect()
    cloud.trouble("token-expired")

    error = await refused(driver)
    in_a_minute = await requests_in(55, driver, cloud, clock)

    assert error.code() == "login_rejected"
    assert in_a_minute == 0
    assert cloud.requests_for("/token") == 1


async def test_a_lost_sign_in_is_one_state_until_the_owner_signs_in(connect, cloud, clock, folder):
    """Readings come back with the next request after setup has run, not after the hour."""
    driver = connect()
    cloud.sign_in.revoke()
    cloud.sign_in.expire_access()

    error = await refused(driver)
    quiet = await requests_in(600, driver, cloud, clock, every=30)
    folder.sign_in(cloud)

    assert isinstance(error, SignInRequired)
    assert error.retry_after <= 60
    assert quiet == 0
    assert METERS in await driver.fetch("live_status")


async def test_a_static_token_that_is_refused_is_not_refreshed(connect, cloud):
    error = await refused(connect("static", token="never given"))

    assert isinstance(error, SignInRequired)
    assert "PW_CLOUD_TOKEN" in str(error)
    assert cloud.requests_for("/token") == 0


async def test_no_token_shows_in_what_the_driver_says(connect, cloud, clock, folder):
    driver = connect()
    await driver.fetch("live_status")
    cloud.trouble("scope")
    clock.advance(61)

    shown = str(await refused(driver)) + repr(driver.describe())

    assert folder.read()["access_token"] not in shown
    assert folder.read()["refresh_token"] not in shown


async def test_fleet_tokens_belong_to_the_client_of_the_file(connect, cloud):
    """The client id is the file's, the answer's scopes are the sign-in's."""
    driver = connect()
    cloud.sign_in.expire_access()

    await driver.fetch("live_status")

    token = next(record for record in cloud.requests if record.path.endswith("/token"))
    assert f"client_id={FLEET}" in token.body.decode()
