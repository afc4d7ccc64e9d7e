"""The simulated cloud, the folder of the token files, and what reads them: a store of tokens, a driver."""

from __future__ import annotations

import contextlib
import json
import ssl
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from proxy.core.errors import GatewayError
from proxy.drivers.cloud.driver import CloudDriver
from proxy.drivers.cloud.factory import CloudOptions, make
from proxy.drivers.cloud.http import CloudHttp
from proxy.drivers.cloud.intervals import Intervals
from proxy.drivers.cloud.sign_in import TokenEndpoint
from proxy.drivers.cloud.token_file import TokenFile
from proxy.drivers.cloud.token_store import TokenStore
from proxy.drivers.cloud.tokens import FleetFormat, OwnerFormat
from proxy.sim.cloud.server import SimulatedCloud
from proxy.sim.cloud.sign_in import FLEET, FLEET_SECRET
from proxy.state.store import StateStore

EMAIL = "owner@example.com"
TOKEN = "/oauth2/v3/token"
HOUR = 3600.0


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


@pytest.fixture
async def open_store(cloud, clock, folder):
    """Start the process that has the tokens; every store is another process."""
    sessions = []

    def open_store(mode: str = "fleet", *, at=cloud, **options) -> TokenStore:
        http = CloudHttp(clock.clock.monotonic, timeout_s=5.0, tls=trusting(at))
        sessions.append(http)
        endpoint = TokenEndpoint(http, at.url + TOKEN, clock.clock.wall, trusting(at))
        path, form = (folder.fleet, FleetFormat()) if mode == "fleet" else (folder.owner, OwnerFormat(EMAIL))
        return TokenStore(TokenFile(path), form, endpoint, clock.clock, **options)

    yield open_store
    for http in sessions:
        await http.close()


def is_good(cloud, access: str) -> bool:
    token = cloud.sign_in.access.get(access)
    return token is not None and cloud.clock.wall() < token.expires_at


async def refused(driver, exchange: str = "live_status") -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        await driver.fetch(exchange)
    return caught.value


async def requests_in(seconds: float, driver, cloud, clock, *, every: float = 5.0) -> int:
    """Call the driver all the time; count the requests that reach the cloud's API."""
    before = cloud.api_requests
    for _ in range(int(seconds / every)):
        with contextlib.suppress(GatewayError):
            await driver.fetch("live_status")
        clock.advance(every)
    return cloud.api_requests - before
