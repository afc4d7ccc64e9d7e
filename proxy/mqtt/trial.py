"""Connects to the broker as the proxy would, for ``check``: what is wrong, in sentences."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from proxy.mqtt import sentences
from proxy.mqtt.broker import BrokerError, connected
from proxy.mqtt.outbox import Message
from proxy.mqtt.settings import subscriptions

if TYPE_CHECKING:
    from proxy.mqtt.broker import Broker
    from proxy.mqtt.settings import MqttSettings

# What was published comes back at once if it was taken.
_RETURNS_WITHIN_S: Final = 1.0


async def trial(settings: MqttSettings, *, takes_commands: bool) -> list[str]:
    """Return what a proxy with these settings would complain about; takes ten seconds at most.

    A client id of the broker's choice leaves a proxy that is connected alone.
    """
    own = f"{settings.mqtt_topic_prefix}/check"
    try:
        async with connected(settings, "") as broker:
            refused = await broker.subscribe([*subscriptions(settings, takes_commands=takes_commands), own])
            found = [sentences.of_subscription(topic) for topic in refused if topic != own]
            if own not in refused and not await _is_returned(broker, own):
                found.append(sentences.of_topic(own))
            return found
    except BrokerError as exc:
        return [sentences.of_connection(settings, str(exc))]


async def _is_returned(broker: Broker, topic: str) -> bool:
    await broker.publish(Message(topic, "", 1, retain=False))
    try:
        async with asyncio.timeout(_RETURNS_WITHIN_S):
            async for message in broker.received():
                if message.topic == topic:
                    return True
    except TimeoutError:
        pass
    return False
