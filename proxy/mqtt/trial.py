"""Connects to the broker as the proxy would, beside it: what is wrong, in sentences."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Final

from proxy.core.advice import Cause
from proxy.drivers.finding import Finding
from proxy.mqtt import sentences
from proxy.mqtt.broker import BrokerError, connected
from proxy.mqtt.checks import control_missing
from proxy.mqtt.outbox import Message
from proxy.mqtt.settings import MqttSettings, subscriptions

if TYPE_CHECKING:
    from proxy.config.settings import Settings
    from proxy.mqtt.broker import Broker

_STEP: Final = "MQTT"
_ADVICE: Final = "Check MQTT_HOST and the other settings of MQTT, and the users and the ACL of the broker."

# What was published comes back at once if it was taken.
_RETURNS_WITHIN_S: Final = 1.0


async def diagnose(settings: Settings) -> AsyncGenerator[Finding]:
    """Yield what is wrong, or what was tried."""
    own = settings.of(MqttSettings)
    found = await trial(own, takes_commands=bool(own.mqtt_controls) and not control_missing(settings))
    for sentence in found:
        yield Finding(_STEP, sentence, Cause.BROKER, _ADVICE)
    if not found:
        yield Finding(_STEP, f"connects, subscribes, and publishes at {_topic(own)}")


async def trial(settings: MqttSettings, *, takes_commands: bool) -> list[str]:
    """Return what a proxy with these settings would complain about; takes ten seconds at most.

    A client id of the broker's choice leaves a proxy that is connected alone.
    """
    own = _topic(settings)
    try:
        async with connected(settings, "") as broker:
            refused = await broker.subscribe([*subscriptions(settings, takes_commands=takes_commands), own])
            found = [sentences.of_subscription(topic) for topic in refused if topic != own]
            if own not in refused and not await _is_returned(broker, own):
                found.append(sentences.of_topic(own))
            return found
    except BrokerError as exc:
        return [sentences.of_connection(settings, str(exc))]


def _topic(settings: MqttSettings) -> str:
    """Return the topic to which nothing but a trial publishes."""
    return f"{settings.mqtt_topic_prefix}/check"


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
