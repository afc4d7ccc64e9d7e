"""What happens in the week: the timetable of troubles, and how long each one lasted for clients."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import itertools
import resource
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final

from bench.soak.clients import Connection
from proxy.commands import cert
from proxy.core.clock import Clock
from proxy.sim.faults import Fault
from proxy.sim.server import SimulatedGateway

HOUR_S: Final = 3600.0
DAY_S: Final = 24 * HOUR_S
# Thursday, midnight in Los Angeles; summer time ends on the fourth day.
_BEGINS: Final = 1_761_807_600.0
# Less than this is rounding.
_AT_ONCE_S: Final = 1e-3
# The longest wait in one piece, so that none lasts for hours longer than it should after a sleep.
_ASLEEP_S: Final = 600.0
_LOOK_EVERY_S: Final = 1.0
_LONGEST_S: Final = 900.0


class Time:
    """The time of the house, and how far the computer's own clock is from it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._began = loop.time()
        self._slept_s = 0.0
        self.wall_error_s = 0.0

    def now(self) -> float:
        """Seconds since the week began."""
        return self._loop.time() - self._began + self._slept_s

    async def until(self, moment: float) -> None:
        """Wait for a moment of the week; a computer that sleeps is late."""
        while (left := moment - self.now()) > _AT_ONCE_S:  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(min(left, _ASLEEP_S))

    def sleep(self, seconds: float) -> None:
        """Let the computer sleep: time passes for all but its timers."""
        self._slept_s += seconds

    @property
    def of_house(self) -> Clock:
        """The right time."""
        return Clock(self.now, lambda: _BEGINS + self.now())

    @property
    def of_computer(self) -> Clock:
        """What the proxy reads."""
        return Clock(self.now, lambda: _BEGINS + self.now() + self.wall_error_s)


class Week:
    """Owns a task for each trouble of the timetable; ``recoveries`` has the seconds to a fresh reading by kind."""

    def __init__(self, sim: SimulatedGateway, time: Time, port: int, shows: Callable[[], None]) -> None:
        self.sim, self.time = sim, time
        self.recoveries: dict[str, list[float]] = {}
        self._port = port
        self._shows = shows
        self._firmwares = itertools.cycle(("fw23_44", "fw21_44"))

    def begin(self, days: int) -> list[asyncio.Task[None]]:
        """Start the timetable."""
        return [
            asyncio.create_task(
                self._at(day * DAY_S + hour * HOUR_S, trouble), name=f"{trouble.__name__} {day}"
            )
            for day in range(days)
            for hour, days_of_it, trouble in self._timetable()
            if day in days_of_it
        ]

    def _timetable(self) -> list[tuple[float, range, Callable[[], Coroutine[Any, Any, None]]]]:
        daily, now_and_then = range(7), range(0, 7, 3)
        return [
            (3.0, daily, self.reboot),
            (5.5, daily, self.sessions_expire),
            (7.0, now_and_then, self.rate_limited),
            (8.2, daily, self.refused),
            (9.0, daily, self.stalled),
            (10.0, now_and_then, self.new_firmware),
            (11.0, now_and_then, self.new_certificate),
            (12.6, daily, self.hangs),
            (13.5, now_and_then, self.sleep),
            (14.5, now_and_then, self.wall_clock),
            (16.0, daily, self.reset),
            (17.5, daily, self.sessions_expire),
            (19.0, daily, self.slow),
            (20.0, daily, self.answers_503),
            (21.1, daily, self.flapping),
            (21.5, now_and_then, self.disk_full),
        ]

    async def _at(self, moment: float, trouble: Callable[[], Coroutine[Any, Any, None]]) -> None:
        await self.time.until(moment)
        await trouble()

    # -- troubles ------------------------------------------------------------------------------

    async def reboot(self) -> None:
        async with self._outage("nightly reboot, 4 min"):
            self.sim.reboot(240.0)
            await asyncio.sleep(240.0)

    async def new_firmware(self) -> None:
        async with self._outage("new firmware, 8 min"):
            self.sim.update_firmware(next(self._firmwares), 480.0)
            await asyncio.sleep(480.0)

    async def sessions_expire(self) -> None:
        async with self._outage("session ends"):
            self.sim.expire_sessions()

    async def refused(self) -> None:
        await self._during("Wi-Fi gap, refused, 2 min", Fault(action="refuse"), 120.0)

    async def stalled(self) -> None:
        await self._during("Wi-Fi gap, no handshake, 3 min", Fault(action="stall"), 180.0)

    async def hangs(self) -> None:
        await self._during("gateway hangs, 5 min", Fault(action="hang"), 300.0)

    async def reset(self) -> None:
        await self._during("connections reset, 90 s", Fault(action="reset"), 90.0)

    async def slow(self) -> None:
        await self._during("gateway takes 3 s, 10 min", Fault(delay_s=3.0), 600.0)

    async def answers_503(self) -> None:
        await self._during("503, 2 min", Fault(status=503), 120.0)

    async def rate_limited(self) -> None:
        fault = Fault(status=429, headers={"Retry-After": "120"})
        await self._during("429 with Retry-After 120 s, 5 min", fault, 300.0)

    async def flapping(self) -> None:
        async with self._outage("Wi-Fi flaps, 20 gaps of 4 s"):
            for _ in range(20):
                gap = self.sim.faults.add(Fault(action="refuse"))
                await asyncio.sleep(4)
                gap.remove()
                await asyncio.sleep(7)

    async def new_certificate(self) -> None:
        async with self._outage("new certificate, accepted after 30 min"):
            self.sim.renew_certificate()
            await asyncio.sleep(1800)
            with contextlib.redirect_stdout(io.StringIO()):
                if cert.run(argparse.Namespace(action="accept", gateway=None)):
                    raise RuntimeError("the certificate was not accepted")

    async def sleep(self) -> None:
        async with self._outage("computer sleeps, 40 min"):
            self.time.sleep(2400)
            self._shows()  # the house has gone on meanwhile

    async def wall_clock(self) -> None:
        """Set the computer's clock an hour ahead, then back, then right."""
        for error_s in (3600.0, -3600.0, 0.0):
            async with self._outage("computer's clock set by an hour"):
                self.time.wall_error_s = error_s
            await asyncio.sleep(600)

    async def disk_full(self) -> None:
        """Let no file grow for two hours."""
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        async with self._outage("disk full, 2 h"):
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
            await asyncio.sleep(7200)
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    # -- recoveries ----------------------------------------------------------------------------

    async def _during(self, kind: str, fault: Fault, seconds: float) -> None:
        async with self._outage(kind):
            struck = self.sim.faults.add(fault)
            await asyncio.sleep(seconds)
            struck.remove()

    @asynccontextmanager
    async def _outage(self, kind: str) -> AsyncIterator[None]:
        """Let something happen; note when clients have a reading that was taken after its end."""
        yield
        ended = self.time.now()
        while self.time.now() - ended < _LONGEST_S:
            answer = await Connection(self._port).request("/aggregates", headers="Connection: close\r\n")
            observed = self.time.now() - int(answer.headers.get("age", "0"))
            if answer.status == 200 and observed > ended:
                break
            await asyncio.sleep(_LOOK_EVERY_S)
        self.recoveries.setdefault(kind, []).append(round(self.time.now() - ended, 1))
