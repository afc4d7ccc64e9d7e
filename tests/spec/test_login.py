"""A login that does not succeed: the owner is not locked out, and the gateway is not stormed."""

import asyncio
import json
import socket

import pytest

from proxy.sim.faults import Fault
from proxy.sim.server import SimulatedGateway
from tests.clock import pass_time

LOGIN = "/api/login/Basic"
ROUTES = ["/soe", "/aggregates", "/api/operation", "/api/status", "/api/system_status", "/api/powerwalls"]


async def test_a_wrong_password_is_tried_at_most_twice_in_thirty_seconds(sim, start, clock):
    """24 clients that keep polling do not lock the owner out."""
    proxy = await start(sim, password="wrong")
    for _ in range(30):
        answers = await asyncio.gather(*(proxy.get("/soe") for _ in range(24)))
        await pass_time(clock, proxy, 1)

    assert sim.logins <= 2
    assert {answer.status for answer in answers} == {503}
    assert "refuses the login" in answers[0].text


@pytest.mark.parametrize("fails", ["the port is closed", "the handshake never ends"])
async def test_a_connection_that_fails_is_no_login(sim, start, clock, fails):
    """Neither in the counters nor on the status page: nothing was sent, so nothing can have been refused."""
    sim.faults.add(Fault(action="refuse"))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        ports = {"the port is closed": sim.port, "the handshake never ends": silent.getsockname()[1]}
        proxy = await start(host=f"127.0.0.1:{ports[fails]}", password="password", timeout=0.2)
        for _ in range(8):
            assert (await proxy.get("/soe")).status >= 500
            await pass_time(clock, proxy, 11)

        [gateway] = (await proxy.get("/health")).json()["gateways"]
        assert (gateway["links"][0]["logins"], gateway["links"][0]["logins_last_hour"]) == (0, 0)
        assert "powerwall_proxy_logins_total{" not in (await proxy.get("/metrics")).text
        assert (await proxy.get("/stats")).json()["gateway"]["logins"] == 0


async def test_refused_logins_become_rarer(sim, start, clock):
    """30 s, 1 min, 2, 4, 8, then every 15 minutes."""
    proxy = await start(sim, password="wrong")
    for _ in range(120):
        await proxy.get("/soe")
        await pass_time(clock, proxy, 30)

    assert sim.logins <= 9


async def test_refusals_grow_rarer_also_when_nothing_can_be_written(sim, start, clock):
    """A folder that can be read and not written, as on a full disk, does not make the proxy forget."""
    proxy = await start(sim, password="second", state_path="/proc/self")
    for _ in range(40):
        await proxy.get("/soe")
        await pass_time(clock, proxy, 30)

    assert sim.logins <= 6


async def test_a_restart_loop_does_not_lock_the_owner_out(sim, start):
    """The time of the refusal survives a restart."""
    for _ in range(10):
        proxy = await start(sim, password="wrong")
        assert (await proxy.get("/soe")).status in {502, 503}

    assert sim.logins == 1


async def test_a_corrected_password_is_tried_at_once(sim, start):
    await (await start(sim, password="wrong")).get("/soe")

    answer = await (await start(sim)).get("/soe")

    assert answer.status == 200


async def test_a_refusal_belongs_to_one_gateway(sim, start, clock):
    await (await start(sim, password="second")).get("/soe")

    async with SimulatedGateway(clock=clock.clock, seed=2, password="second") as other:
        assert (await (await start(other, password="second")).get("/soe")).status == 200


async def test_a_refusal_by_a_clock_that_ran_ahead_is_not_kept_for_years(sim, start, clock, tmp_path):
    """It is kept for as long as it was meant: thirty seconds."""
    await (await start(sim, password="second")).get("/soe")
    refusals = tmp_path / "state" / "refusals.json"
    kept = json.loads(refusals.read_text())
    kept[f"local {sim.address}"]["login"]["until"] += 3e8
    refusals.write_text(json.dumps(kept))

    proxy = await start(sim, password="second")
    await proxy.get("/soe")
    assert sim.logins == 1

    await pass_time(clock, proxy, 35)
    await proxy.get("/soe")
    assert sim.logins == 2


async def test_a_rate_limited_login_waits_as_long_as_the_gateway_demands(sim, proxy, clock):
    fault = sim.answers(status=429, headers={"Retry-After": "120"}, path=LOGIN)
    for _ in range(11):
        answer = await proxy.get("/soe")
        await pass_time(clock, proxy, 10)
    requested = sim.logins
    fault.remove()
    await pass_time(clock, proxy, 25)

    assert requested == 1
    assert answer.status == 503
    assert (await proxy.get("/soe")).status == 200


async def test_a_limited_login_is_tried_ever_more_rarely(sim, proxy, clock):
    """A lock-out ends without requests for 10 to 30 minutes: so 429 counts as a refusal, also without Retry-After."""
    sim.answers(status=429, path=LOGIN)
    for _ in range(120):
        await proxy.get("/soe")
        await pass_time(clock, proxy, 30)

    assert sim.logins <= 9


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "<html>",
        "[" * 100_000,
        '{"token": "a\\nb"}',
        '{"token": "a; b"}',
        f'{{"token": "{"x" * 9000}"}}',
    ],
    ids=["empty", "list", "page", "deep", "line end", "two cookies", "long"],
)
async def test_a_login_that_is_no_login_is_not_repeated_for_each_route(sim, start, clock, body):
    """Garbage with status 200 gives no session: all routes wait together, and end with the first good login."""
    proxy = await start(sim, auth_mode="token")
    sim.answers(body=body, path=LOGIN)
    for _ in range(40):
        answers = await asyncio.gather(*(proxy.get(path) for path in ROUTES))
        await pass_time(clock, proxy, 1)

    assert {answer.status for answer in answers} == {503}
    assert sim.logins <= 6

    sim.clear_faults()
    await pass_time(clock, proxy, 35)
    assert (await proxy.get("/soe")).status == 200


async def test_a_login_that_fails_is_tried_at_a_steady_pace(sim, proxy, clock):
    """5xx from the login, as while a gateway starts: one try for all routes, found again soon."""
    fault = sim.answers(status=500, path=LOGIN)
    for _ in range(30):
        await asyncio.gather(*(proxy.get(path) for path in ROUTES))
        await pass_time(clock, proxy, 1)
    assert sim.logins <= 5

    fault.remove()
    await pass_time(clock, proxy, 15)
    assert (await proxy.get("/soe")).status == 200


async def test_endless_refusals_of_a_good_login_are_not_answered_with_logins(sim, proxy, clock):
    """A gateway that refuses every read although the login succeeds is not stormed."""
    sim.answers(status=401, path="/api/system_status/soe")
    for _ in range(20):
        answer = await proxy.get("/soe")
        await pass_time(clock, proxy, 1)

    assert answer.status in {404, 503}
    assert sim.logins <= 2
