"""How often each endpoint of the cloud is requested. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

_HISTORY_S = 900.0
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

    def per_s(self, *, history: bool) -> float:
        """Say how many requests these make in a second."""
        energies = 1 / self.history_s + 1 / _DAY_S if history else 0.0
        return 1 / self.live_s + 1 / self.info_s + energies


def shown(seconds: float) -> float | None:
    """Round an interval for people; None for one that does not end."""
    return None if math.isinf(seconds) else round(seconds, 1)
