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
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from proxy.core.json_access import number
from proxy.state.certificates import PINS

if TYPE_CHECKING:
    from pathlib import Path

    from proxy.config.gateway_settings import GatewaySettings
    from proxy.core.clock import Clock
    from proxy.state.store import Document, StateStore

PACKS: Final = "packs.json"
_SESSION: Final = ".powerwall"
_ENERGY: Final = "energy.json"
# What each replica keeps for itself: its exported counters, its identity at a broker, its clients.
_OWN: Final = frozenset({"counters.json", "mqtt.json", "sessions.json"})
_TIMES: Final = frozenset({"until", "since", "start", "seen", "back_at", "due"})
# Clocks that are kept by NTP are closer together.
_SAME_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class _Copy:
    """A document as another replica had it, with times of this one; the term in which it was written."""

    term: str
    document: Document


class SharedState:
    """The documents of one gateway: this replica's own, and copies of those of the one that fetches.

    Those of sites that it is the first member of go over with it; their names begin with the site and a slash.
    ``changed`` is called on the event loop with the name of each own document that was written.
    """

    def __init__(
        self,
        store: StateStore,
        sites: Mapping[str, StateStore],
        settings: GatewaySettings,
        clock: Clock,
        changed: Callable[[str], None],
    ) -> None:
        self._stores = {"": store, **{f"{site}/": each for site, each in sites.items()}}
        self._session = settings.cache_file or _SESSION
        self._wall = clock.wall
        self._changed = changed
        self._copies: dict[str, _Copy] = {}
        self._names: set[str] = set()
        self._loop = asyncio.get_running_loop()
        for prefix, each in self._stores.items():
            each.changed = partial(self._note, prefix)

    async def own(self) -> list[str]:
        """Name all own documents that there are."""
        for prefix, store in self._stores.items():
            files = await store.submit(_documents_in, store.folder)
            self._names |= {prefix + name for name in files - _OWN}
        return sorted({*self._names, _SESSION})

    async def settled(self) -> None:
        """Return when everything that was to be written is."""
        for store in self._stores.values():
            await store.submit(lambda: None)

    async def written(self, name: str) -> dict[str, Any] | None:
        """Write an own document for others; None for one that is empty or cannot be read."""
        store, local = self._place(name)
        document = await store.submit(store.recall, local)
        return {"name": name, "document": document, "wall": self._wall()} if document else None

    async def take(self, head: Mapping[str, Any], term: str, age_s: float) -> None:
        """Store a copy of a document of this age. Raises KeyError if it does not belong to this gateway."""
        name, ahead_s = str(head["name"]), self._wall() - (head["wall"] + age_s)
        document, (store, local) = dict(head["document"]), self._place(name)
        self._copies[name] = _Copy(term, _moved(document, ahead_s) if abs(ahead_s) > _SAME_S else document)
        if local == PACKS:  # every replica numbers the packs in the same order
            await store.submit(store.write, local, self._copies[name].document)

    def has_copies(self, own_terms: frozenset[str]) -> bool:
        """Say whether there is anything that another replica wrote."""
        return any(copy.term not in own_terms for copy in self._copies.values())

    async def adopt(self, own_terms: frozenset[str]) -> None:
        """Put copies into the own folder, unless this replica wrote them."""
        theirs = {name: copy.document for name, copy in self._copies.items() if copy.term not in own_terms}
        self._copies.clear()
        for name, document in theirs.items():
            store, local = self._place(name)
            await store.submit(_join, store, local, document)

    def _place(self, name: str) -> tuple[StateStore, str]:
        """Return the store of a document, and its name in it. Raises KeyError."""
        site, slash, local = name.rpartition("/")
        return self._stores[site + slash], self._session if name == _SESSION else local

    def _note(self, prefix: str, local: str, _: Document) -> None:
        """Report a change; the store calls this in any thread."""
        name = _SESSION if local == self._session else local
        if name not in _OWN and "/" not in name and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._report, prefix + name)

    def _report(self, name: str) -> None:
        self._names.add(name)
        self._changed(name)


def _documents_in(folder: Path | None) -> set[str]:
    return set() if folder is None else {each.name for each in folder.glob("*.json")}


def _join(store: StateStore, name: str, theirs: Document) -> None:
    mine = store.recall(name)
    wanted = _MERGED.get(name, _replaced)(mine, theirs)
    if wanted != mine:
        store.write(name, wanted)


def _moved(value: Any, seconds: float) -> Any:
    """Move the times in a document."""
    if isinstance(value, list):
        return [_moved(each, seconds) for each in value]
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
