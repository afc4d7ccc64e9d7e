"""Fetching from one gateway: selects the link, coalesces requests, and stores the answers.

Ownership: ``Fetcher`` owns the flights and the timer of its refresher. A flight is
started by the first request that needs it, or by that timer. Code between two
awaits is atomic, so there are no locks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from proxy.cache.acceptance import objection
from proxy.cache.announcer import Announcer
from proxy.cache.refresher import Refresher
from proxy.cache.single_flight import Disposition, Flight, Outcome, Outcomes, SingleFlight, stopping
from proxy.core.errors import GatewayError, NotSupported, SourceUnavailable, Unreachable
from proxy.core.sources import STATUS
from proxy.drivers.base import Answer, CachesReplies

if TYPE_CHECKING:
    from proxy.cache.events import EventBus
    from proxy.cache.link import Link
    from proxy.cache.store import MemoryStore
    from proxy.core.clock import Clock
    from proxy.core.demand import Slot
    from proxy.core.freshness import Policy
    from proxy.core.model import Document, Exchange, Snapshot, Source


class Fetcher:
    """Fetches sources over the links of one gateway and stores them.

    ``links`` are tried in order; the first that has a source and may be requested is read.
    ``policy`` applies to sources without a link. Changes of snapshots and links are published on ``events``.
    ``slot`` as for ``SourceCache``.
    """

    def __init__(
        self,
        links: Sequence[Link],
        clock: Clock,
        policy: Policy,
        store: MemoryStore,
        events: EventBus,
        slot: Slot,
    ) -> None:
        self.links = tuple(links)
        self.refresher = Refresher(clock, self.policy, store, self.request_fetch, slot)
        self.coalesced = 0
        self.obtained: set[Source] = set()  # sources that have ever been read
        self._now = clock.monotonic
        self._store = store
        self._policy = policy
        self._announcer = Announcer(self.links, events)
        self._single_flight = SingleFlight(events.gateway, clock.monotonic)
        self._changed_at: dict[Source, float] = {}
        self._stand_ins: set[tuple[Link, Source]] = set()
        self._answered: dict[Source, Link] = {}  # the link of the last answer of each source
        self._firmware: str | None = None
        self._has_ended = False

    def __bool__(self) -> bool:
        """Say whether an exchange is in progress."""
        return bool(self._single_flight)

    def policy(self, source: Source) -> Policy:
        """Return the lifetimes of a source: those of its last answer, else of the link that it is read through."""
        snapshot = self._store.get(source)
        if snapshot is not None:
            return snapshot.policy
        return next((link.driver.policy(source) for link in self.links if link.has(source)), self._policy)

    def took_s(self, source: Source) -> float:
        """Return how long (s) the last request for a source took."""
        return self.refresher.took_s(source)

    def stand_in(self, slow: Link, source: Source) -> Flight | None:
        """Also fetch a source over the next link, because the first one is slow; None if there is no other.

        Its answer is stored only if the source has no reading by then.
        """
        others = self.links[self.links.index(slow) + 1 :]
        link = self.link_for(source, others) if others else None
        if link is None or isinstance(link, GatewayError):
            return None
        self._stand_ins.add((link, source))
        return self.join(link, source)

    def link_for(self, source: Source, links: Sequence[Link] | None = None) -> Link | GatewayError:
        """Return the first link (of ``links``) that has the source and permits a request, or why there is none."""
        if self._has_ended:
            return stopping()
        now, tried = self._now(), None
        refusals: list[GatewayError] = []
        for link in self.links if links is None else links:
            if not link.has(source):
                continue
            refusal = link.cooldown_error(source, now)
            if refusal is None:
                refusal = link.refusal(link.driver.sources[source], now)
                if refusal is None:
                    return link
                if tried is None and self.in_progress(link, source):
                    tried = link
            refusals.append(refusal)
        if tried is not None:  # a trial that ends soon, and no other link
            return tried
        if not self.links:
            return Unreachable("no gateway is configured: set PW_HOST")
        if not refusals:
            return self.links[0].named(NotSupported("no connection reports this"))
        return min(refusals, key=lambda refusal: refusal.retry_after or float("inf"))

    def in_progress(self, link: Link, source: Source) -> Flight | None:
        """Return the flight that fetches a source, if one is in progress."""
        return self._single_flight.find(link, link.driver.sources[source])

    def since(self, flight: Flight) -> float:
        """Return when a flight that is in progress was started."""
        return self._single_flight.since(flight)

    def fetching_since(self, link: Link, exchange: Exchange) -> float | None:
        """Return when the flight of an exchange started; None if there is none, or a command superseded it."""
        flight = self._single_flight.find(link, exchange)
        return None if flight is None else self._single_flight.since(flight)

    def request_fetch(self, source: Source) -> GatewayError | None:
        """Start fetching a source unless that is in progress; return the error if no request is permitted."""
        link = self.link_for(source)
        if isinstance(link, GatewayError):
            return link
        if not self.in_progress(link, source):
            self.start(link, source)
        return None

    def join(self, link: Link, source: Source) -> Flight:
        """Return the flight that fetches a source; start one if none is in progress."""
        flight = self.in_progress(link, source)
        self.coalesced += flight is not None
        return flight or self.start(link, source)

    def start(self, link: Link, source: Source) -> Flight:
        """Start the exchange that reports a source, and store its results."""
        exchange, started = link.driver.sources[source], self._now()
        # Other sources are read over an earlier link; taking them from this one would make readings alternate.
        ours = {other for other in link.driver.sources if self.link_for(other) is link}

        def on_result(answer: Mapping[Source, Document] | GatewayError) -> Outcomes:
            brought = tuple(s for s, reported_by in link.driver.sources.items() if reported_by == exchange)
            stand_ins = {s for s in link.driver.sources if (link, s) in self._stand_ins}
            self._stand_ins -= {(link, s) for s in stand_ins if link.driver.sources[s] == exchange}
            if isinstance(answer, GatewayError):
                self._schedule_next(link, exchange, answer)
                return dict.fromkeys(brought, answer)
            accepted = ours | {s for s in stand_ins if self._store.get(s) is None}
            documents = {
                s: document for s, document in answer.items() if s in accepted or self.link_for(s) is link
            }
            outcomes = self._store_documents(link, documents, started)
            self._replace_stand_ins(link)
            self._schedule_next(link, exchange, None)
            return {s: outcomes.get(s) or self._absence(link, s) for s in brought}

        return self._single_flight.start(link, exchange, on_result)

    def accept(self, link: Link, exchange: Exchange, answer: Answer, started: float) -> None:
        """Store the answer to an exchange that another process started at ``started`` over a link."""
        documents = link.accept(exchange, answer)
        ours = {s: document for s, document in documents.items() if self.link_for(s) is link}
        self._store_documents(link, ours, started)
        self._replace_stand_ins(link)
        self._schedule_next(link, exchange, None)

    def forget(self, sources: Iterable[Source]) -> None:
        """Discard sources that a command has changed, including answers still in progress."""
        now, dropped = self._now(), tuple(sources)
        for source in dropped:
            self._store.discard(source)
            self._changed_at[source] = now
            for link in self.links:
                if link.has(source):
                    self._single_flight.supersede(link, link.driver.sources[source])
        for link in self.links:
            if isinstance(link.driver, CachesReplies):
                link.driver.forget_answers()
        self.refresher.schedule_now(dropped)
        self._announcer.announce(dropped)

    def _store_documents(
        self, link: Link, documents: Mapping[Source, Document], started: float
    ) -> dict[Source, Outcome]:
        """Store the documents of an exchange, except those superseded by a command or rejected by ``objection``."""
        now = self._now()
        outcomes: dict[Source, Outcome] = {}
        for source, document in documents.items():
            if self._changed_at.get(source, started) > started:
                outcomes[source] = Disposition.SUPERSEDED
                continue
            policy, same_link = link.driver.policy(source), self._answered.get(source) is link
            useless = objection(
                source,
                document,
                policy,
                self._store.get(source),
                same_link=same_link,
                started=started,
                now=now,
            )
            if useless is not None:
                link.set_aside(source, *useless)
                continue
            if source == STATUS:
                self._note_firmware(document)
            self.obtained.add(source)
            self._answered[source] = link
            snapshot = self._put(source, document, policy)
            self.refresher.note(snapshot, now - started)
            outcomes[source] = Disposition.STORED
        return outcomes

    def _absence(self, link: Link, source: Source) -> GatewayError:
        """Return why a successful exchange has no result for a source."""
        return link.cooldown_error(source, self._now()) or SourceUnavailable(
            f"{source} was not in the answer", retry_after=1.0
        )

    def _replace_stand_ins(self, link: Link) -> None:
        """Apply the lifetimes of a link that has recovered to readings obtained over later links meanwhile."""
        later = self.links[self.links.index(link) + 1 :]
        for source in link.driver.sources:
            snapshot = self._store.get(source)
            if (
                snapshot is None
                or self._answered.get(source) not in later
                or self.link_for(source) is not link
            ):
                continue
            policy = link.driver.policy(source)
            if snapshot.policy.ttl > policy.ttl:
                self._put(source, snapshot.document, policy)
                self.refresher.schedule_now((source,))

    def _put(self, source: Source, document: Document, policy: Policy) -> Snapshot:
        snapshot = self._store.put(source, document, policy)
        self._announcer.note(snapshot)
        return snapshot

    def _note_firmware(self, status: Document) -> None:
        """After a change of firmware, request again what the gateway did not support."""
        version = status.value.get("version") if isinstance(status.value, dict) else None
        if self._firmware is not None and version != self._firmware:
            for link in self.links:
                link.forget_missing()
        self._firmware = version

    def _schedule_next(self, link: Link, exchange: Exchange, error: GatewayError | None) -> None:
        """Schedule the next request for each source of this exchange, and publish its changes.

        If another link has the source, it is fetched now, because open pages send no requests themselves.
        """
        now = self._now()
        for source, reported_by in link.driver.sources.items():
            if reported_by != exchange:
                continue
            reasons = (error, link.cooldown_error(source, now), link.refusal(exchange, now))
            pause = max((reason.retry_after or 0.0 for reason in reasons if reason), default=0.0)
            other = self.link_for(source) if pause else link
            if other is link or isinstance(other, GatewayError):
                self.refresher.postpone(source, pause, unless_scheduled=error is None)
            else:
                self.refresher.schedule_now((source,))
        self.refresher.rearm()
        self._announcer.announce()

    def end(self) -> None:
        """Stop fetching: requests that wait for the gateway are answered from what is stored."""
        self._has_ended = True
        self.refresher.close()
        self._single_flight.end()

    async def close(self) -> None:
        """Stop fetching, wait for what is in progress, and close the drivers."""
        self.end()
        await self._single_flight.close()
        for link in self.links:
            await link.driver.close()
