"""``mqtt clear``: empty every retained topic that this proxy, or pypowerwall-server, published."""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import TYPE_CHECKING, Final

from proxy.config.console import EX_CONFIG, OK, complain, load_or_exit
from proxy.mqtt.settings import MqttSettings

if TYPE_CHECKING:
    from proxy.mqtt.broker import Broker

_SILENCE_S: Final = 1.0
# With this the ids of all our announcements begin.
_DEVICE: Final = "pypowerwall_"


def run(_: argparse.Namespace) -> int:
    """Connect with the settings of the proxy, find what is retained, and empty it."""
    settings = load_or_exit(needs_gateway=False).settings.of(MqttSettings)
    if not settings.mqtt_host:
        complain("MQTT_HOST is not set: there is no broker.")
        return EX_CONFIG
    from proxy.mqtt.broker import BrokerError, connected  # noqa: PLC0415 - needs the extra, which load has checked

    async def clear() -> int:
        async with connected(settings, "") as broker:
            return await _clear(broker, settings.mqtt_topic_prefix, settings.mqtt_ha_prefix)

    try:
        count = asyncio.run(clear())
    except BrokerError as exc:
        return complain(f"The broker at {settings.mqtt_host}:{settings.mqtt_port} {exc}.")
    sys.stdout.write(f"{count} retained topics emptied.\n")
    return OK


async def _clear(broker: Broker, prefix: str, ha_prefix: str) -> int:
    from proxy.mqtt.outbox import Message  # noqa: PLC0415 - needs the extra, which load has checked

    found: set[str] = set()
    await broker.subscribe([f"{prefix}/#", f"{ha_prefix}/+/+/config"], 0)
    try:
        async with asyncio.timeout(_SILENCE_S) as silence:
            async for message in broker.received():
                if message.is_retained and _is_ours(message.topic, message.payload, prefix):
                    found.add(message.topic)
                    silence.reschedule(asyncio.get_running_loop().time() + _SILENCE_S)
    except TimeoutError:
        pass
    # Announcements before values, for Home Assistant would read what is empty; and units before the gateway that
    # they belong to: it would keep a nameless device otherwise.
    for topic in sorted(found, key=lambda topic: (not topic.startswith(f"{prefix}/"), topic), reverse=True):
        await broker.publish(Message(topic, "", 1))
    return len(found)


def _is_ours(topic: str, payload: bytes, prefix: str) -> bool:
    """Say whether a topic is below our prefix, or announces what is."""
    return topic.startswith(f"{prefix}/") or (
        topic.split("/")[-2].startswith(_DEVICE) and f'"{prefix}/'.encode() in payload
    )
