"""The refresher: what is in demand is fresh when its client comes, what is not is not fetched."""

import asyncio

from proxy.sim.faults import Fault
from tests.clock import pass_time, settled, until

METERS = "/api/meters/aggregates"


async def poll(proxy, clock, times, gap):
    """Request the meters at a steady pace; return the ages that were served."""
    ages = []
    for _ in range(times):
        ages.append(int((await proxy.get("/aggregates")).headers["Age"]))
        for _ in range(10):
            await pass_time(clock, proxy, gap / 10)
    return ages


async def test_a_steady_scraper_never_waits_and_costs_one_request_per_visit(sim, proxy, clock):
    """Every ten seconds with a ttl of five: the reading is made shortly before the visit."""
    ages = await poll(proxy, clock, 12, gap=10)

    assert all(age <= 4 for age in ages)
    assert sim.requests_for(METERS) <= 14
    assert [r for r in proxy.context.gateway.cache.results if r[1].value in {"stale", "error"}] == []


async def test_a_busy_route_costs_one_request_per_ttl(sim, proxy, clock):
    await poll(proxy, clock, 60, gap=1)

    assert 10 <= sim.requests_for(METERS) <= 13


async def test_what_is_not_in_demand_is_not_fetched(sim, proxy, clock):
    await proxy.get("/aggregates")
    before = len(sim.requests)
    for _ in range(100):
        await pass_time(clock, proxy, 6)

    assert len(sim.requests) == before


async def test_an_open_page_keeps_its_sources_fresh(sim, proxy, clock):
    """An open page counts as a steady client until it is closed."""
    leave = proxy.context.gateway.cache.watch([METERS])
    await proxy.get("/aggregates")
    for _ in range(10):
        await pass_time(clock, proxy, 5.1)
    watched = sim.requests_for(METERS)
    leave()
    for _ in range(10):
        await pass_time(clock, proxy, 5.1)

    assert watched >= 10
    assert sim.requests_for(METERS) <= watched + 1


async def test_no_client_waits_for_a_slow_gateway_on_a_busy_route(sim, start, clock):
    """Half of the ttl passes while the gateway answers: the request is sent that much earlier, not more often."""
    proxy = await start(sim, cache_expire=1)
    await proxy.get("/aggregates")
    sim.faults.add(Fault(delay_s=0.5))
    now, waits, ages, counted = clock.clock.monotonic, [], [], {}
    for step in range(200):
        counted.setdefault(step // 100, sim.requests_for(METERS))
        before = now()
        answer = await proxy.get("/aggregates")
        waits.append(now() - before)
        ages.append(int(answer.headers["Age"]))
        clock.advance(0.05)
        await settled()

    assert sorted(waits[100:])[-2] < 0.04
    assert max(ages) <= 1
    assert sim.requests_for(METERS) - counted[1] <= 6


async def test_no_client_waits_for_long_after_the_gateway_was_requested(sim, proxy, clock):
    """A client that comes during a fetch from a slow gateway gets the reading at hand without waiting again."""
    await proxy.get("/aggregates")
    sim.faults.add(Fault(delay_s=3))
    clock.advance(10)
    await proxy.get("/aggregates")
    now = clock.clock.monotonic
    before = now()

    answers = [await proxy.get("/aggregates") for _ in range(10)]

    assert now() - before < 0.3
    assert {answer.status for answer in answers} == {200}
    assert sim.requests_for(METERS) == 2


async def test_no_client_waits_while_a_lost_gateway_is_tried(sim, proxy, clock):
    """Past the stale window, a client that comes during the trial gets the error at once, however long it hangs."""
    await proxy.get("/aggregates")
    await proxy.get("/soe")
    sim.answers(status=429, headers={"Retry-After": "40"})
    clock.advance(10)
    await proxy.get("/soe")
    sim.clear_faults()
    sim.faults.add(Fault(action="hang"))
    clock.advance(45)
    trial = asyncio.create_task(proxy.get("/soe"))
    await until(lambda: sim.requests_for("/api/system_status/soe") == 3)
    now = clock.clock.monotonic
    before = now()

    answer = await proxy.get("/soe")

    assert answer.status == 504
    assert now() - before < 1
    trial.cancel()
    assert sim.requests_for("/api/system_status/soe") == 3
