"""So many within any minute, and no more."""

from __future__ import annotations

from collections import deque

WINDOW_S = 60.0


class RateLimiter:
    """Admits at most ``most`` events within any 60 seconds. Times are monotonic seconds."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._admitted: deque[float] = deque(maxlen=most)

    def admit(self, now: float) -> float:
        """Admit an event and return 0, or return the seconds until one will be admitted."""
        if len(self._admitted) == self.most:
            wait = self._admitted[0] + WINDOW_S - now
            if wait > 0:
                return wait
        self._admitted.append(now)
        return 0.0
