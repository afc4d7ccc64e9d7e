"""Whatever happens to one gateway, the others answer as on a calm day, and get no more requests."""

import asyncio

import pytest

from proxy.sim.faults import Fault
from tests.clock import pass_time
from tests.fleet.conftest import gateway

FAULTS = {
    "hang": Fault(action="hang"),
    "reset": Fault(action="reset"),
    "403": Fault(status=403),
    "429": Fault(status=429, headers={"Retry-After": "8"}),
    "503": Fault(status=503),
    "refuse": Fault(action="refuse"),
    "garbage": Fault(action="html"),
    "slow": Fault(delay_s=8.0),
    "stalled handshake": Fault(action="stall"),
}
SECONDS = 30


async def day(proxy, sim, clock):
    """What clients of the garage see while others read the house: status, age and duration of each, and the requests."""
    seen = []

    async def timed(path):
        started = clock.clock.monotonic()
        answer = await proxy.get(f"/gateways/garage{path}")
        return path, answer.status, answer.headers["Age"], round(clock.clock.monotonic() - started, 1)

    for _ in range(SECONDS):
        others = [
            asyncio.create_task(proxy.get(f"/gateways/house{path}")) for path in ("/aggregates", "/soe")
        ]
        seen += await asyncio.gather(*(timed(path) for path in ("/aggregates", "/soe")))
        await pass_time(clock, proxy, 1.0)
        for other in others:
            if other.done():
                other.result()
            else:
                other.cancel()
    return seen, [record.path for record in sim.requests]


def assert_calm(seen, requests):
    """What a day is without any fault: one login; two sources, each at most once in its lifetime of 5 s."""
    assert {status for _, status, _, _ in seen} == {200}
    assert max(int(age) for _, _, age, _ in seen) <= 5
    assert max(seconds for _, _, _, seconds in seen) <= 0.2
    assert requests.count("/api/login/Basic") == 1
    assert requests.count("/api/meters/aggregates") == requests.count("/api/system_status/soe")
    assert requests.count("/api/meters/aggregates") <= SECONDS / 5 + 1


@pytest.fixture
async def two(serve, sims):
    return await serve([gateway(id_, sim, timeout=2.0) for id_, sim in sims.items()])


@pytest.mark.parametrize("name", FAULTS)
async def test_a_fault_of_one_gateway_is_not_seen_at_another(name, two, sims, clock):
    sims["house"].faults.add(FAULTS[name])

    assert_calm(*await day(two, sims["garage"], clock))


async def test_a_day_without_faults_is_calm(two, sims, clock):
    assert_calm(*await day(two, sims["garage"], clock))


async def test_a_name_that_does_not_exist_is_not_seen_at_another_gateway(serve, sims, clock):
    listed = [gateway("house", sims["house"], host="house.invalid"), gateway("garage", sims["garage"])]

    assert_calm(*await day(await serve(listed), sims["garage"], clock))
