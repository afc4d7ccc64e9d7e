"""What happens at one gateway, as values, and the bus that takes them to whatever listens.

Every event names its gateway. Events are published when all that belongs together is done: after
an exchange, its snapshots are stored before the first of them is announced.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from proxy.core.breaker import State
    from proxy.core.model import Setting, Source

_log = logging.getLogger(__name__)

Event = TypeVar("Event")


@dataclass(frozen=True, slots=True)
class SnapshotStored:
    """A source has a new snapshot, of this revision."""

    gateway: str
    source: Source
    revision: int


@dataclass(frozen=True, slots=True)
class SnapshotDiscarded:
    """A source has no snapshot any more: a command may have changed it."""

    gateway: str
    source: Source


@dataclass(frozen=True, slots=True)
class LinkChanged:
    """What may be requested over a link is another: its state, or a cooldown of one of its sources, has changed."""

    gateway: str
    link: str
    state: State


@dataclass(frozen=True, slots=True)
class OptionsChanged:
    """Readings are rendered otherwise from now on: battery packs were numbered."""

    gateway: str


@dataclass(frozen=True, slots=True)
class CommandDone:
    """A command has ended.

    ``outcome`` is "ok", or the code of its error, or "accepted" until a reading confirms it: then
    the same command is announced again.
    """

    gateway: str
    values: Mapping[Setting, Any]
    outcome: str


class EventBus:
    """The events of one gateway, ``gateway``. Touched only between awaits; owns nothing that has to be closed.

    Delivery is synchronous and in the order of subscription, so a listener only takes note and
    returns. The error of a listener is logged and concerns no other.
    """

    def __init__(self, gateway: str) -> None:
        self.gateway = gateway
        self._listeners: list[tuple[type[Any], Callable[[Any], None]]] = []

    def subscribe(self, kind: type[Event], listener: Callable[[Event], None]) -> Callable[[], None]:
        """Call ``listener`` with every event of a kind; returns the unsubscriber."""
        entry = (kind, listener)
        self._listeners.append(entry)
        return lambda: self._listeners.remove(entry)

    def publish(self, *events: object) -> None:
        """Deliver events."""
        for event in events:
            for kind, listener in tuple(self._listeners):
                if isinstance(event, kind):
                    _deliver(listener, event)


def _deliver(listener: Callable[[Any], None], event: object) -> None:
    try:
        listener(event)
    except Exception:  # noqa: BLE001 - an error of one listener must not keep an event from the others
        _log.exception("listener failed", extra={"event": type(event).__name__})
