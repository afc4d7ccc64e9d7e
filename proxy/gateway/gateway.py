"""Get, peek, refresh: the cache in front of one gateway.

Ownership: ``Gateway`` owns the flights and one timer. A flight is started by the
first request that needs it or by the timer. Everything between two awaits is
atomic, so there are no locks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from proxy.core.errors import GatewayError, GatewayTimeout, NotSupported, SourceUnavailable, Unreachable
from proxy.core.freshness import Action, Freshness, Policy, classify, decide
from proxy.core.sources import STATUS
from proxy.drivers.base import Remembering
from proxy.gateway.flights import Flight, Flights, outcome
from proxy.gateway.reading import Obtained, Reading, Result
from proxy.gateway.refresher import Refresher
from proxy.gateway.store import MemoryStore

if TYPE_CHECKING:
    from proxy.core.clock import Clock
    from proxy.core.model import Document, Snapshot, Source
    from proxy.gateway.link import Link


class Gateway:
    """The facts of one gateway, as fresh as is decent to ask for.

    ``policy`` gives the lifetimes of a source, ``deadline_s`` the longest that a
    request waits, ``patience_s`` the longest after the gateway was asked while a
    stale snapshot is at hand or somebody else tries whether it is back.
    ``links`` are tried in order; the first that has a source
    and may be asked is read.
    """

    def __init__(
        self,
        links: Sequence[Link],
        clock: Clock,
        *,
        policy: Callable[[Source], Policy],
        deadline_s: float,
        patience_s: float,
        name: str = "default",
    ) -> None:
        self.name = name
        self.links = tuple(links)
        self.clock = clock
        self.policy = policy
        self.store = MemoryStore(lambda source: policy(source).usable_s, clock.monotonic)
        self.coalesced = 0
        self.waiting = 0  # requests that wait for an exchange now
        self.results: dict[tuple[Source, Result], int] = {}
        self.deadline_s = deadline_s
        self._patience_s = patience_s
        self._flights = Flights(clock.monotonic)
        self._changed_at: dict[Source, float] = {}
        self._refresher = Refresher(clock, policy, self.store, self._ask)
        self._listeners: list[Callable[[], None]] = []
        self._firmware: str | None = None

    # -- reading ---------------------------------------------------------------------------

    def peek(self, source: Source) -> Snapshot | None:
        """Return the snapshot of a source if it may be served now without asking; never asks."""
        snapshot = self.store.get(source)
        return None if self._freshness(source, snapshot) is Freshness.EXPIRED else snapshot

    def visit(self, sources: Iterable[Source]) -> float:
        """Note that somebody wants these sources; return for how long (s) more requests would be the same visit."""
        return self._refresher.visit(sources)

    async def get(self, sources: Sequence[Source], deadline_s: float | None = None) -> Reading:
        """Obtain sources together, within the deadline. Never raises for a gateway's sake."""
        self.visit(sources)
        ends = self.clock.monotonic() + (
            self.deadline_s if deadline_s is None else min(self.deadline_s, deadline_s)
        )
        obtained = {source: self._at_once(source) for source in sources}
        missing = [source for source, result in obtained.items() if result is None]
        if missing:
            self.waiting += 1
            try:
                waited = await asyncio.gather(*(self._wait_for(source, ends) for source in missing))
            finally:
                self.waiting -= 1
            obtained.update(zip(missing, waited, strict=True))
        reading = Reading({source: result for source, result in obtained.items() if result is not None})
        self.count(reading)
        return reading

    def get_fresh(self, sources: Sequence[Source]) -> Reading | None:
        """Obtain what ``get`` would, if everything is fresh or certain to be refused; never asks nor counts."""
        now = self.clock.monotonic()
        reading: dict[Source, Obtained] = {}
        for source in sources:
            snapshot = self.store.get(source)
            match self._freshness(source, snapshot):
                case Freshness.FRESH:
                    reading[source] = Obtained(snapshot, Result.FRESH)
                case Freshness.EXPIRED if isinstance(way := self._way(source, now), GatewayError):
                    reading[source] = Obtained(None, Result.ERROR, way)
                case _:
                    return None
        return Reading(reading)

    def want(self, sources: Iterable[Source]) -> None:
        """Visit sources without waiting for them: what is not fresh is asked for, unless it rests."""
        wanted = tuple(sources)
        self.visit(wanted)
        now = self.clock.monotonic()
        for source in wanted:
            if self._freshness(source, self.store.get(source)) is not Freshness.FRESH:
                way = self._way(source, now)
                if not isinstance(way, GatewayError) and not self._flights.find(
                    way, way.driver.sources[source]
                ):
                    self._start(way, source)

    def ask(self, link: Link, source: Source) -> None:
        """Ask one link for a source, whoever wants it, and keep what it tells."""
        self._start(link, source)

    @property
    def visited(self) -> frozenset[Source]:
        """What somebody ever wanted."""
        return self._refresher.visited

    def count(self, reading: Reading, times: int = 1) -> None:
        """Count how the sources of a reading were obtained."""
        for source, obtained in reading.sources.items():
            self.results[source, obtained.result] = self.results.get((source, obtained.result), 0) + times

    def discard(self, sources: Iterable[Source]) -> None:
        """Forget sources that a write has changed, also as answers that are still under way."""
        now, dropped = self.clock.monotonic(), tuple(sources)
        for source in dropped:
            self.store.discard(source)
            self._changed_at[source] = now
            for link in self.links:
                self._flights.overtake(link, link.driver.sources.get(source, ""))
        for link in self.links:
            if isinstance(link.driver, Remembering):
                link.driver.forget_answers()
        self._refresher.look_now(dropped)
        self._tell()

    def watch(self, sources: Iterable[Source]) -> Callable[[], None]:
        """Keep sources fresh until the returned function is called: somebody looks at them all the time."""
        return self._refresher.watch(sources)

    @property
    def is_asking(self) -> bool:
        """Say whether an exchange is under way."""
        return bool(self._flights)

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` whenever snapshots or links changed; returns the unsubscriber."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    # -- deciding --------------------------------------------------------------------------

    def _freshness(self, source: Source, snapshot: Snapshot | None) -> Freshness:
        if snapshot is None:
            return Freshness.EXPIRED
        age = self.clock.monotonic() - snapshot.stored_at
        return classify(age, self.policy(source), snapshot.document.age_s)

    def _at_once(self, source: Source) -> Obtained | None:
        """Serve or fail without waiting, or None when the gateway has to be asked first."""
        now = self.clock.monotonic()
        snapshot = self.store.get(source)
        freshness = self._freshness(source, snapshot)
        if freshness is Freshness.FRESH:
            return Obtained(snapshot, Result.FRESH)
        way = self._way(source, now)
        refusal = way if isinstance(way, GatewayError) else None
        match decide(freshness, admitted=refusal is None):
            case Action.REFRESH:
                self._start(way, source)
                return Obtained(snapshot, Result.REVALIDATE)
            case Action.SERVE:
                return self._settle(source, refusal)
            case Action.FAIL:
                return Obtained(None, Result.ERROR, refusal)
        return None

    def _way(self, source: Source, now: float) -> Link | GatewayError:
        """Return the first link that tells this source and may be asked, or why there is none."""
        refusals: list[GatewayError] = []
        for link in self.links:
            if not link.has(source):
                continue
            exchange = link.driver.sources[source]
            refusal = link.resting(source, now)
            if refusal is None:
                refusal = link.refusal(exchange, now)
                if refusal is None or self._flights.find(link, exchange):
                    return link
            refusals.append(refusal)
        if not self.links:
            return Unreachable("no gateway is configured: set PW_HOST")
        if not refusals:
            return NotSupported("no connection to this gateway tells this")
        return min(refusals, key=lambda refusal: refusal.retry_after or float("inf"))

    async def _wait_for(self, source: Source, ends: float) -> Obtained:
        """Ask the gateway, link by link; wait until ``ends``.

        Not long after the asking began while a stale snapshot is at hand, or a lost gateway is tried already.
        """
        before, began = self.store.get(source), self.clock.monotonic()
        has_another = self.peek(source) is not None and self.policy(source).ttl > 0
        error: GatewayError | None = None
        untried = len(self.links)
        while untried:
            way = self._way(source, self.clock.monotonic())
            if isinstance(way, GatewayError):
                error = error or way
                break
            joins = self._flights.find(way, way.driver.sources[source]) is not None
            flight = self._start(way, source)
            if has_another or (joins and not way.breaker.is_closed):
                ends = min(ends, self._flights.since(flight) + self._patience_s)
            done, _ = await asyncio.wait({flight}, timeout=max(ends - self.clock.monotonic(), 0.0))
            snapshot = self.store.get(source)
            if snapshot is not None and snapshot is not before:
                return Obtained(snapshot, Result.MISS)
            if not done:
                error = GatewayTimeout("the gateway has not answered yet", retry_after=1.0)
                break
            error = (
                outcome(flight)
                or way.resting(source, self.clock.monotonic())
                or SourceUnavailable(f"{source} was not in the answer", retry_after=1.0)
            )
            if self._changed_at.get(source, began) > began and outcome(flight) is None:
                began = self.clock.monotonic()  # a write overtook the answer: ask anew
            else:
                untried -= 1
        return self._settle(source, error)

    def _settle(self, source: Source, error: GatewayError | None) -> Obtained:
        """Serve the stale snapshot after all, or the error."""
        snapshot = self.peek(source)
        if snapshot is None:
            return Obtained(None, Result.ERROR, error)
        for link in self.links:
            link.served_stale += not link.breaker.is_closed
        return Obtained(snapshot, Result.STALE, error)

    # -- asking ----------------------------------------------------------------------------

    def _ask(self, source: Source) -> GatewayError | None:
        """Start the exchange that tells a source, or return why it may not be asked."""
        way = self._way(source, self.clock.monotonic())
        if isinstance(way, GatewayError):
            return way
        self._start(way, source)
        return None

    def _start(self, link: Link | GatewayError, source: Source) -> Flight:
        """Return the flight that will tell a source, starting it unless it is in the air."""
        assert not isinstance(link, GatewayError)  # noqa: S101 - decide() admits only links
        exchange = link.driver.sources[source]
        if flight := self._flights.find(link, exchange):
            self.coalesced += 1
            return flight
        started = self.clock.monotonic()
        # The others are told by an earlier link: taking them from here would make readings flicker.
        ours = {told for told in link.driver.sources if self._way(told, started) is link}

        def take(answer: Mapping[Source, Document] | GatewayError) -> None:
            if isinstance(answer, GatewayError):
                self._after(link, exchange, answer)
            else:
                now = self.clock.monotonic()
                self._store(
                    {s: told for s, told in answer.items() if s in ours or self._way(s, now) is link}, started
                )
                self._after(link, exchange, None)

        return self._flights.start(link, exchange, take)

    def _store(self, documents: Mapping[Source, Document], started: float) -> None:
        """Store what an exchange told, unless a write has overtaken it."""
        for source, document in documents.items():
            if started < self._changed_at.get(source, float("-inf")):
                continue
            if source == STATUS:
                self._note_firmware(document)
            snapshot = self.store.put(source, document)
            self._refresher.note(snapshot, snapshot.stored_at - started)

    def _note_firmware(self, status: Document) -> None:
        """Ask again for what the gateway did not offer when its firmware is another one."""
        version = status.value.get("version") if isinstance(status.value, dict) else None
        if self._firmware is not None and version != self._firmware:
            for link in self.links:
                link.forget_missing()
        self._firmware = version

    def _after(self, link: Link, exchange: str, error: GatewayError | None) -> None:
        """Plan the next look at what this exchange ought to have told, and tell the listeners."""
        now = self.clock.monotonic()
        for source, told_by in link.driver.sources.items():
            if told_by == exchange:
                reasons = (error, link.resting(source, now), link.refusal(exchange, now))
                pause = max((reason.retry_after or 0.0 for reason in reasons if reason), default=0.0)
                self._refresher.put_off(source, pause, unless_planned=error is None)
        self._refresher.wake()
        self._tell()

    def _tell(self) -> None:
        for listener in tuple(self._listeners):
            listener()

    def give_up(self) -> None:
        """Stop asking: whoever waits for the gateway is answered with what there is."""
        self._refresher.close()
        self._flights.end()

    async def close(self) -> None:
        """Stop refreshing, end what is in the air, close the drivers."""
        self._refresher.close()
        await self._flights.close()
        for link in self.links:
            await link.driver.close()
