from __future__ import annotations

import json
import ssl
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from proxy.sim.cloud.server import SimulatedCloud


def trusting(cloud: SimulatedCloud) -> ssl.SSLContext:
    """A client's context that trusts the cloud's CA and nothing else."""
    context = ssl.create_default_context(cadata=cloud.certificate.pem)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # on by default from Python 3.13 on
    return context


@dataclass
class Reply:
    status: int
    headers: Any
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def response(self) -> Any:
        return self.json()["response"]


@dataclass
class Caller:
    """An HTTP client with an access token."""

    cloud: SimulatedCloud
    session: aiohttp.ClientSession
    token: str

    async def get(self, path: str, **query: str) -> Reply:
        return await self.send("GET", f"/api/1/{path}", params=query)

    async def post(self, path: str, body: Any) -> Reply:
        return await self.send("POST", f"/api/1/{path}", json=body)

    async def site(self, endpoint: str, **query: str) -> Reply:
        return await self.get(f"energy_sites/{self.cloud.site.site_id}/{endpoint}", **query)

    async def write(self, endpoint: str, body: Any) -> Reply:
        return await self.post(f"energy_sites/{self.cloud.site.site_id}/{endpoint}", body)

    async def sign_in(self, **form: str) -> Reply:
        return await self.send("POST", "/oauth2/v3/token", data=form)

    async def send(self, method: str, path: str, **kwargs: Any) -> Reply:
        async with self.session.request(
            method,
            self.cloud.url + path,
            headers={"Authorization": f"Bearer {self.token}"},
            ssl=trusting(self.cloud),
            allow_redirects=False,
            **kwargs,
        ) as answer:
            return Reply(answer.status, answer.headers, await answer.read())


@pytest.fixture
async def cloud(clock):
    async with SimulatedCloud(clock=clock.clock) as cloud:
        yield cloud


@pytest.fixture
async def call(cloud):
    """Make clients of the cloud: ``await call()`` for the Owner API, ``await call("static")``, …."""
    async with AsyncExitStack() as stack:

        async def make(client_id: str = "ownerapi", *, at: SimulatedCloud = cloud) -> Caller:
            session = await stack.enter_async_context(aiohttp.ClientSession())
            return Caller(at, session, at.log_in(client_id)["access_token"])

        yield make
