from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest

from proxy.core.clock import Clock
from proxy.sim.server import SimulatedGateway
from tests.sim.installer import Installer

NOON = 1_750_000_000.0


@dataclass
class Hands:
    """A clock that only tests move."""

    now: float = 1000.0

    def move(self, seconds: float) -> None:
        self.now += seconds

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.now, lambda: NOON + self.now)


@dataclass
class Reply:
    status: int
    headers: Any
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Client:
    """A client without opinions: no retries, no cookies of its own, no verification."""

    sim: SimulatedGateway
    session: aiohttp.ClientSession
    headers: dict[str, str] = field(default_factory=dict)

    async def send_request(self, method: str, path: str, **options: Any) -> Reply:
        options.setdefault("ssl", False)
        headers = self.headers | options.pop("headers", {})
        async with self.session.request(
            method, self.sim.url + path, headers=headers, allow_redirects=False, **options
        ) as response:
            return Reply(response.status, response.headers, await response.read())

    async def get(self, path: str, **options: Any) -> Reply:
        return await self.send_request("GET", path, **options)

    async def post(self, path: str, document: Any, **options: Any) -> Reply:
        return await self.send_request("POST", path, json=document, **options)

    async def login(self, username: str = "customer", password: str | None = None) -> Reply:
        """Log in and keep the token for the requests to come."""
        secret = self.sim.password if password is None else password
        form = {"username": username, "email": "a@example.com", "password": secret, "force_sm_off": False}
        reply = await self.post("/api/login/Basic", form)
        if reply.status == 200:
            self.headers = {"Authorization": f"Bearer {reply.json()['token']}"}
        return reply


@pytest.fixture
def hands():
    return Hands()


@pytest.fixture
async def start_sim(hands):
    """Start a gateway and return a client of it; as often as a test likes."""
    sims: list[SimulatedGateway] = []
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False) as session:

        async def start(persona: Any = "fw21_44", *, sim: SimulatedGateway | None = None, **options: Any):
            sim = sim or SimulatedGateway(persona, clock=hands.clock, **options)
            await sim.start()
            sims.append(sim)
            return Client(sim, session)

        yield start
    for sim in sims:
        await sim.stop()


@pytest.fixture
def installer(start_sim):
    async def start(*args: Any, **options: Any) -> Installer:
        return Installer(await start_sim(*args, **options))

    return start
