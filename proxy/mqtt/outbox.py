"""What has to be sent next of a gateway, given what was sent.

A state machine without I/O: moments are monotonic seconds. What was handed out counts as sent; a
connection that is lost takes its outbox with it, because a broker may have lost its memory, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from proxy.mqtt.document import STATUS, Text

if TYPE_CHECKING:
    from proxy.mqtt.document import Publication

# What did not change is repeated: the document while readings are fresh, single values less often, and not at
# all if the broker retains them as they are.
DOCUMENT_EVERY_S: Final = 30.0
VALUES_EVERY_S: Final = 300.0
ONLINE: Final = "online"
OFFLINE: Final = "offline"
# What a broker may hold from before.
_ANY: Final = Text("", ())


@dataclass(frozen=True, slots=True)
class Message:
    """One message. With ``qos`` 1 its acknowledgement is awaited."""

    topic: str
    payload: str
    qos: int = 0
    retain: bool = True


@dataclass(frozen=True, slots=True)
class _Sent:
    text: Text
    at: float


class Outbox:
    """The messages of one gateway on one connection.

    ``root`` begins their topics. ``held`` are the topics below it that the broker may hold from before: of
    these, what is unknown now is cleared.
    """

    def __init__(self, root: str, *, qos: int, retain: bool, held: Iterable[str] = ()) -> None:
        self._root = root
        self._qos = min(qos, 1)
        self._retain = retain
        self._sent: dict[str, _Sent] = {topic: _Sent(_ANY, float("-inf")) for topic in held}

    @property
    def topics(self) -> frozenset[str]:
        """The topics below the root of which something was sent."""
        return frozenset(self._sent)

    @property
    def is_online(self) -> bool:
        """Whether the last word on availability was that the gateway can be read."""
        sent = self._sent.get("availability")
        return sent is not None and sent.text.payload == ONLINE

    def repeat(self, *topics: str) -> None:
        """Send these with the next round, which is due now, whatever was sent of them before."""
        for topic in (*topics, STATUS):
            self._sent.pop(topic, None)

    def due_at(self) -> float:
        """Say when something has to be repeated; -inf before the first round."""
        status = self._sent.get(STATUS)
        return float("-inf") if status is None else status.at + DOCUMENT_EVERY_S

    def round(self, publication: Publication, now: float) -> list[Message]:
        """Return the messages to send: availability, single values, then the document, which is awaited."""
        word = ONLINE if publication.is_online else OFFLINE
        messages = self._value("availability", Text(word, ((word, 0.0),)), now, is_kept=True)
        messages += self._cleared(publication.values)
        for topic, text in publication.values.items():
            messages += self._value(topic, text, now, is_kept=self._retain)
        messages += self._document(publication.status, now, repeats=publication.is_fresh)
        return messages

    def _document(self, status: Text, now: float, *, repeats: bool) -> list[Message]:
        sent = self._sent.get(STATUS)
        is_due = repeats and now >= self.due_at()
        if sent is not None and not status.moved_from(sent.text) and not is_due:
            return []
        self._sent[STATUS] = _Sent(status, now)
        return [Message(f"{self._root}/{STATUS}", status.payload, self._qos, self._retain)]

    def _value(self, topic: str, text: Text, now: float, *, is_kept: bool) -> list[Message]:
        sent = self._sent.get(topic)
        if sent is not None and not text.moved_from(sent.text):
            is_same = is_kept and text.payload == sent.text.payload
            if is_same or now - sent.at < VALUES_EVERY_S:
                return []
        self._sent[topic] = _Sent(text, now)
        qos = self._qos if topic == "availability" else 0
        return [Message(f"{self._root}/{topic}", text.payload, qos, is_kept)]

    def _cleared(self, values: Mapping[str, Text]) -> list[Message]:
        """Empty the retained topics of what is unknown now, once."""
        gone = [
            topic for topic in self._sent if topic not in values and topic not in {STATUS, "availability"}
        ]
        for topic in gone:
            del self._sent[topic]
        return [Message(f"{self._root}/{topic}", "", retain=True) for topic in gone]
