"""What fails is named: of a site in the cloud no sentence speaks of a gateway that failed."""

import pytest

from proxy.sim.faults import Fault
from tests.clock import pass_time
from tests.cloud.conftest import at

TITLES = {
    "broken": "The cloud broke off its answer",
    "html": "The cloud's answer is unusable",
    "rate-limit-seconds": "The cloud limits the rate of requests",
    "token-expired": "The cloud refuses the login",
    "unavailable": "The cloud does not report this now",
    "owner-refused": "The cloud refuses this account",
    "refused": "The cloud cannot be reached",
}


@pytest.mark.parametrize("trouble", TITLES)
async def test_a_cloud_that_fails_is_named(connect, cloud, clock, trouble):
    """In the first response, in those of the cooldown, and in /health."""
    proxy = await connect(cloud)
    cloud.trouble(trouble)

    first = (await proxy.get("/soe")).json()
    second = (await proxy.get("/soe")).json()
    reason = (await proxy.get("/health")).json()["message"]

    assert first["title"] == TITLES[trouble]
    assert second["title"] in {TITLES[trouble], "The cloud is in cooldown"}
    assert not [text for text in (second["detail"], reason) if "The gateway" in text]


async def test_what_the_cloud_does_not_offer_is_not_missing_on_a_gateway(connect, cloud):
    proxy = await connect(cloud)

    answer = (await proxy.get("/api/networks")).json()

    assert (answer["title"], answer["status"]) == ("The cloud does not offer this", 404)


async def test_a_gateway_that_fails_keeps_its_name_beside_the_cloud(connect, house, both, clock):
    proxy = await connect(both, **at(house, failover=False))
    house.faults.add(Fault(action="refuse"))

    answer = (await proxy.get("/soe")).json()
    await pass_time(clock, proxy, 1)

    assert answer["title"] == "The gateway cannot be reached"
    assert "The gateway cannot be reached over local" in (await proxy.get("/health")).json()["message"]
