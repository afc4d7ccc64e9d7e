"""The one connection to the broker, for all gateways, for as long as the proxy runs.

Ownership: one task, ``run``, owns the connection and everything that happens on it; ``close`` ends it
within a second, whatever the broker does. A connection that fails is tried again after a second, then
after twice as long each time up to a minute; refused credentials wait the minute at once.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Final

from proxy.mqtt import sentences, survey
from proxy.mqtt.broker import Broker, BrokerError, Closed, connected, first_of
from proxy.mqtt.incoming import Incoming
from proxy.mqtt.others import AVAILABILITY, Others
from proxy.mqtt.outbox import OFFLINE, ONLINE, Message
from proxy.mqtt.retained import collect
from proxy.mqtt.settings import subscriptions
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
# What was published comes back at once if it was taken.
_RETURNS_WITHIN_S: Final = 5.0


class _Stop(Exception):
    """The proxy ends."""


class Publisher:
    """Publishes gateways, and accepts the commands that are ``allowed`` (names of MQTT_CONTROLS)."""

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
        self._others = Others(settings.mqtt_topic_prefix, client_id)
        self._incoming = Incoming(
            settings, self._gateways, self._others, self.messages, between, takes_commands=bool(allowed)
        )
        self._broker: Broker | None = None
        self._since = clock.wall()
        self._error = ""
        self._failures = 0
        self._closings = 0  # in a row, each soon after the connection was opened
        self._refused: list[str] = []  # subscriptions that the broker refuses
        self._surveyed = False
        self._posts: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._availability = f"{settings.mqtt_topic_prefix}/{AVAILABILITY}"

    def standing(self) -> Standing:
        """Say how the connection stands."""
        error = sentences.of_connection(self._settings, self._error) if self._error else ""
        return Standing(self._broker is not None, round(self._since, 1), error, self.messages["sent"])

    def problems(self) -> list[str]:
        """Say what is wrong although there is a connection."""
        found = [sentences.of_subscription(topic) for topic in self._refused]
        if self._others.other:
            found.append(sentences.of_other_server(self._settings, self._others.other))
        lasts_s = self._clock.wall() - self._since
        if self._broker is not None and lasts_s > _RETURNS_WITHIN_S and self._others.is_missed:
            found.append(sentences.of_topic(self._others.introduced_at))
        return found

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
        """Send a message if connected; otherwise it is dropped."""
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
            if not self._duty.is_on:
                # Another process publishes now; what was wrong here is of no interest any more.
                self._error = self._others.other = ""
            await self._duty.begun_or(self._stopping)
            began, error = self._clock.monotonic(), None
            try:
                # In a task of its own: before Python 3.11.3 a group that fails leaves its task marked as cancelled, and
                # the next time limit in that task ends it.
                await asyncio.create_task(self._connection(), name="mqtt connection")
            except* BrokerError as group:
                error = first_of(group)
            except* Exception:  # noqa: BLE001 - a fault of ours must not end MQTT permanently
                _log.exception("mqtt failed")
                error = BrokerError("was left because of an error of the proxy")
            if error is None or self._stopping.is_set() or not self._duty.is_on:
                continue
            lasted = self._clock.monotonic() - began >= _LASTED_S
            self._closings = 0 if lasted or not isinstance(error, Closed) else self._closings + 1
            wait_s = _LONGEST_S if error.is_refused else _SHORTEST_S if lasted else wait_s
            self._lost(error)
            # Many proxies that lost the same broker do not come back all at once.
            pause_s = wait_s if error.is_refused else wait_s * self._between(0.9, 1.0)
            if not await within(self._stopping, pause_s):
                wait_s = min(2 * wait_s, _LONGEST_S)

    async def _connection(self) -> None:
        """Serve one connection until it is lost or the proxy ends."""
        will = Message(self._availability, OFFLINE, 1)
        async with connected(self._settings, self._client_id, will) as broker:
            try:
                await self._look_around(broker)
                await self._send(broker, Message(self._availability, ONLINE, 1))
                await self._subscribe(broker)
                await self._introduce(broker)
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
                group.create_task(self._incoming.receive(broker.received(), send, group), name="mqtt receive")
                for gateway in self._gateways.values():
                    group.create_task(gateway.publish(send), name="mqtt publish")
        except* _Stop:
            for message in self._farewell():
                await send(message)

    def _farewell(self) -> Iterator[Message]:
        """Return the last messages; publications of other processes are no longer corrected."""
        yield self._others.departure()
        if self._duty.is_on:
            for gateway in self._gateways.values():
                yield from gateway.farewell()
            yield Message(self._availability, OFFLINE, 1)

    async def _look_around(self, broker: Broker) -> None:
        """Survey the retained topics, once per process."""
        if self._surveyed:
            return
        settings = self._settings
        topics = survey.topics(settings.mqtt_topic_prefix, settings.mqtt_ha_prefix, self._gateways)
        found = await collect(broker, topics, lambda: self._introduce(broker))
        self._others.surveyed(found)
        for gateway in self._gateways.values():
            gateway.survey = found
        self._surveyed = True

    async def _introduce(self, broker: Broker) -> None:
        """Say who publishes here."""
        await self._send(broker, self._others.introduction())

    async def _subscribe(self, broker: Broker) -> None:
        """Subscribe to what other servers say, to the birth of Home Assistant, and to commands if some are allowed."""
        wanted = subscriptions(self._settings, takes_commands=self._takes_commands)
        refused = await broker.subscribe([*wanted, *self._others.topics])
        self._others.is_heard = self._others.introduced_at not in refused
        refused = [topic for topic in refused if topic in wanted]
        if refused and refused != self._refused:
            _log.warning("mqtt subscription refused", extra={"topics": ", ".join(refused)})
        self._refused = refused

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
        text = str(error)
        if self._closings > 1:
            text += f" soon after it was opened, again: another client may have the id {self._client_id}"
        is_new, self._error = not self._error, text
        self._failures += 1
        if is_new:
            self._since = self._clock.wall()
            _log.warning("mqtt connection lost", extra={"reason": self.standing().error})
