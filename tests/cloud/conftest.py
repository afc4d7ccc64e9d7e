"""A proxy of a site in the simulated cloud, alone or behind its gateway."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from proxy.sim.cloud.server import SimulatedCloud
from proxy.sim.cloud.sign_in import FLEET
from proxy.sim.server import SimulatedGateway

TOKEN = "a fixed token"


def sign_in(cloud: SimulatedCloud, folder: Path, mode: str) -> None:
    """Leave the file of a sign-in, as setup does."""
    folder.mkdir(exist_ok=True)
    if mode == "fleet":
        tokens = cloud.log_in(FLEET)
        document = {"CLIENT_ID": FLEET, "AUDIENCE": None, **tokens}
        (folder / ".pypowerwall.fleetapi").write_text(json.dumps(document))
    if mode == "owner":
        sso = cloud.log_in() | {"expires_at": cloud.clock.wall() + 28800}
        account = {"owner@example.com": {"url": "https://auth.tesla.com/", "sso": sso}}
        (folder / ".pypowerwall.auth").write_text(json.dumps(account))


@asynccontextmanager
async def simulated(clock, *houses: SimulatedGateway):
    async with SimulatedCloud(*houses, clock=clock.clock, tls=False) as cloud:
        cloud.house.gateway.speed = 0
        cloud.sign_in.give_static(TOKEN)
        yield cloud


@pytest.fixture
async def cloud(clock):
    async with simulated(clock) as cloud:
        cloud.house.pin(solar=4000, battery=-1500, load=2000)
        cloud.house.plant.set_charge(52.5)
        yield cloud


@pytest.fixture
def connect(start, tmp_path):
    """Start a proxy of a site in the cloud; ``connect(cloud, "owner", host=…)``, signed in again or as before."""

    async def connect(cloud: SimulatedCloud, mode: str = "fleet", *, anew: bool = True, **settings):
        folder = tmp_path / "auth"
        if anew:
            sign_in(cloud, folder, mode)
        known = {
            "cloud_url": cloud.url,
            "cloud_auth_url": cloud.url,
            "auth_path": str(folder),
            "integrate_energy": False,
        }
        if mode == "static":
            known |= {"cloud_mode": mode, "cloud_token": TOKEN}
        return await start(**known | settings)

    return connect


@pytest.fixture
async def house(clock):
    """A gateway that the cloud knows, too."""
    async with SimulatedGateway("fw23_44", clock=clock.clock) as house:
        house.gateway.speed = 0
        house.pin(solar=4000, battery=-1500, load=2000)
        yield house


@pytest.fixture
async def both(clock, house):
    async with simulated(clock, house) as cloud:
        yield cloud


def at(house: SimulatedGateway, **settings):
    return {"host": house.address, "password": "password", **settings}


def named(cloud: SimulatedCloud) -> list[str]:
    return [record.path.rpartition("/")[2] for record in cloud.requests]
