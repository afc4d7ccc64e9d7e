"""
Random schedules of requests, faults and time against every driver: whatever is requested around
it, a document is as old as its ``Age`` says or younger, and nothing is served past PW_CACHE_TTL.

The house changes every second, and everything it reports dates itself: by its charge, its reserve,
the gateway's clock, the temperature of a unit.
"""

import asyncio
from datetime import datetime

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from proxy.app import build_app, listening
from proxy.config.settings import settings_of
from proxy.sim.faults import Fault
from proxy.sim.server import SimulatedGateway
from tests.clock import ShiftedLoop, TestClock, settled
from tests.conftest import client_of
from tests.drivers.houses import FULL, HYBRID, POLYGLOT, knows
from tests.quiet import QUIET

LIMIT_S = 30
# Age is in whole seconds, and a test does not know to a fraction of a second when something was read.
SLACK_S = 1.6
STEP_S = 0.25

# What dates an answer, by path.
DATED = (
    "/soe",
    "/aggregates",
    "/pw/get_reserve",
    "/vitals",
    "/api/status",
    "/csv/v2",
    "/api/powerwalls",
    "/json",
)
FAULTS = {
    "config": None,
    "components": None,
    "controller": None,
    "slow": Fault(delay_s=1.2),
    "unit hangs": Fault("/tedapi/device/*", action="hang"),
    "operation": Fault("/api/operation", status=502),
    "refused": Fault(action="refuse"),
    "unavailable": Fault(status=500),
    "hangs": Fault(action="hang"),
}

# What goes wrong, or nothing; what clients read meanwhile, and how many seconds apart.
phases = st.tuples(
    st.sampled_from([None, *sorted(FAULTS)]),
    st.lists(st.sampled_from(DATED), min_size=1, max_size=len(DATED), unique=True),
    st.sampled_from([3, 7, 11]),
)
PHASE_S = 38


class House:
    """A house whose readings show when they were made, and a client that compares every answer with that."""

    def __init__(self, sim, proxy, clock):
        self.sim, self.proxy, self.clock = sim, proxy, clock
        self.now = clock.clock.monotonic
        self.began = self.now()
        self.broken = set()
        sim.pin(site=0.0, battery=0.0, solar=0.0, load=0.0)
        sim.tedapi.edit = self.edit
        self.change()

    def change(self):
        """Let the charge and the reserve say how many seconds have passed: 5 % and 0.1 % for each."""
        percent = 5 + (self.now() - self.began) / 10
        self.sim.plant.set_charge(percent)
        self.sim.gateway.site.reserve = self.sim.plant.reserve = percent

    def edit(self, kind, document):
        if kind in self.broken:
            return []
        if kind == "components":
            for signal in document["components"]["pch"][0]["signals"]:
                if signal["name"] == "PCH_AmbientTemp":
                    signal["value"] = self.now()
        return document

    async def wait(self, seconds):
        for _ in range(round(seconds / STEP_S)):
            self.clock.advance(STEP_S)
            self.change()
            await settled()

    async def get(self, paths):
        requests = [asyncio.create_task(self.check(path)) for path in paths]
        while not all(request.done() for request in requests):
            await self.wait(STEP_S)
        for request in requests:
            request.result()

    async def fault(self, kind):
        await self.heal(None)
        if FAULTS[kind] is None:
            self.broken = {kind}
        else:
            self.sim.faults.add(FAULTS[kind])

    async def heal(self, _):
        self.sim.clear_faults()
        self.broken = set()

    async def live(self, fault, paths, pace_s):
        """Live through a phase of a schedule."""
        await (self.fault(fault) if fault else self.heal(None))
        ends = self.now() + PHASE_S
        while self.now() < ends:
            await self.get(paths)
            await self.wait(pace_s)

    async def check(self, path):
        answer = await self.proxy.get(path)
        if answer.status != 200:
            assert answer.status in {404, 502, 503, 504}, answer.text
            return
        age = int(answer.headers["Age"])
        assert age < LIMIT_S, f"{path} is {age} s old"
        for what, moment in self.moments(path, answer):
            older_s = self.now() - moment - age
            assert older_s < SLACK_S, f"{what} of {path} is {older_s:.1f} s older than its Age of {age} s"

    def moments(self, path, answer):
        """Say when each part of an answer was true."""
        match path:
            case "/soe":
                yield "charge", self.of_percent(answer.json()["percentage"])
            case "/pw/get_reserve":
                yield "reserve", self.of_percent(answer.json()["reserve"] * 0.95 + 5)
            case "/csv/v2":
                yield "charge", self.of_percent(float(answer.text.split(",")[4]))
            case "/json":
                document = answer.json()
                yield "charge", self.of_percent(document["soe"])
                yield "reserve", self.of_percent(document["reserve"] * 0.95 + 5)
            case "/aggregates":
                yield "power", self.of_stamp(answer.json()["site"]["last_communication_time"])
            case "/vitals":
                for key, device in answer.json().items():
                    if key.startswith("TEPINV--") and "PCH_AmbientTemp" in device:
                        yield key, device["PCH_AmbientTemp"]

    def of_percent(self, percent):
        return self.began + (percent - 5) * 10

    def of_stamp(self, stamp):
        wall = datetime.fromisoformat(stamp).timestamp()
        return self.now() - (self.clock.clock.wall() - wall)


async def play(link, schedule, key, folder):
    clock = TestClock(asyncio.get_running_loop())
    more = {} if link == "local" else {"followers": 1}
    persona = POLYGLOT if link == "local" else "pw3"
    async with SimulatedGateway(persona, clock=clock.clock, **more) as sim:
        ours = {"local": {}, "tedapi": FULL, "v1r": key.settings(), "hybrid": HYBRID}[link]
        if link == "v1r":
            knows(sim, key)
        made = settings_of(
            **QUIET,
            **{
                "host": sim.address,
                "password": "password",
                "bind_address": "127.0.0.1",
                "port": 0,
                "timeout": 3.0,
                "state_path": str(folder),
                **ours,
            },
        )
        app = build_app(made, clock.clock)
        async with listening(app, made) as (_, port), client_of(app, port) as proxy:
            house = House(sim, proxy, clock)
            await house.live(None, DATED, 5)
            for phase in schedule:
                await house.live(*phase)


@pytest.mark.parametrize("link", ["local", "tedapi", "v1r", "hybrid"])
def test_no_document_is_older_than_it_says_nor_than_the_limit(link, key, tmp_path_factory):
    @settings(
        max_examples=4,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],  # an example is long, and a shorter one no clearer
    )
    @given(st.lists(phases, min_size=2, max_size=4))
    def example(schedule):
        with asyncio.Runner(loop_factory=ShiftedLoop) as runner:
            runner.run(play(link, schedule, key, tmp_path_factory.mktemp("state")))

    example()
