"""What is done about messages that come: births of Home Assistant, commands, and what other servers say.

Ownership: ``receive`` runs for one connection and is cancelled with it; so are the tasks that it makes in its group.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from typing import TYPE_CHECKING, Final

from proxy.mqtt.commands import NEEDS
from proxy.mqtt.others import AVAILABILITY
from proxy.mqtt.outbox import ONLINE, Message

if TYPE_CHECKING:
    from proxy.mqtt.broker import Received
    from proxy.mqtt.others import Others
    from proxy.mqtt.settings import MqttSettings
    from proxy.mqtt.site import GatewayPublisher, Send

_log = logging.getLogger(__name__)

# Home Assistant wants announcements a little after its start, not from every device at the same moment.
_BIRTH_S: Final = (1.0, 5.0)


class Incoming:
    """Handles the messages of the current connection; ``messages`` counts births and commands."""

    def __init__(
        self,
        settings: MqttSettings,
        gateways: Mapping[str, GatewayPublisher],
        others: Others,
        messages: Counter[str],
        between: Callable[[float, float], float],
        *,
        takes_commands: bool,
    ) -> None:
        self._prefix = settings.mqtt_topic_prefix
        self._birth = f"{settings.mqtt_ha_prefix}/status"
        self._gateways = gateways
        self._others = others
        self._messages = messages
        self._between = between
        self._takes_commands = takes_commands
        self._births: set[asyncio.Task[None]] = set()

    async def receive(self, received: AsyncIterator[Received], send: Send, group: asyncio.TaskGroup) -> None:
        """Receive messages until the connection is lost: BrokerError."""
        async for message in received:
            if self._others.concerns(message.topic):
                if self._others.contradicts(message):
                    await self._reassert(message.topic, send)
                continue
            self._messages["received"] += 1
            if message.topic == self._birth:
                self._birth_of(message, group)
            else:
                await self._command(message, send)

    async def _reassert(self, topic: str, send: Send) -> None:
        """Publish an availability topic again that another server has overwritten."""
        if topic == f"{self._prefix}/{AVAILABILITY}":
            await send(Message(topic, ONLINE, 1))
            self._everything_again()
            return
        for gateway in self._gateways.values():
            if topic.startswith(f"{gateway.place.root}/"):
                gateway.reassert()

    def _birth_of(self, message: Received, group: asyncio.TaskGroup) -> None:
        """Announce everything again to a Home Assistant that has started, once."""
        if message.payload != ONLINE.encode() or message.is_retained or self._births:
            return
        task = group.create_task(self._born(), name="mqtt birth")
        self._births.add(task)
        task.add_done_callback(self._births.discard)

    async def _born(self) -> None:
        await asyncio.sleep(self._between(*_BIRTH_S))
        self._everything_again()

    def _everything_again(self) -> None:
        for gateway in self._gateways.values():
            gateway.again()

    async def _command(self, message: Received, send: Send) -> None:
        """Handle a command. A retained one is of unknown age: it is removed, and never executed."""
        levels = message.topic.removeprefix(f"{self._prefix}/").split("/")
        if not self._takes_commands or len(levels) != len(("gateway", "control", "name", "set")):
            return
        if not message.payload:
            return  # a topic that is emptied
        if message.is_retained:
            _log.warning("retained command removed", extra={"topic": message.topic})
            await send(Message(message.topic, "", 0))
            return
        gateway, _, control, _ = levels
        if gateway in self._gateways and control in NEEDS:
            self._gateways[gateway].control.take(control, message.payload)
