"""What has to happen once for all replicas happens where the gateway is read, and goes over with the lease."""

from __future__ import annotations

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
