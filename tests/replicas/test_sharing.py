"""One replica fetches; all answer with what it has got, as old as it is."""

from __future__ import annotations

from tests.replicas.conftest import happens

METERS = "/api/meters/aggregates"


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

    assert {(answer.status, answer.headers["Cache-Status"]) for answer in answers} == {
        (200, answers[0].headers["Cache-Status"])
    }
    assert "hit" in answers[0].headers["Cache-Status"]
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
