"""One session to the gateway: made once, kept, shared, and never forced."""

import asyncio
import json
import stat

import pytest

from proxy.files import locked
from proxy.sim.faults import Fault
from proxy.sim.server import SimulatedGateway
from tests.clock import pass_time

ROUTES = ["/soe", "/aggregates", "/api/operation", "/api/status", "/api/system_status", "/api/powerwalls"]


@pytest.mark.parametrize("mode", ["cookie", "token"])
async def test_one_login_serves_all_routes(sim, start, mode):
    proxy = await start(sim, auth_mode=mode)

    answers = await asyncio.gather(*(proxy.get(path) for path in ROUTES * 5))

    assert {answer.status for answer in answers} == {200}
    assert sim.logins == 1


async def test_any_number_of_expired_requests_cause_one_login(sim, proxy, clock):
    await proxy.get("/soe")
    await pass_time(clock, proxy, 60)
    sim.expire_sessions()

    answers = await asyncio.gather(*(proxy.get(path) for path in ROUTES * 10))

    assert {answer.status for answer in answers} == {200}
    assert sim.logins == 2


async def test_a_session_that_ends_just_after_its_login_costs_no_client_a_reading(sim, proxy, clock):
    """A gateway that restarts, or another program that takes the place: the session was good before."""
    for path in ROUTES:
        await proxy.get(path)
    await pass_time(clock, proxy, 6)
    sim.expire_sessions()

    answers = await asyncio.gather(*(proxy.get(path) for path in ROUTES * 10))
    await pass_time(clock, proxy, 1)

    assert {answer.status for answer in answers} == {200}
    assert {int((await proxy.get(path)).headers["Age"]) for path in ROUTES} <= {0, 1}
    assert sim.logins == 2


async def test_a_session_that_is_always_taken_away_costs_few_logins(sim, proxy, clock):
    """Two programs that push each other out must not end in a lock-out of their owner."""
    for _ in range(60):
        await proxy.get("/soe")
        await pass_time(clock, proxy, 2)
        sim.expire_sessions()

    assert sim.logins <= 9


async def test_a_restart_finds_the_session_again(sim, start, tmp_path):
    """The session is kept (0600 in 0700), so that restarting the daemon costs no login."""
    first = await start(sim)
    await first.get("/soe")
    second = await start(sim)

    assert (await second.get("/soe")).status == 200
    assert sim.logins == 1
    kept = tmp_path / "state" / ".powerwall"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", ["cookie", "token"])
async def test_the_session_of_the_pypowerwall_proxy_goes_on_being_used(sim, start, tmp_path, mode):
    """
    Firmware since 24.36 may refuse a password that it once took: who moves here must not need it.
    Such a file names no gateway and no time.
    """
    file = tmp_path / "state" / ".powerwall"
    await (await start(sim, auth_mode=mode)).get("/soe")
    kept = json.loads(file.read_text())
    file.write_text(json.dumps({name: kept[name] for name in kept.keys() - {"host", "since"}}))
    sim.answers(status=401, path="/api/login/Basic")

    assert (await (await start(sim, auth_mode=mode)).get("/soe")).status == 200
    assert sim.logins == 1


async def test_a_session_of_the_pypowerwall_proxy_that_is_over_costs_one_login(sim, start, tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / ".powerwall").write_text('{"AuthCookie": "over", "UserRecord": "over"}')

    assert (await (await start(sim)).get("/soe")).status == 200
    assert sim.logins == 1


async def test_a_session_is_never_shown_to_another_host(sim, start, clock):
    """The kept session belongs to its address; another gateway gets a login of its own."""
    await (await start(sim)).get("/soe")
    async with SimulatedGateway(clock=clock.clock, seed=2) as other:
        await (await start(other)).get("/soe")

        (token,) = {record.session for record in sim.requests if record.session}
        assert not any(token in str(record.headers) for record in other.requests)
        assert other.logins == 1


async def test_a_read_that_the_role_may_not_see_has_a_cooldown_of_its_own(sim, proxy, clock):
    await proxy.get("/aggregates")
    await pass_time(clock, proxy, 40)
    sim.answers(status=403, path="/api/installer")

    assert (await proxy.get("/api/installer")).status == 404
    assert (await proxy.get("/aggregates")).status == 200
    assert sim.logins <= 2


async def test_a_gateway_that_restarts_loses_nothing_but_its_sessions(sim, proxy, clock):
    await proxy.get("/soe")
    sim.reboot(60)
    for _ in range(35):
        await proxy.get("/soe")
        await pass_time(clock, proxy, 2)

    assert (await proxy.get("/soe")).headers["Age"] in "0123456"
    assert sim.logins == 2


async def test_at_most_two_connections_are_open(sim, proxy):
    sim.faults.add(Fault(delay_s=0.05))
    await asyncio.gather(*(proxy.get(path) for path in ROUTES * 20))

    assert sim.max_in_flight <= 2
    assert sim.max_connections <= 3  # one of them is the handshake that pinned the certificate


async def test_a_broken_session_file_costs_one_login(sim, start, tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / ".powerwall").write_text('{"host": 7, "AuthCookie": [1]')

    assert (await (await start(sim)).get("/soe")).status == 200
    assert sim.logins == 1
    assert json.loads((tmp_path / "state" / ".powerwall").read_text())["host"] == sim.address


async def test_an_unusable_state_folder_costs_only_the_memory(sim, start, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    proxy = await start(sim, state_path=str(tmp_path / "file" / "state"))

    assert (await proxy.get("/soe")).status == 200
    assert sim.logins == 1


async def test_junk_cookies_are_not_taken(sim, proxy):
    sim.faults.add(Fault("/api/system_status/soe", action="cookies"))
    await proxy.get("/soe")
    await proxy.get("/aggregates")

    assert not any("intruder" in str(record.headers) for record in sim.requests)


@pytest.mark.parametrize(
    "kept", [{"since": 1e12}, {"since": "x"}, {"refused": [1]}, {"refused": {"until": "x"}}]
)
async def test_a_session_file_that_is_odd_or_of_the_future_costs_one_login(sim, start, tmp_path, kept):
    """A small computer without a clock of its own may start in the past."""
    (tmp_path / "state").mkdir()
    session = {"host": sim.address, "AuthCookie": "over", **kept}
    (tmp_path / "state" / ".powerwall").write_text(json.dumps(session))

    assert (await (await start(sim)).get("/soe")).status == 200
    assert sim.logins == 1


@pytest.mark.parametrize("password", ["", "password"])
async def test_a_closed_path_of_an_open_gateway_has_a_cooldown_of_its_own(start, clock, password):
    """On firmware that is read without a login, one path that wants one costs the others nothing."""
    async with SimulatedGateway("fw1_15", clock=clock.clock) as sim:
        proxy = await start(sim, host=f"http://{sim.address}", password=password)
        await proxy.get("/soe")
        sim.answers(status=403, path="/api/installer")

        assert (await proxy.get("/api/installer")).status == 404
        await pass_time(clock, proxy, 6)
        assert (await proxy.get("/soe")).headers["Age"] == "0"
        assert sim.logins == 0


@pytest.mark.parametrize(
    ("settings", "written", "status"),
    [
        ({}, "pins.json", 200),
        ({"gw_tls": "off"}, ".powerwall", 200),
        ({"gw_tls": "off", "password": "wrong"}, "refusals.json", 502),
    ],
)
async def test_a_disk_that_hangs_delays_what_is_to_be_kept_and_nothing_else(
    sim, start, tmp_path, settings, written, status
):
    """The folder is locked by another process: routes that take no reading answer meanwhile."""
    folder = tmp_path / "state"
    folder.mkdir()
    proxy = await start(sim, **settings)
    with locked(folder):
        reading = asyncio.create_task(proxy.get("/soe"))
        for _ in range(50):
            assert (await proxy.get("/docs")).status == 200
        assert not (folder / written).exists()
        assert not reading.done()

    assert (await reading).status == status
    assert (folder / written).exists()
