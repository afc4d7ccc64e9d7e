"""The one connection to the broker, for all gateways, for as long as the proxy runs.

Ownership: one task, ``run``, owns the connection and everything that happens on it; ``close`` ends it
within a second, whatever the broker does. A connection that fails is tried again after a second, then
after twice as long each time up to a minute; refused credentials wait the minute at once.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from proxy import __version__
from proxy.mqtt import survey
from proxy.mqtt.broker import Broker, BrokerError, Received, connected, first_of
from proxy.mqtt.commands import NEEDS
from proxy.mqtt.outbox import OFFLINE, ONLINE, Message
from proxy.mqtt.retained import collect
from proxy.mqtt.site import GatewayPublisher
from proxy.mqtt.status import Standing
from proxy.mqtt.watch import within

if TYPE_CHECKING:
    from proxy.core.clock import Clock
    from proxy.gateways.gateway import Gateway
    from proxy.mqtt.settings import MqttSettings

_log = logging.getLogger(__name__)

_SHORTEST_S: Final = 1.0
_LONGEST_S: Final = 60.0
# A connection that lasted so long was a good one: what follows is a new failure.
_LASTED_S: Final = 60.0
_STOP_S: Final = 1.0
# Home Assistant wants announcements a little after its start, not from every device at the same moment.
_BIRTH_S: Final = (1.0, 5.0)


class _Stop(Exception):
    """The proxy ends."""


class Publisher:
    """Publishes gateways, and takes the commands that are ``allowed`` (names of MQTT_CONTROLS)."""

    def __init__(
        self,
        settings: MqttSettings,
        client_id: str,
        clock: Clock,
        gateways: Iterable[Gateway],
        allowed: tuple[str, ...] = (),
        *,
        between: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self.messages: Counter[str] = Counter(dict.fromkeys(("sent", "failed", "received"), 0))
        self.refused: list[str] = []  # subscriptions that the broker refuses
        self.other_server = ""
        self._settings = settings
        self._client_id = client_id
        self._clock = clock
        publishing = tuple(gateways)
        self._duty = publishing[0].duty
        self._gateways = {
            gateway.id: GatewayPublisher(gateway, settings, allowed, self._post) for gateway in publishing
        }
        self._takes_commands = bool(allowed)
        self._between = between
        self._broker: Broker | None = None
        self._since = clock.wall()
        self._error = ""
        self._failures = 0
        self._surveyed = False
        self._births: set[asyncio.Task[None]] = set()
        self._posts: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._availability = f"{settings.mqtt_topic_prefix}/availability"
        self._birth = f"{settings.mqtt_ha_prefix}/status"

    def standing(self) -> Standing:
        """Say how the connection stands."""
        return Standing(
            self._broker is not None, round(self._since, 1), self.sentence(), self.messages["sent"]
        )

    def sentence(self) -> str:
        """Say what is wrong with the connection; nothing if it is open."""
        settings = self._settings
        return (
            f"The broker at {settings.mqtt_host}:{settings.mqtt_port} {self._error}." if self._error else ""
        )

    async def begin(self) -> None:
        """Start to connect."""
        self._task = asyncio.create_task(self._run(), name="mqtt")

    async def close(self) -> None:
        """Say goodbye if the broker listens, and end."""
        task = self._task
        if task is None:
            return
        self._stopping.set()
        if self._broker is not None:
            await asyncio.wait({task}, timeout=_STOP_S)
        for each in (task, *self._posts):
            each.cancel()
        await asyncio.gather(task, *self._posts, return_exceptions=True)
        await asyncio.gather(*(gateway.control.close() for gateway in self._gateways.values()))

    @property
    def dropped(self) -> int:
        """How many commands were dropped because too many came."""
        return sum(gateway.control.dropped for gateway in self._gateways.values())

    async def publish(self, gateway: str, topic: str, text: str) -> None:
        """Send a text below the topics of a gateway; it is not retained. Raises ConnectionError."""
        if self._broker is None:
            raise ConnectionError("is not connected")
        try:
            root = f"{self._settings.mqtt_topic_prefix}/{gateway}"
            await self._send(self._broker, Message(f"{root}/{topic}", text, 1, retain=False))
        except BrokerError as exc:
            raise ConnectionError(str(exc)) from exc

    def _post(self, message: Message) -> None:
        """Send a message if there is a connection; it is lost otherwise."""
        task = asyncio.create_task(self._try(message), name="mqtt result")
        self._posts.add(task)
        task.add_done_callback(self._posts.discard)

    async def _try(self, message: Message) -> None:
        if self._broker is not None:
            try:
                await self._send(self._broker, message)
            except BrokerError as exc:
                _log.debug("mqtt message lost", extra={"topic": message.topic, "reason": str(exc)})

    async def _run(self) -> None:
        wait_s = _SHORTEST_S
        while not self._stopping.is_set():
            await self._duty.begun_or(self._stopping)
            began, error = self._clock.monotonic(), BrokerError("closed the connection")
            try:
                # In a task of its own: before Python 3.11.3 a group that fails leaves its task marked as cancelled, and
                # the next time limit in that task ends it.
                await asyncio.create_task(self._connection(), name="mqtt connection")
            except* BrokerError as group:
                error = first_of(group)
            except* Exception:  # noqa: BLE001 - a fault of ours must not end MQTT permanently
                _log.exception("mqtt failed")
                error = BrokerError("was left because of an error of the proxy")
            if self._stopping.is_set():
                return
            if not self._duty.is_on:
                continue
            if self._clock.monotonic() - began >= _LASTED_S:
                wait_s = _SHORTEST_S
            wait_s = _LONGEST_S if error.is_refused else wait_s
            self._lost(error)
            if not await within(self._stopping, wait_s * self._between(1.0, 1.1)):
                wait_s = min(2 * wait_s, _LONGEST_S)

    async def _connection(self) -> None:
        """Serve one connection until it is lost or the proxy ends."""
        will = Message(self._availability, OFFLINE, 1)
        async with connected(self._settings, self._client_id, will) as broker:
            try:
                await self._look_around(broker)
                await self._send(broker, Message(self._availability, ONLINE, 1))
                await self._introduce(broker)
                await self._subscribe(broker)
                self._back(broker)
                await self._serve(broker)
            finally:
                self._broker = None

    async def _serve(self, broker: Broker) -> None:
        async def send(message: Message) -> None:
            await self._send(broker, message)

        async def stop() -> None:
            await self._duty.ended_or(self._stopping)
            raise _Stop

        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(stop(), name="mqtt stop")
                group.create_task(self._receive(broker, group), name="mqtt receive")
                for gateway in self._gateways.values():
                    group.create_task(gateway.publish(send), name="mqtt publish")
        except* _Stop:
            # What another process publishes from now on is not taken back.
            for gateway in self._gateways.values() if self._duty.is_on else ():
                for message in gateway.farewell():
                    await send(message)
            if self._duty.is_on:
                await send(Message(self._availability, OFFLINE, 1))

    async def _look_around(self, broker: Broker) -> None:
        """Find what the broker kept from before, once in the life of a process."""
        if self._surveyed:
            return
        settings = self._settings
        topics = survey.topics(settings.mqtt_topic_prefix, settings.mqtt_ha_prefix, self._gateways)
        found = await collect(broker, topics, lambda: self._introduce(broker))
        if other := found.other_server(settings.mqtt_topic_prefix, self._client_id):
            self.other_server = other["client_id"]
            _log.warning(
                "another server publishes here", extra={"topics": settings.mqtt_topic_prefix, **other}
            )
        for gateway in self._gateways.values():
            gateway.survey = found
        self._surveyed = True

    async def _introduce(self, broker: Broker) -> None:
        """Say who publishes here."""
        about = json.dumps({"client_id": self._client_id, "version": __version__})
        await self._send(broker, Message(f"{self._settings.mqtt_topic_prefix}/server", about))

    async def _subscribe(self, broker: Broker) -> None:
        """Subscribe to the birth of Home Assistant, and to commands if some are allowed."""
        prefix = self._settings.mqtt_topic_prefix
        wanted = [self._birth] if self._settings.mqtt_ha_discovery != "no" else []
        if self._takes_commands:
            wanted.append(f"{prefix}/+/control/+/set")
        refused = await broker.subscribe(wanted) if wanted else []
        if refused and refused != self.refused:
            _log.warning("mqtt subscription refused", extra={"topics": ", ".join(refused)})
        self.refused = refused

    async def _receive(self, broker: Broker, group: asyncio.TaskGroup) -> None:
        async for message in broker.received():
            self.messages["received"] += 1
            if message.topic == self._birth:
                if message.payload == ONLINE.encode() and not message.is_retained and not self._births:
                    task = group.create_task(self._born(), name="mqtt birth")
                    self._births.add(task)
                    task.add_done_callback(self._births.discard)
            else:
                await self._commanded(broker, message)

    async def _born(self) -> None:
        """Announce everything again to a Home Assistant that has started."""
        await asyncio.sleep(self._between(*_BIRTH_S))
        for gateway in self._gateways.values():
            gateway.again()

    async def _commanded(self, broker: Broker, message: Received) -> None:
        """Take a command. One that the broker kept is of an unknown time: it is removed, and never executed."""
        levels = message.topic.removeprefix(f"{self._settings.mqtt_topic_prefix}/").split("/")
        if not self._takes_commands or len(levels) != len(("gateway", "control", "name", "set")):
            return
        if not message.payload:
            return  # a topic that is emptied
        if message.is_retained:
            _log.warning("retained command removed", extra={"topic": message.topic})
            await self._send(broker, Message(message.topic, "", 0))
            return
        gateway, _, control, _ = levels
        if gateway in self._gateways and control in NEEDS:
            self._gateways[gateway].control.take(control, message.payload)

    async def _send(self, broker: Broker, message: Message) -> None:
        try:
            await broker.publish(message)
        except BrokerError:
            self.messages["failed"] += 1
            raise
        self.messages["sent"] += 1

    # -- one line when it is lost, one when it is back ---------------------------------------------

    def _back(self, broker: Broker) -> None:
        now = self._clock.wall()
        if self._error:
            after = {"after_s": round(now - self._since, 1), "attempts": self._failures}
            _log.warning("mqtt connection restored", extra=after)
        else:
            where = f"{self._settings.mqtt_host}:{self._settings.mqtt_port}"
            _log.info("mqtt connected", extra={"broker": where, "client_id": self._client_id})
        self._broker, self._error, self._failures, self._since = broker, "", 0, now

    def _lost(self, error: BrokerError) -> None:
        self._failures += 1
        if not self._error:
            self._since = self._clock.wall()
            self._error = str(error)
            _log.warning("mqtt connection lost", extra={"reason": self.sentence()})
        self._error = str(error)
