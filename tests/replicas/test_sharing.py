"""One replica fetches; all answer with what it has got, as old as it is."""

from __future__ import annotations

from tests.replicas.conftest import happens

METERS, CHARGE = "/api/meters/aggregates", "/api/system_status/soe"


async def test_the_first_replica_fetches_and_the_others_answer_with_what_it_got(replica, sim):
    first, second, third = await replica(sim), await replica(sim), await replica(sim)
    assert (await first.get("/aggregates")).status == 200

    answers = [await each.get("/aggregates") for each in (second, third)]

    assert [answer.status for answer in answers] == [200, 200]
    assert answers[0].body == answers[1].body == (await first.get("/aggregates")).body
    assert [await each.state() for each in (first, second, third)] == ["holding", "following", "following"]
    assert sim.requests_for(METERS) == 1
    assert sim.logins == 1


async def test_what_only_a_follower_requests_is_fetched_for_it_by_the_one_that_fetches(replica, sim):
    _, follower = await replica(sim), await replica(sim)

    answer = await follower.get("/soe")

    assert answer.status == 200
    assert sim.requests_for("/api/system_status/soe") == 1
    assert sim.logins == 1


async def test_a_follower_says_how_old_a_reading_is(replica, sim, clock):
    holder, follower = await replica(sim), await replica(sim)
    await holder.get("/aggregates")
    await happens(lambda: follower.proxy.context.gateway.cache.peek(METERS))

    clock.advance(4)
    answer = await follower.get("/aggregates")

    assert answer.headers["Age"] == "4"
    assert sim.requests_for(METERS) == 1


async def test_a_hit_sends_nothing_to_redis_and_waits_for_nothing_of_it(replica, sim, redis):
    replicas = [await replica(sim) for _ in range(2)]
    for each in replicas:
        await each.get("/aggregates")
    await redis.settled()
    redis.freeze()
    try:
        answers = [await each.get("/aggregates") for each in replicas for _ in range(20)]
    finally:
        redis.thaw()

    assert {answer.status for answer in answers} == {200}
    assert all("; hit;" in answer.headers["Cache-Status"] for answer in answers)
    assert all(each.proxy.context.gateway.cache.waiting == 0 for each in replicas)


async def test_a_follower_that_starts_later_knows_what_was_read_before(replica, sim):
    holder = await replica(sim)
    await holder.get("/aggregates")
    late = await replica(sim)

    await happens(lambda: late.proxy.context.gateway.cache.peek(METERS))


async def test_what_the_gateway_does_not_offer_is_not_offered_by_a_follower_either(replica, sim):
    sim.answers(path="/api/system_status/soe", status=404)
    _, follower = await replica(sim), await replica(sim)

    answers = [await follower.get("/soe") for _ in range(3)]

    assert {answer.status for answer in answers} == {404}
    assert sim.requests_for("/api/system_status/soe") == 1


async def test_a_miss_at_a_follower_costs_one_message_each_way(replica, sim, redis, wiretap):
    """It waits for nothing else but the gateway: neither for a timer, nor for a second request."""
    _, follower = await replica(sim), await replica(sim)
    await follower.get("/aggregates")
    await redis.settled()
    wiretap.heard()

    answer = await follower.get("/soe")  # no time passes meanwhile but that of the messages

    assert answer.status == 200
    sent = [head["kind"] for _, _, head in wiretap.heard() if head["kind"] != "alive"]
    assert sent == ["fetch", "answer"]


async def test_a_reading_that_was_long_under_way_is_as_old_as_it_is(replica, sim, redis, clock):
    """As where a follower was suspended, or its network stood still, while the message was on its way."""
    holder, follower = await replica(sim), await replica(sim)
    await follower.get("/aggregates")
    await redis.settled()
    follower.cable.passes.clear()
    await holder.get("/soe")
    await redis.settled()

    clock.advance(4)
    follower.cable.passes.set()
    await happens(lambda: follower.cache.peek(CHARGE))

    read, received = (each.cache.peek(CHARGE).observed_at for each in (holder, follower))
    assert read - 0.1 < received <= read
