"""Holding the present charge over MQTT, by the same rules as over HTTP."""

from __future__ import annotations

import pytest

from proxy.core.sources import SOE
from proxy.sim.server import SimulatedGateway
from tests.drivers.houses import knows
from tests.mqtt.test_commands import command, controlled, ready

__all__ = ["controlled"]


async def test_above_80_percent_the_reserve_that_the_firmware_takes_is_held(
    controlled, broker, client, clock, key
):
    """Firmware since 25.18 has no reserve of 81 to 99 %: 80 % keeps more than nothing."""
    async with SimulatedGateway("pw3", clock=clock.clock) as sim:
        knows(sim, key)
        sim.plant.set_charge(87.5 * 0.95 + 5)
        await ready(await controlled(sim, broker, **key.settings()), client)

        result = await command(client, "reserve_hold", {})

        assert (result["outcome"], result["value"]) == ("ok", pytest.approx(80))
        assert sim.gateway.site.reserve == 81.0


async def test_no_charge_of_earlier_is_held(controlled, sim, broker, client, clock):
    """A charge that can only be served stale is refused, as is one that is still being fetched again."""
    await ready(await controlled(sim, broker), client)
    sim.answers(status=503, path=SOE)
    clock.advance(12)

    result = await command(client, "reserve_hold", {})

    assert result["outcome"] == "invalid"
    assert result["reason"].startswith("the charge is not known now")
    assert sim.writes == []
