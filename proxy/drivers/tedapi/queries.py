"""Fetches the documents of the gateway itself by name, and keeps what single queries brought.

Those of its units are fetched by ``polling``.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from proxy.core.errors import GatewayError, GatewayTimeout, Scope
from proxy.drivers.tedapi import messages
from proxy.drivers.tedapi.parts import Part, Parts

if TYPE_CHECKING:
    from proxy.core.clock import Clock
    from proxy.drivers.tedapi.transport import TedapiTransport

_log = logging.getLogger(__name__)


class Queries:
    """The queries of one gateway; answers and failures are noted in ``parts``."""

    def __init__(self, wire: TedapiTransport, parts: Parts, clock: Clock) -> None:
        self._wire = wire
        self._parts = parts
        self._now = clock.monotonic
        self._extra_requests = 0

    def take_extra_requests(self) -> int:
        """Count the requests since this was last called, those for the controller left out.

        However clients fetch, they are all one round for the gateway.
        """
        count, self._extra_requests = self._extra_requests, 0
        return count

    async def refresh(self, name: str, age_s: float) -> None:
        """Fetch what changes slowly if it is of this age. Without a response the old one stays, as old as it is."""
        if not self._parts.is_due(name, age_s, self._now()):
            return
        try:
            await self.fetch(name)
        except GatewayError as error:
            if error.scope is Scope.LINK:
                raise

    async def fetch(self, name: str) -> Part:
        """Fetch a document. Raises GatewayError."""
        if name != messages.CONTROLLER:
            self._extra_requests += 1
        requested_at = self._now()
        try:
            document = await self._wire.read(name)
        except GatewayError as error:
            self._failed(name, error)
            raise
        except asyncio.CancelledError:
            waited_s = self._now() - requested_at
            self._failed(name, GatewayTimeout(f"{name}: no answer within {waited_s:.1f} s"))
            raise
        part = Part(document, requested_at, self._now())
        self._parts.answered(name, part)
        return part

    def _failed(self, name: str, error: GatewayError) -> None:
        if self._parts.failed(name, error, self._now()):
            fields = {"document": name, "cause": error.code(), "reason": str(error)}
            _log.info("document unavailable", extra=fields)
