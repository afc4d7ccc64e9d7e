"""The state of one gateway's site, made once per change however many outputs show it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from proxy.core.model import ENERGY_COUNTERS
from proxy.core.sources import METERS
from proxy.views.quantities import STATE_SOURCES
from proxy.views.state import COUNTED_BY_GATEWAY, SiteState, site_state

if TYPE_CHECKING:
    from proxy.cache.source_cache import SourceCache
    from proxy.core.model import Snapshot
    from proxy.views.options import Options

# The page may show what is too old for a scrape: at most that many states are of use at a time.
_KEPT: Final = 3


class SiteModel:
    """Makes and keeps states. ``options`` are those of the gateway at present."""

    def __init__(self, cache: SourceCache, options: Callable[[], Options]) -> None:
        self._cache = cache
        self._options = options
        self._made: dict[tuple[Options, frozenset[int]], SiteState] = {}

    def servable(self) -> list[Snapshot]:
        """Return the snapshots of a site's state that may be served now; sends nothing."""
        return [found for source in STATE_SOURCES if (found := self._cache.peek(source)) is not None]

    def current(self) -> SiteState:
        """Return the state as of these."""
        return self.of(self.servable())

    def of(self, snapshots: Iterable[Snapshot]) -> SiteState:
        """Return the state as of these snapshots, at most one of each source."""
        known = [snapshot for snapshot in snapshots if snapshot.source in STATE_SOURCES]
        key = (self._options(), frozenset(snapshot.revision for snapshot in known))
        if key not in self._made:
            while len(self._made) >= _KEPT:
                del self._made[next(iter(self._made))]
            self._made[key] = site_state(
                {snapshot.source: snapshot.document.value for snapshot in known},
                key[0],
                {snapshot.source: snapshot.observed_at for snapshot in known},
                _energy_origin(known),
            )
        return self._made[key]


def _energy_origin(snapshots: Iterable[Snapshot]) -> str:
    """Return who counted the energies of the meters: what is not the gateway's own is marked so."""
    notes = (snapshot.document.notes for snapshot in snapshots if snapshot.source == METERS)
    return next((note[ENERGY_COUNTERS] for note in notes if ENERGY_COUNTERS in note), COUNTED_BY_GATEWAY)
