"""A command is carried out once or not at all, wherever it arrives and whatever fails meanwhile."""

from __future__ import annotations

import asyncio
import json
import random
import re
import time
from collections.abc import Awaitable, Callable

import pytest

from proxy.sim.faults import Fault
from tests.processes import LONGEST_WAIT_S
from tests.replicas.conftest import Replica, happens

LEASE = "pwp:1:{default}:lease"
SECRET = "storm-lantern-7492"


async def set_reserve(replica, value: int):
    return await replica.post("/control/reserve", data={"value": str(value), "token": SECRET})


def reserves(sim) -> list[float]:
    """The reserves that the gateway received, in percent of the app's scale."""
    sent = [json.loads(record.body)["backup_reserve_percent"] for record in writes(sim)]
    return [round((raw - 5) / 0.95) for raw in sent]


def writes(sim) -> list:
    return [record for record in sim.writes if b"backup_reserve_percent" in record.body]


def subscriptions(redis) -> set[bytes]:
    """The connections over which replicas listen."""
    return set(re.findall(rb"^id=(\d+)", redis.admin("CLIENT", "LIST", "TYPE", "pubsub"), re.MULTILINE))


async def nothing_more() -> None:
    """Let nothing go wrong."""


async def passes(task, redis, clock, fault: Callable[[], Awaitable[None]] = nothing_more) -> None:
    """Let time pass until a command has been answered, ever faster, as nothing else goes on then."""
    step_s, ends = 0.01, time.monotonic() + LONGEST_WAIT_S
    while not task.done():
        assert time.monotonic() < ends, "it is never answered"
        await fault()
        await redis.settled()
        clock.advance(step_s)
        step_s = min(step_s * 1.1, 0.4)


async def test_a_command_that_arrives_at_a_follower_is_carried_out_by_the_one_that_fetches(replica, sim):
    _, follower = await replica(sim, control_secret=SECRET), await replica(sim, control_secret=SECRET)

    answer = await set_reserve(follower, 30)

    assert answer.status == 200, answer.text
    assert len(writes(sim)) == 1
    assert sim.logins == 1


async def test_after_the_answer_every_replica_reads_what_was_written(replica, sim):
    replicas = [await replica(sim, control_secret=SECRET) for _ in range(3)]
    for each in replicas:
        await each.get("/api/operation")

    for value, at in ((20, 1), (40, 2), (60, 0)):
        assert (await set_reserve(replicas[at], value)).status == 200
        read = [(await each.get("/api/operation")).json()["backup_reserve_percent"] for each in replicas]

        assert read == pytest.approx([value] * 3)


async def test_without_redis_a_follower_sends_nothing_and_says_so(replica, sim, redis):
    _, follower = await replica(sim, control_secret=SECRET), await replica(sim, control_secret=SECRET)
    redis.kill()
    await follower.becomes("detached")

    answer = await set_reserve(follower, 30)

    assert answer.status == 503
    assert "nothing was sent" in answer.text
    assert writes(sim) == []


async def test_a_command_that_no_replica_takes_is_not_carried_out_later(replica, sim, clock, redis):
    first, second = await replica(sim, control_secret=SECRET), await replica(sim, control_secret=SECRET)
    await first.cable.cut()  # it cannot hear the command

    task = asyncio.create_task(set_reserve(second, 30))
    await happens(lambda: redis.admin("KEYS", "pwp:1:*:command:*"))
    await happens(lambda: clock.advance(0.05) or task.done())
    await first.cable.join()
    answer = await task

    assert answer.status == 503
    assert writes(sim) == []
    assert not redis.admin("KEYS", "pwp:1:*:command:*")


async def test_a_holder_that_cannot_renew_its_lease_sends_nothing(replica, sim, redis):
    holder = await replica(sim, control_secret=SECRET)
    redis.admin("SET", "pwp:1:{default}:lease", "another:replica:has:it")

    answer = await set_reserve(holder, 30)

    assert writes(sim) == []
    assert answer.status == 503


async def test_a_replica_that_loses_the_lease_to_another_sends_nothing_of_what_it_has_taken(
    replica, sim, redis
):
    _, follower = await replica(sim, control_secret=SECRET), await replica(sim, control_secret=SECRET)
    redis.admin("SET", LEASE, "another:replica:has:it")

    answer = await set_reserve(follower, 30)

    assert answer.status == 503
    assert "nothing was sent" in answer.text
    assert writes(sim) == []


async def test_a_command_that_was_made_in_a_term_that_is_over_is_not_carried_out(replica, sim, redis, clock):
    holder = await replica(sim, control_secret=SECRET)
    await redis.settled()
    known = subscriptions(redis)
    follower = await replica(sim, control_secret=SECRET)
    await redis.settled()
    (own,) = subscriptions(redis) - known
    redis.admin("CLIENT", "KILL", "ID", own)  # so that it does not learn of another term
    redis.admin("DEL", LEASE)
    assert (await set_reserve(holder, 20)).status == 503  # a new term begins
    assert (await set_reserve(holder, 20)).status == 200

    task = asyncio.create_task(set_reserve(follower, 30))
    await passes(task, redis, clock)
    answer = await task

    assert answer.status == 503
    assert "nothing was sent" in answer.text
    assert reserves(sim) == [20]


async def test_a_takeover_cuts_no_command_off_from_its_answer(replica, sim, redis, clock):
    first, second = await replica(sim, control_secret=SECRET), await replica(sim, control_secret=SECRET)
    await first.becomes("holding")
    await first.cable.cut()
    redis.admin("DEL", LEASE)  # its time is over
    await second.becomes("holding")
    await first.becomes("alone")
    await second.cable.cut()
    sim.faults.add(Fault("/api/operation", method="POST", delay_s=2.0, after=True))

    task = asyncio.create_task(set_reserve(first, 30))
    await happens(lambda: writes(sim))
    redis.admin("DEL", LEASE)
    await first.cable.join()
    await first.becomes("holding")
    await passes(task, redis, clock)

    assert (await task).status == 200
    assert reserves(sim) == [30]


class Faults:
    """Cuts replicas off from Redis, and ends Redis, at random and for some looks each; a call is a look."""

    def __init__(self, rng: random.Random, replicas: list[Replica], redis) -> None:
        self._rng = rng
        self._replicas = replicas
        self._redis = redis
        self._cut: dict[Replica, int] = {}  # and for how many more looks
        self._down = 0  # Redis, for so many more looks

    async def __call__(self) -> None:
        if self._down:
            self._down -= 1
            if not self._down:
                self._redis.start()
        elif self._rng.random() < 0.01:
            self._redis.kill()
            self._down = self._rng.randrange(1, 30)
        each = self._rng.choice(self._replicas)
        if each not in self._cut and self._rng.random() < 0.1:
            await each.cable.cut()
            self._cut[each] = self._rng.randrange(1, 12)
        for other in tuple(self._cut):
            self._cut[other] -= 1
            if not self._cut[other]:
                await other.cable.join()
                del self._cut[other]


async def test_commands_under_random_cuts_and_ends_of_redis_are_carried_out_at_most_once_and_their_answers_are_true(
    replica, sim, clock, redis
):
    """Every 200 was carried out, no 503 was; 504 may be either; none was carried out twice."""
    rng = random.Random(7)
    replicas = [await replica(sim, control_secret=SECRET) for _ in range(2)]
    fault = Faults(rng, replicas, redis)
    sent: dict[int, int] = {}

    for value in range(1, 31):
        task = asyncio.create_task(set_reserve(rng.choice(replicas), value))
        await passes(task, redis, clock, fault)
        sent[value] = (await task).status

    done = reserves(sim)
    assert len(done) == len(set(done))
    assert set(sent.values()) <= {200, 503, 504}
    for value, status in sent.items():
        if status in {200, 503}:
            assert (value in done) is (status == 200), (value, status)
    assert {200, 503} <= set(sent.values())


@pytest.mark.parametrize("damage", [lambda sealed: sealed[:-1] + b"x", lambda _: b"abcdef01:not sealed"])
async def test_a_command_that_was_not_sealed_with_the_key_is_dropped_and_counted(replica, sim, redis, damage):
    holder, follower = await replica(sim, control_secret=SECRET), await replica(sim, control_secret=SECRET)
    channel = "pwp:1:{default}:requests"
    sealed = follower.member.sealed(b"anything", channel)

    redis.admin("PUBLISH", channel, damage(sealed))

    await happens(lambda: dict(holder.samples("messages_total"))["default", "dropped"])
    assert writes(sim) == []
