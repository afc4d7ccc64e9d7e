"""How a link fetches where several replicas share a gateway: itself, or through the replica that does.

A follower's link is a link like any other, with cooldowns of its own; what runs its exchanges is a ``Relay``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from proxy.core.errors import GatewayError
from proxy.drivers.base import Answer, Controllable, Dialable
from proxy.replicas.errors import NotHandedOver, ReplicaSilent
from proxy.replicas.failures import RedisLost
from proxy.replicas.lease import Role

if TYPE_CHECKING:
    from proxy.cache.link import Link
    from proxy.core.model import Command, Exchange, Outcome
    from proxy.replicas.member import Member

# What the replica that fetches may take longer than the gateway.
_MARGIN_S: Final = 1.0
# A request may be lost, or come when the lease has to be renewed first.
_AGAIN_S: Final = 1.0


class Relay:
    """Runs the exchanges of one link. ``name`` is what other replicas call it."""

    def __init__(self, member: Member, link: Link, name: str, timeout_s: float) -> None:
        self.link = link
        self.name = name
        self._member = member
        self._timeout_s = timeout_s + _MARGIN_S
        self._waiters: dict[Exchange, set[asyncio.Future[Answer | GatewayError | None]]] = {}
        # The last answers of others, and when they came.
        self._received: dict[Exchange, tuple[float, Answer]] = {}
        self._in_use = 0  # calls of the driver under way
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    async def fetch(self, exchange: Exchange) -> Answer:
        """Fetch if that is the duty of this replica, else have it fetched. Raises GatewayError."""
        member = self._member
        while True:
            await member.settled()
            if member.may_fetch:
                return await self._fetch_here(exchange)
            match member.standing.role:
                case Role.FOLLOWING:
                    if (answer := await self._fetched_elsewhere(exchange)) is not None:
                        return answer
                case Role.HOLDING if not member.is_closing:
                    await member.ticked()  # it was not renewed for too long: the next renewal decides
                case _:
                    raise ReplicaSilent("Redis is lost, or this replica ends", retry_after=1.0)

    async def execute(self, command: Command) -> Outcome:
        """Execute a command if this replica still may: it has waited for its turn since the lease was renewed.

        Raises GatewayError.
        """
        driver = self.link.driver
        if not self._member.may_fetch or not isinstance(driver, Controllable):
            raise NotHandedOver("this replica no longer holds the lease; nothing was sent")
        with self._driver_in_use():
            return await driver.execute(command)

    async def accepts_connections(self) -> bool:
        """Try a connection, but only where this replica fetches."""
        driver = self.link.driver
        return self._member.may_fetch and isinstance(driver, Dialable) and await driver.accepts_connections()

    def deliver(self, exchange: Exchange, answer: Answer | GatewayError) -> bool:
        """Resolve the requests that wait for an exchange; return whether there were any."""
        if not isinstance(answer, GatewayError):
            self._received[exchange] = self._member.now(), answer
        waiters = [waiter for waiter in self._waiters.get(exchange, ()) if not waiter.done()]
        for waiter in waiters:
            waiter.set_result(answer)
        return bool(waiters)

    def release(self) -> None:
        """Wake waiting requests, because another replica fetches now."""
        for waiters in self._waiters.values():
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)

    def forget(self) -> None:
        """Forget the answers of others: a command may have changed what they say."""
        self._received.clear()

    async def idle(self) -> None:
        """Return once no exchange or command is in progress, so that the driver can be closed."""
        await self._is_idle.wait()

    @contextmanager
    def _driver_in_use(self) -> Iterator[None]:
        self._in_use += 1
        self._is_idle.clear()
        try:
            yield
        finally:
            self._in_use -= 1
            if not self._in_use:
                self._is_idle.set()

    async def _fetch_here(self, exchange: Exchange) -> Answer:
        started = self._member.now()
        try:
            with self._driver_in_use():
                answer = await self.link.driver.fetch(exchange)
        except GatewayError as error:
            self._member.outbox.put_error(self.name, exchange, error)
            raise
        self._member.outbox.put_answer(self.name, exchange, answer, started)
        return answer

    async def _fetched_elsewhere(self, exchange: Exchange) -> Answer | None:
        """Wait for the replica that fetches; None if that is another one meanwhile. Raises GatewayError.

        While an exchange waits for its turn, its answer may come because another replica has requested it.
        """
        since = self._member.gateway.cache.fetching_since(self.link, exchange)
        if since is not None and exchange in self._received and self._received[exchange][0] >= since:
            return self._received[exchange][1]
        waiter: asyncio.Future[Answer | GatewayError | None] = asyncio.get_running_loop().create_future()
        waiters, ends = self._waiters.setdefault(exchange, set()), self._member.now() + self._timeout_s
        waiters.add(waiter)
        try:
            while not waiter.done() and (left_s := ends - self._member.now()) > 0:
                await self._member.request_fetch(self, exchange)
                await asyncio.wait({waiter}, timeout=min(left_s, _AGAIN_S))
        except RedisLost as exc:
            raise ReplicaSilent(str(exc), retry_after=1.0) from exc
        finally:
            waiters.discard(waiter)
        if not waiter.done():
            raise ReplicaSilent("it has not answered in time", retry_after=1.0)
        answer = waiter.result()
        if isinstance(answer, GatewayError):
            raise answer
        return answer
