"""The gateway goes away in every way it can, and comes back."""

import asyncio

import pytest

from proxy.sim.faults import Fault
from proxy.sim.server import SimulatedGateway
from tests.clock import pass_time, until
from tests.drivers.houses import HYBRID, POLYGLOT

SOE = "/api/system_status/soe"
METERS = "/api/meters/aggregates"
OUTAGES = {
    "refused": Fault(action="refuse"),
    "reset": Fault(action="reset"),
    "closed": Fault(action="close"),
    "hang": Fault(action="hang"),
    "cut": Fault(action="cut"),
    "drip": Fault(action="drip"),
    "stalled handshake": Fault(action="stall"),
    "503": Fault(status=503),
    "500": Fault(status=500),
    "502 stopped": Fault(status=502),
    "429": Fault(status=429),
    "503 and when": Fault(status=503, headers={"Retry-After": "8"}),
    "429 and when": Fault(status=429, headers={"Retry-After": "8"}),
    "html": Fault(action="html"),
    "empty": Fault(action="empty"),
    "truncated": Fault(action="truncate"),
    "bad gzip": Fault(action="bad-gzip"),
    "mistyped": Fault(action="mistype"),
}


async def scrape(proxy, clock, seconds, step=0.5):
    """Request two routes twice a second; return (time, route, answer)."""
    seen = []
    for tick in range(int(seconds / step)):
        for path in ("/soe", "/aggregates"):
            seen.append((tick * step, path, await proxy.get(path)))
        await pass_time(clock, proxy, step)
    return seen


@pytest.mark.parametrize("name", OUTAGES)
async def test_an_outage_costs_no_wrong_value_and_ends_by_itself(sim, start, clock, name):
    """
    Readings are served for 30 s, then errors that say when to come back; the gateway is left
    alone; and what is served after its return is fresh within a trial and a ttl.
    """
    proxy = await start(sim, timeout=0.2)
    await scrape(proxy, clock, 10)
    good = {path: (await proxy.get(path)).body for path in ("/soe", "/aggregates")}
    before = len(sim.requests)
    fault = sim.faults.add(OUTAGES[name])
    during = await scrape(proxy, clock, 60)
    attempts = len(sim.requests) - before
    fault.remove()
    after = await scrape(proxy, clock, 26)

    for at, path, answer in during:
        assert answer.status == 200 or at > 15, (at, path, answer.text)
        if answer.status != 200:
            assert int(answer.headers["Retry-After"]) >= 1
            assert answer.headers["Content-Type"] == "application/problem+json"
        elif int(answer.headers["Age"]) > 6:
            assert answer.body == good[path] or len(answer.body) > 2
            assert "detail=" in answer.headers["Cache-Status"]
    assert all(int(answer.headers["Age"]) <= 31 for _, _, answer in during if answer.status == 200)
    assert attempts <= 40
    for _, _, answer in after[-8:]:
        assert answer.status == 200
        assert int(answer.headers["Age"]) <= 6


@pytest.mark.parametrize("name", sorted(OUTAGES.keys() - {"429", "429 and when"}))
async def test_readings_are_back_in_fifteen_seconds_however_long_the_outage_was(sim, start, clock, name):
    """A 429 is another matter: it may be the lock-out of a program that polls too often, whatever time it names."""
    proxy = await start(sim, timeout=0.2)
    await scrape(proxy, clock, 10)
    fault = sim.faults.add(OUTAGES[name])
    await scrape(proxy, clock, 300, step=2)
    fault.remove()
    after = await scrape(proxy, clock, 20, step=1)

    for at, path, answer in after:
        if at >= 15:
            assert (path, answer.status) == (path, 200)
            assert int(answer.headers["Age"]) <= 6


@pytest.mark.parametrize("mode", [{}, HYBRID], ids=["local", "hybrid"])
async def test_readings_are_fresh_three_seconds_after_connections_are_accepted_again(start, clock, mode):
    """Whenever in its cooldown the gateway comes back: a TCP connection every two seconds shows it."""
    async with SimulatedGateway(POLYGLOT, clock=clock.clock) as sim:
        proxy = await start(sim, timeout=0.2, **mode)
        await scrape(proxy, clock, 10)
        for outage_s in (31, 34, 37, 40):
            fault = sim.faults.add(OUTAGES["refused"])
            await scrape(proxy, clock, outage_s, step=1)
            fault.remove()
            (*_, (_, path, answer)) = await scrape(proxy, clock, 3.5)

            assert (path, answer.status) == ("/aggregates", 200)
            assert int(answer.headers["Age"]) <= 3


async def test_a_connection_that_is_tried_carries_no_request(sim, start, clock):
    """Nor is one tried when no client wants readings, or when the gateway accepts connections and then resets."""
    proxy = await start(sim, timeout=0.2)
    await scrape(proxy, clock, 10)
    fault = sim.faults.add(OUTAGES["refused"])
    await scrape(proxy, clock, 30, step=1)
    before = len(sim.requests)
    fault.remove()
    await pass_time(clock, proxy, 600)  # the clients are gone
    assert len(sim.requests) - before <= 4  # what they wanted once more

    await scrape(proxy, clock, 10)
    sim.faults.add(OUTAGES["reset"])
    await scrape(proxy, clock, 40, step=1)
    assert not proxy.context.gateway.cache.links[0].breaker.awaits_connection


@pytest.mark.parametrize("name", ["refused", "reset", "hang", "503", "429"])
async def test_a_lost_gateway_is_read_at_most_six_times_a_minute(sim, start, clock, name):
    proxy = await start(sim, timeout=0.2)
    await scrape(proxy, clock, 10)
    sim.faults.add(OUTAGES[name])
    await scrape(proxy, clock, 40)
    link = proxy.context.gateway.cache.links[0]
    before = sum(count for (_, outcome), count in link.exchanges.items() if outcome != "ok")
    await scrape(proxy, clock, 60)
    requested = sum(count for (_, outcome), count in link.exchanges.items() if outcome != "ok") - before

    assert requested <= 7


async def test_answers_come_at_once_while_the_gateway_is_in_cooldown(sim, start, clock):
    proxy = await start(sim, timeout=0.2)
    sim.faults.add(Fault(action="hang"))
    await scrape(proxy, clock, 20)
    loop = asyncio.get_running_loop()

    async def seconds(path):
        started = loop.time()
        await proxy.get(path)
        return loop.time() - started

    # A trial may be under way: its second is over soon, the others do not wait for it.
    times = sorted([await seconds("/soe") for _ in range(50)])
    assert times[45] < 0.1


async def test_one_429_costs_no_client_a_reading(sim, proxy, clock):
    await scrape(proxy, clock, 10)
    sim.answers(status=429, times=1)
    seen = await scrape(proxy, clock, 40)

    assert {answer.status for _, _, answer in seen} == {200}
    assert max(int(answer.headers["Age"]) for _, _, answer in seen) <= 20


async def test_a_gateway_that_demands_two_minutes_gets_them(sim, proxy, clock):
    """Retry-After of a 429 is kept to the second: no request of any kind before its end."""
    await scrape(proxy, clock, 10)
    fault = sim.answers(status=429, headers={"Retry-After": "120"})
    await scrape(proxy, clock, 12, step=2)
    fault.remove()
    before = len(sim.requests)
    await scrape(proxy, clock, 100, step=4)

    assert len(sim.requests) == before
    seen = await scrape(proxy, clock, 30, step=2)
    assert seen[-1][2].status == 200


async def test_a_path_in_trouble_is_reported_once_and_once_more_when_it_works(sim, proxy, clock, caplog):
    """The log has a line per change, not per try."""
    caplog.set_level("INFO", "proxy.cache.link")
    await scrape(proxy, clock, 10)
    fault = sim.faults.add(Fault(SOE, status=500))
    await scrape(proxy, clock, 120, step=2)
    fault.remove()
    await scrape(proxy, clock, 20, step=2)

    assert [record.getMessage() for record in caplog.records] == ["source in cooldown", "source recovered"]


async def test_one_path_that_hangs_leaves_the_others_fresh(sim, start, clock):
    proxy = await start(sim, timeout=1)
    sim.faults.add(Fault("/api/operation", action="hang"))
    ages = []
    for _ in range(60):
        hung = asyncio.create_task(proxy.get("/api/operation"))
        ages.append(int((await proxy.get("/soe")).headers["Age"]))
        await pass_time(clock, proxy, 1)
        assert (await hung).status in {503, 504}

    assert max(ages) <= 6
    assert sim.requests_for("/api/operation") <= 14


async def test_a_path_that_is_not_there_is_read_once_in_ten_minutes(sim, proxy, clock):
    sim.answers(status=404, path="/api/solars")
    for _ in range(50):
        answer = await proxy.get("/api/solars")
        await pass_time(clock, proxy, 10)

    assert answer.status == 404
    assert sim.requests_for("/api/solars") == 1


async def test_a_firmware_update_makes_the_proxy_look_again(sim, proxy, clock):
    """What the old firmware did not offer is requested again as soon as the version changes."""
    await proxy.get("/version")
    fault = sim.answers(status=404, path="/api/solars")
    await proxy.get("/api/solars")
    fault.remove()
    sim.persona = "fw23_44"
    await pass_time(clock, proxy, 10)
    await proxy.get("/version")
    await pass_time(clock, proxy, 0.1)

    assert (await proxy.get("/api/solars")).status == 200


async def test_the_proxy_starts_without_its_gateway(start, sim, clock):
    fault = sim.faults.add(Fault(action="refuse"))
    proxy = await start(sim)

    assert (await proxy.get("/health")).status == 200
    assert (await proxy.get("/ready")).status == 503
    assert (await proxy.get("/soe")).status in {502, 503}

    fault.remove()
    await pass_time(clock, proxy, 2)
    assert (await proxy.get("/soe")).status == 200
    assert (await proxy.get("/ready")).status == 200


async def test_an_unusable_answer_says_when_it_is_requested_again(sim, proxy):
    """Retry-After is the rest of the path, also for errors that rest alone."""
    sim.answers(body="<html>", path=SOE)
    await proxy.get("/soe")

    answer = await proxy.get("/soe")

    assert answer.status == 502
    assert 4 <= int(answer.headers["Retry-After"]) <= 6


async def test_requests_of_one_connection_wait_in_the_proxy_not_in_its_buffers(sim, start):
    """PW_POOL_MAXSIZE=0: a new connection for each request, one after the other; queueing is no failure."""
    sim.faults.add(Fault(delay_s=0.05))
    proxy = await start(sim, pool_maxsize=0, timeout=1)
    paths = sorted(source for source in proxy.context.gateway.cache.links[0].driver.sources)
    await asyncio.gather(*(proxy.get(path) for path in paths))
    await until(lambda: not proxy.context.gateway.cache.is_fetching, turns=10**7)

    failures = [outcome for _, outcome in proxy.context.gateway.cache.links[0].exchanges if outcome != "ok"]
    assert "gateway_timeout" not in failures
    assert sim.max_in_flight == 1
