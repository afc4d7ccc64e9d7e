"""Time that a test advances: the event loop's clock with an offset.

Everything that waits on the loop (timers of the daemon, of the simulated
gateway, of aiohttp) sees the same time, so an hour passes in one call and
nobody sleeps. Between calls time runs on as usual.
"""

from __future__ import annotations

import asyncio
import time

from proxy.core.clock import Clock

EPOCH = 1_760_000_000.0


class ShiftedLoop(asyncio.SelectorEventLoop):
    """An event loop whose time can be moved forward."""

    def __init__(self) -> None:
        super().__init__()
        self.offset = 0.0

    def time(self) -> float:
        return time.monotonic() + self.offset


class TestClock:
    """Moves the running loop's time; ``clock`` is what the product is given."""

    __test__ = False

    def __init__(self, loop: ShiftedLoop) -> None:
        self._loop = loop
        self._started = loop.time()
        self._slept = 0.0
        self.clock = Clock(self._monotonic, lambda: EPOCH + self._monotonic() - self._started)

    def advance(self, seconds: float) -> None:
        """Let this much time pass at once; timers fire when the test next awaits."""
        self._loop.offset += seconds

    def sleep(self, seconds: float) -> None:
        """Let the machine sleep: time passes for everybody but its timers."""
        self._slept += seconds

    def _monotonic(self) -> float:
        return self._loop.time() + self._slept


async def until(condition, *, turns: int = 20_000) -> None:
    """Let the loop run until something has happened; fail if it never does."""
    for _ in range(turns):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never happened")


async def pass_time(clock: TestClock, proxy, seconds: float) -> None:
    """Let time pass and what it sets off be finished, except what a silent gateway holds up."""
    clock.advance(seconds)
    for _ in range(3):
        await asyncio.sleep(0)
    ends = time.monotonic() + 0.05
    while proxy.context.gateway.is_asking and time.monotonic() < ends:
        await asyncio.sleep(0)
