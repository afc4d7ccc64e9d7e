"""What is due when: one timer for all sources of a gateway.

Runs on the event loop that sets it; nothing here awaits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proxy.core.clock import Clock
    from proxy.core.model import Source

# Timers of the event loop may fire a little early, and acting at once would be a busy loop.
TICK_S = 0.002


class Scheduler:
    """Calls ``act(source, now)`` when a source is due; it returns when to do so again, or None: never."""

    def __init__(self, clock: Clock, act: Callable[[Source, float], float | None]) -> None:
        self._clock = clock
        self._act = act
        self._due: dict[Source, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def put(self, source: Source, at: float) -> None:
        """Let a source be due at this time (monotonic seconds), instead of the time set before."""
        self._due[source] = at

    def __contains__(self, source: Source) -> bool:
        """Say whether there is a time for a source."""
        return source in self._due

    def rearm(self) -> None:
        """Set the timer to what is due next."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._due and not self._closed:
            wait = min(self._due.values()) - self._clock.monotonic()
            self._timer = asyncio.get_running_loop().call_later(max(wait, TICK_S), self._tick)

    def close(self) -> None:
        """Forget everything."""
        self._closed = True
        self._due.clear()
        self.rearm()

    def _tick(self) -> None:
        now = self._clock.monotonic()
        for source in [source for source, at in self._due.items() if at <= now + TICK_S]:
            del self._due[source]
            again = self._act(source, now)
            if again is not None:
                self._due[source] = again
        self.rearm()
