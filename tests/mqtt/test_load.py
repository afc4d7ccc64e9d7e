"""How much is published: what changes by more than the noise of a meter, and a sign of life."""

from __future__ import annotations

from random import Random

from proxy.core.sources import METERS
from tests.clock import pass_time
from tests.mqtt.conftest import ROOT, calm, happens, sent

READ_EVERY_S = 5
TOGETHER_S = 0.2  # the answers of one round are published together


async def one_reading(proxy, clock) -> float:
    """Let the gateway be read once more; return how many messages that caused."""
    before = sent(proxy)
    await pass_time(clock, proxy, READ_EVERY_S - TOGETHER_S)
    await pass_time(clock, proxy, TOGETHER_S)
    await calm(proxy)
    return sent(proxy) - before


async def test_a_calm_house_costs_at_most_ten_messages_a_minute_and_a_changing_one_twelve_in_five_seconds(
    publishing, sim, broker, client, clock
):
    """What is below the steps of ``STEPS`` goes along with the document that is repeated every 30 s."""
    noise, minutes = Random(1), 3
    sim.pin(solar=0.0, load=600.0)
    proxy = await publishing(sim, broker)
    await client.hears(f"{ROOT}/status")
    await calm(proxy)

    calm_count = 0.0
    for _ in range(minutes * 60 // READ_EVERY_S):
        sim.pin(load=600.0 + noise.gauss(0, 2))
        calm_count += await one_reading(proxy, clock)
    changing_count = 0.0
    for _ in range(minutes * 60 // READ_EVERY_S):
        sim.pin(solar=noise.uniform(0, 5_000), load=noise.uniform(300, 3_000))
        changing_count += await one_reading(proxy, clock)

    assert 2 * minutes <= calm_count <= 10 * minutes
    assert changing_count <= 12 * minutes * 60 / READ_EVERY_S


async def test_a_small_change_arrives_with_the_next_repetition(
    publishing, sim, broker, client, clock, caplog
):
    """No value is wrong by more than its step, the document for 30 s at most, a single value for 5 minutes."""
    sim.pin(load=600.0)
    proxy = await publishing(sim, broker)
    await client.hears(f"{ROOT}/home", "600.0")
    await calm(proxy)

    sim.pin(load=607.0)
    await one_reading(proxy, clock)
    assert proxy.context.gateway.cache.peek(METERS).document.value["load"]["instant_power"] == 607
    assert client.status()["home"] == 600
    for _ in range(6):
        await one_reading(proxy, clock)
    await happens(lambda: client.status()["home"] == 607)
    assert client.latest[f"{ROOT}/home"] == "600.0"

    for _ in range(14):
        await pass_time(clock, proxy, 3 * READ_EVERY_S)
        await one_reading(proxy, clock)
    await client.hears(f"{ROOT}/home", "607.0")
    assert "mqtt connection lost" not in caplog.messages  # a new connection would repeat everything
