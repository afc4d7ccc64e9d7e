"""Gateways that TEDAPI reads."""

from __future__ import annotations

import pytest

from proxy.sim.server import SimulatedGateway
from tests.drivers.houses import knows


@pytest.fixture
async def gateway(clock):
    """A gateway whose local API lacks vitals."""
    async with SimulatedGateway("fw23_44", clock=clock.clock) as sim:
        yield sim


@pytest.fixture
async def powerwall3(clock):
    """A Powerwall 3 with two followers and an expansion pack; it compresses unasked."""
    async with SimulatedGateway("pw3", clock=clock.clock, followers=2, expansions=1) as sim:
        yield sim


@pytest.fixture
async def wired(clock, key):
    """A Powerwall 3 with a follower, on the wired network; it knows the key."""
    async with SimulatedGateway("pw3", clock=clock.clock, followers=1) as sim:
        knows(sim, key)
        yield sim
