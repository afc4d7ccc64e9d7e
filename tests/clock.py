"""Time that a test advances: the event loop's clock.

Everything that waits on the loop (timers of the daemon, of the simulated
gateway, of aiohttp) sees the same time, so an hour passes in one call and
nobody sleeps. Between calls time passes only while the loop has nothing to do
but wait: however slow or busy a machine is, computing takes no time.
"""

from __future__ import annotations

import asyncio
import selectors
import time

from proxy.core.clock import Clock

EPOCH = 1_760_000_000.0
# Enough for an exchange within this process.
_TURNS = 3000
# Chains of callbacks that need no socket are shorter.
_QUIET_TURNS = 100


class _WaitingTime(selectors.DefaultSelector):
    """Measures how long the loop waited, and no longer than it wanted to."""

    waited_s = 0.0
    idle_turns = 0  # in a row, in which no socket had anything to say

    def select(self, timeout=None):
        started = time.monotonic()
        events = super().select(timeout)
        waited = time.monotonic() - started
        self.waited_s += waited if timeout is None else min(waited, timeout)
        self.idle_turns = 0 if events else self.idle_turns + 1
        return events


class ShiftedLoop(asyncio.SelectorEventLoop):
    """An event loop whose time can be moved forward."""

    def __init__(self) -> None:
        self.offset = time.monotonic()
        self._waiting = _WaitingTime()
        self._in_threads = 0
        super().__init__(self._waiting)

    def time(self) -> float:
        return self.offset + self._waiting.waited_s

    def run_in_executor(self, executor, func, *args):
        self._in_threads += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._back_from_thread)
        return future

    def _back_from_thread(self, _) -> None:
        self._in_threads -= 1

    @property
    def is_quiet(self) -> bool:
        """Nothing in this process will happen before more time passes: loopback delivers at once."""
        return self._waiting.idle_turns >= _QUIET_TURNS and not self._in_threads


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
    for turn in range(1, turns):
        if condition():
            return
        await asyncio.sleep(0 if turn % 100 else 0.001)  # a little time has to pass for what waits for it
    raise AssertionError("it never happened")


async def pass_time(clock: TestClock, proxy, seconds: float) -> None:
    """Let time pass and what it sets off be finished, except what a silent gateway holds up."""
    loop = asyncio.get_running_loop()
    clock.advance(seconds)
    for _ in range(3):
        await asyncio.sleep(0)
    for _ in range(_TURNS):
        if not proxy.context.gateway.cache.is_fetching or loop.is_quiet:
            break
        await asyncio.sleep(0)
