"""A site in the cloud to look at: ``serve --demo cloud``."""

from __future__ import annotations

from proxy.sim.cloud.server import SimulatedCloud
from proxy.sim.demo import REQUESTS_KEPT
from proxy.sim.server import SimulatedGateway

DEMO_TOKEN = "simulated"  # noqa: S105 - the simulated one
DEMO_INTERVAL_S = 5.0  # a simulated day passes in 24 minutes


def in_cloud(house: SimulatedGateway) -> SimulatedCloud:
    """Make the cloud of a house whose gateway is out of reach; a fixed token is its sign-in."""
    cloud = SimulatedCloud(house, clock=house.clock, tls=False)
    cloud.traffic.keep = REQUESTS_KEPT
    cloud.sign_in.give_static(DEMO_TOKEN)
    return cloud
