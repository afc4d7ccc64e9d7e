"""The snapshots of one gateway: the cache itself.

cachetools decides *forgetting* (an entry is discarded when it could not be
served any more and its age has ceased to be news); *serving* is decided by
core/freshness.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from cachetools import TLRUCache

from proxy.core.freshness import Policy
from proxy.core.model import Document, Snapshot, Source

# An expired snapshot is never served, but its age says since when a source is silent.
_REMEMBERED_S = 600.0
MAX_BYTES = 32 * 1024 * 1024


class MemoryStore:
    """Snapshots by source, bounded in bytes, each for a limited time."""

    def __init__(self, now: Callable[[], float], max_bytes: int = MAX_BYTES) -> None:
        self._revision = 0
        self._cache: TLRUCache[Source, Snapshot] = TLRUCache(
            maxsize=max_bytes,
            ttu=lambda _, snapshot, __: snapshot.usable_until + _REMEMBERED_S,
            timer=now,
            getsizeof=lambda snapshot: len(snapshot.document.body) + 512,
        )

    def get(self, source: Source) -> Snapshot | None:
        """Return the last snapshot of a source, however old."""
        try:
            return self._cache[source]  # cachetools' own get() looks twice
        except KeyError:
            return None

    def put(self, source: Source, document: Document, policy: Policy) -> Snapshot:
        """Store a document under the next revision, with the lifetimes that its link gives it."""
        self._revision += 1
        snapshot = Snapshot(source, document, policy, self._revision)
        self._cache[source] = snapshot
        return snapshot

    def discard(self, source: Source) -> None:
        """Forget a source: a write has changed it."""
        self._cache.pop(source, None)

    def __iter__(self) -> Iterator[Snapshot]:
        """All snapshots."""
        return iter([snapshot for snapshot in map(self.get, tuple(self._cache)) if snapshot is not None])

    @property
    def bytes(self) -> int:
        """Bytes held."""
        return int(self._cache.currsize)
