"""The numbers of the packs, kept across restarts.

Dashboards store PW1, PW2, … as series; a number that changed hands would splice two packs. The
gateway's list of blocks numbers them, whichever document is fetched first. ``packs.json`` has a
list for each address at which a gateway was read; at a new address, the list that knows one of
its packs moves. To number them again, stop the daemon and delete the file in the state folder.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from proxy.cache.events import SnapshotStored
from proxy.cache.source_cache import SourceCache
from proxy.core.sources import SYSTEM_STATUS, VITALS
from proxy.state.store import Document, StateStore, Unreadable
from proxy.views.packs import order_packs

_FILE: Final = "packs.json"
_NAMED_IN: Final = (SYSTEM_STATUS, VITALS)
# No site has more; a gateway that names new packs in every answer must not fill the file.
_MOST: Final = 64

Names = tuple[str, ...]


class PackNumbers:
    """Follows the snapshots of one gateway; ``notify`` is called with the names, now and when they grow.

    Owns the writing that is under way until closed.
    """

    def __init__(
        self, gateway: SourceCache, store: StateStore, address: str, notify: Callable[[Names], None]
    ) -> None:
        self._gateway = gateway
        self._store = store
        self._address = address
        self._elsewhere = _lists(store.recall(_FILE))
        self._moved: set[str] = set()
        self.names = self._elsewhere.pop(address, ())
        self._is_found = bool(self.names)
        self._notify = notify
        self._writing: set[asyncio.Task[None]] = set()
        notify(self.names)
        gateway.events.subscribe(SnapshotStored, self._on_stored)

    async def close(self) -> None:
        """Return when the numbers are on the disk."""
        await asyncio.gather(*self._writing)

    def reload(self) -> None:
        """Take the numbers of the document, which another process may have changed."""
        names = _lists(self._store.recall(_FILE)).get(self._address, ())
        if names and names != self.names:
            self._is_found = True
            self._number(names)

    def _on_stored(self, event: SnapshotStored) -> None:
        """Give the next numbers to packs that a new snapshot names for the first time."""
        if event.source not in _NAMED_IN:
            return
        snapshots = [s for s in map(self._gateway.store.get, _NAMED_IN) if s is not None]
        documents = {snapshot.source: snapshot.document.value for snapshot in snapshots}
        # Without the blocks, the order of whatever was fetched first would decide.
        if SYSTEM_STATUS not in documents:
            return
        named = order_packs((), documents)
        if named and not self._is_found:
            self._find(named)
        names = order_packs(self.names, documents)[:_MOST]
        if names != self.names:
            self._number(names)
            task = asyncio.get_running_loop().create_task(self._keep())
            self._writing.add(task)
            task.add_done_callback(self._writing.discard)

    def _find(self, named: Names) -> None:
        """Go on with the numbers that the same packs had at another address."""
        self._is_found = True
        for address, names in self._elsewhere.items():
            if set(names) & set(named):
                self.names = names
                self._moved.add(address)
                return

    def _number(self, names: Names) -> None:
        self.names = names
        self._notify(names)

    async def _keep(self) -> None:
        moved, address, mine = frozenset(self._moved), self._address, self.names

        def write(document: Document) -> Document:
            # Another daemon on the folder may have numbered new packs meanwhile.
            merged = tuple(dict.fromkeys((*_lists(document).get(address, ()), *mine)))[:_MOST]
            others = {name: names for name, names in document.items() if name not in moved}
            return {**others, address: list(merged)}

        with suppress(OSError, Unreadable):  # logged by the store
            kept = _lists(await self._store.commit(_FILE, write))[address]
            if kept != self.names and set(kept) >= set(self.names):
                self._number(kept)


def _lists(document: Mapping[str, Any]) -> dict[str, Names]:
    """Read the lists by address; an earlier release had one, under the name ``default``."""
    return {
        address: tuple(dict.fromkeys(name for name in names if isinstance(name, str)))[:_MOST]
        for address, names in document.items()
        if isinstance(names, list)
    }
