"""The files of the pypowerwall proxy decide which API is used, where it is and which site is read."""

from __future__ import annotations

import json

import pytest

from proxy.config.cloud import signed_in, site_id
from proxy.drivers.cloud.found import Found, look
from proxy.sim.cloud.server import SITE_ID
from tests.drivers.cloud.conftest import EMAIL

EUROPE = "https://fleet-api.prd.eu.vn.cloud.tesla.com"


def test_the_fleet_file_comes_before_the_owner_file(folder):
    none = signed_in(str(folder.path))
    folder.owner.write_text("{}")
    owner = signed_in(str(folder.path))
    folder.fleet.write_text("{}")

    assert (none, owner, signed_in(str(folder.path))) == ("", "owner", "fleet")


def test_region_and_site_are_those_of_the_fleet_file(folder):
    folder.fleet.write_text(json.dumps({"AUDIENCE": EUROPE, "site_id": 7}))

    assert look("fleet", str(folder.path), "") == Found(EUROPE, site_id=7)


def test_the_sign_in_server_is_that_of_the_account(folder):
    """China has its own; the site is in a file of its own."""
    folder.owner.write_text(json.dumps({"a@example.com": {}, EMAIL: {"url": "https://auth.tesla.cn/"}}))
    (folder.path / ".pypowerwall.site").write_text(" 1234567890123456\n")

    found = look("owner", str(folder.path), EMAIL)

    assert found == Found(auth_url="https://auth.tesla.cn", site_id=1234567890123456)


@pytest.mark.parametrize(
    "url", ["https://evil.example", "http://fleet-api.prd.eu.vn.cloud.tesla.com", 7, None, ""]
)
def test_tokens_go_to_no_address_that_is_not_teslas_because_a_file_says_so(folder, url):
    folder.fleet.write_text(json.dumps({"AUDIENCE": url}))

    assert look("fleet", str(folder.path), "").url == ""


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "\x00"])
def test_a_damaged_file_says_nothing(folder, content):
    for path in (folder.fleet, folder.owner, folder.path / ".pypowerwall.site"):
        path.write_text(content)

    assert look("fleet", str(folder.path), "") == look("owner", str(folder.path), EMAIL) == Found()


@pytest.mark.parametrize(
    ("value", "known"),
    [(5, 5), ("5", 5), (" 42\n", 42), (True, None), ("5a", None), ("\u0665", None), (None, None), ("", None)],
)
def test_a_site_id_is_a_number_or_its_digits(value, known):
    assert site_id(value) == known


async def test_the_file_names_the_site_that_is_read(connect, cloud):
    """Without PW_SITEID; no look at the account is needed for it."""
    driver = connect(site_id=None)

    await driver.fetch("live_status")

    assert driver.describe()["site_id"] == SITE_ID
    assert cloud.requests_for("products") == 0
