"""What is shown of Tesla's cloud itself: the answers of its APIs, and the key of the application."""

from __future__ import annotations

import pytest

from proxy.drivers.cloud.enrolment import new_key
from tests.cloud.conftest import at, named


async def test_answers_of_the_fleet_api_are_shown(connect, cloud):
    """Without their envelope, as in the pypowerwall proxy; what would show where the house is is masked."""
    proxy = await connect(cloud)

    info, status = (await proxy.get("/fleetapi/info")).json(), (await proxy.get("/fleetapi/status")).json()

    assert status["load_power"] == 2000
    assert info["default_real_mode"] == "self_consumption"
    assert (await proxy.get("/fleetapi")).json() == {"error": "Use /fleetapi/info, /fleetapi/status"}
    assert (await proxy.get("/cloud/power")).json() == {"error": "Cloud API not enabled"}
    assert (await proxy.get("/tedapi")).json() == {"error": "TEDAPI not enabled"}


async def test_answers_of_the_owner_api_are_shown(connect, cloud):
    """Whole; that of ``site_status`` is requested only by those who read it."""
    proxy = await connect(cloud, "owner")

    power, config = (await proxy.get("/cloud/power")).json(), (await proxy.get("/cloud/config")).json()
    before = named(cloud).count("site_status")
    root = (await proxy.get("/cloud")).json()
    battery = (await proxy.get("/cloud/battery")).json()

    assert power["response"]["load_power"] == 2000
    assert config["response"]["default_real_mode"] == "self_consumption"
    assert root == {"error": "Use /cloud/battery, /cloud/power, /cloud/config"}
    assert battery["response"]
    assert (before, named(cloud).count("site_status")) == (0, 1)
    assert (await proxy.get("/fleetapi/info")).json() == {"error": "FleetAPI not enabled"}


@pytest.mark.parametrize("mode", ["fleet", "owner", "static"])
async def test_the_tariff_is_that_of_the_site(connect, cloud, mode):
    """It comes with the configuration of the site, for no request of its own."""
    proxy = await connect(cloud, mode)
    await proxy.get("/api/status")
    before = cloud.api_requests

    answer = await proxy.get("/api/tesla/tariff_rate")

    assert answer.json() == {"name": "Residential", "utility": "Simulated Utility", "code": "SIM-1"}
    assert int(answer.headers["Age"]) < 5
    assert cloud.api_requests == before


async def test_beside_a_gateway_the_tariff_is_read_where_the_cloud_is(connect, house, both):
    plain = await connect(both, **at(house))
    refused = await plain.get("/api/tesla/tariff_rate")
    hybrid = await connect(both, **at(house, cloud_hybrid=True))

    assert (refused.status, "PW_CLOUD_HYBRID" in refused.json()["detail"]) == (503, True)
    assert (await hybrid.get("/api/tesla/tariff_rate")).json()["utility"] == "Simulated Utility"


async def test_the_key_of_the_application_is_published(connect, cloud, tmp_path):
    """Tesla fetches it from the domain, whose web server may forward the path; what is no public key stays here."""
    proxy = await connect(cloud)
    path = "/.well-known/appspecific/com.tesla.3p.public-key.pem"
    file = tmp_path / "auth" / "com.tesla.3p.public-key.pem"
    private, public = new_key()

    assert (await proxy.get(path)).status == 404
    file.write_bytes(private)
    assert (await proxy.get(path)).status == 404
    file.write_bytes(public)
    answer = await proxy.get(path, headers={"Host": "home.example.com"})

    assert (answer.status, answer.text) == (200, public.decode())
    assert answer.headers["Content-Type"] == "application/x-pem-file"
