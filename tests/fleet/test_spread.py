"""Many gateways whose clients come together are read one after the other, and no more often for that."""

import asyncio

import pytest

from proxy.core.freshness import Freshness
from proxy.core.sources import METERS
from tests.clock import pass_time
from tests.fleet.conftest import gateway

COUNT = 8
TTL = 5.0
STEP_S = 0.1


@pytest.fixture
async def many(serve, sims):
    """Eight gateways, all of which are the house: what is requested of it is what is requested of all."""
    return await serve([gateway(f"g{number}", sims["house"]) for number in range(COUNT)])


async def rounds(proxy, sim, clock, seconds):
    """Let time pass; return how many requests for the meters each step of it saw."""
    counts = []
    for _ in range(round(seconds / STEP_S)):
        before = sim.requests_for(METERS)
        await pass_time(clock, proxy, STEP_S)
        counts.append(sim.requests_for(METERS) - before)
    return counts


async def watch(proxy, clock):
    """Open the pages of all gateways at the same moment; steps end between the moments of what follows."""
    caches = [each.cache for each in proxy.context.gateways.values()]
    for cache in caches:
        cache.watch([METERS])
    await asyncio.gather(*(cache.get([METERS]) for cache in caches))
    await pass_time(clock, proxy, STEP_S / 2)
    return caches


async def test_what_is_watched_is_read_gateway_after_gateway_and_never_stale(many, sims, clock):
    """Each costs one request per lifetime, and one more at most."""
    caches = await watch(many, clock)
    at_first = await rounds(many, sims["house"], clock, 4 * TTL + 1)
    settled = await rounds(many, sims["house"], clock, 2 * TTL)

    assert max(settled) <= 3
    assert sum(settled) == 2 * COUNT
    assert sum(at_first) <= (4 + 1) * COUNT
    assert {cache.store.get(METERS).freshness(clock.clock.monotonic()) for cache in caches} == {
        Freshness.FRESH
    }


async def test_what_a_scraper_requests_of_all_is_read_before_it_comes_gateway_after_gateway(
    many, sims, clock
):
    """Every fifteen seconds: one request for each gateway, and all answers are there when it comes."""
    counts, ages = [], []
    for _ in range(6):
        for number in range(COUNT):
            ages.append(int((await many.get(f"/gateways/g{number}/aggregates")).headers["Age"]))
        counts.append(await rounds(many, sims["house"], clock, 15.0))

    assert max(counts[-1]) <= 3
    assert [sum(each) for each in counts[2:]] == [COUNT] * 4
    assert max(ages) <= TTL / 2


@pytest.mark.parametrize("site", ["", "home"])
async def test_few_gateways_are_read_whenever_their_clients_come(serve, sims, clock, site):
    """Two are read together, as the readings of a site have to be: their sum is one of one moment."""
    proxy = await serve([gateway(f"g{number}", sims["house"], site=site) for number in range(2)])
    await watch(proxy, clock)
    await rounds(proxy, sims["house"], clock, TTL)

    assert max(await rounds(proxy, sims["house"], clock, TTL)) == 2
