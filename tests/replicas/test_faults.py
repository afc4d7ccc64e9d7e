"""Two may fetch for a while, clocks may differ, Redis may answer nonsense: no value is wrong, and one fetches again."""

from __future__ import annotations

import pytest

from proxy.core.clock import Clock
from tests.clock import settled
from tests.replicas.cable import Cable
from tests.replicas.conftest import happens, one_fetches

METERS = "/api/meters/aggregates"
LEASE = "pwp:1:{default}:lease"


@pytest.mark.parametrize(
    ("fault", "cure", "word"),
    [
        (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE"), "takes no writes"),
        (("ACL", "SETUSER", "powerwall", "-eval", "-evalsha"), ("ACL", "LOAD"), "fewer rights"),
    ],
)
async def test_a_redis_that_answers_with_errors_is_a_redis_that_is_lost(
    replica, sim, redis, clock, fault, cure, word, caplog
):
    first, second = await replica(sim), await replica(sim)
    await second.get("/aggregates")
    redis.admin("PEXPIRE", LEASE, 200)
    redis.admin(*fault)
    await first.becomes("alone")
    await happens(lambda: redis.admin("PTTL", LEASE) < 0)  # by the clock of Redis, which no test can advance
    await second.becomes("detached")
    problems = (await first.standing())["problems"]
    failed = [sum(dict(each.samples("redis_errors_total")).values()) for each in (first, second)]
    clock.advance(6)
    answers = [await each.get("/aggregates") for each in (first, second)]

    redis.admin(*cure)
    took_s = await one_fetches(first, second)

    assert took_s <= 5
    assert word in problems[0]
    assert max(failed) <= 10  # in five seconds: a renewal each, and what was to be sent
    assert [answer.status for answer in answers] == [200, 200]
    assert sim.logins == 1
    lines = [record.message for record in caplog.records if record.message in {"redis lost", "redis found"}]
    assert sorted(lines) == ["redis found", "redis found", "redis lost", "redis lost"]


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        ({"delay_s": 1.0}, "does not answer"),
        ({"answers": b"-LOADING Redis is loading the dataset in memory\r\n"}, "is still loading its data"),
        ({"answers": b"-MOVED 3999 127.0.0.1:6381\r\n"}, "is part of a cluster"),
        ({"answers": b"-NOAUTH Authentication required.\r\n"}, "refuses the user or the password"),
    ],
    ids=["slow", "loading", "moved", "another password"],
)
async def test_a_redis_that_is_slow_or_not_ready_is_lost_until_it_is_well(
    replica, sim, clock, fault, word, caplog
):
    replicas = first, second = await replica(sim), await replica(sim)
    await second.get("/aggregates")
    for name, value in fault.items():
        for each in replicas:
            setattr(each.cable, name, value)
    await first.becomes("alone")
    await second.becomes("detached")
    problems = [(await each.standing())["problems"] for each in replicas]
    clock.advance(6)
    answers = [await each.get("/aggregates") for each in replicas]

    for each in replicas:
        each.cable.delay_s, each.cable.answers = 0.0, b""
    took_s = await one_fetches(*replicas)

    assert took_s <= 5
    assert all(word in found[0] for found in problems), problems
    assert [answer.status for answer in answers] == [200, 200]
    assert sim.requests_for(METERS) <= 3
    assert sim.logins == 1
    lines = [record.message for record in caplog.records if record.message in {"redis lost", "redis found"}]
    assert sorted(lines) == ["redis found", "redis found", "redis lost", "redis lost"]


async def test_what_a_late_holder_writes_is_refused_and_it_follows(replica, sim, redis, clock):
    first, second = await replica(sim), await replica(sim)
    await first.get("/aggregates")
    redis.admin("SET", LEASE, "a:later:term:of another", "PX", "1000")

    clock.advance(0.5)
    await first.get("/soe")

    await happens(lambda: dict(first.samples("messages_total"))["default", "fenced"])
    await first.becomes("following")
    assert second.cache.peek("/api/system_status/soe") is None


async def test_clocks_that_are_a_day_apart_and_step_make_no_difference(replica, sim, clock):
    ahead_s = 86400.0
    first = await replica(sim)
    second = await replica(sim, clock=Clock(clock.clock.monotonic, lambda: clock.clock.wall() + ahead_s))
    await first.get("/aggregates")
    await happens(lambda: second.cache.peek(METERS))
    clock.advance(3)
    ahead_s = -86400.0

    ages = [(await each.get("/aggregates")).headers["Age"] for each in (first, second)]
    assert ages == ["3", "3"]

    await first.end()
    await happens(lambda: second.has_duty)
    clock.advance(6)
    assert (await second.get("/aggregates")).headers["Age"] == "0"
    assert sim.logins == 1


async def test_a_replica_that_cannot_reach_the_gateway_leaves_it_to_one_that_can(replica, sim, clock):
    line = Cable(sim.port)
    await line.join()
    first = await replica(sim, host=f"127.0.0.1:{line.port}")
    second = await replica(sim)
    await first.becomes("holding")
    await first.get("/aggregates")

    await line.cut()

    async def has_gone_over() -> bool:
        await first.pass_time()
        await first.get("/aggregates")
        return second.has_duty

    await happens(has_gone_over)
    await settled()
    assert (await first.get("/aggregates")).status == 200
    assert (await first.state()) == "following"


async def test_a_follower_that_cannot_reach_the_gateway_serves_what_the_other_one_gets(replica, sim, clock):
    line = Cable(sim.port)
    await line.join()
    await replica(sim)
    follower = await replica(sim, host=f"127.0.0.1:{line.port}")
    await line.cut()

    async def is_read_again() -> bool:
        clock.advance(0.05)
        answer = await follower.get("/aggregates")
        assert answer.status == 200
        return answer.headers["Age"] == "0"

    for _ in range(3):
        await happens(is_read_again)
        clock.advance(6)

    assert (await follower.get("/soe")).status == 200
    assert sim.logins == 1


async def test_a_connection_that_ends_without_a_word_is_replaced(replica, sim, clock):
    """As when the machine of Redis loses its power, or a router forgets the connection."""
    holder, follower = await replica(sim), await replica(sim)
    await follower.get("/aggregates")
    follower.cable.lose()

    async def is_received() -> bool:
        clock.advance(0.05)
        await holder.get("/soe")
        return follower.cache.peek("/api/system_status/soe") is not None

    await happens(is_received)
    assert await follower.state() == "following"
