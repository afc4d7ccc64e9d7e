"""Requests what alarms need of one gateway when no client does, as one more client that reads rarely.

It counts as no client: nothing is fetched ahead on its account. Beside the history, or anything else that reads
more often, it requests nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from proxy.core.errors import GatewayError, NotSupported
from proxy.core.model import Source
from proxy.core.sources import GRID_STATUS, METERS, SITE_NAME, SOE, SOLAR_POWERWALL, SYSTEM_STATUS, VITALS
from proxy.drivers.base import CountsRequests

if TYPE_CHECKING:
    from proxy.gateways.gateway import Gateway

# How old (s) a reading may become. The history reads powers every 15 s and devices every 300 s.
_LIVE: Final[Mapping[Source, float]] = {METERS: 20.0, GRID_STATUS: 20.0, SOE: 20.0}
_DEVICES_S: Final = 330.0
# The reason for being off the grid is among what devices report.
_REASON_S: Final = 20.0


class Interest:
    """The requests for one gateway; ``shares_site`` if its charge is added to that of others, for which its energy is needed."""

    def __init__(self, gateway: Gateway, *, shares_site: bool) -> None:
        self._gateway = gateway
        self._oldest_s = {**_LIVE, SYSTEM_STATUS: _DEVICES_S} if shares_site else _LIVE
        self._requested_at: dict[Source, float] = {}

    def refresh(self) -> None:
        """Request readings that are too old, except over links whose requests are counted."""
        for source, oldest_s in self._oldest_s.items():
            self._request(source, oldest_s)
        self.request_alerts(_DEVICES_S)
        if self._gateway.cache.peek(SITE_NAME) is None:
            self._request(SITE_NAME, _DEVICES_S)

    def request_alerts(self, oldest_s: float = _REASON_S) -> None:
        """Request the alerts of devices, with the reason for being off the grid, if they are older than this."""
        if isinstance(self._request(VITALS, oldest_s), NotSupported):
            self._request(SOLAR_POWERWALL, oldest_s)

    def _request(self, source: Source, oldest_s: float) -> GatewayError | None:
        """Fetch a source that is older than this; return why it may not be fetched."""
        cache, now = self._gateway.cache, self._gateway.clock.monotonic()
        known = cache.store.get(source)
        since = max(
            self._requested_at.get(source, float("-inf")), known.observed_at if known else float("-inf")
        )
        link = cache.link_for(source)
        if isinstance(link, GatewayError):
            return link
        if now - since >= oldest_s and not isinstance(link.driver, CountsRequests):
            self._requested_at[source] = now
            cache.fetch_unless_fresh(source)
        return None
