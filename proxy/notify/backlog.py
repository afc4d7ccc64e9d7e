"""The messages of one gateway or site that some receiver has not got yet. Pure, and bounded."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from proxy.notify.message import Message

LONGEST: Final = 100


@dataclass(slots=True)
class Entry:
    """A message, when it may be sent (Unix time), and the names of the receivers that have not got it."""

    message: Message
    due: float
    waiting: set[str] = field(default_factory=set)


class Backlog:
    """Messages, oldest first. ``dropped`` counts those that some receiver will not get, once for each receiver."""

    def __init__(self, longest: int = LONGEST) -> None:
        self.dropped = 0
        self._longest = longest
        self._entries: list[Entry] = []

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, message: Message, due: float, receivers: Iterable[str]) -> None:
        """Add a message for these receivers; the oldest one is dropped if there are too many."""
        if waiting := set(receivers):
            self._entries.append(Entry(message, due, waiting))
        while len(self._entries) > self._longest:
            self.dropped += len(self._entries.pop(0).waiting)

    def waiting_for(self, receiver: str) -> Iterator[Entry]:
        """Yield what a receiver has not got, oldest first."""
        return (entry for entry in tuple(self._entries) if receiver in entry.waiting)

    def done(self, entry: Entry, receiver: str) -> None:
        """Note that a receiver has got a message."""
        entry.waiting.discard(receiver)
        self._entries = [each for each in self._entries if each.waiting]

    def clear(self) -> None:
        """Forget all messages: another process delivers them."""
        self._entries.clear()

    def dump(self) -> list[dict[str, Any]]:
        """Return the messages as a document."""
        return [
            {"message": entry.message.document(), "due": entry.due, "waiting": sorted(entry.waiting)}
            for entry in self._entries
        ]

    def load(
        self,
        document: Iterable[Mapping[str, Any]],
        receivers: Iterable[str],
        due: Callable[[Message], float] = lambda _: math.inf,
    ) -> None:
        """Load undelivered messages of an earlier process for existing receivers. Raises KeyError, TypeError, ValueError.

        ``due`` says until when (Unix s) the settings of today hold a message back; none waits for those of before.
        """
        known = frozenset(receivers)
        for entry in document:
            message = Message(**entry["message"])
            self.put(message, min(float(entry["due"]), due(message)), known & set(entry["waiting"]))
