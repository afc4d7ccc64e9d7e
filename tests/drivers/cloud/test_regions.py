"""A site is read in its region, and its tokens go to Tesla's hosts and the configured one only."""

from __future__ import annotations

import pytest

from proxy.core.cloud_errors import AccountRefused
from proxy.drivers.cloud.refusals import trusted
from proxy.sim.cloud.server import SimulatedCloud
from tests.drivers.cloud.conftest import refused


async def test_a_wrong_region_is_left_for_the_right_one_once(connect, cloud, clock, folder):
    """421 names the base URL; it is used from then on."""
    async with SimulatedCloud(clock=clock.clock) as other:
        other.sign_in, other.account, other.moved_to = cloud.sign_in, cloud.account, cloud.url
        driver = connect(at=other)
        await driver.fetch("live_status")
        clock.advance(61)
        await driver.fetch("live_status")
        misdirected = other.api_requests

    assert misdirected == 1
    assert cloud.requests_for("live_status") == 2


@pytest.mark.parametrize(
    "place", ["https://tesla.com.example.net", "https://example.com", "http://127.0.0.1:1"]
)
async def test_a_token_goes_to_no_host_that_a_stranger_names(connect, cloud, clock, place):
    """Neither the refusal nor users/region can send it away from Tesla's hosts and the configured one."""
    cloud.moved_to = place
    cloud.account.base_url = place
    driver = connect()

    error = await refused(driver)

    assert isinstance(error, AccountRefused)
    assert cloud.api_requests == 2  # live_status and users/region


@pytest.mark.parametrize(
    ("url", "taken"),
    [
        ("https://fleet-api.prd.eu.vn.cloud.tesla.com", True),
        ("https://fleet-api.prd.cn.vn.cloud.tesla.cn/api/1", True),
        ("http://fleet-api.prd.eu.vn.cloud.tesla.com", False),
        ("https://fleet-api.prd.eu.vn.cloud.tesla.com:8443", False),
        ("https://user:word@fleet-api.prd.eu.vn.cloud.tesla.com", False),
        ("https://eviltesla.com", False),
        ("https://tesla.com.evil.net", False),
        ("https://proxy.example.org:9000", True),
        ("http://proxy.example.org", False),
        ("https://[broken", False),
    ],
)
def test_only_known_hosts_get_the_token(url, taken):
    assert (trusted(url, "https://proxy.example.org") is not None) == taken


async def test_the_owner_api_of_china_is_refused_in_a_sentence(connect, cloud, folder):
    """Its address is not known; nothing of such an account is sent anywhere."""
    driver = connect("owner", url="", auth_url="https://auth.tesla.cn")

    error = await refused(driver)

    assert isinstance(error, AccountRefused)
    assert "China is not supported" in str(error)
    assert cloud.requests == []
