"""One gateway as one replica sees it: whether it fetches, and what it gets from the one that does.

Ownership: a ``Member`` owns three tasks until it is closed: one renews or contests the lease once a second, one
sends (outbox.py), one receives (inbox.py); and while a term begins, one that takes the state over. Requests of
clients touch none of them: they are answered from memory. Everything between two awaits is atomic.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from proxy.cache.events import SnapshotDiscarded
from proxy.cache.names import names_of
from proxy.replicas import wire
from proxy.replicas.failures import RedisLost
from proxy.replicas.handover import Handover
from proxy.replicas.inbox import Inbox
from proxy.replicas.keys import Keys, Term
from proxy.replicas.lease import Role
from proxy.replicas.outbox import Outbox
from proxy.replicas.relay import Relay
from proxy.replicas.standing import Standing
from proxy.replicas.state import SharedState
from proxy.replicas.takeover import is_cut_off, renew_drivers
from proxy.replicas.tasks import ended, within

if TYPE_CHECKING:
    from proxy.core.model import Exchange
    from proxy.gateways.gateway import Gateway
    from proxy.replicas.connection import RedisConnection
    from proxy.replicas.sealing import Seal

_log = logging.getLogger(__name__)

_LAST_S: Final = 0.5


class Member:
    """One replica's part in one gateway, and in ``sites`` whose state goes over with it.

    ``term`` says who it is in the lease; ``spread`` gives 0 to 1.
    """

    def __init__(
        self,
        gateway: Gateway,
        sites: Sequence[Gateway],
        connection: RedisConnection,
        seal: Seal,
        term: Term,
        prefix: str,
        *,
        fetches_alone: bool,
        spread: Callable[[], float],
    ) -> None:
        self.gateway = gateway
        self.shared = (gateway, *sites)
        self.connection = connection
        self.keys = Keys(prefix, gateway.id)
        self.now = gateway.clock.monotonic
        self.standing = Standing(connection, self.keys, term, self.now, spread, fetches_alone=fetches_alone)
        self.changes = 0
        self.outbox = Outbox(self)
        self.inbox = Inbox(self)
        self.handover = Handover(self)
        self.relays = self._relayed()
        self._seal = seal
        self._own_terms: set[str] = set()
        self._turn = asyncio.Lock()
        self._settled = asyncio.Event()
        self._settled.set()
        self._ticked = asyncio.Event()
        self._is_check_due = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._taking_over: asyncio.Task[None] | None = None
        self.is_closing = False
        gateway.duty.set(on=False)
        gateway.commands.delegate = self.handover
        gateway.events.subscribe(SnapshotDiscarded, self._on_discarded)

    def _relayed(self) -> dict[str, Relay]:
        """Put a relay between each link and its driver."""
        links, timeout_s = self.gateway.cache.links, self.gateway.settings.timeout
        relays = {
            name: Relay(self, link, name, timeout_s)
            for name, link in zip(names_of(links), links, strict=True)
        }
        for relay in relays.values():
            relay.link.relay = relay
        return relays

    # -- what others may know ------------------------------------------------------------------------

    @property
    def may_fetch(self) -> bool:
        """Say whether a request to the gateway may begin now."""
        return self._settled.is_set() and not self.is_closing and self.standing.lease.may_fetch(self.now())

    async def settled(self) -> None:
        """Wait while a term begins."""
        await self._settled.wait()

    async def ticked(self) -> None:
        """Wait until the lease has been checked again."""
        await self._ticked.wait()

    def check_lease(self) -> None:
        """Look at the lease at once."""
        self._is_check_due.set()

    async def looked(self) -> None:
        """Check the lease now, and wait for the result."""
        self.check_lease()
        await self.ticked()

    def sealed(self, message: bytes, channel: str) -> bytes:
        """Seal a message of this replica for a channel."""
        sender = self.standing.term.replica.encode()
        return sender + b":" + self._seal.seal(message, f"{channel}:{self.standing.term.replica}")

    def unsealed(self, message: bytes, channel: str) -> bytes | None:
        """Open a message of a channel; None if it is this replica's own. Raises Unsealed."""
        sender, _, sealed = message.partition(b":")
        if sender == self.standing.term.replica.encode():
            return None
        return self._seal.open(sealed, f"{channel}:{sender.decode(errors='replace')}")

    async def request_fetch(self, relay: Relay, exchange: Exchange) -> None:
        """Request an exchange of the replica that fetches, unless it has sent a newer one. Raises RedisLost."""
        seen = self.inbox.seen(relay.name, exchange)
        await self.request({"kind": "fetch", "link": relay.name, "exchange": exchange, "seen": seen})

    async def request(self, head: dict[str, Any]) -> None:
        """Send a request to the replica that fetches. Raises RedisLost."""
        message = wire.pack({**head, "term": str(self.standing.held)})
        await self.connection.publish(self.keys.requests, self.sealed(message, self.keys.requests))

    async def renew(self) -> bool:
        """Renew the lease just before a command; say whether it is ours. Never raises."""
        return await self._tick() and self.may_fetch

    # -- life -----------------------------------------------------------------------------------------

    async def begin(self) -> None:
        """Compete for the lease and share readings."""
        gateway, *sites = self.shared
        stores = {site.id: site.state for site in sites}
        self.state = SharedState(gateway.state, stores, gateway.settings, gateway.clock, self._on_document)
        await self._tick()
        runs = {"lease": self._renew(), "send": self.outbox.run(), "receive": self.inbox.run()}
        self._tasks = [
            asyncio.create_task(run, name=f"replica {name} {self.gateway.id}") for name, run in runs.items()
        ]

    async def close(self) -> None:
        """Write the state down, leave it to the next replica, and end."""
        await self.handover.close()
        self.is_closing = True
        if self._taking_over is not None:
            await asyncio.gather(self._taking_over, return_exceptions=True)
        if self.standing.role is Role.HOLDING:
            await within(_LAST_S, self._drivers_idle())
            links = self.gateway.cache.links
            await asyncio.gather(*(link.driver.close() for link in links), return_exceptions=True)
            await self.state.settled()
            await asyncio.sleep(0)  # what was written is put into the outbox by a callback
            with suppress(RedisLost):  # then the lease ends by itself
                await within(_LAST_S, self._leave())
        self._release_waiting()
        await ended(self._tasks)
        self._ticked.set()

    async def _leave(self) -> None:
        await self.outbox.flushed()
        await self.standing.release(self.outbox.release_message())

    async def _drivers_idle(self) -> None:
        for relay in self.relays.values():
            await relay.idle()

    async def _renew(self) -> None:
        while True:
            await within(self.standing.pause_s, self._is_check_due.wait())
            self._is_check_due.clear()
            try:
                await self._tick()
            except Exception:  # noqa: BLE001 - a fault of ours must not end the replica permanently
                _log.exception("replica failed", extra={"gateway": self.gateway.id})

    # -- the lease --------------------------------------------------------------------------------------

    async def _tick(self) -> bool:
        """Renew the lease, contest it, or see who holds it; say whether Redis has answered."""
        async with self._turn:
            standing = self.standing
            before, holder = standing.role, standing.held
            outcome = await standing.claim(is_leaving=self.is_closing)
            if outcome and standing.role is Role.HOLDING:
                await self._follow_up(is_new=outcome == "acquired" or before is not Role.HOLDING)
            self._moved(before)
            if standing.held != holder:
                self._release_waiting()
            ticked, self._ticked = self._ticked, asyncio.Event()
            ticked.set()
            return bool(outcome)

    async def _follow_up(self, *, is_new: bool) -> None:
        """Begin a term, or do what is due once a second in one."""
        if is_new:
            self._begin_term()
        elif not self.is_closing:
            is_settled = self._settled.is_set()
            if is_settled:
                self.outbox.put_missed()
            with suppress(RedisLost):  # the next renewal will notice
                has_others = await self.outbox.alive() > 1
                if is_settled and has_others and is_cut_off(self.gateway):
                    await self.standing.leave(self.outbox.release_message())

    def _moved(self, before: Role) -> None:
        """Do what follows from another role."""
        role = self.standing.role
        if role is before:
            return
        self.changes += 1
        holder = self.standing.held.replica if self.standing.held else ""
        _log.info("replica", extra={"gateway": self.gateway.id, "state": role.value, "holder": holder})
        if role is Role.ALONE and before is Role.DETACHED:
            self._begin_alone()
        elif role in {Role.FOLLOWING, Role.DETACHED}:
            self.gateway.duty.set(on=False)
            if before in {Role.HOLDING, Role.ALONE}:
                self.outbox.forget()
        self._release_waiting()

    def _release_waiting(self) -> None:
        for relay in self.relays.values():
            relay.release()

    def _begin_term(self) -> None:
        if self._taking_over is None or self._taking_over.done():
            self._settled.clear()
            self._taking_over = asyncio.create_task(self._take_over(), name="replica takes over")

    def _begin_alone(self) -> None:
        self._settled.clear()
        self._taking_over = asyncio.create_task(self._take_over(), name="replica goes on alone")

    async def _take_over(self) -> None:
        """Go on where another replica ended: with its state, and with drivers that begin from it."""
        try:
            is_holding = self.standing.role is Role.HOLDING
            if is_holding:
                try:
                    await self.inbox.load(with_state=True)
                except RedisLost as exc:
                    self.standing.note_lost(str(exc))
            # A command that was sent is not cut off from its answer.
            await within(self.gateway.settings.timeout, self._drivers_idle())
            await renew_drivers(self.gateway, self.state, frozenset(self._own_terms))
            self._own_terms.add(str(self.standing.term))
            if is_holding:
                for name in await self.state.own():
                    self.outbox.put_document(name)
                self.outbox.put_all()
                # The lease may have gone over to another replica while this one waited.
                self.gateway.duty.set(on=self.standing.role is Role.HOLDING)
        except Exception:  # noqa: BLE001 - whatever is wrong with the state, readings go on
            _log.exception("replica could not take over", extra={"gateway": self.gateway.id})
        finally:
            self._settled.set()
            self.gateway.cache.expedite()

    # -- events -------------------------------------------------------------------------------------------

    def _on_discarded(self, event: SnapshotDiscarded) -> None:
        if self.may_fetch:
            self.outbox.put_discard((event.source,))

    def _on_document(self, name: str) -> None:
        if self.standing.role is Role.HOLDING:
            self.outbox.put_document(name)
