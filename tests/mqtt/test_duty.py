"""Of several processes that serve one gateway, one publishes it."""

from __future__ import annotations

from tests.clock import settled
from tests.mqtt.conftest import PREFIX, calm, happens, publisher
from tests.mqtt.test_broker import connected, problems


async def test_only_the_process_that_has_the_duty_is_connected(publishing, sim, broker, client, clock):
    proxy = await publishing(sim, broker)
    await client.hears(f"{PREFIX}/availability", "online")
    duty = proxy.context.gateway.duty

    duty.set(on=False)
    await happens(lambda: "Client proxy disconnected" in broker.log.read_text())
    clock.advance(300)
    await settled()
    before = client.count(f"{PREFIX}/availability")
    duty.set(on=True)
    await happens(lambda: client.count(f"{PREFIX}/availability") > before)
    await calm(proxy)

    # It left without a word: the other process publishes these topics now.
    said = [text for topic, text in client.heard if topic == f"{PREFIX}/availability"]
    assert said == ["online", "online"]


async def test_the_process_that_takes_over_does_not_complain_of_the_one_that_left(
    publishing, sim, broker, client
):
    before = await publishing(sim, broker, mqtt_client_id="before")
    await client.hears(f"{PREFIX}/availability", "online")
    await calm(before)

    before.context.gateway.duty.set(on=False)
    await happens(lambda: "Client before disconnected" in broker.log.read_text())
    after = await publishing(sim, broker, mqtt_client_id="after")
    await happens(lambda: publisher(after).standing().connected)
    await calm(after)

    assert publisher(after).problems() == []


async def test_a_process_that_lost_the_broker_and_then_the_duty_complains_of_nothing(
    publishing, sim, broker, client, clock
):
    """One that was suspended hears, when it goes on, the one that took over, and that its connection has ended."""
    proxy = await publishing(sim, broker)
    await connected(proxy)
    await client.publish(f"{PREFIX}/server", {"client_id": "the one that took over"})
    await happens(publisher(proxy).problems)
    broker.kill()
    await happens(lambda: publisher(proxy).standing().error)

    proxy.context.gateway.duty.set(on=False)
    clock.advance(1.1)

    await happens(lambda: not publisher(proxy).problems() and not publisher(proxy).standing().error)
    assert await problems(proxy) == []
