"""What a fetch changed, as events: which snapshots it stored, and which links are in another state."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from proxy.cache.events import LinkChanged, SnapshotDiscarded, SnapshotStored
from proxy.cache.names import names_of

if TYPE_CHECKING:
    from proxy.cache.events import EventBus
    from proxy.cache.link import Link
    from proxy.core.breaker import Breaker, Cooldown
    from proxy.core.model import Snapshot, Source


class Announcer:
    """Publishes all that happened since it last did, together: listeners see no half of an answer."""

    def __init__(self, links: Sequence[Link], events: EventBus) -> None:
        self._events = events
        self._names = dict(zip(links, names_of(links), strict=True))
        self._marks = {link: _mark(link) for link in links}
        self._stored: list[Snapshot] = []

    def note(self, snapshot: Snapshot) -> None:
        """Note what was stored, for the next announcement."""
        self._stored.append(snapshot)

    def announce(self, discarded: Iterable[Source] = ()) -> None:
        """Publish what was discarded, what was stored, and which links changed."""
        gateway, stored, before = self._events.gateway, self._stored, self._marks
        self._stored, self._marks = [], {link: _mark(link) for link in before}
        changed = [link for link, mark in self._marks.items() if mark != before[link]]
        self._events.publish(
            *(SnapshotDiscarded(gateway, source) for source in discarded),
            *(SnapshotStored(gateway, snapshot.source, snapshot.revision) for snapshot in stored),
            *(LinkChanged(gateway, self._names[link], link.breaker.state) for link in changed),
        )


def _mark(link: Link) -> tuple[Breaker, dict[str, Cooldown]]:
    """Return what decides which requests are sent over a link."""
    return link.breaker, link.path_cooldowns
