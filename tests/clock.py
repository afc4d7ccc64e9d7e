"""Time that a test advances: the event loop's clock.

Everything that waits on the loop (timers of the daemon, of the simulated
gateway, of aiohttp) sees the same time, so an hour passes in one call and
no one sleeps. Between calls time passes only while the loop has nothing to do
but wait: however slow or busy a machine is, computing takes no time.
"""

from __future__ import annotations

import asyncio
import selectors
import socket
import time
from collections.abc import Callable

from proxy.core.clock import Clock

EPOCH = 1_760_000_000.0
# The same in every run: how exact sums of times are depends on how large they are.
STARTED_AT = 100_000.0
# A callback that sets off another one, that sets off ... in turns of the loop without a socket.
_QUIET_TURNS = 3
# uvloop does not show whether it has anything to do.
_TURNS = 200


class _Echo:
    """A connection to ourselves: loopback delivers in order, so what was sent before has arrived when this has."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            self._near = socket.create_connection(server.getsockname())
            self._far, _ = server.accept()

    def come_back(self) -> None:
        """Send a byte and wait until it has arrived."""
        self._near.send(b".")
        self._far.recv(1)

    def close(self) -> None:
        self._near.close()
        self._far.close()


class _WaitingTime(selectors.DefaultSelector):
    """Measures how long the loop waited for time to pass, and no longer than it wanted to.

    Waiting for a thread, or for bytes that are on their way, is computing: it takes no time, either.
    A busy machine delivers late even what a process sends to itself.
    """

    def __init__(self, is_computing: Callable[[], bool], is_idle: Callable[[], bool]) -> None:
        super().__init__()
        self.waited_s = 0.0
        self.busy_turns = 0  # turns of the loop in which there was something to do
        self.echo = _Echo()
        self._is_computing = is_computing
        self._is_idle = is_idle

    def select(self, timeout=None):
        started = time.monotonic()
        events = super().select(timeout)
        if timeout and not events and not self._is_computing():
            waited_s = min(time.monotonic() - started, timeout)
            self.echo.come_back()
            events = super().select(0)
            self.waited_s += 0 if events else waited_s
        self.busy_turns += bool(events) or not self._is_idle()
        return events

    def close(self) -> None:
        self.echo.close()
        super().close()


class ShiftedLoop(asyncio.SelectorEventLoop):
    """An event loop whose time can be moved forward."""

    waiting = _WaitingTime

    def __init__(self) -> None:
        self.offset = STARTED_AT
        self._in_threads = 0
        self._settling = 0  # tasks that wait until there is nothing else to do
        self._waiting = self.waiting(lambda: self._in_threads > 0, lambda: len(self._ready) <= self._settling)
        super().__init__(self._waiting)

    def time(self) -> float:
        return self.offset + self._waiting.waited_s

    def run_in_executor(self, executor, func, *args):
        future = super().run_in_executor(executor, func, *args)
        self._in_threads += 1
        future.add_done_callback(self._back_from_thread)
        return future

    def _back_from_thread(self, _) -> None:
        self._in_threads -= 1

    async def settled(self) -> None:
        """Wait until nothing in this process will happen before more time passes."""
        self._settling += 1
        try:
            is_quiet = False
            while not is_quiet:
                busy_turns = self._waiting.busy_turns
                self._waiting.echo.come_back()
                for _ in range(_QUIET_TURNS):
                    await asyncio.sleep(0)
                is_quiet = self._waiting.busy_turns == busy_turns and not self._in_threads
        finally:
            self._settling -= 1


# A timer is never early, and hardly ever exact.
_LATE_S = 1e-6


class _JumpingTime(_WaitingTime):
    """Skips the wait for the next timer when there is nothing else that could happen before it."""

    def select(self, timeout=None):
        events = selectors.DefaultSelector.select(self, 0)
        if not events and timeout and not self._is_computing():
            self.echo.come_back()
            events = selectors.DefaultSelector.select(self, 0)
            self.waited_s += 0 if events else timeout + _LATE_S
        elif not events and (timeout is None or timeout > 0):
            events = selectors.DefaultSelector.select(self, timeout)
        self.busy_turns += bool(events) or not self._is_idle()
        return events


class JumpingLoop(ShiftedLoop):
    """A loop on which time passes as fast as it can: to the next timer, at once, when all is done until then."""

    waiting = _JumpingTime


class TestClock:
    """Moves the running loop's time; ``clock`` is what the product is given."""

    __test__ = False

    def __init__(self, loop: ShiftedLoop) -> None:
        self._loop = loop
        self._started = loop.time()
        self._slept = 0.0
        self._set_by = 0.0
        self.clock = Clock(self._monotonic, self._wall)

    def advance(self, seconds: float) -> None:
        """Let this much time pass at once; timers fire when the test next awaits."""
        self._loop.offset += seconds

    def sleep(self, seconds: float) -> None:
        """Let the machine sleep: time passes for all but its timers."""
        self._slept += seconds

    def set_by(self, seconds: float) -> None:
        """Set the date of the machine forward, or back: no time passes."""
        self._set_by += seconds

    def _wall(self) -> float:
        return EPOCH + self._set_by + (self._monotonic() - self._started)

    def _monotonic(self) -> float:
        return self._loop.time() + self._slept


async def settled() -> None:
    """Let everything happen that happens before more time passes."""
    loop = asyncio.get_running_loop()
    if isinstance(loop, ShiftedLoop):
        await loop.settled()
    else:
        for _ in range(_TURNS):
            await asyncio.sleep(0)


async def until(condition, *, turns: int = 100_000) -> None:
    """Let the loop run until something has happened; fail if it never does."""
    for turn in range(1, turns):
        if condition():
            return
        await asyncio.sleep(0 if turn % 100 else 0.001)  # a little time has to pass for what waits for it
    raise AssertionError("it never happened")


async def pass_time(clock: TestClock, _proxy, seconds: float) -> None:
    """Let time pass and what it sets off be finished, except what a silent gateway holds up."""
    clock.advance(seconds)
    await settled()
