"""A reading is never younger for a replica than for the one that fetched it, however clocks and networks are."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.replicas.connection import Claimed
from proxy.replicas.keys import Keys, Term
from proxy.replicas.standing import Standing

KEYS = Keys("pwp", "default")
# What is shown of the time of Redis, at both ends; what a float loses of it.
_DIGITS_S, _FLOAT_S = 0.003, 1e-5


@dataclass
class World:
    """The time that is, and by how much the clock of Redis (s) is ahead of it."""

    now: float = 0.0
    ahead_of_redis: float = 1.76e9


@dataclass
class Way:
    """How long a command of one replica is under way to Redis, and its answer (s)."""

    world: World
    there: float
    back: float

    async def claim(self, _keys: Keys, _own: str, _candidate: str, _lifetime_s: float) -> Claimed:
        self.world.now += self.there
        now_ms = int((self.world.now + self.world.ahead_of_redis) * 1000)
        self.world.now += self.back
        return Claimed("renewed", "a:b:c:d", now_ms, 4500, ())


def _standing(way: Way, clock_s: float) -> Standing:
    own = Term("a", "b", "c", "d")
    return Standing(way, KEYS, own, lambda: way.world.now + clock_s, lambda: 0.5, fetches_alone=True)


_ways = st.tuples(st.floats(0, 0.25), st.floats(0, 0.25))
_clocks = st.floats(-1e6, 1e6)


@settings(max_examples=60)
@given(ways=st.tuples(_ways, _ways), clocks=st.tuples(_clocks, _clocks), under_way_s=st.floats(0, 100))
async def test_what_was_under_way_is_as_old_as_that_or_older_by_two_round_trips(ways, clocks, under_way_s):
    world = World()
    sender, receiver = (_standing(Way(world, *way), clock) for way, clock in zip(ways, clocks, strict=True))
    for each in (sender, receiver):
        await each.claim(is_leaving=False)

    stamp = sender.stamp()
    world.now += under_way_s
    age_s = receiver.age_of(stamp)

    assert under_way_s - _FLOAT_S <= age_s <= under_way_s + sum(map(sum, ways)) + _DIGITS_S
