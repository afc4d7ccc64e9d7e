"""What has to happen once for all replicas happens where the gateway is read, and goes over with the lease."""

from __future__ import annotations

from proxy.config.gateway_settings import GatewaySettings, SiteSettings
from proxy.sim.server import SimulatedGateway
from tests.history.conftest import query
from tests.notify.conftest import Webhook

# What a client requests is recorded when it is new.
READ_EVERY_S = 6.0


async def _live(clock, seconds: float, *replicas) -> None:
    for _ in range(round(seconds / READ_EVERY_S)):
        for replica in replicas:
            await replica.get("/aggregates")
        for _ in range(3):
            clock.advance(READ_EVERY_S / 3)
            await replicas[0].settled()


async def test_what_is_recorded_is_recorded_once_though_another_replica_goes_on(
    replica, sim, clock, tmp_path
):
    own = {"history": True, "timezone": "Europe/Berlin"}
    first, second = await replica(sim, **own), await replica(sim, **own)
    await first.becomes("holding")
    await _live(clock, 150, first, second)

    await first.end()
    await second.becomes("holding")
    await _live(clock, 150, second)
    await second.end()

    statement = "SELECT at, n FROM minute ORDER BY at"
    kept = [dict(query(tmp_path / f"state{number}", statement)) for number in (1, 2)]
    together = sorted({*kept[0], *kept[1]})
    assert [len(minutes) >= 2 for minutes in kept] == [True, True]
    assert len(kept[0].keys() & kept[1].keys()) <= 1  # the one in which it went over
    assert together == list(range(together[0], together[-1] + 60, 60))
    assert all(kept[0].get(at, 0) + kept[1].get(at, 0) <= 60 / READ_EVERY_S + 1 for at in together)


async def test_an_outage_gives_one_message_at_its_begin_and_one_at_its_end_though_another_replica_sees_that(
    replica, sim, clock
):
    async with Webhook().listening() as webhook:
        own = {"notify_webhook": (webhook.url,), "notify_settle": 10}
        first, second = await replica(sim, **own), await replica(sim, **own)
        await first.becomes("holding")
        await _live(clock, 30, first, second)
        sim.plant.contactor.lose_grid(sim.plant.seconds, at_once=True)
        await _live(clock, 60, first, second)
        assert webhook.events == ["grid_lost"]

        await first.end()
        await second.becomes("holding")
        sim.plant.contactor.return_grid(sim.plant.seconds, at_once=True)
        await _live(clock, 60, second)

        assert webhook.events == ["grid_lost", "grid_back"]
        assert 60 <= webhook.got[1]["values"]["duration_seconds"] <= 150


async def test_an_outage_of_a_site_is_over_also_for_the_replica_that_has_not_seen_its_begin(replica, clock):
    async with (
        Webhook().listening() as webhook,
        SimulatedGateway("fw21_44", clock=clock.clock) as one,
        SimulatedGateway("fw21_44", clock=clock.clock) as two,
    ):
        houses = {"one": one, "two": two}
        gateways = [
            GatewaySettings(id=name, host=house.address, password="password", site="home")
            for name, house in houses.items()
        ]
        own = {"notify_webhook": (webhook.url,), "notify_settle": 10, "gateways": gateways}
        sites = [SiteSettings("home", "Our Home")]
        first, second = await replica(sites=sites, **own), await replica(sites=sites, **own)
        await first.becomes("holding")
        await _live(clock, 60, first, second)
        for house in houses.values():
            house.plant.contactor.lose_grid(house.plant.seconds, at_once=True)
        await _live(clock, 60, first, second)
        assert webhook.events == ["grid_lost"]

        await first.end()
        await second.becomes("holding")
        for house in houses.values():
            house.plant.contactor.return_grid(house.plant.seconds, at_once=True)
        await _live(clock, 60, second)

        assert webhook.events == ["grid_lost", "grid_back"]
        assert {message["gateway"] for message in webhook.got} == {"home"}
        assert 60 <= webhook.got[1]["values"]["duration_seconds"] <= 180
