"""The energy counters of a site from its history: fetched while readings are, kept across restarts."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from proxy.core.errors import GatewayError, NotSupported
from proxy.drivers.cloud.history import Energies, Totals, day_of, energies, entries, query, zone_of
from proxy.drivers.cloud.site import SiteEndpoints
from proxy.state.store import Unreadable

if TYPE_CHECKING:
    from proxy.core.clock import Clock
    from proxy.state.store import Document, StateStore

_log = logging.getLogger(__name__)

FILE = "cloud-energy.json"
HISTORY = "calendar_history"


class HistoryMeter:
    """Counters of one site; a history that cannot be had leaves them as they are, or unknown."""

    def __init__(self, site: SiteEndpoints, memory: StateStore, clock: Clock) -> None:
        self._site = site
        self._memory = memory
        self._clock = clock
        self._totals: Totals | None = None
        self.is_missing = False  # the site has none, and none of it was ever reported

    @property
    def counters(self) -> Energies:
        """(Imported, exported) watt-hours by meter."""
        return self._totals.counters if self._totals else {}

    async def update(self, info: Mapping[str, Any]) -> None:
        """Fetch the day's energies, on a new day the lifetime's too; ``info`` has the site's time zone.

        Raises nothing for the history's sake: readings do not depend on it.
        """
        zone = zone_of(info)
        now = self._clock.wall()
        totals = Totals()
        try:
            totals = self._totals or self._kept(self._memory.read(FILE))
            if zone is None:
                raise NotSupported("the site has no time zone, which says when its days begin")
            today = await self._energies(query("day", now, zone))
            if totals.day == day_of(now, zone):
                totals = totals.with_today(today)
            else:
                lifetime = await self._energies(query("lifetime", now, zone))
                totals = totals.with_lifetime(day_of(now, zone), lifetime, today)
        except GatewayError as error:
            self.is_missing = not error.is_failure and not totals.highest
            _log.info("no energies from the cloud", extra={"cause": error.code(), "reason": str(error)})
            return
        except Unreadable:  # energies that are unknown are not zero; the store has logged it
            return
        with suppress(OSError, Unreadable):  # reported once they are on the disk, where there is one
            await self._memory.commit(FILE, lambda document: self._over(document, totals))
        self._totals = totals

    def _over(self, document: Document, totals: Totals) -> Document:
        """Write counters down, but none below what another process on this folder reported."""
        return {**document, str(self._site.site_id): totals.over(self._kept(document)).document()}

    def _kept(self, document: Document) -> Totals:
        kept = document.get(str(self._site.site_id))
        return Totals.of(kept if isinstance(kept, dict) else {})

    async def _energies(self, parameters: Mapping[str, str]) -> Energies:
        answer = await self._site.get(HISTORY, parameters, fits=lambda value: entries(value) is not None)
        return energies(entries(answer.value) or [])
