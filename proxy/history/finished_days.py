"""Days that are over, taken from the history that the link's provider keeps.

A site in the cloud is read as often as clients want and the budget permits: what the proxy recorded of a day has
gaps. Its energies, and powers where nothing was recorded, are therefore taken once the day is over, for one request.
"""

from __future__ import annotations

import logging
from datetime import date, timedelta, tzinfo
from typing import TYPE_CHECKING, Final

from proxy.core.errors import GatewayError
from proxy.drivers.base import RemembersDays
from proxy.history import reading
from proxy.history.archive import Unavailable
from proxy.history.days import day_of
from proxy.history.past_days import add_day
from proxy.history.writing import put_meta

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from proxy.gateways.gateway import Gateway
    from proxy.history.archive import Archive

_log = logging.getLogger(__name__)

# The last values of a day arrive late.
_LATE_S: Final = 3600.0
_AGAIN_S: Final = 6 * 3600.0
# So many days are made up for after the proxy did not run: those whose minutes are still kept.
_MOST: Final = timedelta(days=30)
_ONE_DAY: Final = timedelta(days=1)
_KEY: Final = "last_taken_day"


def finished_days(gateway: Gateway, archive: Archive) -> FinishedDays | None:
    """Return what fetches past days of a gateway that is read only over a link whose provider keeps them."""
    links = gateway.cache.links
    if len(links) != 1 or not isinstance(links[0].driver, RemembersDays):
        return None
    return FinishedDays(links[0].driver, archive) if gateway.settings.integrate_energy else None


class FinishedDays:
    """Fetches one day after the other; ``last`` is the latest one fetched, None before ``resume``."""

    def __init__(self, driver: RemembersDays, archive: Archive) -> None:
        self.last: date | None = None
        self._driver = driver
        self._archive = archive
        self._next_at = float("-inf")

    async def resume(self, now: float, zone: tzinfo) -> None:
        """Find where an earlier process ended, else where the history begins. Raises Unavailable."""
        today = day_of(now, zone)

        def found(db: sqlite3.Connection) -> date:
            if kept := reading.meta(db, _KEY):
                return date.fromisoformat(kept)
            extent = reading.extent(db)
            return (day_of(extent[0], zone) if extent else today) - _ONE_DAY

        self.last = max(await self._archive.read(found), today - _MOST)

    def next_day(self, now: float, zone: tzinfo) -> date | None:
        """Return the day to fetch now; None if there is none, or its request failed recently."""
        if self.last is None or now < self._next_at:
            return None
        day = self.last + _ONE_DAY
        return day if day < day_of(now - _LATE_S, zone) else None

    async def take(self, day: date, now: float, zone: tzinfo, close: Callable[[date], None]) -> None:
        """Take a day; ``close`` is called before it is written: nothing that was counted may replace it then.

        Never raises for the cloud's or the disk's sake: it is tried again some hours later.
        """
        self._next_at = now + _AGAIN_S
        try:
            intervals = await self._driver.past_day(day, zone)
        except GatewayError as error:
            _log.info("day not taken", extra={"day": day.isoformat(), "reason": str(error)})
            return

        def write(db: sqlite3.Connection) -> None:
            add_day(db, day, zone, intervals, replaces=True)
            put_meta(db, {_KEY: day.isoformat()})

        close(day)
        try:
            await self._archive.change(write)
        except Unavailable:  # the archive has reported it
            return
        self.last, self._next_at = day, float("-inf")
