"""The site of an account: named, renamed, without an endpoint, missing."""

from __future__ import annotations

from proxy.core.errors import NotSupported
from proxy.core.sources import METERS
from tests.drivers.cloud.conftest import HOUR, refused, requests_in


async def test_a_site_that_is_not_on_the_account_is_named_with_those_that_are(connect, cloud, clock):
    """One look at the account, then an hour of silence."""
    driver = connect(site_id=999)

    error = await refused(driver)
    quiet = await requests_in(HOUR - 60, driver, cloud, clock, every=60)

    assert str(cloud.site.site_id) in str(error)
    assert cloud.requests_for("products") == 1
    assert quiet == 0


async def test_a_site_whose_id_changed_is_followed_by_its_gateway(connect, cloud, clock):
    driver = connect()
    await driver.fetch("live_status")
    cloud.rename_site(cloud.site.site_id, 4711)
    clock.advance(61)

    await driver.fetch("live_status")

    assert driver.describe()["site_id"] == 4711


async def test_an_endpoint_that_the_site_has_not_is_no_trouble_of_the_account(connect, cloud, clock):
    driver = connect()
    await driver.fetch("live_status")
    clock.advance(61)
    cloud.trouble("not-found")

    assert isinstance(await refused(driver), NotSupported)
    cloud.heal()
    assert METERS in await driver.fetch("live_status")


async def test_an_account_without_energy_sites_is_said_to_have_none(connect, cloud):
    """A car alone is none."""
    driver = connect("owner", site_id=None)
    cloud.account.sites.clear()

    assert str(await refused(driver)) == "the account has no energy site"
