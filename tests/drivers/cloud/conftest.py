from __future__ import annotations

import json
import ssl
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from proxy.drivers.cloud.driver import CloudDriver
from proxy.drivers.cloud.factory import CloudOptions, make
from proxy.drivers.cloud.intervals import Intervals
from proxy.sim.cloud.server import SimulatedCloud
from proxy.sim.cloud.sign_in import FLEET, FLEET_SECRET
from proxy.state.store import StateStore

EMAIL = "owner@example.com"


def trusting(cloud: SimulatedCloud) -> ssl.SSLContext:
    """A client's context that trusts the cloud's CA and nothing else."""
    context = ssl.create_default_context(cadata=cloud.certificate.pem)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # on by default from Python 3.13 on
    return context


@dataclass
class Folder:
    """The folder of the token files, as the pypowerwall proxy's setup leaves it."""

    path: Path

    @property
    def fleet(self) -> Path:
        return self.path / ".pypowerwall.fleetapi"

    @property
    def owner(self) -> Path:
        return self.path / ".pypowerwall.auth"

    def sign_in(self, cloud: SimulatedCloud, mode: str = "fleet") -> None:
        """Run setup: log in and write the file."""
        if mode == "fleet":
            tokens = cloud.log_in(FLEET)
            document = {
                "CLIENT_ID": FLEET,
                "CLIENT_SECRET": FLEET_SECRET,
                "DOMAIN": "example.com",
                "AUDIENCE": cloud.url,
                "partner_account": {"response": {"domain": "example.com"}},
                "access_token": tokens["access_token"],
                "refresh_token": tokens["refresh_token"],
                "site_id": cloud.site.site_id,
                "added later": [1, 2],
            }
            self.fleet.write_text(json.dumps(document, indent=4))
        else:
            tokens = cloud.log_in()
            sso = tokens | {"expires_at": cloud.clock.wall() + tokens["expires_in"], "note": "kept"}
            other = {"url": "https://auth.tesla.cn/", "sso": {"refresh_token": "of another account"}}
            document = {EMAIL: {"url": "https://auth.tesla.com/", "sso": sso}, "other@example.com": other}
            self.owner.write_text(json.dumps(document))

    def read(self, mode: str = "fleet") -> dict[str, Any]:
        return json.loads((self.fleet if mode == "fleet" else self.owner).read_text())


@pytest.fixture
async def cloud(clock):
    async with SimulatedCloud(clock=clock.clock) as cloud:
        # An owner's month passes in a test; the house need not live through it second by second.
        cloud.house.gateway.speed = 0
        yield cloud


@pytest.fixture
def folder(tmp_path) -> Folder:
    path = tmp_path / "auth"
    path.mkdir()
    return Folder(path)


@pytest.fixture
async def connect(clock, cloud, folder, tmp_path):
    """Make drivers: ``connect()``, ``connect("owner", budget=100)``; signed in unless ``sign_in=False``."""
    async with AsyncExitStack() as stack:

        def connect(
            mode: str = "fleet",
            *,
            at: SimulatedCloud = cloud,
            sign_in: bool = True,
            energy=None,
            **options: Any,
        ) -> CloudDriver:
            if sign_in and mode != "static":
                folder.sign_in(at, mode)
            known = {
                "url": at.url,
                "auth_url": at.url,
                "folder": str(folder.path),
                "email": EMAIL if mode == "owner" else "",
                "site_id": at.site.site_id,
                "intervals": Intervals(60.0, 3600.0),
                "history": False,
                "timeout_s": 5.0,
                "tls": trusting(at),
            }
            memory = StateStore(str(tmp_path / "state"))
            driver = make(CloudOptions(mode, **known | options), memory, clock.clock, energy=energy)
            stack.push_async_callback(driver.close)
            return driver

        yield connect
