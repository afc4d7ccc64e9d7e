"""What the replica that fetches has yet to send to the others.

Ownership: one task sends, in the order in which things were put here, so that a discarded source is announced
before what was read after it. An answer that was not sent yet is replaced by a newer one of its exchange. What
Redis does not take is dropped: answers are sent again to those that request them, documents at the next renewal.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from proxy.core.errors import GatewayError
from proxy.core.model import Document, Source
from proxy.replicas import wire
from proxy.replicas.failures import RedisLost

if TYPE_CHECKING:
    from proxy.core.model import Exchange
    from proxy.drivers.base import Answer
    from proxy.replicas.member import Member

_NOT_OURS: Final = -1
_DONE: Final = "done"
_LONGEST_S: Final = 86400.0


@dataclass(slots=True)
class _Sent:
    """The last answer of an exchange; ``number`` is that of the message that brought it, 0 before."""

    answer: Answer
    started: float
    number: int = 0


class Outbox:
    """The messages of one replica about one gateway."""

    def __init__(self, member: Member) -> None:
        # By outcome; fenced ones came too late: another replica holds the lease.
        self.sent: Counter[str] = Counter()
        self._member = member
        self._pending: dict[Hashable, Callable[[], Awaitable[None]]] = {}
        self._is_pending = asyncio.Event()
        self._is_idle = asyncio.Event()
        self._answers: dict[tuple[str, Exchange], _Sent] = {}
        self._discarded_at: dict[Source, float] = {}
        self._unkept: set[str] = set()
        self._number = 0

    # -- what is to be sent ------------------------------------------------------------------------

    def put_answer(self, link: str, exchange: Exchange, answer: Answer, started: float) -> None:
        """Send what an exchange brought that started then, without what a command has changed since."""
        kept = {s: found for s, found in answer.items() if self._discarded_at.get(s, started) <= started}
        self._answers[link, exchange] = _Sent(kept, started)
        self._put(("answer", link, exchange), partial(self._send_answer, link, exchange))

    def put_error(
        self, link: str, exchange: Exchange, error: GatewayError, wait_s: float | None = None
    ) -> None:
        """Send why an exchange brought nothing, and for how long it is not sent again."""
        row = wire.written_error(error, wait_s)
        head = {"kind": "error", "link": link, "exchange": exchange, "error": row}
        self._put(("answer", link, exchange), partial(self._send, head))

    def put_discard(self, sources: Iterable[Source]) -> None:
        """Send that a command may have changed sources."""
        now, dropped = self._member.now(), tuple(sources)
        self._discarded_at |= dict.fromkeys(dropped, now)
        for known in self._answers.values():
            known.answer = {s: found for s, found in known.answer.items() if s not in dropped}
        self._put(object(), partial(self._send_discard, dropped))

    def put_document(self, name: str) -> None:
        """Keep a document of the state folder."""
        self._unkept.add(name)
        self._put(("document", name), partial(self._send_document, name))

    def put_done(self, number: str, row: Mapping[str, Any]) -> None:
        """Send what became of a command."""
        self._put((_DONE, number), partial(self._send_done, number, row))

    def put_again(self, link: str, exchange: Exchange, seen: int) -> bool:
        """Send the last answer of an exchange again if it is newer than what another replica has seen.

        Returns whether that replica gets something new; what has not been sent yet is.
        """
        key, last = ("answer", link, exchange), self._answers.get((link, exchange))
        if key in self._pending:
            return True
        if last is None or last.number <= seen or not last.answer:
            return False
        self._put(key, partial(self._send_answer, link, exchange))
        return True

    def put_missed(self) -> None:
        """Send the documents again that could not be stored."""
        for name in sorted(self._unkept):
            self.put_document(name)

    def put_all(self) -> None:
        """Send everything again: Redis may have nothing of it."""
        for link, exchange in self._answers:
            self._put(("answer", link, exchange), partial(self._send_answer, link, exchange))

    def forget(self) -> None:
        """Forget what was sent in a term that is over; of what was not sent yet, only reports of commands are."""
        self._pending = {key: send for key, send in self._pending.items() if _is_done(key)}
        self._answers.clear()
        self._number = 0

    # -- sending -------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            if not self._pending:
                self._is_idle.set()
                self._is_pending.clear()
                await self._is_pending.wait()
            key = next(iter(self._pending))
            try:
                await self._pending.pop(key)()
            except RedisLost:  # counted by the connection, reported by the next renewal
                self.sent["failed"] += 1

    async def flushed(self) -> None:
        """Return when nothing is left to be sent."""
        await self._is_idle.wait()

    def release_message(self) -> bytes:
        """Write that the lease is free."""
        return self._message({"kind": "released"})

    async def alive(self) -> int:
        """Send that this replica is there; return how many have got that, itself included."""
        return await self._report({"kind": "alive"})

    def _put(self, key: Hashable, send: Callable[[], Awaitable[None]]) -> None:
        self._pending.pop(key, None)  # what replaces it is sent after all that was put here meanwhile
        self._pending[key] = send
        self._is_idle.clear()
        self._is_pending.set()

    async def _send_answer(self, link: str, exchange: Exchange) -> None:
        last, member = self._answers.get((link, exchange)), self._member
        if last is None:
            return
        now = member.now()
        rows, bodies = wire.written_answer(last.answer, now)
        relay = member.relays[link]
        policies = [relay.link.driver.policy(source) for source in last.answer]
        lifetime_s = min(max((policy.usable_s for policy in policies), default=0.0), _LONGEST_S)
        head = {
            "kind": "answer",
            "link": link,
            "exchange": exchange,
            "started": now - last.started,
            "rows": rows,
        }
        is_kept = any(isinstance(found, Document) for found in last.answer.values())
        keys = [member.keys.answer(link, exchange)] if is_kept and lifetime_s >= 1 else []
        last.number = self._number + 1
        await self._report(head, bodies, keys, lifetime_s)

    async def _send_discard(self, sources: tuple[Source, ...]) -> None:
        relays = self._member.relays.items()
        changed = {
            self._member.keys.answer(name, relay.link.driver.sources[source])
            for name, relay in relays
            for source in sources
            if relay.link.has(source)
        }
        await self._report({"kind": "discard", "sources": sources}, b"", sorted(changed))

    async def _send_document(self, name: str) -> None:
        member = self._member
        row = await member.state.written(name)
        if row is not None:
            message = self._message({"kind": "document", **row})
            own, keys = str(member.standing.term), member.keys
            self._note(await member.connection.keep(keys.lease, own, keys.reports, message, keys.state, name))
        self._unkept.discard(name)

    async def _send_done(self, number: str, row: Mapping[str, Any]) -> None:
        """Send a report, even without the lease: another replica waits for it."""
        message, member = self._message({"kind": "done", "command": number, "report": row}), self._member
        await member.connection.put(member.keys.done(number), message, 60.0)
        await member.connection.publish(member.keys.reports, message)

    async def _send(self, head: Mapping[str, Any]) -> None:
        await self._report(head)

    async def _report(
        self, head: Mapping[str, Any], bodies: bytes = b"", keys: Iterable[str] = (), lifetime_s: float = 0.0
    ) -> int:
        member, message = self._member, self._message(head, bodies)
        names = member.keys
        received = await member.connection.report(
            names.lease, str(member.standing.term), names.reports, message, tuple(keys), lifetime_s
        )
        return self._note(received)

    def _message(self, head: Mapping[str, Any], bodies: bytes = b"") -> bytes:
        self._number += 1
        standing = self._member.standing
        stamped = {**head, "term": str(standing.term), "number": self._number, "sent": standing.stamp()}
        return self._member.sealed(wire.pack(stamped, bodies), self._member.keys.reports)

    def _note(self, received: int) -> int:
        if received == _NOT_OURS:
            self.sent["fenced"] += 1
            self._member.check_lease()
        else:
            self.sent["sent"] += 1
        return received


def _is_done(key: Hashable) -> bool:
    return isinstance(key, tuple) and key[0] == _DONE
