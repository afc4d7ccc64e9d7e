"""A Powerwall 3 of several units, and what makes its documents unreadable."""

import pytest

from proxy.sim.server import SimulatedGateway


@pytest.fixture
async def powerwall3(clock):
    async with SimulatedGateway("pw3", clock=clock.clock, followers=3) as sim:
        yield sim


def spoiled(broken):
    return lambda kind, document: [] if kind in broken else document
