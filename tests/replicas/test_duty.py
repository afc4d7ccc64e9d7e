"""What has to happen once for all replicas happens where the gateway is read, and goes over with the lease."""

from __future__ import annotations

from proxy.config.gateway_settings import GatewaySettings, SiteSettings
from proxy.sim.server import SimulatedGateway
from tests.clock import settled
from tests.notify.conftest import Webhook


async def _live(clock, seconds: float, *replicas) -> None:
    for _ in range(round(seconds / 5)):
        for replica in replicas:
            await replica.get("/aggregates")
        for _ in range(11):
            clock.advance(0.5)
            await settled()


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
