"""A writer in Redis who has no key may stop replicas from sharing; it changes no reading and causes no command."""

from __future__ import annotations

import pytest

from proxy.replicas import wire
from tests.replicas.conftest import happens, one_fetches
from tests.replicas.test_commands import SECRET, set_reserve, writes

METERS, CHARGE, OPERATION = "/api/meters/aggregates", "/api/system_status/soe", "/api/operation"
BASE = "pwp:1:{default}:"
LEASE, REPORTS = f"{BASE}lease", f"{BASE}reports"
_NUMBER = "0" * 32


async def _pass(seconds: int, clock, redis) -> None:
    for _ in range(seconds):
        clock.advance(1)
        await redis.settled()


GARBAGE = (
    ("SET", f"{BASE}answer:local:{METERS}", b"garbage"),
    ("HSET", f"{BASE}state", "energy.json", b"\xff\xfe", b"\xff", b"123:garbage"),
    ("HSET", "pwp:{default}:schemas", b"\xff", b"9" * 5000, b"2", b"9" * 5000, b"3", b"-1"),
    ("PUBLISH", REPORTS, b"abcdef01:" + bytes(100)),
    ("PUBLISH", REPORTS, b"\xff\x00"),
    ("PUBLISH", f"{BASE}requests", b""),
)


async def test_garbage_in_redis_changes_nothing(replica, sim, redis, clock):
    replicas = [await replica(sim), await replica(sim)]
    await replicas[1].get("/aggregates")
    for command in GARBAGE:
        redis.admin(*command)
    replicas.append(await replica(sim))  # it finds the garbage

    await _pass(6, clock, redis)
    answers = [await each.get("/aggregates") for each in replicas]

    assert [answer.status for answer in answers] == [200] * 3
    assert [(await each.standing())["problems"] for each in replicas] == [[]] * 3
    assert [await each.state() for each in replicas] == ["holding", "following", "following"]
    assert sim.logins == 1


async def test_a_lease_that_no_replica_wrote_costs_no_reading(replica, sim, redis, clock):
    """Each replica fetches for itself, as without Redis, says so, and they share again when it is gone."""
    replicas = [await replica(sim), await replica(sim)]
    await replicas[1].get("/aggregates")
    redis.admin("SET", LEASE, b"\xff garbage")
    await _pass(6, clock, redis)
    redis.admin("SET", LEASE, b"a:b:c:d")  # as a replica would write it

    await _pass(54, clock, redis)  # ten looks, and then as without Redis
    answers = [await each.get("/aggregates") for each in replicas]
    problems = [(await each.standing())["problems"] for each in replicas]
    redis.admin("DEL", LEASE)

    assert [(answer.status, answer.headers["Age"]) for answer in answers] == [(200, "0")] * 2
    assert all("names a replica that is not heard" in found[0] for found in problems)
    assert await one_fetches(*replicas) <= 5
    assert sim.logins == 1


async def test_an_old_reading_that_is_put_back_is_not_served_as_a_new_one(replica, sim, redis):
    holder = await replica(sim)
    await holder.get("/soe")
    await redis.settled()
    (link,) = holder.member.relays
    last = holder.member.outbox._answers[link, CHARGE]
    rows, bodies = wire.written_answer(last.answer, holder.member.now())

    def sent(seconds_ago: float) -> bytes:
        head = {"kind": "answer", "link": link, "exchange": CHARGE, "started": 0.1, "rows": rows}
        stamped = {
            "term": "of another holder",
            "number": 7,
            "sent": holder.member.standing.stamp() - seconds_ago,
        }
        return holder.member.sealed(wire.pack({**head, **stamped}, bodies), REPORTS)

    redis.admin("SET", f"{BASE}answer:{link}:{CHARGE}", sent(20))
    younger = await replica(sim)
    await happens(lambda: younger.cache.peek(CHARGE))
    redis.admin("SET", f"{BASE}answer:{link}:{CHARGE}", sent(60))
    older = await replica(sim)
    await redis.settled()

    assert younger.cache.peek(CHARGE).observed_at <= younger.member.now() - 20
    assert older.cache.peek(CHARGE) is None  # it is too old to be served


async def test_a_report_that_is_sent_again_changes_nothing(replica, sim, redis, wiretap):
    holder, follower = [await replica(sim, control_secret=SECRET) for _ in range(2)]
    await follower.get("/api/operation")
    assert (await set_reserve(holder, 30)).status == 200
    await follower.get("/api/operation")
    await redis.settled()
    reports = [sent for channel, sent, _ in wiretap.heard() if channel == REPORTS]
    requests = len(sim.requests)

    for sent in reports:
        redis.admin("PUBLISH", REPORTS, sent)
    await redis.settled()

    assert follower.cache.peek(OPERATION) is not None
    assert len(sim.requests) == requests
    assert holder.member.inbox.dropped == follower.member.inbox.dropped == 0


@pytest.mark.parametrize(("seconds_ago", "times"), [(1, 1), (60, 0)])
async def test_a_command_that_was_held_back_is_not_carried_out_late(replica, sim, redis, seconds_ago, times):
    holder, follower = [await replica(sim, control_secret=SECRET) for _ in range(2)]
    await holder.becomes("holding")
    await redis.settled()
    content = {
        "values": {"reserve": 30.0},
        "who": "a client",
        "term": str(holder.member.standing.term),
        "sent": holder.member.standing.stamp() - seconds_ago,
    }
    key = holder.member.keys.command(_NUMBER)
    redis.admin("SET", key, follower.member.sealed(wire.pack(content), key))

    await follower.member.request({"kind": "command", "command": _NUMBER})

    await happens(lambda: redis.admin("EXISTS", holder.member.keys.done(_NUMBER)))
    assert len(writes(sim)) == times
