"""Exchanges under way: one of each kind, however many requests wait for it.

A flight is a task that runs one exchange, hands its answer to the code that started it, and returns
what became of each source of it. Any number of requests await it; none of them can cancel it, only
the end of all does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

from proxy.core.errors import CircuitOpen, GatewayError
from proxy.core.subject import GATEWAY

if TYPE_CHECKING:
    from proxy.cache.link import Link
    from proxy.core.model import Document, Exchange, Source


class Disposition(Enum):
    """What became of a document that a flight brought."""

    STORED = "stored"
    SUPERSEDED = "superseded"  # a command changed its source meanwhile: it was discarded


Outcome: TypeAlias = "Disposition | GatewayError"
Outcomes: TypeAlias = "Mapping[Source, Outcome]"
Flight: TypeAlias = "asyncio.Task[Outcomes]"
OnResult: TypeAlias = "Callable[[Mapping[Source, Document] | GatewayError], Outcomes]"


class SingleFlight:
    """The flights of one gateway, by link and exchange. ``now`` gives monotonic seconds."""

    def __init__(self, gateway: str, now: Callable[[], float]) -> None:
        self._gateway = gateway
        self._now = now
        self._by_exchange: dict[tuple[Link, Exchange], Flight] = {}
        # Since when each is under way; also those that no request joins any more.
        self._since: dict[Flight, float] = {}

    def __bool__(self) -> bool:
        """Say whether any is under way."""
        return bool(self._since)

    def find(self, link: Link, exchange: Exchange) -> Flight | None:
        """Return the flight that others may join."""
        return self._by_exchange.get((link, exchange))

    def start(self, link: Link, exchange: Exchange, on_result: OnResult) -> Flight:
        """Start one; ``on_result`` is called once with its documents or its error, and returns the outcomes."""
        flight = asyncio.create_task(self._run(link, exchange, on_result), name=f"exchange {exchange}")
        self._by_exchange[link, exchange] = flight
        self._since[flight] = self._now()
        flight.add_done_callback(self._since.pop)
        return flight

    def since(self, flight: Flight) -> float:
        """Say when one started that is under way."""
        return self._since[flight]

    def supersede(self, link: Link, exchange: Exchange) -> None:
        """Let no request join it any more: its answer will be out of date."""
        self._by_exchange.pop((link, exchange), None)

    def end(self) -> None:
        """Cancel all that are under way; the requests that wait for them are answered."""
        for flight in self._since:
            flight.cancel()

    async def close(self) -> None:
        """Cancel all that are under way, and wait for their end."""
        self.end()
        await asyncio.gather(*self._since, return_exceptions=True)

    async def _run(self, link: Link, exchange: Exchange, on_result: OnResult) -> Outcomes:
        GATEWAY.set(self._gateway)  # of this task alone
        answer: Mapping[Source, Document] | GatewayError
        try:
            answer = await link.fetch(exchange)
        except GatewayError as error:
            answer = error
        finally:
            if self._by_exchange.get((link, exchange)) is asyncio.current_task():
                del self._by_exchange[link, exchange]
        return on_result(answer)


def outcome(flight: Flight, source: Source) -> Outcome:
    """Return what a flight that has ended did for a source; one that was ended by us is an error as well."""
    return stopping() if flight.cancelled() else flight.result()[source]


def stopping() -> GatewayError:
    """Return the error of a request that comes when it is over."""
    return CircuitOpen("the proxy is being stopped", retry_after=1.0)
