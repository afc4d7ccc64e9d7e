"""A program: a house with a history, which lives as fast as it can until it is killed.

``python -m tests.history.household FOLDER SECONDS`` begins so many seconds after the tests' clock does. After
every 15.5 s it writes the time (Unix s) on a line of its own.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from proxy.app import build_app, listening
from proxy.config.settings import settings_of
from proxy.sim.server import SimulatedGateway
from tests.clock import ShiftedLoop, TestClock, settled
from tests.quiet import QUIET

STEP_S = 15.5


async def live(folder: Path, seconds: float) -> None:
    """Record, and never end."""
    clock = TestClock(asyncio.get_running_loop())
    clock.advance(seconds)
    async with SimulatedGateway("fw21_44", clock=clock.clock) as sim:
        settings = settings_of(
            **{
                **QUIET,
                "host": sim.address,
                "password": "password",
                "bind_address": "127.0.0.1",
                "port": 0,
                "history": True,
                "state_path": str(folder),
                "timezone": "Europe/Berlin",
            }
        )
        async with listening(build_app(settings, clock.clock), settings):
            await settled()
            while True:
                clock.advance(STEP_S - 0.5)
                await settled()
                clock.advance(0.5)  # the answers of one moment are taken together
                await settled()
                os.write(1, b"%.1f\n" % clock.clock.wall())


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=ShiftedLoop) as runner:
        runner.run(live(Path(sys.argv[1]), float(sys.argv[2])))
