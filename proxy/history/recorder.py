"""Records one gateway: takes what others request, and requests itself only what no one else does.

Ownership: a ``Recorder`` owns one timer for its own requests, one that waits until the answers of
a moment are together, and one task that writes. It follows the events of its gateway, and counts as no
client of it: nothing is fetched ahead on its account, and what it requests goes to no link that is metered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import tzinfo
from typing import TYPE_CHECKING, Final

from proxy.cache.events import SnapshotStored
from proxy.core.errors import GatewayError
from proxy.core.sources import (
    GRID_STATUS,
    METERS,
    OPERATION,
    SITE_NAME,
    SOE,
    SOLAR_POWERWALL,
    SYSTEM_STATUS,
    VITALS,
)
from proxy.core.zones import zone_of
from proxy.history import reading
from proxy.history.archive import Unavailable
from proxy.history.finished_days import finished_days
from proxy.history.journal import Journal

if TYPE_CHECKING:
    from proxy.core.clock import Clock
    from proxy.core.model import Source
    from proxy.gateways.gateway import Gateway
    from proxy.history.archive import Archive

_LIVE: Final[tuple[Source, ...]] = (METERS, SOE, GRID_STATUS)
_SLOW: Final[tuple[Source, ...]] = (SYSTEM_STATUS, OPERATION, VITALS)
_SLOW_EVERY_S: Final = 300.0
# The readings of one moment come as several answers.
_TOGETHER_S: Final = 0.5
_SHORTEST_S: Final = 0.1
# A computer without a clock of its own starts long ago; nothing is recorded until it knows the time.
_PLAUSIBLE: Final = 1_704_067_200.0
# A link whose every request is paid for, or counted: what it has is fetched for clients only.
_METERED: Final = frozenset({"cloud"})


class Recorder:
    """Samples a gateway, minute by minute, into its archive."""

    def __init__(self, gateway: Gateway, archive: Archive, clock: Clock, interval_s: float) -> None:
        self.id = gateway.id
        self.archive = archive
        self.clock = clock
        self.started_at = clock.wall()
        self.is_simulated = False
        self.interval_s = interval_s
        self.journal = Journal()
        self._gateway = gateway
        self._is_resumed = False
        self._taken_at = float("-inf")  # when the powers were measured that were taken last, monotonic
        self._slow_at = float("-inf")
        self._timer: asyncio.TimerHandle | None = None
        self._sampling: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None
        self._finished = finished_days(gateway, archive)
        self._taking: asyncio.Task[None] | None = None
        self._subscriptions: list[Callable[[], None]] = []

    @property
    def zone(self) -> tzinfo:
        """The time zone of the site: as set, else as the gateway reports it."""
        return zone_of(self.journal.zone_name or self._gateway.settings.timezone)

    @property
    def now(self) -> float:
        """The time of the history, Unix s."""
        return self.clock.wall()

    @property
    def name(self) -> str:
        """What people call the gateway."""
        return self._gateway.name

    @property
    def has_battery(self) -> bool:
        """Whether it may have a battery: an inverter has none."""
        return self._gateway.settings.type != "inverter"

    @property
    def grid(self) -> str:
        """The gateway whose meter measures the grid of the whole property; empty: its own does."""
        return self._gateway.grid

    def open(self) -> None:
        """Begin when the gateway may be requested first: no file is opened before."""
        cache = self._gateway.cache
        self._subscriptions.append(cache.events.subscribe(SnapshotStored, self._on_stored))
        if cache.starts_in_s:
            self._timer = asyncio.get_running_loop().call_later(cache.starts_in_s, self._tick)
        else:
            self._tick()
        self._subscriptions.append(self._gateway.duty.subscribe(self._on_duty))

    def _on_duty(self) -> None:
        """Go on where this process left off, or leave the recording to another one."""
        self.journal.finish_minute()
        if not self._gateway.duty.is_on:
            self._start(self._write())
        elif self._is_resumed:
            self._is_resumed = False
            self._start(self._resume())

    async def _resume(self) -> None:
        """Go on with what an earlier process left; before that nothing is recorded."""
        try:
            kept = await self.archive.read(lambda db: reading.meta(db, "zone"))
            self.journal.zone_name = self._gateway.zone_name or kept or ""
            left = await self.archive.read(lambda db: reading.unfinished(db, self.now, self.zone))
            if self._finished is not None:
                await self._finished.resume(self.now, self.zone)
        except Unavailable:
            return  # the archive has reported it
        self.journal.resume(left)
        if self._finished is not None and self._finished.last is not None:
            self.journal.close_until(self._finished.last)
        self._is_resumed = True
        self._notice()

    async def close(self) -> None:
        """Write the minute that is open, and end."""
        for unsubscribe in self._subscriptions:
            unsubscribe()
        for timer in (self._timer, self._sampling):
            if timer is not None:
                timer.cancel()
        if self._taking is not None:
            self._taking.cancel()
            await asyncio.wait([self._taking])
        if self._is_resumed:
            if self._writing is not None:
                await self._writing
            self.journal.finish_minute()
            await self._write()
        elif self._writing is not None:
            self._writing.cancel()  # nothing was recorded: a file that is not open yet stays so
            await asyncio.wait([self._writing])
        await self.archive.close()

    # -- requests ----------------------------------------------------------------------------------

    def _tick(self) -> None:
        """Request the powers if no client has for a while, and what changes slowly every five minutes."""
        now = self._gateway.clock.monotonic()
        if not self._gateway.duty.is_on:
            self._timer = asyncio.get_running_loop().call_later(self.interval_s, self._tick)
            return
        if not self._is_resumed:
            self._start(self._resume())
        elif self.journal.is_over(self.now):
            self.journal.finish_minute()
            self._start(self._write())
        self._take_finished_day()
        interval_s = max(self.interval_s, self._gateway.cache.policy(METERS).ttl)
        due_s = self._taken_at + interval_s - now
        if due_s <= 0:
            for source in _LIVE:
                self._request(source)
            due_s = interval_s
        if now - self._slow_at >= _SLOW_EVERY_S:
            self._slow_at = now
            self._request_slow()
        self._timer = asyncio.get_running_loop().call_later(max(due_s, _SHORTEST_S), self._tick)

    def _take_finished_day(self) -> None:
        """Fetch a past day, if the link's provider keeps it."""
        is_busy = self._taking is not None and not self._taking.done()
        if self._finished is None or is_busy or self._finished.next_day(self.now, self.zone) is None:
            return
        self.journal.zone_name = self.journal.zone_name or self._gateway.zone_name
        if not self.journal.zone_name:
            self._gateway.cache.fetch_unless_fresh(SITE_NAME)  # says when its days begin
            return
        day = self._finished.next_day(self.now, self.zone)
        if day is None:
            return
        take = self._finished.take(day, self.now, self.zone, self.journal.close_until)
        self._taking = asyncio.create_task(take, name="finished day")

    def _request_slow(self) -> None:
        for source in _SLOW:
            refusal = self._request(source)
            if source == VITALS and refusal is not None and not refusal.is_failure:
                self._request(SOLAR_POWERWALL)
        if self._gateway.cache.peek(SITE_NAME) is None:
            self._request(SITE_NAME)

    def _request(self, source: Source) -> GatewayError | None:
        """Fetch a source unless it is fresh, or its link is metered; return why it may not be fetched."""
        link = self._gateway.cache.link_for(source)
        if isinstance(link, GatewayError):
            return link
        if link.driver.name not in _METERED:
            self._gateway.cache.fetch_unless_fresh(source)
        return None

    # -- readings ----------------------------------------------------------------------------------

    def _on_stored(self, event: SnapshotStored) -> None:
        if event.source == METERS:
            self._notice()

    def _notice(self) -> None:
        """Schedule a reading if there are new powers, including those that a client requested."""
        snapshot = self._gateway.cache.peek(METERS)
        is_new = snapshot is not None and snapshot.observed_at > self._taken_at
        if is_new and self._is_resumed and self._sampling is None and self._gateway.duty.is_on:
            self._sampling = asyncio.get_running_loop().call_later(_TOGETHER_S, self._sample)

    def _sample(self) -> None:
        self._sampling = None
        state = self._gateway.site.current()
        observed_at = state.observed_at.get(METERS)
        if observed_at is None or observed_at <= self._taken_at:
            return
        self._taken_at = observed_at
        at = self.now - (self._gateway.clock.monotonic() - observed_at)
        if at < _PLAUSIBLE:
            return
        self.journal.zone_name = self._gateway.zone_name or self.journal.zone_name
        if self.journal.add(at, state, self.zone):
            self._start(self._write())

    # -- writing -----------------------------------------------------------------------------------

    def _start(self, work: Coroutine[None, None, None]) -> None:
        """Let the disk work, unless it does: then the next minute is soon enough."""
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(work, name="history")
        else:
            work.close()

    async def _write(self) -> None:
        batch = self.journal.take_batch(self.zone)
        if batch:
            await self.archive.commit(batch, self.zone, self.now)
