"""Publishes one gateway on whatever connection there is.

Ownership: ``publish`` runs for one connection and is cancelled with it. One round is under way at a time;
what changes meanwhile is in the next one, so nothing is queued, whatever the broker does.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from proxy.mqtt.control import Control
from proxy.mqtt.discovery import CONTROL_ENTITIES, Place, devices, singles
from proxy.mqtt.document import Catalogue, topics_of
from proxy.mqtt.entities import ENTITIES
from proxy.mqtt.facts import facts_of, snapshots_of
from proxy.mqtt.outbox import OFFLINE, Message, Outbox
from proxy.mqtt.survey import MIGRATE, Survey
from proxy.mqtt.watch import Watch

if TYPE_CHECKING:
    from proxy.core.model import Snapshot
    from proxy.gateways.gateway import Gateway
    from proxy.mqtt.entity import Entity
    from proxy.mqtt.settings import MqttSettings

Send = Callable[[Message], Awaitable[None]]

# How often it is looked whether something has expired or has to be repeated.
_TICK_S: Final = 1.0
# Without acknowledgements nothing slows a round down.
_UNACKNOWLEDGED_S: Final = 1.0


class GatewayPublisher:
    """The topics of one gateway.

    ``allowed`` are names of MQTT_CONTROLS, ``post`` sends a message that may be lost. ``survey`` is what the
    broker kept from before; it is used once.
    """

    def __init__(
        self,
        gateway: Gateway,
        settings: MqttSettings,
        allowed: tuple[str, ...],
        post: Callable[[Message], None],
    ) -> None:
        self.place = Place(settings.mqtt_topic_prefix, settings.mqtt_ha_prefix, gateway.id)
        self.control = Control(gateway, allowed, self._report)
        self._post = post
        self.survey = Survey()
        self._gateway = gateway
        self._settings = settings
        self._catalogue = Catalogue()
        self._watch = Watch(gateway)
        self._outbox: Outbox | None = None
        # Topics that the broker may hold: what is unknown is cleared there.
        self._held: set[str] = set(topics_of(ENTITIES))
        self._announced: dict[str, str] = {}
        self._announced_of: object = None
        # Where entities stand by themselves that are not announced with their device yet, by suffix.
        self._singles: dict[str, str] = {}
        self._pause_s = max(settings.mqtt_interval, 0.0 if settings.mqtt_qos else _UNACKNOWLEDGED_S)

    async def publish(self, send: Send) -> None:
        """Publish what changes until cancelled; ``send`` raises when the connection is lost."""
        self._watch = Watch(self._gateway)
        self.again()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch.run(), name="mqtt watch")
            await self._gateway.counters.load()
            await self._watch.ready()
            published: tuple[Snapshot, ...] | None = None
            while True:
                snapshots = snapshots_of(self._gateway)
                now = self._gateway.clock.monotonic()
                if snapshots != published or self._outbox is None or now >= self._outbox.due_at():
                    published = snapshots
                    await self._round(snapshots, send)
                    await asyncio.sleep(self._pause_s)
                await self._watch.changed(_TICK_S)

    def again(self) -> None:
        """Send everything once more: the broker or Home Assistant may have lost it."""
        if self._outbox is not None:
            self._held.update(self._outbox.topics)
        self._outbox, self._announced, self._announced_of = None, {}, None
        self._watch.notify()

    def reassert(self) -> None:
        """Say again that the gateway is online, if it is: another server has said that it is not."""
        if self._outbox is not None and self._outbox.is_online:
            self._outbox.repeat("availability", "online")
            self._watch.notify()

    def farewell(self) -> Iterator[Message]:
        """Make the last messages of a proxy that stops."""
        yield Message(f"{self.place.root}/online", "false", 0, self._settings.mqtt_retain)
        yield Message(f"{self.place.root}/availability", OFFLINE, 1)

    def _report(self, control: str, result: str) -> None:
        """Publish what became of a command."""
        self._post(Message(f"{self.place.root}/control/{control}/result", result, 1, retain=False))

    async def _round(self, snapshots: tuple[Snapshot, ...], send: Send) -> None:
        self._singles |= self.survey.singles(self.place)
        facts = facts_of(self._gateway, snapshots)
        publication = self._catalogue.publication(facts, self._export)
        await self._gateway.counters.settle()
        for message in self._announcements(facts.state):
            await send(message)
        if self._outbox is None:
            self._held.update(self.survey.values(self.place.root))
            self._outbox = Outbox(
                self.place.root,
                qos=self._settings.mqtt_qos,
                retain=self._settings.mqtt_retain,
                held=self._held,
            )
        for message in self._outbox.round(publication, self._gateway.clock.monotonic()):
            await send(message)
        self.survey = Survey()

    def _export(self, counter: str, reading: float) -> float:
        return self._gateway.counters.export(("mqtt", self._gateway.id, counter), reading)

    def _announcements(self, state: Any) -> Iterator[Message]:
        """Make the announcements that are new; entities that stood by themselves move to their device."""
        form, offered = self._settings.mqtt_ha_discovery, self.control.offered
        name = self._gateway.distinct(self._gateway.settings.name or state.name or "")
        shown = (len(self._catalogue.existing), offered, name, state.gateway, len(state.packs))
        if form == "no" or shown == self._announced_of:
            return
        self._announced_of = shown
        made = singles if form == "single" else devices
        rows = tuple(self._catalogue.existing.values())
        payloads = dict(
            made(replace(self.place, name=name), state, rows, offered, min(self._settings.mqtt_qos, 1))
        )
        moved, gone = (
            (self.survey.devices(self.place), []) if form == "single" else self._settled(rows, offered)
        )
        yield from (self._announcement(topic, MIGRATE) for topic in moved)
        for topic, payload in payloads.items():
            text = json.dumps(payload, ensure_ascii=False, separators=(",", ":")) if payload else ""
            if self._announced.get(topic) != text:
                self._announced[topic] = text
                yield self._announcement(topic, text)
        yield from (self._announcement(topic, "") for topic in (*moved, *gone))

    def _settled(self, rows: Collection[Entity], offered: Collection[str]) -> tuple[list[str], list[str]]:
        """Take the topics of entities that move to their device now, and of controls that are not offered.

        What is not announced stays where it is: Home Assistant would keep an entity that belongs to nothing.
        """
        present = {row.suffix for row in rows} | {
            row.suffix for row in CONTROL_ENTITIES if row.control in offered
        }
        absent = {row.suffix for row in CONTROL_ENTITIES} - present
        taken = {suffix: self._singles.pop(suffix) for suffix in self._singles.keys() & (present | absent)}
        return (
            [topic for suffix, topic in taken.items() if suffix in present],
            [topic for suffix, topic in taken.items() if suffix in absent],
        )

    def _announcement(self, topic: str, text: str) -> Message:
        return Message(topic, text, min(self._settings.mqtt_qos, 1))
