"""The steps of ``doctor`` for a gateway that is being read.

The links are those that read it: their sessions are used, requests wait for their turn, what is
learnt counts, and during a cooldown none is sent. So an examination costs the gateway less than
that of a program beside the proxy: no login while there is a session.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import TYPE_CHECKING, Any

from proxy.core.errors import CircuitOpen, GatewayError
from proxy.drivers.base import ReportsUsage
from proxy.drivers.diagnosis import diagnose

if TYPE_CHECKING:
    from proxy.cache.link import Link
    from proxy.core.freshness import Policy
    from proxy.core.model import Document, Exchange, Source
    from proxy.drivers.base import Usage
    from proxy.drivers.finding import Finding
    from proxy.gateways.gateway import Gateway


async def examine(gateway: Gateway) -> AsyncGenerator[Finding]:
    """Yield what every step finds."""
    links = tuple(map(_driver, gateway.cache.links))
    async for finding in diagnose(gateway.settings, gateway.state, links):
        yield finding


class _Through:
    """A link in the place of its driver."""

    def __init__(self, link: Link) -> None:
        self.name = link.driver.name
        self.sources: Mapping[Source, Exchange] = link.driver.sources
        self._link = link

    def policy(self, source: Source) -> Policy:
        return self._link.driver.policy(source)

    def describe(self) -> Mapping[str, Any]:
        return self._link.driver.describe()

    async def fetch(self, exchange: Exchange) -> Mapping[Source, Document | GatewayError]:
        """Fetch over the link; during a cooldown raise what it comes from, with the time that is left of it."""
        try:
            documents = await self._link.fetch(exchange)
        except CircuitOpen as refusal:
            raise self._cause(exchange, refusal) from refusal
        missing = {
            source: cooldown.error
            for source, cooldown in self._link.source_cooldowns.items()
            if self.sources.get(source) == exchange
        }
        return {**missing, **documents}

    def _cause(self, exchange: Exchange, refusal: CircuitOpen) -> GatewayError:
        cooldown = self._link.exchange_cooldowns.get(exchange)
        error = cooldown.error if cooldown else self._link.breaker.error
        return type(error)(str(error), retry_after=refusal.retry_after) if error else refusal

    async def close(self) -> None:
        """Close nothing: the link goes on."""


class _ThroughWithUsage(_Through):
    """One whose driver counts what it does."""

    def __init__(self, link: Link, driver: ReportsUsage) -> None:
        super().__init__(link)
        self._driver = driver

    def usage(self) -> Usage:
        return self._driver.usage()


def _driver(link: Link) -> _Through:
    driver = link.driver
    return _ThroughWithUsage(link, driver) if isinstance(driver, ReportsUsage) else _Through(link)
