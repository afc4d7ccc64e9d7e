"""A command is carried out once or not at all, wherever it arrives and whatever fails meanwhile."""

from __future__ import annotations

import asyncio
import json
import random

import pytest

from tests.replicas.conftest import happens

SECRET = "storm-lantern-7492"


async def set_reserve(replica, value: int):
    return await replica.post("/control/reserve", data={"value": str(value), "token": SECRET})


def reserves(sim) -> list[float]:
    """The reserves that the gateway was told, in percent of the app's scale."""
    sent = [json.loads(record.body)["backup_reserve_percent"] for record in writes(sim)]
    return [round((raw - 5) / 0.95) for raw in sent]


def writes(sim) -> list:
    return [record for record in sim.writes if b"backup_reserve_percent" in record.body]


async def test_a_command_that_arrives_at_a_follower_is_carried_out_by_the_one_that_fetches(replica, sim):
    _, follower = await replica(sim, control_secret=SECRET), await replica(sim, control_secret=SECRET)

    answer = await set_reserve(follower, 30)

    assert answer.status == 200, answer.text
    assert len(writes(sim)) == 1
    assert sim.logins == 1


async def test_whoever_got_the_answer_reads_what_was_written_on_every_replica(replica, sim):
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
    await follower.becomes("lonely")

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


async def test_commands_under_random_cuts_are_carried_out_at_most_once_and_their_answers_are_true(
    replica, sim, clock, redis
):
    """Every 200 was carried out, no 503 was; 504 may be either; none was carried out twice."""
    rng = random.Random(7)
    replicas = [await replica(sim, control_secret=SECRET) for _ in range(2)]
    sent: dict[int, int] = {}

    async def faults() -> None:
        while True:
            each = rng.choice(replicas)
            await each.cable.cut()
            for _ in range(rng.randrange(1, 6)):
                await asyncio.sleep(0)
                clock.advance(0.05)
            await each.cable.join()
            for _ in range(40):
                await asyncio.sleep(0.001)
                clock.advance(0.02)

    trouble = asyncio.create_task(faults())
    try:
        for value in range(1, 31):
            task = asyncio.create_task(set_reserve(rng.choice(replicas), value))
            await happens(lambda task=task: clock.advance(0.01) or task.done())
            sent[value] = (await task).status
    finally:
        trouble.cancel()
        await asyncio.gather(trouble, return_exceptions=True)

    done = reserves(sim)
    assert len(done) == len(set(done))
    assert set(sent.values()) <= {200, 503, 504}
    for value, status in sent.items():
        if status in {200, 503}:
            assert (value in done) is (status == 200), (value, status)
    assert list(sent.values()).count(200) > 10


@pytest.mark.parametrize("damage", [lambda sealed: sealed[:-1] + b"x", lambda _: b"abcdef01:not sealed"])
async def test_a_command_that_was_not_sealed_with_the_key_is_dropped_and_counted(replica, sim, redis, damage):
    holder, follower = await replica(sim, control_secret=SECRET), await replica(sim, control_secret=SECRET)
    (relay,) = {link.relay for link in follower.cache.links}
    channel = "pwp:1:{default}:requests"
    sealed = relay._member.sealed(b"anything", channel)

    redis.admin("PUBLISH", channel, damage(sealed))

    await happens(lambda: dict(holder.samples("messages_total"))["default", "dropped"])
    assert writes(sim) == []
