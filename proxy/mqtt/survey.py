"""What the broker kept from before: values of an earlier run, single announcements, another server. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from proxy.core import ijson
from proxy.mqtt.entities import ENTITIES

if TYPE_CHECKING:
    from proxy.mqtt.discovery import Place

# First levels of the topics below a gateway that are ours.
_FAMILIES: Final = frozenset(
    {row.topic for row in ENTITIES if row.topic}
    | {"name", "aggregates", "batteries", "strings", "devices", "meters"}
)
# An entity that was announced by itself moves to a device in these steps, without losing its history.
MIGRATE: Final = json.dumps({"migrate_discovery": True})


def client_id_of(introduction: bytes) -> str | None:
    """Return who introduced itself with this message, "" if that one has left, None if it is no introduction."""
    try:
        document = ijson.parse(introduction)
    except ValueError:
        return None
    client_id = document.get("client_id") if isinstance(document, dict) else None
    return client_id if isinstance(client_id, str) else None


def topics(prefix: str, ha_prefix: str, gateways: Iterable[str]) -> list[str]:
    """Return what to subscribe to for a survey."""
    own = [f"{prefix}/server", f"{prefix}/availability", *(f"{prefix}/{gateway}/#" for gateway in gateways)]
    return [*own, f"{ha_prefix}/+/+/config"]


@dataclass(slots=True)
class Survey:
    """The retained messages by topic."""

    retained: dict[str, bytes] = field(default_factory=dict)

    def values(self, root: str) -> Iterator[str]:
        """Yield the topics of values below that of a gateway, without its root."""
        for topic, payload in self.retained.items():
            below = topic.removeprefix(f"{root}/")
            if payload and below != topic and below.partition("/")[0] in _FAMILIES:
                yield below

    def singles(self, place: Place) -> dict[str, str]:
        """Return the topics where entities of a gateway were announced by themselves, by suffix of their ids."""
        return {
            suffix: topic
            for topic, payload in self.retained.items()
            if payload and (suffix := self._single(topic, place)) and b"migrate_discovery" not in payload
        }

    def devices(self, place: Place) -> list[str]:
        """Return the topics where the devices of a gateway are announced, as they are unless in form ``single``."""
        return [
            topic
            for topic, payload in self.retained.items()
            if topic.startswith(f"{place.ha_prefix}/device/{place.unique_id()}")
            and f'"{place.root}/'.encode() in payload
        ]

    def other_server(self, prefix: str) -> str:
        """Return the client id of the server that publishes here, or "" if none is connected."""
        if self.retained.get(f"{prefix}/availability") != b"online":
            return ""
        client_id = client_id_of(self.retained.get(f"{prefix}/server", b""))
        if client_id is None and self._has_gateway_online(prefix):
            # A server that does not say its name is not one of ours. When it stops, it says so of gateways only.
            return "pypowerwall-server"
        return client_id or ""

    def _has_gateway_online(self, prefix: str) -> bool:
        return any(
            topic.startswith(f"{prefix}/") and topic.count("/") > prefix.count("/") + 1
            for topic, payload in self.retained.items()
            if topic.endswith("/availability") and payload == b"online"
        )

    @staticmethod
    def _single(topic: str, place: Place) -> str:
        """Return the suffix of the id of an entity of the gateway that is announced here; "" if none is."""
        levels = topic.removeprefix(f"{place.ha_prefix}/").split("/")
        is_config = topic.startswith(f"{place.ha_prefix}/") and len(levels) == len(
            ("platform", "id", "config")
        )
        own = f"{place.unique_id()}_"
        return (
            levels[1].removeprefix(own)
            if is_config and levels[0] != "device" and levels[1].startswith(own)
            else ""
        )
