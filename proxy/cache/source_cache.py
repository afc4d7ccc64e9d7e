"""The cache in front of one gateway: look-ups, with or without a request to the gateway.

Requests to the gateway are sent by ``fetcher.py``. Code between two awaits is atomic, so there
are no locks.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from proxy.cache.events import EventBus
from proxy.cache.fetcher import Fetcher
from proxy.cache.lookup import CacheResult, Lookup, SourceResult
from proxy.cache.scheduler import TICK_S
from proxy.cache.single_flight import Disposition, Flight, Outcome, outcome
from proxy.cache.soft_timeout import soft_timeout_s
from proxy.cache.store import MAX_BYTES, MemoryStore
from proxy.core.demand import ALONE, Slot
from proxy.core.errors import GatewayError, GatewayTimeout
from proxy.core.freshness import Action, Freshness, Policy, decide

if TYPE_CHECKING:
    from proxy.cache.link import Link
    from proxy.core.clock import Clock
    from proxy.core.model import Snapshot, Source


# Without a snapshot, the next link is requested as well after this time. A client waits for 3.8 s at most,
# which leaves the next link time to log in.
_STAND_IN_AFTER_S = 1.0


class SourceCache:
    """The sources of one gateway, as fresh as the load on it allows.

    ``policy`` are the lifetimes of sources that no link has, ``deadline_s`` is how long a
    request waits at most. With ``fail_fast`` a stale snapshot is served without waiting from the
    first failure of its link on, not only when the link is open. ``max_bytes`` bounds the
    snapshots. ``slot`` is the turn of the gateway among those of one process: they are read one after the other.
    """

    def __init__(
        self,
        links: Sequence[Link],
        clock: Clock,
        *,
        policy: Policy,
        deadline_s: float,
        fail_fast: bool = False,
        name: str = "default",
        max_bytes: int = MAX_BYTES,
        slot: Slot = ALONE,
    ) -> None:
        self.name = name
        self.links = tuple(links)
        self.clock = clock
        self.store = MemoryStore(clock.monotonic, max_bytes)
        self.waiting = 0  # requests that are waiting for an exchange
        self.results: Counter[tuple[Source, CacheResult]] = Counter()
        self.deadline_s = deadline_s
        self._fail_fast = fail_fast
        self.events = EventBus(name)
        self._fetcher = Fetcher(self.links, clock, policy, self.store, self.events, slot)
        self.accept = self._fetcher.accept  # answers that another process received
        self.in_progress = self._fetcher.in_progress
        self.fetching_since = self._fetcher.fetching_since

    # -- reading ---------------------------------------------------------------------------

    def peek(self, source: Source) -> Snapshot | None:
        """Return the snapshot of a source if it may be served now without a request; sends none."""
        snapshot = self.store.get(source)
        return None if self._freshness(snapshot) is Freshness.EXPIRED else snapshot

    def policy(self, source: Source) -> Policy:
        """Return the lifetimes of a source: those of its last answer, else of the link that it is read through."""
        return self._fetcher.policy(source)

    @property
    def starts_in_s(self) -> float:
        """For how long (s) no request is sent that no client waits for; 0 once it has started."""
        return max(self._fetcher.refresher.starts_at - self.clock.monotonic(), 0.0)

    def record_demand(self, sources: Iterable[Source]) -> float:
        """Record demand for these sources; return for how long (s) further requests need not be recorded."""
        return self._fetcher.refresher.record_demand(sources)

    async def get(self, sources: Sequence[Source], deadline_s: float = math.inf) -> Lookup:
        """Look sources up together, within the deadline. Never raises because of the gateway."""
        self.record_demand(sources)
        ends = self.clock.monotonic() + min(self.deadline_s, deadline_s)
        results = {source: self._from_cache(source) for source in sources}
        missing = [source for source, result in results.items() if result is None]
        if missing:
            self.waiting += 1
            try:
                waited = await asyncio.gather(*(self._wait_for(source, ends) for source in missing))
            finally:
                self.waiting -= 1
            results.update(zip(missing, waited, strict=True))
        lookup = Lookup({source: result for source, result in results.items() if result is not None})
        self.count(lookup)
        return lookup

    def get_fresh(self, sources: Sequence[Source]) -> Lookup | None:
        """Return what ``get`` would, if everything is fresh or certain to be refused; sends no request, counts nothing."""
        results: dict[Source, SourceResult] = {}
        for source in sources:
            snapshot = self.store.get(source)
            match self._freshness(snapshot):
                case Freshness.FRESH:
                    results[source] = SourceResult(snapshot, CacheResult.FRESH)
                case Freshness.EXPIRED if isinstance(link := self._fetcher.link_for(source), GatewayError):
                    results[source] = SourceResult(None, CacheResult.ERROR, link)
                case _:
                    return None
        return Lookup(results)

    def prefetch(self, sources: Iterable[Source]) -> None:
        """Request sources without waiting for them: what is not fresh is fetched, unless it is in cooldown."""
        requested = tuple(sources)
        self.record_demand(requested)
        if self.starts_in_s:
            self._fetcher.refresher.schedule_start(requested)
            return
        for source in requested:
            if self._freshness(self.store.get(source)) is not Freshness.FRESH:
                self._fetcher.request_fetch(source)

    def fetch_unless_fresh(self, source: Source) -> None:
        """Fetch a source on no client's account: it is not fetched again because of this."""
        if self._freshness(self.store.get(source)) is not Freshness.FRESH:
            self._fetcher.request_fetch(source)

    def link_for(self, source: Source) -> Link | GatewayError:
        """Return the link over which a source would be fetched now, or why there is none."""
        return self._fetcher.link_for(source)

    def request_fetch(self, link: Link, source: Source) -> Flight:
        """Fetch a source over one link, though no client needs it, and store what comes."""
        return self._fetcher.join(link, source)

    @property
    def demanded(self) -> frozenset[Source]:
        """What was ever requested."""
        return self._fetcher.refresher.demanded

    def expedite(self) -> None:
        """Fetch at once what clients want and is not fresh: the gateway is there again."""
        self._fetcher.refresher.schedule_now(self.demanded)

    @property
    def has_live_demand(self) -> bool:
        """Say whether a client may still be there."""
        return self._fetcher.refresher.has_live_demand

    @property
    def obtained(self) -> frozenset[Source]:
        """What was ever read, and is requested."""
        return self.demanded & self._fetcher.obtained

    def count(self, lookup: Lookup, times: int = 1) -> None:
        """Count how the sources of a look-up were obtained."""
        for source, found in lookup.sources.items():
            self.results[source, found.counted_as] += times

    def discard(self, sources: Iterable[Source]) -> None:
        """Forget sources that a write has changed, also as answers that are still under way."""
        self._fetcher.forget(sources)

    def watch(self, sources: Iterable[Source]) -> Callable[[], None]:
        """Keep sources fresh until the returned function is called: an open page shows them."""
        return self._fetcher.refresher.watch(sources)

    @property
    def is_fetching(self) -> bool:
        """Say whether an exchange is under way."""
        return bool(self._fetcher)

    @property
    def coalesced(self) -> int:
        """How many requests joined an exchange that was under way."""
        return self._fetcher.coalesced

    # -- deciding --------------------------------------------------------------------------

    def _freshness(self, snapshot: Snapshot | None) -> Freshness:
        return Freshness.EXPIRED if snapshot is None else snapshot.freshness(self.clock.monotonic())

    def _from_cache(self, source: Source) -> SourceResult | None:
        """Serve or fail without waiting; None when the source has to be fetched first."""
        snapshot = self.store.get(source)
        freshness = self._freshness(snapshot)
        if freshness is Freshness.FRESH:
            return SourceResult(snapshot, CacheResult.FRESH)
        link = self._fetcher.link_for(source)
        refusal = link if isinstance(link, GatewayError) else None
        match decide(freshness, admitted=refusal is None):
            case Action.REFRESH:
                self._fetcher.request_fetch(source)
                return SourceResult(snapshot, CacheResult.REVALIDATE)
            case Action.SERVE:
                return self._stale_or_error(source, refusal)
            case Action.FAIL:
                return SourceResult(None, CacheResult.ERROR, refusal)
        return None

    async def _wait_for(self, source: Source, ends: float) -> SourceResult:
        """Fetch a source, link by link; wait until ``ends``.

        No longer than its answer ordinarily takes while there is a stale snapshot; and hardly
        at all while a trial of an unreachable gateway is under way.
        """
        if self._freshness(snapshot := self.store.get(source)) is Freshness.FRESH:
            return SourceResult(snapshot, CacheResult.FRESH)  # it has come since that was decided
        fetcher = self._fetcher
        has_another = self.peek(source) is not None and self.policy(source).ttl > 0
        error: GatewayError | None = None
        untried = len(self.links)
        while untried:
            link = fetcher.link_for(source)
            if isinstance(link, GatewayError):
                error = error or link
                break
            is_trial_of_another = fetcher.in_progress(link, source) and not link.breaker.is_closed
            flight = fetcher.join(link, source)
            if has_another or is_trial_of_another:
                allowed_s = soft_timeout_s(link, source, fetcher.took_s(source), fail_fast=self._fail_fast)
                ends = min(ends, fetcher.since(flight) + allowed_s)
            match await self._follow(flight, link, source, ends):
                case None:
                    late = GatewayTimeout(f"the {link.peer} has not answered yet", retry_after=1.0)
                    error = link.named(late)
                    break
                case Disposition.STORED if (snapshot := self.store.get(source)) is not None:
                    return SourceResult(snapshot, CacheResult.MISS)
                case GatewayError() as error:
                    untried -= 1
                # Otherwise a command has changed the source since: fetch again.
        return self._stale_or_error(source, error)

    async def _follow(self, flight: Flight, link: Link, source: Source, ends: float) -> Outcome | None:
        """Wait until ``ends`` for a flight; if it takes long and there is no snapshot, for one of the next link too.

        Returns what the first that stored something, or else this one, did for the source; None if it goes on.
        """
        flights = {flight}
        others_from = self.clock.monotonic() + _STAND_IN_AFTER_S if self.store.get(source) is None else ends
        while not flight.done():
            if self._freshness(self.store.get(source)) is Freshness.FRESH:
                return Disposition.STORED  # by a flight of another request
            now = self.clock.monotonic()
            if now >= ends:
                return None
            if now >= others_from:
                others_from = ends
                if other := self._fetcher.stand_in(link, source):
                    flights.add(other)
            wait = max(min(ends, others_from) - now, TICK_S)
            done, _ = await asyncio.wait(flights, timeout=wait, return_when=asyncio.FIRST_COMPLETED)
            if any(outcome(ended, source) is Disposition.STORED for ended in done):
                return Disposition.STORED
            flights -= done
        return outcome(flight, source)

    def _stale_or_error(self, source: Source, error: GatewayError | None) -> SourceResult:
        """Serve the stale snapshot after all, or the error."""
        snapshot = self.peek(source)
        if snapshot is None:
            return SourceResult(None, CacheResult.ERROR, error)
        for link in self.links:
            link.served_stale += not link.breaker.is_closed
        return SourceResult(snapshot, CacheResult.STALE, error)

    # -- the rest ----------------------------------------------------------------------------

    def cancel_pending(self) -> None:
        """Fetch nothing any more: requests that wait for the gateway are answered with what there is."""
        self._fetcher.end()

    async def close(self) -> None:
        """Fetch nothing any more, and close the drivers."""
        await self._fetcher.close()
