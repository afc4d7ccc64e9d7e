"""How often each endpoint of the cloud is requested. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from proxy.core.freshness import Policy
from proxy.core.model import Exchange
from proxy.drivers.cloud.documents import INFO, TIME
from proxy.drivers.cloud.meter import HISTORY

# Without a limit of its own an answer is served until so many intervals after its values were true.
_STALE_INTERVALS = 3
_HISTORY_S = 900.0
# Requests for the time that is left are limited harder than others, and it changes slowly.
_SHORTEST_TIME_S = 300.0
_DAY_S = 86400.0


@dataclass(frozen=True, slots=True)
class Intervals:
    """Seconds between two requests to each endpoint, before they are stretched.

    ``stale_s`` is the age up to which powers are served; 0 is three intervals.
    """

    live_s: float = 60.0
    info_s: float = 3600.0
    history_s: float = _HISTORY_S
    stale_s: float = 0.0

    def planned(self, endpoint: Exchange | str) -> float:
        """Give the interval of an endpoint in seconds."""
        slower = {INFO: self.info_s, HISTORY: self.history_s, TIME: max(self.live_s, _SHORTEST_TIME_S)}
        return slower.get(endpoint, self.live_s)

    def policy(self, endpoint: Exchange, ttl: float, *, serves_stale: bool) -> Policy:
        """Return the lifetimes of an endpoint that is requested every ``ttl`` seconds: fresh so long, then stale up to the limit."""
        limit = _STALE_INTERVALS * ttl
        if self.stale_s and endpoint not in {INFO, TIME}:
            limit = self.stale_s
        stale = max(limit - ttl, 0.0) if serves_stale else 0.0
        return Policy(ttl, stale, stale, limit)

    def per_s(self, *, history: bool) -> float:
        """Say how many requests these make in a second."""
        energies = 1 / self.history_s + 1 / _DAY_S if history else 0.0
        return 1 / self.live_s + 1 / self.info_s + energies


def shown(seconds: float) -> float | None:
    """Round an interval for people; None for one that does not end."""
    return None if math.isinf(seconds) else round(seconds, 1)
