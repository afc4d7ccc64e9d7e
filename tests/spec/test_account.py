"""The owner's account is guarded whatever clients and gateway do, however the house is read."""

from __future__ import annotations

from contextlib import asynccontextmanager
from random import Random

import pytest

from proxy.app import build_app, listening
from proxy.config.settings import settings_of
from proxy.sim.faults import Fault
from proxy.sim.server import SimulatedGateway
from tests.clock import pass_time
from tests.conftest import client_of
from tests.drivers.houses import POLYGLOT, knows
from tests.quiet import QUIET

HOUR_S = 3600.0
LOGIN = "/api/login/Basic"
WRONG = "ABCDEFGHIX"
# How the house is read, with passwords that it does not take.
MODES = {
    "cookie": lambda key, wifi: {"password": "wrong", "auth_mode": "cookie"},
    "token": lambda key, wifi: {"password": "wrong", "auth_mode": "token"},
    "full": lambda key, wifi: {"gw_pwd": WRONG},
    "hybrid": lambda key, wifi: {"password": "wrong", "gw_pwd": WRONG},
    "v1r": lambda key, wifi: key.settings(gw_pwd=WRONG),
    "v1r and Wi-Fi": lambda key, wifi: key.settings(gw_pwd=WRONG, wifi_host=wifi),
}
ROUTES = ["/soe", "/aggregates", "/api/operation", "/api/status", "/vitals", "/csv/v2", "/control/reserve"]
# What a gateway may do besides refusing the password, and how it may demand a pause.
TROUBLES = [{"status": 401}, {"status": 403}, {"status": 429}, {"status": 500}, {"action": "reset"}]
WAITS = [None, "0", "1", "45", "7200"]


class House:
    """A gateway in whatever state, and a proxy that is started again now and then."""

    def __init__(self, sims, settings, clock) -> None:
        self.sims = sims
        self.settings = settings
        self.clock = clock

    @asynccontextmanager
    async def running(self):
        app = build_app(self.settings, self.clock.clock)
        async with listening(app, self.settings) as (_, port), client_of(app, port) as proxy:
            yield proxy

    def annoy(self, random) -> None:
        """Let the gateways behave in another way from now on."""
        for sim in self.sims:
            sim.clear_faults()
            for path in random.sample([LOGIN, "/api/*", "/tedapi/*"], 2):
                trouble = random.choice([*TROUBLES, None])
                wait = random.choice(WAITS)
                if trouble:
                    headers = {"Retry-After": wait} if wait and "status" in trouble else None
                    sim.faults.add(Fault(path, headers=headers, **trouble))


def accounts(sims):
    """Sort the requests by who has to answer for them: a login of the local API, or TEDAPI's password."""
    for sim in sims:
        yield [record for record in sim.requests if record.path == LOGIN]
        yield [
            record
            for record in sim.requests
            if "Authorization" in record.headers and "/tedapi" in record.path
        ]


def refused(records, statuses=(401, 403, 429)):
    return [record.time for record in records if record.status in statuses]


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("mode", MODES)
async def test_a_refused_password_is_hardly_repeated(mode, seed, clock, key, tmp_path):
    """Twice in the first minute and nine times in the first hour, over restarts, with every setting."""
    random = Random(f"{mode} {seed}")
    async with (
        SimulatedGateway(POLYGLOT, clock=clock.clock) as sim,
        SimulatedGateway("pw3", clock=clock.clock) as wifi,
    ):
        knows(sim, key)
        settings = settings_of(
            **QUIET,
            **{"host": sim.address, "password": "", **MODES[mode](key, wifi.address)},
            bind_address="127.0.0.1",
            port=0,
            state_path=str(tmp_path),
            health_check=random.random() < 0.5,
            tedapi_probe_interval=5,
            control_secret="a long enough secret",
        )
        house = House([sim, wifi], settings, clock)
        ends = clock.clock.monotonic() + HOUR_S
        while clock.clock.monotonic() < ends:
            async with house.running() as proxy:
                for _ in range(random.randrange(1, 25)):
                    if random.random() < 0.2:
                        house.annoy(random)
                    for path in random.sample(ROUTES, 2):
                        await proxy.get(path)
                    await pass_time(clock, proxy, random.choice([0.5, 1, 5, 61, 121]))

        for records in accounts(house.sims):
            times = refused(records)
            first_minute = min(times, default=0.0) + 60
            assert sum(at < first_minute for at in times) <= 2
            assert len(times) <= 9


@pytest.mark.parametrize("wait", [None, "1", "7200"])
@pytest.mark.parametrize("mode", ["cookie", "token", "full", "hybrid", "v1r"])
async def test_a_gateway_that_limits_requests_is_left_alone(mode, wait, clock, key, tmp_path):
    """For ten seconds at least (TEDAPI: five minutes), and longer if it demands that; a restart changes nothing."""
    async with SimulatedGateway(POLYGLOT, clock=clock.clock) as sim:
        knows(sim, key)
        right = {"password": "password", "gw_pwd": "ABCDEFGHIJ"}
        needs = MODES[mode](key, "")
        settings = settings_of(
            **QUIET,
            **{"host": sim.address, **needs, **{name: right[name] for name in right if needs.get(name)}},
            bind_address="127.0.0.1",
            port=0,
            state_path=str(tmp_path),
            health_check=False,
        )
        house = House([sim], settings, clock)
        async with house.running() as proxy:
            assert (await proxy.get("/soe")).status == 200
            await pass_time(clock, proxy, 31)
            for path in ("/api/system_status*", "/tedapi/*"):
                sim.faults.add(Fault(path, status=429, headers={"Retry-After": wait} if wait else None))
            await proxy.get("/soe")
        sim.clear_faults()
        own = 10 if mode in {"cookie", "token", "hybrid"} else 300
        least = max(own, min(float(wait or 0), 1800))
        limited = [record for record in sim.requests if record.status == 429]
        assert limited

        while clock.clock.monotonic() < limited[0].time + least - 1:
            async with house.running() as proxy:
                await proxy.get("/soe")
                await pass_time(clock, proxy, least / 8)
                after = [r for r in sim.requests if limited[-1].time < r.time < limited[0].time + least]
                assert not [r for r in after if r.path.split("/")[1] == limited[0].path.split("/")[1]]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("mode", ["cookie", "token"])
async def test_refused_paths_never_cost_the_others_their_session(mode, seed, clock, start):
    """Whatever paths are closed when, and whenever the sessions end: the charge stays fresh, with one login each."""
    random = Random(f"{mode} {seed}")
    closable = ["/api/operation", "/api/installer", "/api/networks", "/api/solars", "/api/meters/aggregates"]
    async with SimulatedGateway("fw21_44", clock=clock.clock) as sim:
        proxy = await start(sim, auth_mode=mode)
        await proxy.get("/soe")
        ended, ended_at = 0, clock.clock.monotonic()
        for _ in range(120):
            if random.random() < 0.1:
                sim.clear_faults()
                for path in random.sample(closable, random.randrange(len(closable))):
                    sim.answers(status=random.choice([401, 403]), path=path)
            if random.random() < 0.05 and clock.clock.monotonic() > ended_at + 40:
                sim.expire_sessions()
                ended_at = clock.clock.monotonic()
                ended += 1
            for path in random.sample(closable, 2):
                await proxy.get(path)
            answer = await proxy.get("/soe")
            assert answer.status == 200
            assert int(answer.headers["Age"]) <= 6
            await pass_time(clock, proxy, random.choice([1, 5, 20, 40]))

        assert sim.logins <= 1 + ended
