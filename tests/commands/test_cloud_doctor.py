"""The doctor on a site in Tesla's cloud: each fault is named, with what to do, and costs two requests at most."""

import json

import pytest

from proxy.config.settings import settings_of
from proxy.core import errors
from proxy.core.advice import CLOUD_ADVICE, Cause
from proxy.drivers.cloud.factory import CloudOptions, make
from proxy.drivers.diagnosis import diagnose
from proxy.sim.cloud.server import SimulatedCloud
from proxy.sim.cloud.troubles import TROUBLES
from proxy.sim.server import SimulatedGateway
from proxy.state.store import StateStore
from tests.cloud.conftest import sign_in

# What the finding says, and what it comes from.
FAULTS = {
    "token-expired": (Cause.LOGIN, "refuses the access token"),
    "payment": (Cause.ACCOUNT, "subscription"),
    "owner-refused": (Cause.ACCOUNT, "use the Fleet API"),
    "scope": (Cause.ACCOUNT, "lacks a permission"),
    "billing-limit": (Cause.ACCOUNT, "billing limit"),
    "not-found": (Cause.ACCOUNT, "not offered for this site"),
    "offline": (Cause.CLOUD, "the gateway is offline"),
    "unregistered": (Cause.ACCOUNT, "not registered in this region"),
    "locked": (Cause.ACCOUNT, "locked"),
    "rate-limit": (Cause.RATE_LIMIT, "the next request is in 10 s"),
    "rate-limit-seconds": (Cause.RATE_LIMIT, "the next request is in 120 s"),
    "rate-limit-reset": (Cause.RATE_LIMIT, "the next request is in 45 s"),
    "server-error": (Cause.CLOUD, "the cloud failed (500)"),
    "gateway-unreachable": (Cause.CLOUD, "cannot reach the gateway"),
    "unavailable": (Cause.CLOUD, "the cloud failed (503)"),
    "device-error": (Cause.CLOUD, "the cloud failed (540)"),
    "empty": (Cause.CLOUD, "not that of the cloud's API"),
    "html": (Cause.CLOUD, "not that of the cloud's API"),
    "null": (Cause.CLOUD, "empty or not of the shape"),
    "text": (Cause.CLOUD, "empty or not of the shape"),
    "list": (Cause.CLOUD, "empty or not of the shape"),
    "slow": (Cause.CLOUD, "no complete answer within"),
    "silent": (Cause.CLOUD, "no complete answer within"),
    "broken": (Cause.CLOUD, "the connection broke"),
    "refresh-refused": (Cause.LOGIN, "no longer good"),
    "sign-in-down": (Cause.CLOUD, "the sign-in server failed"),
    "lost-refresh": (Cause.CLOUD, "the connection broke"),
    "no-handshake": (Cause.CLOUD, "no complete answer within"),
    "refused": (Cause.ROUTE, "does not accept a connection"),
}
# Faults that show at a write only: the doctor sends none.
OF_WRITES = {"lost-write"}
OF_THE_SIGN_IN = {"refresh-refused", "sign-in-down", "lost-refresh"}


@pytest.fixture
async def cloud(clock):
    async with SimulatedCloud(clock=clock.clock, tls=False) as cloud:
        cloud.house.gateway.speed = 0
        yield cloud


@pytest.fixture
def examine(cloud, clock, tmp_path):
    """Examine a site; ``mode`` has a sign-in unless that is to be missing."""

    async def examine(mode="fleet", *, signed_in=True, expired=False, at=cloud, **settings):
        folder = tmp_path / "auth"
        if signed_in:
            sign_in(at, folder, mode)
        if expired:
            file = folder / ".pypowerwall.fleetapi"
            file.write_text(json.dumps({**json.loads(file.read_text()), "access_token": ""}))
        made = settings_of(**{"auth_path": str(folder), "cloud_mode": mode, **settings}).gateway
        memory = StateStore("")
        options = CloudOptions(
            mode,
            url=at.url,
            auth_url=at.url,
            token=made.cloud_token,
            folder=str(folder),
            site_id=at.site.site_id,
            history=False,
            budget=settings.get("cloud_budget"),
            timeout_s=0.3,
        )
        driver = make(options, memory, clock.clock)
        findings = [finding async for finding in diagnose(made, memory, (driver,))]
        await driver.close()
        return findings

    return examine


def ill(findings):
    return [finding for finding in findings if finding.cause]


@pytest.mark.parametrize("mode", ["fleet", "owner", "static"])
async def test_a_site_that_can_be_read_costs_two_requests(examine, cloud, mode):
    cloud.sign_in.give_static("a fixed token")

    findings = await examine(mode, cloud_token="a fixed token")

    assert ill(findings) == []
    assert cloud.api_requests == 2
    assert any("23.44" in finding.detail for finding in findings)


@pytest.mark.parametrize("name", [name for name in TROUBLES if name not in OF_WRITES])
async def test_each_fault_of_the_cloud_is_named(examine, cloud, name):
    """The finding says what is wrong, its advice what to do."""
    cloud.trouble(name)

    findings = await examine(expired=name in OF_THE_SIGN_IN)

    cause, words = FAULTS[name]
    first = ill(findings)[0]
    assert (first.cause, words in first.detail) == (cause, True), first
    assert first.advice


def test_every_error_of_the_cloud_has_advice():
    """Whatever a driver of the cloud may raise."""
    assert errors.GatewayError in CLOUD_ADVICE
    assert all(advice.action for advice in CLOUD_ADVICE.values())


async def test_a_site_without_battery_is_well(clock, examine):
    async with SimulatedCloud(
        SimulatedGateway("solar_only", clock=clock.clock), clock=clock.clock, tls=False
    ) as cloud:
        findings = await examine(at=cloud)

    assert ill(findings) == []
    assert [f.detail for f in findings if f.step == "cloud: charge"] == ["is not reported for this site"]


async def test_a_missing_sign_in_is_named_and_nothing_sent(examine, cloud):
    findings = await examine(signed_in=False)

    [finding] = ill(findings)
    assert (finding.cause, "does not exist" in finding.detail) == (Cause.LOGIN, True)
    assert "setup --mode fleet" in finding.advice
    assert cloud.requests == []


async def test_a_spent_budget_is_named(examine, cloud):
    findings = await examine(cloud_budget=1)

    assert ill(findings)[0].cause is Cause.BUDGET


def test_a_cloud_out_of_reach_is_reported_once(command):
    """On the terminal are the steps and the advice, and no line of the log."""
    shown = command(
        "doctor", PW_CLOUD_MODE="static", PW_CLOUD_URL="http://127.0.0.1:9", PW_CLOUD_TOKEN="a-fixed-token"
    )

    assert shown.returncode == 1
    assert "127.0.0.1 does not accept a connection" in shown.stdout
    assert "It is the route." in shown.stdout
    assert shown.stderr == ""
