"""What guards the owner's account is no option, and one refused path costs the others nothing."""

from __future__ import annotations

import json

import pytest

from proxy.core.retry_after import retry_after_s
from proxy.sim.faults import Fault
from proxy.sim.server import SimulatedGateway
from proxy.sim.tedapi.state import KeyState
from tests.clock import EPOCH, pass_time, settled
from tests.drivers.houses import FULL, knows

LOGIN = "/api/login/Basic"
CLOSED = ["/api/operation", "/api/installer", "/api/customer", "/api/networks", "/api/solars"]
HOUR_S = 3600


async def poll(proxy, clock, seconds, step, paths=(), every=1):
    """Read the charge, and further paths every so many steps; return how often the charge was not fresh."""
    poor = 0
    for number in range(int(seconds / step)):
        answer = await proxy.get("/soe")
        poor += answer.status != 200 or int(answer.headers["Age"]) > 5
        for path in paths if number % every == 0 else ():
            await proxy.get(path)
        await pass_time(clock, proxy, step)
    return poor


@pytest.mark.parametrize(("status", "count"), [(403, 1), (403, 3), (403, 5), (401, 1), (401, 5)])
async def test_paths_that_the_login_may_not_read_disturb_nothing(start, sim, clock, status, count):
    proxy = await start(sim)
    await proxy.get("/soe")
    await pass_time(clock, proxy, 60)
    for path in CLOSED[:count]:
        sim.answers(status=status, path=path)

    poor = await poll(proxy, clock, HOUR_S, 20, CLOSED[:count], every=3)

    assert sim.logins == 1
    assert poor == 0
    assert not proxy.context.gateway.cache.links[0].cooldowns
    assert sum(sim.requests_for(path) for path in CLOSED[:count]) <= 4 * count


async def test_a_closed_path_stays_closed_when_the_gateway_was_away(start, sim, clock):
    proxy = await start(sim)
    sim.answers(status=403, path="/api/installer")
    await poll(proxy, clock, 30, 10, ["/api/installer"])

    sim.reboot(60)
    await poll(proxy, clock, 120, 5, ["/api/installer"])

    assert (await proxy.get("/soe")).status == 200
    assert sim.requests_for("/api/installer") == 1


async def test_a_session_that_works_goes_on_being_used_when_passwords_are_refused(start, sim, clock):
    """Firmware 24.36 refuses logins after some hours, while an old session still reads everything."""
    proxy = await start(sim)
    await proxy.get("/soe")
    await pass_time(clock, proxy, 600)
    sim.gateway.sessions.refuse_passwords = True
    sim.answers(status=403, path="/api/installer")

    poor = await poll(proxy, clock, HOUR_S, 20, ["/api/installer"], every=3)

    assert poor == 0
    assert sim.logins == 1


async def test_a_restart_with_an_old_session_and_a_closed_path_costs_no_login(start, sim, clock):
    await (await start(sim)).get("/soe")
    sim.answers(status=403, path="/api/installer")
    proxy = await start(sim)

    assert (await proxy.get("/api/installer")).status == 404
    assert (await proxy.get("/soe")).status == 200
    assert sim.logins == 1


@pytest.mark.parametrize("paths", [["/api/*"], ["/api/meters/*", "/api/system_status*", "/api/operation"]])
async def test_sessions_that_are_not_accepted_are_refused_logins(start, sim, clock, paths):
    """The login succeeds and its session reads nothing: that is no reason for a login a minute."""
    proxy = await start(sim)
    for path in paths:
        sim.faults.add(Fault(path, method="GET", status=401))

    await poll(proxy, clock, HOUR_S, 20, ["/api/operation", "/aggregates"])

    assert sim.logins <= 9
    sim.clear_faults()
    await pass_time(clock, proxy, 1000)
    assert (await proxy.get("/soe")).status == 200


@pytest.mark.parametrize("status", [401, 429])
@pytest.mark.parametrize("after", ["0", "1", None])
async def test_a_short_retry_after_does_not_shorten_the_wait_for_a_login(start, sim, clock, status, after):
    proxy = await start(sim)
    sim.answers(status=status, headers={"Retry-After": after} if after else None, path=LOGIN)

    await poll(proxy, clock, 60, 0.5)
    assert sim.logins <= 2

    await poll(proxy, clock, HOUR_S - 60, 20)
    assert sim.logins <= 9


@pytest.mark.parametrize("wait", ["1", "0"])
async def test_a_429_on_data_is_answered_ever_more_rarely_whatever_it_requests(start, sim, clock, wait):
    proxy = await start(sim)
    await poll(proxy, clock, 10, 5)
    before = len(sim.requests)
    sim.answers(status=429, headers={"Retry-After": wait})

    await poll(proxy, clock, 120, 1)

    assert len(sim.requests) - before <= 9


@pytest.mark.parametrize("wait", ["86400", "Wed, 21 Oct 2099 07:28:00 GMT"])
async def test_a_day_that_one_429_requests_is_half_an_hour(start, sim, clock, wait):
    """Lock-outs end after 10 to 30 minutes; silence for a day would cost the readings of a day."""
    proxy = await start(sim)
    await proxy.get("/soe")
    await pass_time(clock, proxy, 6)
    fault = sim.answers(status=429, headers={"Retry-After": wait})
    await proxy.get("/soe")
    fault.remove()
    before = len(sim.requests)

    await poll(proxy, clock, 1750, 10)
    assert len(sim.requests) == before

    await pass_time(clock, proxy, 300)
    assert (await proxy.get("/soe")).status == 200


@pytest.mark.parametrize(
    ("text", "date", "wait"),
    [
        ("120", None, 120),
        ("Thu, 09 Oct 2025 08:55:20 GMT", "Thu, 09 Oct 2025 08:53:20 GMT", 120),
        ("Thu, 09 Oct 2025 08:55:20 GMT", None, 120),
        ("Thu, 09 Oct 2025 08:00:00 GMT", None, 0),
        ("soon", None, None),
        ("-5", None, None),
        ("1.5", None, None),
        ("", None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text, date, wait):
    """RFC 9110 section 10.2.3; a date counts from the answer's own."""
    headers = {"Retry-After": text} | ({"Date": date} if date else {})

    assert retry_after_s(headers, EPOCH) == wait


async def test_the_health_check_switch_leaves_passwords_and_limits_guarded(start, sim, clock, key):
    async with (
        SimulatedGateway("pw3", clock=clock.clock) as full,
        SimulatedGateway("pw3", clock=clock.clock) as wired,
    ):
        knows(wired, key)
        wrong = {"gw_pwd": "WRONGWRONG", "health_check": False}
        one = await start(full, **FULL | wrong)
        two = await start(wired, **key.settings(**wrong))
        for _ in range(120):
            await one.get("/soe")
            await two.get("/soe")
            await pass_time(clock, one, 0.5)

        assert len(full.requests) <= 2
        assert wired.logins <= 2

    three = await start(sim, health_check=False)
    await three.get("/soe")
    await pass_time(clock, three, 6)
    before = len(sim.requests)
    sim.answers(status=429, headers={"Retry-After": "60"})
    await poll(three, clock, 58, 0.5)
    assert len(sim.requests) - before == 1


async def test_without_health_check_an_unreachable_gateway_is_tried_for_every_request(start, sim, clock):
    proxy = await start(sim, health_check=False)
    await proxy.get("/soe")
    sim.answers(status=500)
    await pass_time(clock, proxy, 60)

    for path in ("/soe", "/aggregates", "/api/operation", "/api/status", "/api/powerwalls"):
        await proxy.get(path)

    assert proxy.context.gateway.cache.links[0].breaker.is_closed


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_follower_that_refuses_costs_its_own_readings_only(start, clock, status):
    async with SimulatedGateway("pw3", clock=clock.clock, followers=1) as sim:
        proxy = await start(sim, **FULL)
        await proxy.get("/aggregates")
        sim.answers(status=status, path="/tedapi/device/*")
        seen = []
        for _ in range(30):
            await pass_time(clock, proxy, 20)
            seen.append((await proxy.get("/aggregates")).status)

        assert set(seen) == {200}
        assert sum(record.path.startswith("/tedapi/device/") for record in sim.requests[20:]) <= 5


async def test_v1r_remembers_a_refused_password_over_restarts(start, clock, key):
    async with SimulatedGateway("pw3", clock=clock.clock) as sim:
        knows(sim, key)
        for _ in range(8):
            answer = await (await start(sim, **key.settings(gw_pwd="ABCDEFGHIX"))).get("/soe")
            assert answer.status in {502, 503}

        assert sim.logins == 1
        assert (await (await start(sim, **key.settings())).get("/soe")).status == 200


async def test_full_mode_remembers_a_refused_password_over_restarts(start, clock):
    async with SimulatedGateway("pw3", clock=clock.clock) as sim:
        for _ in range(8):
            await (await start(sim, password="", gw_pwd="ABCDEFGHIX")).get("/soe")

        assert len(sim.requests) == 1
        assert (await (await start(sim, **FULL)).get("/soe")).status == 200


async def test_a_key_that_is_not_confirmed_costs_one_login(start, clock, key):
    async with SimulatedGateway("pw3", clock=clock.clock) as sim:
        knows(sim, key, KeyState.PENDING)
        proxy = await start(sim, **key.settings())
        for _ in range(60):
            await proxy.get("/soe")
            await pass_time(clock, proxy, 60)

        assert sim.logins == 1


@pytest.mark.parametrize("content", ["", '{"x": ', "[]", b"\xff\xfe"])
async def test_refusals_that_cannot_be_read_are_not_forgotten(start, sim, clock, tmp_path, content):
    """What stands in the file may be the fifth refusal in a row: there is one try in a quarter of an hour."""
    refusals = tmp_path / "state" / "refusals.json"
    refusals.parent.mkdir()
    refusals.write_bytes(content if isinstance(content, bytes) else content.encode())
    proxy = await start(sim)

    await poll(proxy, clock, 890, 10)
    assert sim.logins == 0
    assert "refusals.json cannot be read" in (await proxy.get("/soe")).json()["detail"]

    await pass_time(clock, proxy, 120)
    assert (await proxy.get("/soe")).status == 200
    assert sim.logins == 1
    await settled()
    assert json.loads(refusals.read_text()) == {}


async def test_refusals_that_cannot_be_read_may_be_removed_for_a_try_at_once(start, sim, tmp_path):
    refusals = tmp_path / "state" / "refusals.json"
    refusals.parent.mkdir()
    refusals.write_text("{")
    assert "remove it and restart" in (await (await start(sim)).get("/soe")).json()["detail"]

    refusals.unlink()

    assert (await (await start(sim)).get("/soe")).status == 200
