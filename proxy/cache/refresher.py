"""Fetches sources shortly before they are requested again, and nothing that is not in demand.

Runs on the event loop that uses it, between awaits; ``core/demand.py`` decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from proxy.cache.scheduler import TICK_S, Scheduler
from proxy.core.demand import Demand, Slot

if TYPE_CHECKING:
    from proxy.cache.store import MemoryStore
    from proxy.core.clock import Clock
    from proxy.core.errors import GatewayError
    from proxy.core.freshness import Policy
    from proxy.core.model import Snapshot, Source

# A source is fetched again no earlier than this share of its ttl before its end, however slow the gateway is.
_MOST_AHEAD = 0.6


class Refresher:
    """The demand for every source, and one timer for them all.

    ``request_fetch`` starts the exchange that brings a source; it returns why none may be sent, or None.
    ``slot`` says when the gateway is read that is one of many.
    """

    def __init__(
        self,
        clock: Clock,
        policy: Callable[[Source], Policy],
        store: MemoryStore,
        request_fetch: Callable[[Source], GatewayError | None],
        slot: Slot,
    ) -> None:
        self.starts_at = slot.starts_at
        self._slot = slot
        self._clock = clock
        self._policy = policy
        self._store = store
        self._request_fetch = request_fetch
        self._demands: dict[Source, Demand] = {}
        self._took_s: dict[Source, float] = {}
        self._at_start: set[Source] = set()
        self._scheduler = Scheduler(clock, self._refresh)

    @property
    def demanded(self) -> frozenset[Source]:
        """What was ever requested."""
        return frozenset(self._demands)

    @property
    def has_live_demand(self) -> bool:
        """Say whether another request of some client is likely."""
        now = self._clock.monotonic()
        return any(demand.is_live(now) for demand in self._demands.values())

    def took_s(self, source: Source) -> float:
        """Return how long the gateway took for the last answer, 0 before the first."""
        return self._took_s.get(source, 0.0)

    def record_demand(self, sources: Iterable[Source]) -> float:
        """Note a request for these sources; return for how long (s) further ones count as the same."""
        now = self._clock.monotonic()
        demands = [self._demand(source) for source in sources]
        for demand in demands:
            demand.record_demand(now)
        return min((demand.merge_s for demand in demands), default=0.0)

    def watch(self, sources: Iterable[Source]) -> Callable[[], None]:
        """Keep sources fresh until the returned function is called: an open page shows them."""
        watched = tuple(sources)
        demands = [self._demand(source) for source in watched]
        for source, demand in zip(watched, demands, strict=True):
            if not demand.watchers:
                demand.early_s = self._slot.early_s(self._policy(source).ttl)
            demand.watchers += 1
        self.schedule_now(watched)

        def unwatch() -> None:
            for demand in demands:
                demand.watchers -= 1

        return unwatch

    def schedule_now(self, sources: Iterable[Source]) -> None:
        """Decide at once, but not before the start, whether these sources are to be fetched."""
        self._schedule(sources, max(self._clock.monotonic(), self.starts_at))

    def schedule_start(self, sources: Iterable[Source]) -> None:
        """Fetch at the start what a client wants that does not wait for it."""
        wanted = tuple(sources)
        self._at_start.update(wanted)
        self._schedule(wanted, self.starts_at)

    def _schedule(self, sources: Iterable[Source], at: float) -> None:
        for source in sources:
            if source in self._demands:
                self._scheduler.put(source, at)
        self._scheduler.rearm()

    def note(self, snapshot: Snapshot, took_s: float) -> None:
        """Schedule the next fetch after a snapshot for which the gateway took this long."""
        self._took_s[snapshot.source] = took_s
        self._scheduler.put(snapshot.source, self._fetch_at(snapshot))

    def postpone(self, source: Source, pause_s: float, *, unless_scheduled: bool) -> None:
        """Schedule the next fetch after a pause, because the last one failed; 0 is a ttl."""
        if source in self._demands and not (unless_scheduled and source in self._scheduler):
            self._scheduler.put(source, self._clock.monotonic() + (pause_s or self._policy(source).ttl))

    def rearm(self) -> None:
        """Set the timer to what is scheduled."""
        self._scheduler.rearm()

    def close(self) -> None:
        """Schedule nothing any more."""
        self._scheduler.close()

    def _demand(self, source: Source) -> Demand:
        demand = self._demands.get(source)
        if demand is None:
            demand = self._demands[source] = Demand(self._policy(source).ttl)
        return demand

    def _refresh(self, source: Source, now: float) -> float | None:
        """Fetch a source if it is time; return when to decide again, None for never."""
        policy = self._policy(source)
        demand = self._demands.get(source)
        if demand is None or policy.ttl <= 0:
            return None
        snapshot = self._store.get(source)
        if source in self._at_start:
            self._at_start.discard(source)
            if snapshot is None:
                self._request_fetch(source)
                return None
        ahead_s = max(self._slot.ahead_s(policy.ttl), min(self.took_s(source), policy.ttl / 2))
        at = demand.refresh_at(self._fetch_at(snapshot) if snapshot else now, ahead_s, now)
        if at is None or at > now + TICK_S:
            return at
        if snapshot is not None:
            demand.early_s = 0.0  # from now on it is fetched a lifetime after the last time
        refusal = self._request_fetch(source)
        if refusal is None or not demand.is_live(now):
            return None
        return now + max(refusal.retry_after or policy.ttl, TICK_S)

    def _fetch_at(self, snapshot: Snapshot) -> float:
        """Return when to fetch so that the answer is there when this snapshot ceases to be fresh.

        As long before as the gateway took for it: one request per ttl, and no client waits. For those who watch
        the first of these requests is earlier if the gateway is one of many, so that they do not all come together.
        """
        demand, ttl = self._demands.get(snapshot.source), snapshot.policy.ttl
        early_s = demand.early_s if demand is not None and demand.watchers else 0.0
        return snapshot.fresh_until - min(self.took_s(snapshot.source) + early_s, ttl * _MOST_AHEAD)
