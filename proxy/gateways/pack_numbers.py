"""The order in which packs were first seen, kept across restarts.

Dashboards store PW1, PW2, … as series; a number that changed hands would splice two packs.
To number anew, stop the daemon and delete ``packs.json`` in the state folder.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from proxy.cache.source_cache import SourceCache
from proxy.core.sources import SYSTEM_STATUS, VITALS
from proxy.state.store import StateStore, Unreadable
from proxy.views.packs import order_packs

_FILE = "packs.json"
# No site has more; a gateway that names new packs in every answer must not fill the file.
_MOST = 64


class PackNumbers:
    """Follows the snapshots of one gateway; ``notify`` is called with the names, now and when they grow."""

    def __init__(
        self, gateway: SourceCache, memory: StateStore, notify: Callable[[tuple[str, ...]], None]
    ) -> None:
        self._gateway = gateway
        self._memory = memory
        self._seen: dict[str, int] = {}
        kept = memory.recall(_FILE).get(gateway.name)
        names = kept if isinstance(kept, list) else []
        self.names = tuple(dict.fromkeys(name for name in names if isinstance(name, str)))[:_MOST]
        self._notify = notify
        notify(self.names)
        gateway.subscribe(self._look)

    def _look(self) -> None:
        """Give the next numbers to packs that a new snapshot names for the first time."""
        snapshots = [s for s in map(self._gateway.store.get, (SYSTEM_STATUS, VITALS)) if s is not None]
        seen = {snapshot.source: snapshot.revision for snapshot in snapshots}
        if seen == self._seen:
            return
        self._seen = seen
        names = order_packs(self.names, {s.source: s.document.value for s in snapshots})[:_MOST]
        if names != self.names:
            self.names = names
            self._notify(names)
            with suppress(Unreadable):  # the numbers that stand in it may yet be repaired
                self._memory.update(_FILE, {self._gateway.name: list(names)})
