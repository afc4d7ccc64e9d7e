"""Alarms over MQTT: the broker is one of their receivers."""

import json

from proxy.cache.events import CommandDone
from proxy.core.model import Setting
from tests.clock import settled
from tests.mqtt.conftest import ROOT, happens, kept_by, samples

# Less than an acknowledgement may take: the first messages of a connection wait for theirs while time passes.
RECONNECTS_S = 2
REPEATS_S = 5


async def test_an_alarm_is_published_once_and_not_retained(publishing, sim, broker, client):
    proxy = await publishing(sim, broker, notify_mqtt=True)
    await client.hears(f"{ROOT}/availability", "online")

    proxy.context.gateway.events.publish(CommandDone("default", {Setting.RESERVE: 30}, "ok"))

    message = json.loads(await client.hears(f"{ROOT}/alarm"))
    assert (message["event"], message["text"]) == ("command", "Reserve set to 30 %.")
    assert client.count(f"{ROOT}/alarm") == 1
    assert f"{ROOT}/alarm" not in await kept_by(broker)


async def test_an_alarm_waits_for_a_broker_that_is_away(publishing, sim, mosquitto, clock):
    broker = mosquitto(started=False)
    proxy = await publishing(sim, broker, notify_mqtt=True)
    await settled()
    proxy.context.gateway.events.publish(CommandDone("default", {Setting.RESERVE: 30}, "ok"))
    await happens(lambda: samples(proxy, "powerwall_proxy_notify_messages_total")["failed",] == 1)
    assert (await proxy.get("/health")).json()["notify"]["receivers"] == [
        {"name": "mqtt", "sent": 0, "waiting": 1, "error": "mqtt is not connected."}
    ]

    broker.start()
    clock.advance(RECONNECTS_S)
    await happens(lambda: samples(proxy, "powerwall_proxy_mqtt_connected")[()] == 1)
    clock.advance(REPEATS_S)

    await happens(lambda: samples(proxy, "powerwall_proxy_notify_messages_total")["sent",] == 1)
