"""
Random schedules of requests, faults and time against an oracle of the freshness table.

The oracle knows when the gateway last answered well and what it said then; it does not know
how the proxy is built.
"""

import asyncio

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.app import build_app, listening
from proxy.config.settings import settings_of
from proxy.sim.faults import Fault
from proxy.sim.server import SimulatedGateway
from tests.clock import ShiftedLoop, TestClock, pass_time
from tests.conftest import client_of
from tests.quiet import QUIET

TTL, USABLE = 5, 30

steps = st.one_of(
    st.tuples(st.just("send_request"), st.integers(1, 5)),
    st.tuples(st.just("wait"), st.floats(0.1, 40)),
    st.tuples(st.just("charge"), st.integers(10, 90)),
    st.tuples(
        st.just("fault"),
        st.sampled_from(
            [503, 429, 500, 404, "reset", "hang", "html", "truncate", "null", "empty", "refuse", "close"]
        ),
    ),
    st.tuples(st.just("heal"), st.none()),
)


class Play:
    """A house whose charge is known, and a client that holds every answer against it."""

    def __init__(self, sim, proxy, clock):
        self.sim, self.proxy, self.clock = sim, proxy, clock
        self.now = clock.clock.monotonic
        self.current = 50.0
        self.had, self.left = {50.0}, {}  # charges so far, and when each was left
        sim.pin(site=0.0, battery=0.0, solar=0.0, load=0.0)

    async def send_request(self, clients):
        for answer in await asyncio.gather(*(self.proxy.get("/soe") for _ in range(clients))):
            self.check(answer)

    async def wait(self, seconds):
        await pass_time(self.clock, self.proxy, seconds)

    async def charge(self, percent):
        self.left[self.current] = self.now()
        self.current = float(percent)
        self.had.add(self.current)
        self.left.pop(self.current, None)
        self.sim.plant.set_charge(percent)

    async def fault(self, kind):
        self.sim.clear_faults()
        self.sim.faults.add(Fault(status=kind) if isinstance(kind, int) else Fault(action=kind))

    async def heal(self, _):
        self.sim.clear_faults()

    def check(self, answer):
        """An answer is a charge that the house had at the age that it claims, or an honest error."""
        if answer.status != 200:
            assert answer.status in {404, 502, 503, 504}
            assert answer.json()["status"] == answer.status
            assert answer.status == 404 or 1 <= int(answer.headers["Retry-After"]) <= 600
            return
        charge, age = float(round(answer.json()["percentage"])), int(answer.headers["Age"])
        assert charge in self.had, f"the house never had {charge} %"
        assert age <= USABLE
        until = self.left.get(charge, self.now())
        assert self.now() - age - 1.5 <= until, f"{charge} % is older than the {age} s that it claims"

    async def end(self):
        """Whatever happened: a healthy gateway is found again and reported truly."""
        self.sim.clear_faults()
        for _ in range(140):  # the cooldown of a path that was 404 is ten minutes, give or take one
            await self.wait(5)
            answer = await self.proxy.get("/soe")
            if answer.status == 200 and int(answer.headers["Age"]) <= TTL + 1:
                break
        assert round(answer.json()["percentage"]) == self.current
        assert self.sim.max_in_flight <= 2


async def play(schedule):
    clock = TestClock(asyncio.get_running_loop())
    async with SimulatedGateway(clock=clock.clock) as sim:
        made = settings_of(
            **QUIET, host=sim.address, password="password", bind_address="127.0.0.1", port=0, timeout=0.2
        )
        app = build_app(made, clock.clock)
        async with listening(app, made) as (_, port), client_of(app, port) as proxy:
            game = Play(sim, proxy, clock)
            for step, value in schedule:
                await getattr(game, step)(value)
            await game.end()


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(steps, min_size=3, max_size=25))
def test_whatever_happens_the_freshness_table_holds(schedule):
    with asyncio.Runner(loop_factory=ShiftedLoop) as runner:
        runner.run(play(schedule))
