"""What one replica receives about one gateway, and what it does with it.

Only messages that were sealed with our key count, and of what the replica that fetches sends only that of the term
that the lease shows, in the order of its numbers, as old as it is: what is repeated or late changes nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from proxy.core.errors import CircuitOpen, GatewayError
from proxy.core.model import Document, Exchange, Source
from proxy.replicas import wire
from proxy.replicas.failures import RedisLost
from proxy.replicas.lease import Role
from proxy.replicas.sealing import Unsealed
from proxy.replicas.wire import Head, Malformed

if TYPE_CHECKING:
    from proxy.cache.link import Link
    from proxy.drivers.base import Answer
    from proxy.replicas.member import Member

_log = logging.getLogger(__name__)

_AGAIN_S: Final = 1.0
# What takes longer from replica to replica is late, or our idea of the time of Redis is.
_LATE_S: Final = 0.1
# Ages of one document differ by this when it is sent twice.
_SAME_S: Final = 0.05


class Inbox:
    """Receives for one replica; ``dropped`` counts messages that were not sealed with our key, or not understood."""

    def __init__(self, member: Member) -> None:
        self.dropped = 0
        self._member = member
        self._seen: dict[tuple[str, ...], tuple[str, int]] = {}

    def seen(self, link: str, exchange: str) -> int:
        """Return the number of the last answer of an exchange in the term that the lease shows, 0 if there was none."""
        term, number = self._seen.get(("answer", link, exchange), ("", 0))
        return number if term == str(self._member.standing.held) else 0

    async def run(self) -> None:
        """Receive until cancelled; after each new connection, read what was missed."""
        keys, connection = self._member.keys, self._member.connection
        while True:
            try:
                async with connection.subscribed(keys.reports, keys.requests) as messages:
                    await self._member.looked()
                    await self.load(with_state=True)
                    await self._member.handover.catch_up()
                    async for channel, message in messages:
                        await self._receive(channel, message)
            except RedisLost:
                await asyncio.sleep(_AGAIN_S)

    async def load(self, *, with_state: bool) -> None:
        """Read what the replica that fetches has left in Redis. Raises RedisLost."""
        member = self._member
        exchanges = [
            (name, exchange)
            for name, relay in member.relays.items()
            for exchange in dict.fromkeys(relay.link.driver.sources.values())
        ]
        documents, answers = await member.connection.load(
            member.keys.state, [member.keys.answer(*each) for each in exchanges]
        )
        for message in answers:
            if opened := self.opened(member.keys.reports, message):
                with self._dropping():
                    self._take_answer(*opened)
        for message in documents if with_state else ():
            if opened := self.opened(member.keys.reports, message):
                with self._dropping():
                    await self._take_document(opened[0])

    async def _receive(self, channel: str, message: bytes) -> None:
        opened = self.opened(channel, message)
        if opened is None:
            return
        with self._dropping():
            if channel == self._member.keys.requests:
                self._serve(opened[0])
            elif opened[0]["kind"] == "done":
                self._member.handover.done(opened[0]["command"], opened[0]["report"])
            elif await self._is_of_holder(opened[0]):
                self._member.standing.heard()
                await self._take(*opened)

    @contextmanager
    def _dropping(self) -> Iterator[None]:
        """Drop and count a message that cannot be understood: it must not end the replica."""
        try:
            yield
        except (Malformed, KeyError, TypeError, ValueError, AttributeError):
            self.dropped += 1
        except RedisLost:
            raise
        except Exception:  # noqa: BLE001 - whatever it is, the next message is another one
            _log.exception("message failed", extra={"gateway": self._member.gateway.id})

    def opened(self, channel: str, message: bytes) -> tuple[Head, bytes] | None:
        """Open a message; None if it is our own, or cannot be opened."""
        try:
            plain = self._member.unsealed(message, channel)
            return None if plain is None else wire.unpack(plain)
        except (Unsealed, Malformed):
            self.dropped += 1
            return None

    # -- reports of the replica that fetches -----------------------------------------------------------

    async def _is_of_holder(self, head: Head) -> bool:
        """Say whether a message is of the term that the lease shows; an unknown one may be a new one.

        One that seems to be late is an occasion to see what time it is at Redis.
        """
        standing = self._member.standing
        if head["term"] != str(standing.held) or standing.age_of(head["sent"]) > _LATE_S:
            await self._member.looked()
        return bool(head["term"] == str(standing.held))

    async def _take(self, head: Head, bodies: bytes) -> None:
        member = self._member
        match head["kind"]:
            case "answer":
                self._take_answer(head, bodies)
            case "error" if self._is_new(head, "answer", head["link"], head["exchange"]):
                error = wire.read_error(head["error"])
                member.relays[head["link"]].deliver(Exchange(head["exchange"]), error)
            case "discard" if member.standing.role is Role.FOLLOWING and self._is_new(head, "discard"):
                for relay in member.relays.values():
                    relay.forget()
                member.gateway.cache.discard(map(Source, head["sources"]))
            case "document":
                await self._take_document(head)
            case "released":
                member.check_lease()

    async def _take_document(self, head: Head) -> None:
        """Store a document of the state folder; pack numbers are those of the replica that fetches."""
        member = self._member
        if self._is_new(head, "document", str(head["name"])):
            await member.state.take(head, head["term"], member.standing.age_of(head["sent"]))
            for each in member.shared:
                each.packs.reload()

    def _take_answer(self, head: Head, bodies: bytes) -> None:
        """Put an answer where one that was fetched here would be, if it says anything new."""
        member, exchange = self._member, Exchange(head["exchange"])
        relay = member.relays.get(head["link"])
        if relay is None or not self._is_new(head, "answer", head["link"], exchange) or member.may_fetch:
            return
        sent_at = member.now() - member.standing.age_of(head["sent"])
        answer = wire.read_answer(head["rows"], bodies, sent_at)
        if relay.deliver(exchange, answer):
            return
        newer = self._newer(relay.link, answer)
        if newer:
            member.gateway.cache.accept(relay.link, exchange, newer, sent_at - head["started"])

    def _newer(self, link: Link, answer: Answer) -> dict[Source, Document | GatewayError]:
        """Return what is newer than what this replica has, and can be served."""
        store, now = self._member.gateway.cache.store, self._member.now()
        found: dict[Source, Document | GatewayError] = {}
        for source, each in answer.items():
            if not link.has(source):
                continue
            before = store.get(source)
            if isinstance(each, Document):
                is_usable = now - each.answered_at < link.driver.policy(source).usable_s
                if not is_usable or (before and each.observed_at <= before.observed_at + _SAME_S):
                    continue
            found[source] = each
        return found if any(isinstance(each, Document) for each in found.values()) else {}

    def _is_new(self, head: Mapping[str, Any], *what: str) -> bool:
        """Say whether a message of its kind is later than the last one, and note it."""
        term, number = self._seen.get(what, ("", 0))
        if head["term"] == term and head["number"] <= number:
            return False
        self._seen[what] = (str(head["term"]), int(head["number"]))
        return True

    # -- requests of others --------------------------------------------------------------------------------

    def _serve(self, head: Head) -> None:
        member = self._member
        if not member.may_fetch:
            if member.standing.role is Role.HOLDING:
                member.check_lease()
            return
        match head["kind"]:
            case "fetch":
                self._fetch(head["link"], Exchange(head["exchange"]), head)
            case "command":
                member.handover.take(head["command"])

    def _fetch(self, name: str, exchange: Exchange, head: Head) -> None:
        """Fetch for another replica. It is in no demand here: that replica requests what its clients need."""
        member, relay = self._member, self._member.relays.get(name)
        if relay is None:
            return
        link, cache = relay.link, member.gateway.cache
        sources = [source for source, each in link.driver.sources.items() if each == exchange]
        if not sources:
            return
        seen = int(head["seen"]) if head["term"] == str(member.standing.term) else 0
        if cache.in_progress(link, sources[0]) or member.outbox.put_again(name, exchange, seen):
            return
        if refused := _refusal(link, exchange, member.now()):
            member.outbox.put_error(name, exchange, *refused)
            return
        cache.request_fetch(link, sources[0])


def _refusal(link: Link, exchange: Exchange, now: float) -> tuple[GatewayError, float] | None:
    """Return the error because of which an exchange is not sent now, and for how long (s)."""
    cooldown = link.exchange_cooldowns.get(exchange)
    if cooldown is not None and not cooldown.permits(now):
        return cooldown.error, cooldown.until - now
    if link.breaker.permits(now):
        return None
    return link.breaker.error or CircuitOpen("the gateway is being tried"), max(link.breaker.until - now, 1.0)
