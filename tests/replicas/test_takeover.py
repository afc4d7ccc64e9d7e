"""When the replica that fetches goes, another one goes on: with its session, and without a gap."""

from __future__ import annotations

from proxy.sim.server import SimulatedGateway
from tests.clock import settled
from tests.replicas.conftest import happens, one_fetches

METERS = "/api/meters/aggregates"


def energies(answer) -> tuple[float, float]:
    site = answer.json()["site"]
    return site["energy_imported"], site["energy_exported"]


async def test_a_replica_that_is_cut_off_stops_and_another_goes_on_without_a_login(
    replica, sim, redis, clock
):
    first, second = await replica(sim), await replica(sim)
    await second.get("/aggregates")
    await first.cable.cut()

    redis.admin("DEL", "pwp:1:{default}:lease")  # its time is over
    await second.becomes("holding")
    clock.advance(6)
    answer = await second.get("/aggregates")

    assert answer.status == 200
    assert answer.headers["Age"] == "0"
    assert await first.state() == "alone"  # it cannot know that another one fetches now

    await first.cable.join()
    await first.becomes("following")
    assert await second.state() == "holding"
    assert not first.has_duty
    assert sim.logins == 1


async def test_the_one_that_holds_the_lease_goes_on_alone_without_redis_and_the_others_serve_what_they_have(
    replica, sim, redis, clock
):
    first, second = await replica(sim), await replica(sim)
    await second.get("/aggregates")
    redis.kill()

    await first.becomes("alone")
    await second.becomes("detached")
    clock.advance(6)
    answers = [await each.get("/aggregates") for each in (first, second)]

    assert [answer.status for answer in answers] == [200, 200]
    assert int(answers[0].headers["Age"]) < 2
    assert int(answers[1].headers["Age"]) >= 6
    assert sim.logins == 1

    redis.start()
    assert await one_fetches(first, second) <= 5
    assert sim.logins == 1


async def test_without_redis_a_follower_fetches_for_itself_when_what_it_has_is_too_old(
    replica, sim, redis, clock
):
    _, second = await replica(sim), await replica(sim)
    await second.get("/aggregates")
    redis.kill()
    await second.becomes("detached")

    clock.advance(46)  # 30 s, and up to 15 s of its own
    await second.becomes("alone")
    answer = await second.get("/aggregates")

    assert answer.status == 200
    assert answer.headers["Age"] == "0"
    assert sim.logins == 1


async def test_a_replica_that_ends_leaves_the_lease_at_once(replica, sim):
    first, second = await replica(sim), await replica(sim)
    await second.get("/aggregates")

    await first.end()

    await happens(lambda: second.has_duty)  # no time passes but that of the messages
    assert sim.logins == 1


async def test_energies_that_the_proxy_counts_go_on_where_the_other_replica_had_them(replica, clock, redis):
    """Neither do they fall, nor do they jump by more than a tenth of a percent of a day."""
    async with SimulatedGateway(persona="pw3", clock=clock.clock) as house:
        house.pin(solar=4000, site=-1000, battery=0)
        own = {"gw_pwd": house.gw_pwd, "password": "", "auth_mode": "cookie"}
        first, second = await replica(house, **own), await replica(house, **own)
        await first.becomes("holding")
        for _ in range(10):
            await first.get("/aggregates")
            clock.advance(20)
            await settled()
        before = (await second.get("/aggregates")).json()["solar"]["energy_exported"]
        await first.cable.cut()
        redis.admin("DEL", "pwp:1:{default}:lease")
        await second.becomes("holding")
        clock.advance(5)
        read = []
        for _ in range(10):
            read.append((await second.get("/aggregates")).json()["solar"]["energy_exported"])
            clock.advance(20)
            await settled()

    day_wh = 4000 * 24
    assert before > 150
    assert sorted(read) == read
    assert before <= read[0] <= before + day_wh * 0.005
    expected = before + 4000 * 200 / 3600
    assert abs(read[-1] - expected) <= day_wh * 0.001
