"""What clients are served while the gateway is well, slow, silent or wrong."""

import asyncio

import pytest

from proxy.sim.faults import Fault
from tests.clock import pass_time, until

SOE = "/api/system_status/soe"


async def test_one_answer_serves_all_clients_until_its_ttl_ends(sim, proxy, clock):
    """Within the ttl no request reaches the gateway, and the answer says its age."""
    first = await proxy.get("/soe")
    clock.advance(4)
    second = await proxy.get("/soe")

    assert first.body == second.body
    assert (first.headers["Age"], second.headers["Age"]) == ("0", "4")
    assert first.headers["Cache-Status"] == "powerwall-proxy; fwd=miss; stored"
    assert second.headers["Cache-Status"] == "powerwall-proxy; hit; ttl=1"
    assert sim.requests_for(SOE) == 1


async def test_after_the_ttl_the_gateway_is_read_again(sim, proxy, clock):
    await proxy.get("/soe")
    sim.plant.set_charge(62)
    clock.advance(6)

    answer = await proxy.get("/soe")

    assert round(answer.json()["percentage"]) == 62
    assert answer.headers["Age"] == "0"
    assert sim.requests_for(SOE) == 2


async def test_two_hundred_clients_on_a_cold_source_cause_one_request(sim, proxy):
    sim.faults.add(Fault(delay_s=0.2))
    answers = await asyncio.gather(*(proxy.get("/aggregates") for _ in range(200)))

    assert {answer.status for answer in answers} == {200}
    assert len({answer.body for answer in answers}) == 1
    assert sim.requests_for("/api/meters/aggregates") == 1


async def test_two_hundred_clients_on_an_expired_source_cause_one_request(sim, proxy, clock):
    await proxy.get("/aggregates")
    sim.faults.add(Fault(delay_s=0.2))
    clock.advance(60)
    answers = await asyncio.gather(*(proxy.get("/aggregates") for _ in range(200)))

    assert {answer.status for answer in answers} == {200}
    assert {answer.headers["Age"] for answer in answers} == {"0"}
    assert sim.requests_for("/api/meters/aggregates") == 2


async def test_a_client_that_hangs_up_does_not_cancel_the_request(sim, proxy):
    """The answer that the first client no longer wants serves the second one."""
    sim.faults.add(Fault(delay_s=0.2))
    impatient = asyncio.create_task(proxy.get("/soe"))
    await until(lambda: proxy.context.gateway.cache.links[0].in_flight)
    impatient.cancel()
    await asyncio.gather(impatient, return_exceptions=True)

    answer = await proxy.get("/soe")

    assert answer.status == 200
    assert sim.requests_for(SOE) == 1


async def test_a_stale_reading_is_served_while_the_gateway_is_slow(sim, proxy, clock):
    """No client waits for a slow gateway while there is a reading of at most PW_CACHE_TTL."""
    before = await proxy.get("/soe")
    sim.faults.add(Fault(SOE, action="hang"))
    clock.advance(10)

    answer = await proxy.get("/soe")

    assert answer.body == before.body
    assert answer.headers["Age"] == "10"
    assert "detail=gateway_timeout" in answer.headers["Cache-Status"]


async def test_past_the_stale_window_the_answer_is_an_honest_error(sim, proxy, clock):
    """Never zeros, never null with status 200: 503 or 504, when to come back, and why."""
    await proxy.get("/soe")
    sim.answers(status=503)
    clock.advance(31)

    answer = await proxy.get("/soe")

    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json()["title"] == "The gateway does not report this now"
    assert not {"error", "code"} & answer.json().keys()


async def test_no_answer_takes_longer_than_four_seconds(sim, start, clock):
    """telegraf gives up after four seconds; a gateway that hangs is reported before that."""
    proxy = await start(sim, timeout=60)
    sim.faults.add(Fault(SOE, action="hang"))
    loop = asyncio.get_running_loop()
    polling = asyncio.create_task(proxy.get("/soe"))
    await until(lambda: proxy.context.traffic.in_flight)
    started = loop.time()
    await until(lambda: sim.requests_for(SOE))
    clock.advance(started + 4 - loop.time())
    four_seconds = loop.time()
    answer = await polling

    assert answer.status == 504
    assert loop.time() - four_seconds < 20  # what a busy machine takes, not a wait: PW_TIMEOUT is 60


@pytest.mark.parametrize(
    "body",
    [
        b"<html>Login</html>",
        b"",
        b"null",
        b'{"percentage": NaN}',
        b'{"percentage": 50, "name": "\\ud800"}',
        b'{"percentage": 1e400}',
        b'{"percentage": "62"}',
        b'{"percentage": 6200}',
        b'{"percent": 62}',
        b"[62]",
        b'{"percentage": 62',
        b'\xff\xfe{"percentage": 62}',
        b"\x1f\x8b broken",
    ],
)
async def test_garbage_never_replaces_a_reading(sim, proxy, clock, body):
    good = await proxy.get("/soe")
    sim.answers(status=200, body=body, path=SOE)
    clock.advance(10)

    stale = await proxy.get("/soe")
    clock.advance(30)
    gone = await proxy.get("/soe")

    assert (stale.status, stale.body) == (200, good.body)
    assert gone.status in {502, 503}


async def test_graceful_degradation_off_serves_nothing_stale(sim, start, clock):
    proxy = await start(sim, graceful_degradation=False)
    await proxy.get("/soe")
    sim.answers(status=500)
    clock.advance(6)

    assert (await proxy.get("/soe")).status == 503


async def test_an_answer_that_is_stale_in_part_says_so(sim, proxy, clock):
    """Its age is that of its oldest part, and Cache-Status agrees, though the rest is new."""
    await proxy.get("/csv/v2")
    clock.advance(12)
    sim.answers(status=503, path=SOE)

    answer = await proxy.get("/csv/v2")

    assert answer.headers["Age"] == "12"
    assert answer.headers["Cache-Status"] == "powerwall-proxy; hit; ttl=-7; detail=source_unavailable"


async def test_a_substitute_is_waited_for_within_the_same_deadline(sim, proxy, clock):
    """A route that requests another source when the first is not offered answers within 4 s all the same."""
    sim.faults.add(Fault("/api/devices/vitals", status=404, delay_s=2.5))
    sim.faults.add(Fault("/api/solar_powerwall", action="hang"))
    started = asyncio.get_running_loop().time()
    answer = asyncio.create_task(proxy.get("/strings"))
    while not answer.done():
        await pass_time(clock, proxy, 0.05)

    assert answer.result().status == 504
    assert asyncio.get_running_loop().time() - started < 5


async def test_a_reading_that_a_write_overtook_is_read_again(sim, proxy):
    """Who waits for it gets the value after the write; what was read before is not served."""
    sim.faults.add(Fault(delay_s=0.05))
    gateway = proxy.context.gateway.cache
    waiting = asyncio.create_task(proxy.get("/api/operation"))
    await until(lambda: sim.requests_for("/api/operation") == 1, turns=10**6)
    gateway.discard(["/api/operation"])

    assert (await waiting).status == 200
    assert sim.requests_for("/api/operation") == 2


async def test_a_watched_reading_comes_back_after_a_write(sim, proxy, clock):
    """An open page shows what a command changed without any request."""
    gateway = proxy.context.gateway.cache
    gateway.watch(["/api/operation"])
    await until(lambda: gateway.peek("/api/operation"), turns=10**6)
    sim.faults.add(Fault(delay_s=0.05))
    clock.advance(5)
    await until(lambda: sim.requests_for("/api/operation") == 2, turns=10**6)

    gateway.discard(["/api/operation"])

    await until(lambda: gateway.peek("/api/operation"), turns=10**6)
    assert sim.requests_for("/api/operation") == 3


@pytest.mark.parametrize("power", ["9" * 400, "1e40", "-1e308"])
async def test_a_number_that_no_house_has_is_no_reading(sim, proxy, power):
    """It would turn sums into infinity, which is no JSON."""
    body = f'{{"site": {{"instant_power": {power}}}, "battery": {{}}, "load": {{}}, "solar": {{}}}}'
    sim.answers(body=body, path="/api/meters/aggregates")

    for path in ("/aggregates", "/csv", "/csv/v2", "/json", "/metrics"):
        assert (await proxy.get(path)).status in {200, 502}, path


async def test_a_source_that_is_set_aside_is_no_exchange_that_recovers(sim, proxy, clock, caplog):
    """The local API has one path for both: a reply without its value is no failure of the exchange."""
    caplog.set_level("INFO", "proxy")
    await proxy.get("/soe")
    sim.answers(path=SOE, body={"percentage": None}, times=1)
    await pass_time(clock, proxy, 6)
    await proxy.get("/soe")
    await pass_time(clock, proxy, 6)

    answer = await proxy.get("/soe")

    assert answer.headers["Age"] == "0"
    assert sim.requests_for(SOE) == 3
    assert "source recovered" not in caplog.messages
