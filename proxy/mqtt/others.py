"""Who else publishes at the same topics, and what of ours they take back.

Each server introduces itself when it connects. One that ends, or is lost, says ``offline`` at availability topics
that are ours as well: what another server has taken back is published again.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Final

from proxy import __version__
from proxy.mqtt.outbox import OFFLINE, Message
from proxy.mqtt.survey import client_id_of

if TYPE_CHECKING:
    from proxy.mqtt.broker import Received
    from proxy.mqtt.survey import Survey

_log = logging.getLogger(__name__)

AVAILABILITY: Final = "availability"


class Others:
    """Other servers below a prefix. ``other`` is the client id of one that publishes there now, or empty."""

    def __init__(self, prefix: str, client_id: str) -> None:
        self.other = ""
        self.is_heard = False  # the broker allows to subscribe to introductions
        self.introduced_at = f"{prefix}/server"
        self._is_returned = False
        self._prefix = prefix
        self._client_id = client_id
        self._availability = f"{prefix}/{AVAILABILITY}"

    @property
    def topics(self) -> list[str]:
        """What to subscribe to."""
        return [self.introduced_at, self._availability, f"{self._prefix}/+/{AVAILABILITY}"]

    @property
    def is_missed(self) -> bool:
        """Whether the broker has not returned our introduction, though it should."""
        return self.is_heard and not self._is_returned

    def introduction(self) -> Message:
        """Make the message that says who publishes here, for a connection that has begun."""
        self._is_returned = False
        return self._introduction(self._client_id, qos=1)

    def departure(self) -> Message:
        """Make the message of one that leaves to another process what it published."""
        self.other = ""
        return self._introduction("", qos=0)

    def _introduction(self, client_id: str, qos: int) -> Message:
        return Message(self.introduced_at, json.dumps({"client_id": client_id, "version": __version__}), qos)

    def surveyed(self, survey: Survey) -> None:
        """Process the retained messages."""
        self._found(survey.other_server(self._prefix))

    def concerns(self, topic: str) -> bool:
        """Say whether a topic is one of ``topics``."""
        return topic == self.introduced_at or topic.rpartition("/")[2] == AVAILABILITY

    def contradicts(self, message: Received) -> bool:
        """Handle a message at ``topics``; return whether it reports us, or one of our gateways, as offline."""
        if message.is_retained:
            return False
        if message.topic == self.introduced_at:
            client_id = client_id_of(message.payload)
            self._is_returned |= client_id == self._client_id
            self._found(client_id)
            return False
        is_offline = message.payload == OFFLINE.encode()
        if is_offline and message.topic == self._availability:
            self.other = ""
        return is_offline

    def _found(self, client_id: str | None) -> None:
        if client_id and client_id not in {self._client_id, self.other}:
            self.other = client_id
            _log.warning(
                "another server publishes here", extra={"topics": self._prefix, "client_id": client_id}
            )
