"""The state of a gateway that goes over with the lease: session, refused logins, energies, packs, pins.

The replica that fetches writes its documents to its own state folder as ever; each is then copied to Redis and to
the other replicas. One that takes over puts what it got into its own folder, and goes on as after a restart. Times
in documents are wall-clock times of the replica that wrote them, and are moved by how far the clocks are apart.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from proxy.core.json_access import number
from proxy.state.certificates import PINS

if TYPE_CHECKING:
    from proxy.config.gateway_settings import GatewaySettings
    from proxy.core.clock import Clock
    from proxy.state.store import Document, StateStore

PACKS: Final = "packs.json"
_SESSION: Final = ".powerwall"
_ENERGY: Final = "energy.json"
# What each replica keeps for itself: its exported counters, its identity at a broker, its clients.
_OWN: Final = frozenset({"counters.json", "mqtt.json", "sessions.json"})
_TIMES: Final = frozenset({"until", "since"})
# Clocks that are kept by NTP are closer together.
_SAME_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class _Copy:
    """A document as another replica had it, with times of this one; the term in which it was written."""

    term: str
    document: Document


class SharedState:
    """The documents of one gateway: this replica's own, and copies of those of the one that fetches.

    ``changed`` is called on the event loop with the name of each own document that was written.
    """

    def __init__(
        self, store: StateStore, settings: GatewaySettings, clock: Clock, changed: Callable[[str], None]
    ) -> None:
        self._store = store
        self._session = settings.cache_file or _SESSION
        self._wall = clock.wall
        self._changed = changed
        self._copies: dict[str, _Copy] = {}
        self._names: set[str] = set()
        self._loop = asyncio.get_running_loop()
        store.changed = self._note

    async def own(self) -> list[str]:
        """Name all own documents that there are."""
        folder = self._store.folder
        if folder is not None:
            files = await self._store.submit(lambda: [each.name for each in folder.glob("*.json")])
            self._names |= set(files) - _OWN
        return sorted({*self._names, _SESSION})

    async def written(self, name: str) -> dict[str, Any] | None:
        """Write an own document for others; None for one that is empty or cannot be read."""
        document = await self._store.submit(self._store.recall, self._local(name))
        return {"name": name, "document": document, "wall": self._wall()} if document else None

    async def take(self, head: Mapping[str, Any], term: str, age_s: float) -> str:
        """Take a copy of a document that was written this long ago; return its name."""
        name, ahead_s = str(head["name"]), self._wall() - (head["wall"] + age_s)
        document = dict(head["document"])
        self._copies[name] = _Copy(term, _moved(document, ahead_s) if abs(ahead_s) > _SAME_S else document)
        if name == PACKS:  # every replica numbers the packs in the same order
            await self._store.submit(self._store.write, self._local(name), self._copies[name].document)
        return name

    def has_copies(self, own_terms: frozenset[str]) -> bool:
        """Say whether there is anything that another replica wrote."""
        return any(copy.term not in own_terms for copy in self._copies.values())

    async def adopt(self, own_terms: frozenset[str]) -> bool:
        """Put copies into the own folder, unless this replica wrote them; say whether that changed anything."""
        theirs = {name: copy.document for name, copy in self._copies.items() if copy.term not in own_terms}
        self._copies.clear()
        return await self._store.submit(self._adopt, theirs)

    def _adopt(self, theirs: Mapping[str, Document]) -> bool:
        is_changed = False
        for name, document in theirs.items():
            mine = self._store.recall(self._local(name))
            wanted = _MERGED.get(name, _replaced)(mine, document)
            if wanted != mine:
                self._store.write(self._local(name), wanted)
                is_changed = True
        return is_changed

    def _local(self, name: str) -> str:
        return self._session if name == _SESSION else name

    def _note(self, name: str, _: Document) -> None:
        """Report a change; the store calls this in any thread."""
        shared = _SESSION if name == self._session else name
        if shared not in _OWN and "/" not in shared and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._report, shared)

    def _report(self, name: str) -> None:
        self._names.add(name)
        self._changed(name)


def _moved(value: Any, seconds: float) -> Any:
    """Move the times in a document."""
    if not isinstance(value, dict):
        return value
    return {
        key: known + seconds
        if key in _TIMES and (known := number(each)) is not None
        else _moved(each, seconds)
        for key, each in value.items()
    }


def _replaced(_: Document, theirs: Document) -> Document:
    return theirs


def _united(mine: Document, theirs: Document) -> Document:
    return {**mine, **theirs}


def _higher(mine: Document, theirs: Document) -> Document:
    """Join energies: the later reading of each gateway, and of each counter the higher values, so that none falls."""
    return {din: _later(mine.get(din), theirs.get(din)) for din in {**mine, **theirs}}


def _later(mine: Any, theirs: Any) -> Any:
    if not (isinstance(mine, dict) and isinstance(theirs, dict)):
        return theirs if isinstance(theirs, dict) else mine
    newer, older = sorted((mine, theirs), key=lambda row: number(row.get("until")) or -math.inf, reverse=True)
    counters = {**_table(older.get("counters")), **_table(newer.get("counters"))}
    highest = {name: {**_table(row), **dict(_raised(name, older, newer))} for name, row in counters.items()}
    return {**older, **newer, "counters": highest}


def _raised(name: str, *rows: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Return of each of a counter's watt-hours the highest."""
    tables = [_table(_table(row.get("counters")).get(name)) for row in rows]
    for key in {key for table in tables for key in table if key.endswith("_wh")}:
        known = [value for table in tables if (value := number(table.get(key))) is not None]
        if known:
            yield key, max(known)


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


_MERGED: Final[Mapping[str, Callable[[Document, Document], Document]]] = {PINS: _united, _ENERGY: _higher}
