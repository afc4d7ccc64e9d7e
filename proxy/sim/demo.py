"""A gateway to look at: ``powerwall-proxy simulate`` and ``serve --demo``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from proxy.core.clock import Clock
from proxy.sim.control import control
from proxy.sim.curves import Chance, RecordedDay
from proxy.sim.redirect import redirecting
from proxy.sim.server import SYSTEM_CLOCK, SimulatedGateway

DEMO_PERSONA = "fw21_44"
DEMO_NAME = "Simulated Home"
# The gateways of a demonstration of several, their names, and their total.
DEMO_HOUSES = {"house": DEMO_NAME, "garage": "Simulated Garage"}
DEMO_SITE, DEMO_TOTAL = "home", "Simulated Home and Garage"
DEMO_SPEED = 60.0
DEMO_HOUR = 10.0
REQUESTS_KEPT = 10_000
# What stands in the house of a persona: enough of everything to be seen.
DEMO_SIZES: dict[str, dict[str, Any]] = {
    DEMO_PERSONA: {"strings": 4},
    "pw3": {"followers": 2},
}
EVENING_OUTAGE = (20.0, 20.75)  # local hours without grid


def lively(sim: SimulatedGateway) -> SimulatedGateway:
    """Give the house weather and habits, and make it impossible to take it for a real one."""
    today = datetime.fromtimestamp(sim.clock.wall(), UTC).date()
    plant, site = sim.plant, sim.gateway.site
    plant.chance = Chance(today.toordinal(), clouds=True, appliances=True, noise=True)
    sim.traffic.keep = REQUESTS_KEPT
    site.name, site.location = DEMO_NAME, "Simulated"
    return sim


def demo(
    persona: str = DEMO_PERSONA,
    *,
    speed: float = DEMO_SPEED,
    clock: Clock = SYSTEM_CLOCK,
    host: str = "127.0.0.1",
    port: int = 0,
    name: str = DEMO_NAME,
    seed: int = 1,
    sizes: dict[str, Any] | None = None,
) -> SimulatedGateway:
    """Make the gateway of ``serve --demo``: a day in 24 minutes, with an outage in the evening."""
    installed = DEMO_SIZES.get(persona, {}) if sizes is None else sizes
    sim = lively(
        SimulatedGateway(
            persona,
            clock=clock,
            seed=seed,
            host=host,
            port=port,
            hour=DEMO_HOUR,
            speed=speed,
            **installed,
        )
    )
    sim.gateway.site.name = name
    sim.plant.outage_hours = EVENING_OUTAGE
    return sim


def demos(count: int, persona: str, speed: float) -> list[SimulatedGateway]:
    """Make the gateways of ``serve --demo N``: the house, and smaller ones whose day is the same."""
    first = demo(persona, speed=speed)
    names = tuple(DEMO_HOUSES.values())[1:count]
    return [first, *(demo(persona, speed=speed, name=name, seed=2, sizes={}) for name in names)]


def local_hour(clock: Clock, zone: str) -> float:
    """Hour of the day at the site, 0 to 24."""
    now = datetime.fromtimestamp(clock.wall(), ZoneInfo(zone))
    return now.hour + now.minute / 60 + now.second / 3600


async def run(
    persona: str = "fw21_44",
    *,
    host: str = "127.0.0.1",
    port: int = 8443,
    http_port: int | None = None,
    control_port: int | None = None,
    recordings: Path | None = None,
    day: Path | None = None,
    speed: float = 1.0,
    clock: Clock = SYSTEM_CLOCK,
    ready: Callable[[SimulatedGateway], None] = lambda _sim: None,
    **options: Any,
) -> None:
    """Run a gateway until cancelled; ``ready`` is called when it listens, ``day`` is a CSV of a recorded day.

    Raises KeyError for an unknown persona, OSError or ValueError for recordings that
    cannot be read, OSError for ports that cannot be had.
    """
    sim = SimulatedGateway(persona, clock=clock, host=host, port=port, speed=speed, **options)
    sim.plant.hour = local_hour(clock, sim.gateway.site.timezone)
    if recordings is not None:
        sim.replay(recordings)
    lively(sim)
    if day is not None:
        sim.plant.chance = RecordedDay.load(day)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(sim)
        if http_port is not None:
            await stack.enter_async_context(redirecting(host, http_port, sim.url))
        if control_port is not None:
            await stack.enter_async_context(control(sim, control_port))
        ready(sim)
        await asyncio.get_running_loop().create_future()
