"""The energy history of a site in Tesla's cloud, day by day: one request for each, the latest day first.

A day that the history has is not requested, so an import that ended early goes on where it ended. It
sends at most half of what the month's budget leaves for today: readings go on beside it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, timedelta, tzinfo
from typing import TYPE_CHECKING, Final

from proxy.core.errors import GatewayError, RateLimited
from proxy.core.model import Document
from proxy.core.sources import SITE_NAME
from proxy.core.zones import zone_of
from proxy.drivers.cloud.documents import INFO
from proxy.history import reading
from proxy.history.days import day_of, start_of
from proxy.history.importing.past import SourceError
from proxy.history.importing.progress import Progress
from proxy.history.past_days import add_day
from proxy.history.writing import put_meta, thin
from proxy.views.json_access import section, text

if TYPE_CHECKING:
    import sqlite3

    from proxy.core.clock import Clock
    from proxy.drivers.cloud.driver import CloudDriver
    from proxy.history.database import Database

# An account has 60 requests a minute, which all its programs share; some providers give it half of that.
_PAUSE_S: Final = 2.5
# A limit that passes sooner than this is waited for.
_WAIT_S: Final = 120.0
_ONE_DAY: Final = timedelta(days=1)
# Days of which the cloud has nothing, as after an outage: they are not requested again.
_EMPTY: Final = "empty_days"
# The last values of a day arrive late.
_LATE_S: Final = 3600.0


@dataclass(slots=True)
class Imported:
    """What an import did: rows and days that were added, and why it ended before the first day; empty if it did not."""

    rows: int = 0
    days: int = 0
    ended: str = ""


class Cloud:
    """Reads the days of one site into a history; ``zone`` is that of days where the site reports none."""

    def __init__(
        self,
        driver: CloudDriver,
        database: Database,
        clock: Clock,
        zone: tzinfo,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._driver = driver
        self._database = database
        self._clock = clock
        self._zone = zone
        self._sleep = sleep

    async def read(self, since: date | None, progress: Progress) -> Imported:
        """Read every day that is over and is not there, back to ``since`` or to the installation. Raises SourceError."""
        try:
            await self._find_zone()
            first = since or await self._driver.first_day(self._zone)
        except GatewayError as error:
            raise SourceError(f"The cloud cannot be read: {error}.") from error
        if first is None:
            raise SourceError("The cloud does not report when the site was installed: --from names a day.")
        days = self._database.use(lambda db: self._missing(db, first))
        budget = self._driver.requests_this_month()["left_today"]
        done = Imported()
        for place, day in enumerate(days):
            if budget is not None and place >= budget // 2:
                done.ended = "The month's budget leaves no more for today (PW_CLOUD_BUDGET)."
                break
            if place:
                await self._sleep(_PAUSE_S)
            try:
                await self._take(day, done)
            except GatewayError as error:
                done.ended = f"The cloud cannot be read: {error}."
                break
            progress((place + 1) / len(days), start_of(day, self._zone))
        self._database.use(lambda db: thin(db, self._clock.wall()))
        return done

    async def _find_zone(self) -> None:
        """Take the time zone of the site. Raises GatewayError."""
        found = (await self._driver.fetch(INFO)).get(SITE_NAME)
        name = text(section(found.value).get("timezone")) if isinstance(found, Document) else None
        if name:
            self._zone = zone_of(name)

    def _missing(self, db: sqlite3.Connection, first: date) -> list[date]:
        """List the days that are over for an hour and that the history has not, the latest first."""
        last = day_of(self._clock.wall() - _LATE_S, self._zone) - _ONE_DAY
        there = {each.day for each in reading.days(db, first, last)}
        there |= {date.fromisoformat(each) for each in reading.meta(db, _EMPTY) or ()}
        days = (last - _ONE_DAY * back for back in range((last - first).days + 1))
        return [day for day in days if day not in there]

    async def _take(self, day: date, done: Imported) -> None:
        """Read a day and write it down. Raises GatewayError."""
        try:
            intervals = await self._driver.past_day(day, self._zone)
        except RateLimited as error:
            if (error.retry_after or _WAIT_S) >= _WAIT_S:
                raise
            await self._sleep(error.retry_after or 0.0)
            intervals = await self._driver.past_day(day, self._zone)

        def write(db: sqlite3.Connection) -> None:
            if intervals:
                done.rows += add_day(db, day, self._zone, intervals, replaces=False)
                done.days += 1
            else:
                put_meta(db, {_EMPTY: [*(reading.meta(db, _EMPTY) or ()), day.isoformat()]})

        self._database.use(write)
