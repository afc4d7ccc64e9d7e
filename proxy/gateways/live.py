"""The power-flow page's data: one object per gateway, sent to subscribers when it changes.

``StateStream`` owns one task, which lives while there are subscribers: it keeps the readings of
the page in demand. Events are sent synchronously, so a slow subscriber delays no other: each has
room for one event, and a newer one replaces one that was not fetched yet. An event is written
once, however many subscribers there are.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from proxy import __version__
from proxy.cache.events import LinkChanged, OptionsChanged, SnapshotDiscarded, SnapshotStored
from proxy.core.freshness import Freshness
from proxy.core.sources import (
    GRID_STATUS,
    METERS,
    OPERATION,
    PROBLEMS,
    SITE_NAME,
    SOE,
    SOLAR_POWERWALL,
    SYSTEM_STATUS,
    VITALS,
)
from proxy.gateways.status import links_of
from proxy.views import page
from proxy.views.quantities import STATE_SOURCES

if TYPE_CHECKING:
    from proxy.cache.source_cache import SourceCache
    from proxy.core.clock import Clock
    from proxy.core.model import Snapshot, Source
    from proxy.gateways.site_model import SiteModel

_log = logging.getLogger(__name__)

# What moves on the page, and what may be older than that.
LIVE: Final[tuple[Source, ...]] = (METERS, SOE, GRID_STATUS)
SLOW: Final[tuple[Source, ...]] = (OPERATION, SYSTEM_STATUS, SITE_NAME, PROBLEMS, VITALS, SOLAR_POWERWALL)
# The sources of one reading come with several answers; they are sent together.
_DEBOUNCE_S = 0.15
_REFRESH_EVERY_S = 10.0
_SLOW_EVERY_S = 60.0  # at the latest
# A page waits no longer for a slow gateway; its stream brings what is missing.
_FIRST_WAIT_S = 0.25
_STATES: Final = {
    Freshness.FRESH: "fresh",
    Freshness.REVALIDATE: "stale",
    Freshness.FALLBACK: "stale",
    Freshness.EXPIRED: "expired",
}


class Subscriber:
    """One subscriber of the stream, with the newest event that it has not received yet."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()
        self._latest: bytes | None = None
        self.dropped = 0

    def put(self, event: bytes | None) -> None:
        """Set the next event of the subscriber; None ends the stream."""
        self.dropped += self._changed.is_set()
        self._latest = event
        self._changed.set()

    async def next(self) -> bytes | None:
        """Wait for an event; None at the end."""
        await self._changed.wait()
        self._changed.clear()
        return self._latest


class StateStream:
    """What the page of one gateway shows, now and whenever it changes."""

    def __init__(self, cache: SourceCache, clock: Clock, site: SiteModel) -> None:
        self._dropped = 0  # for subscribers that have left
        self._cache = cache
        self._clock = clock
        self._site = site
        self._listeners: set[Subscriber] = set()
        self._refresher: asyncio.Task[None] | None = None
        self._last_sent: dict[str, Any] = {}
        self._pending: asyncio.TimerHandle | None = None
        self._slow_at = float("-inf")
        self._alerts_since: dict[str, int] = {}

    @property
    def listeners(self) -> int:
        """Number of subscribers."""
        return len(self._listeners)

    @property
    def dropped(self) -> int:
        """Number of events replaced by a newer one before a slow subscriber received them."""
        return self._dropped + sum(listener.dropped for listener in self._listeners)

    async def obtain(self, slow_wait_s: float = 0.0) -> dict[str, Any]:
        """Return the object after a short wait for the gateway, if that is needed and allowed.

        With ``slow_wait_s`` what changes slowly is fetched where it is unknown, and waited for no longer than that:
        a page gets it over its stream.
        """
        unknown = [source for source in SLOW if slow_wait_s and self._cache.peek(source) is None]
        await asyncio.gather(self._cache.get(LIVE, _FIRST_WAIT_S), self._cache.get(unknown, slow_wait_s))
        return self.current()

    def current(self) -> dict[str, Any]:
        """Return the object as it is known now; sends no request."""
        now, cache = self._clock.monotonic(), self._cache
        known = {source: cache.store.get(source) for source in (*LIVE, *SLOW)}
        meters = known[METERS]
        age = None if meters is None else meters.age(now)
        shown = [
            snapshot
            for snapshot in known.values()
            if snapshot is not None and _is_shown(snapshot, age or 0.0, now)
        ]
        others = [snapshot for snapshot in self._site.servable() if snapshot.source not in known]
        at = None if age is None else round(self._clock.wall() - age, 1)
        state = "none" if meters is None else _STATES[meters.freshness(now)]
        content = page.flow(self._site.of((*shown, *others)))
        if state == "expired":
            content |= page.EXPIRED
        return {
            "v": 1,
            "id": f"{at}-{max((s.revision for s in known.values() if s), default=0)}",
            "at": at,
            "age": None if age is None else round(age, 1),
            "ttl": cache.policy(METERS).ttl,
            "limit": cache.policy(METERS).limit,
            "state": state,
            "version": __version__,
            "gateway": cache.name,
            **content,
            "alert_list": self._dated(content["alert_list"]),
            "link": self._link(now),
        }

    def _link(self, now: float) -> dict[str, Any]:
        """Say how the best link stands: open only if none is closed."""
        links = links_of(self._cache)
        best = min(links, key=lambda link: (not link.is_up, link.wait_s(now)), default=None)
        if best is None:
            return {"state": "none", "cause": None, "retry_in": None}
        retry_in = None if best.next_attempt is None else round(best.wait_s(now), 1)
        cause = best.error.code() if best.error else None
        return {"state": best.state.value, "cause": cause, "retry_in": retry_in}

    def _dated(self, alerts: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Add to each alert since when it was seen here (wall-clock seconds)."""
        now = round(self._clock.wall())
        self._alerts_since = {each["name"]: self._alerts_since.get(each["name"], now) for each in alerts}
        return [{**each, "since": self._alerts_since[each["name"]]} for each in alerts]

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[Subscriber]:
        """Subscribe to every change; what is known now comes first."""
        listener = Subscriber()
        snapshot = self.current()
        listener.put(event_of(snapshot))
        if not self._listeners:
            self._last_sent = _without_age(snapshot)
        self._listeners.add(listener)
        if self._refresher is None:
            self._refresher = asyncio.create_task(self._refresh(), name="state stream")
            self._refresher.add_done_callback(self._on_end)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)
            self._dropped += listener.dropped
            if not self._listeners:
                await self.close()

    async def _refresh(self) -> None:
        """Record demand for what the page shows while there are subscribers."""
        undo = (*self._subscribe(), self._cache.watch(LIVE))
        try:
            while True:
                now = self._clock.monotonic()
                is_due = now - self._slow_at >= self._slow_every_s
                await self._cache.get(LIVE)
                self._notify()
                if is_due:
                    self._slow_at = now
                    await self._cache.get(SLOW)
                    self._notify()
                elif self._last_sent.get("grid_state") == "islanded":  # why is among what is slow
                    await self._cache.get([VITALS])
                    self._notify()
                await asyncio.sleep(_REFRESH_EVERY_S)
        finally:
            for each in undo:
                each()

    def _on_end(self, refresher: asyncio.Task[None]) -> None:
        """After an error, end the streams of all subscribers, which then reconnect: their demand is no longer recorded."""
        if refresher.cancelled() or (error := refresher.exception()) is None:
            return
        _log.error("state stream failed", exc_info=error)
        self._refresher = None
        for listener in self._listeners:
            listener.put(None)

    def _subscribe(self) -> list[Callable[[], None]]:
        """Follow what the page shows; returns the unsubscribers."""
        events = self._cache.events
        return [
            events.subscribe(SnapshotStored, self._on_snapshot),
            events.subscribe(SnapshotDiscarded, self._on_snapshot),
            events.subscribe(LinkChanged, lambda _: self._debounce()),
            events.subscribe(OptionsChanged, lambda _: self._debounce()),
        ]

    def _on_snapshot(self, event: SnapshotStored | SnapshotDiscarded) -> None:
        if event.source in STATE_SOURCES:
            self._debounce()

    @property
    def _slow_every_s(self) -> float:
        """Interval (s) at which sources that change slowly stay servable."""
        limit_s = min(self._cache.policy(source).limit for source in SLOW)
        return min(max(limit_s - _REFRESH_EVERY_S, _REFRESH_EVERY_S), _SLOW_EVERY_S)

    def _debounce(self) -> None:
        if self._pending is None:
            self._pending = asyncio.get_running_loop().call_later(_DEBOUNCE_S, self._notify)

    def _notify(self) -> None:
        if self._pending is not None:
            self._pending.cancel()
            self._pending = None
        snapshot = self.current()
        if _without_age(snapshot) == self._last_sent:
            return
        if self._last_sent and self._last_sent["grid_state"] != snapshot["grid_state"] == "islanded":
            self._cache.prefetch([VITALS])
        self._last_sent = _without_age(snapshot)
        event = event_of(snapshot)
        for listener in self._listeners:
            listener.put(event)

    async def close(self) -> None:
        """End the streams of all subscribers and stop fetching for them."""
        for listener in self._listeners:
            listener.put(None)
        if self._pending is not None:
            self._pending.cancel()
            self._pending = None
        refresher, self._refresher = self._refresher, None
        if refresher is not None:
            refresher.cancel()
            await asyncio.gather(refresher, return_exceptions=True)


def _is_shown(snapshot: Snapshot, age_s: float, now: float) -> bool:
    """Say whether a snapshot belongs on the page, on which the meters are of this age.

    What is live is about as old as they are or fresh, because nothing is shown beside what is
    younger. Anything else may be as old as whatever is served.
    """
    if snapshot.source in LIVE:
        return snapshot.freshness(now) is Freshness.FRESH or snapshot.age(now) <= age_s + _REFRESH_EVERY_S
    return snapshot.age(now) < snapshot.policy.limit


def event_of(snapshot: dict[str, Any]) -> bytes:
    """Write a server-sent event (HTML standard, section 9.2)."""
    return f"id: {snapshot['id']}\ndata: {json.dumps(snapshot, separators=(',', ':'))}\n\n".encode()


def _without_age(snapshot: dict[str, Any]) -> dict[str, Any]:
    """Return what distinguishes a snapshot from another: everything but its age."""
    return {key: value for key, value in snapshot.items() if key != "age"}
