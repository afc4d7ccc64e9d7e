"""So many requests of one address in a window of time (PW_RATE_LIMIT_*), as pypowerwall-server counts them.

The windows of an address follow each other without a gap from its first request on.
"""

from __future__ import annotations

from collections import OrderedDict


class ClientRate:
    """Counts requests by address; ``addresses`` are remembered, the latest. Times are monotonic seconds."""

    def __init__(self, most: int, window_s: float, addresses: int) -> None:
        self._most = most
        self._window_s = window_s
        self._addresses = addresses
        self._seen: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def wait_s(self, address: str, now: float) -> float:
        """Count a request; return for how long (s) its address has to wait, 0 if it is admitted."""
        began, count = self._seen.get(address, (now, 0))
        if now - began >= self._window_s:
            began, count = now, 0
        if count >= self._most:
            return began + self._window_s - now
        self._seen[address] = (began, count + 1)
        self._seen.move_to_end(address)
        while len(self._seen) > self._addresses:
            self._seen.popitem(last=False)
        return 0.0
