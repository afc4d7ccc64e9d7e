"""How a link fetches where several replicas share a gateway: itself, or through the replica that does.

A follower's link is a link like any other, with cooldowns of its own; what runs its exchanges is a ``Relay``.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from proxy.core.errors import GatewayError
from proxy.drivers.base import Answer, Dialable
from proxy.replicas.connection import RedisLost
from proxy.replicas.errors import ReplicaSilent
from proxy.replicas.lease import Role

if TYPE_CHECKING:
    from proxy.cache.link import Link
    from proxy.core.model import Exchange
    from proxy.replicas.member import Member

# What the replica that fetches may take longer than the gateway.
_MARGIN_S: Final = 1.0


class Relay:
    """Runs the exchanges of one link. ``name`` is what other replicas call it."""

    def __init__(self, member: Member, link: Link, name: str, timeout_s: float) -> None:
        self.link = link
        self.name = name
        self._member = member
        self._timeout_s = timeout_s + _MARGIN_S
        self._waiters: dict[Exchange, set[asyncio.Future[Answer | None]]] = {}

    async def fetch(self, exchange: Exchange) -> Answer:
        """Fetch if that is the duty of this replica, else have it fetched. Raises GatewayError."""
        member = self._member
        while True:
            await member.settled()
            if member.may_fetch:
                return await self._fetch_here(exchange)
            match member.office.role:
                case Role.FOLLOWING:
                    if (answer := await self._fetched_elsewhere(exchange)) is not None:
                        return answer
                case Role.HOLDING if not member.is_closing:
                    await member.ticked()  # it was not renewed for too long: the next renewal decides
                case _:
                    raise ReplicaSilent("Redis is lost, or this replica ends", retry_after=1.0)

    async def accepts_connections(self) -> bool:
        """Try a connection, but only where this replica fetches."""
        driver = self.link.driver
        return self._member.may_fetch and isinstance(driver, Dialable) and await driver.accepts_connections()

    def deliver(self, exchange: Exchange, answer: Answer | GatewayError) -> bool:
        """Give those who wait for an exchange its answer; say whether there were any."""
        waiters = [waiter for waiter in self._waiters.get(exchange, ()) if not waiter.done()]
        for waiter in waiters:
            if isinstance(answer, GatewayError):
                waiter.set_exception(answer)
            else:
                waiter.set_result(answer)
        return bool(waiters)

    def release(self) -> None:
        """Let those who wait look again who fetches: it is another replica now."""
        for waiters in self._waiters.values():
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)

    async def _fetch_here(self, exchange: Exchange) -> Answer:
        started = self._member.now()
        try:
            answer = await self.link.driver.fetch(exchange)
        except GatewayError as error:
            self._member.outbox.put_error(self.name, exchange, error)
            raise
        self._member.outbox.put_answer(self.name, exchange, answer, started)
        return answer

    async def _fetched_elsewhere(self, exchange: Exchange) -> Answer | None:
        """Wait for the replica that fetches; None if that is another one meanwhile. Raises GatewayError."""
        waiter: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        waiters = self._waiters.setdefault(exchange, set())
        waiters.add(waiter)
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._member.request_fetch(self, exchange)
                return await waiter
        except RedisLost as exc:
            raise ReplicaSilent(str(exc), retry_after=1.0) from exc
        except TimeoutError as exc:
            raise ReplicaSilent("it has not answered in time", retry_after=1.0) from exc
        finally:
            waiters.discard(waiter)
