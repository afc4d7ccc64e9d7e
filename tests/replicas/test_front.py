"""Debian's nginx in front of two replicas, with the configuration of the compose file's profile."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest
from tesla_powerwall import GridStatus, Powerwall

from tests.processes import free_port, happens
from tests.replicas.conftest import ROOT
from tests.stack.fronts import nginx, replaced

SECRET = "storm-lantern-7492"
METERS = "/api/meters/aggregates"
CONFIGURATION = (ROOT / "deploy/replicas/nginx.conf").read_text("utf-8")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _started(command: list[str], log: Path) -> subprocess.Popen:
    with log.open("wb") as output:
        return subprocess.Popen(command, stdout=output, stderr=output)


@pytest.fixture
def tls_port() -> int:
    """Where nginx listens with TLS, too."""
    return free_port()


@pytest.fixture
async def front(tmp_path, sim, tls_port) -> AsyncIterator[Callable]:
    """Start nginx before two replicas; gives a client of it."""
    port, pem = free_port(), tmp_path / "front.pem"
    pem.write_text(sim.certificate.key_pem + sim.certificate.pem)
    process: subprocess.Popen | None = None
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:

        async def front(first, second) -> aiohttp.ClientSession:
            nonlocal process
            own = replaced(CONFIGURATION, "pypowerwall:8675", f"127.0.0.1:{first.proxy.port}")
            own = replaced(own, "replica:8675", f"127.0.0.1:{second.proxy.port}")
            tls = f"listen 127.0.0.1:{tls_port} ssl; ssl_certificate {pem}; ssl_certificate_key {pem}"
            own = replaced(own, "listen 8680", f"listen 127.0.0.1:{port}; {tls}")
            process = _started(nginx(own, tmp_path), tmp_path / "nginx.log")
            await happens(lambda: _listens(port))
            return client

        yield front
        if process is not None:
            process.terminate()
            process.wait()


async def _status(client: aiohttp.ClientSession, path: str, **options) -> int:
    async with client.get(path, **options) as answer:
        await answer.read()
        return answer.status


async def test_readings_go_on_when_either_replica_ends_and_a_program_stays_logged_in(replica, sim, front):
    first, second = await replica(sim), await replica(sim)
    client = await front(first, second)
    given = {"username": "customer", "password": "any", "email": "a@example.com", "force_sm_off": False}
    async with client.post("/api/login/Basic", json=given) as answer:
        session = {"Cookie": f"AuthCookie={(await answer.json())['token']}; UserRecord=x"}

    both = [await _status(client, METERS, headers=session) for _ in range(8)]
    await first.end()
    one = [await _status(client, METERS, headers=session) for _ in range(8)]

    assert both == one == [200] * 8
    assert sim.logins == 1


async def test_home_assistants_library_logs_in_once_in_a_day(replica, sim, front, tls_port, clock, redis):
    """Its requests go to the replicas in turn, and no session is refused."""
    replicas = [await replica(sim) for _ in range(2)]
    await front(*replicas)
    async with Powerwall(f"127.0.0.1:{tls_port}") as library:
        await library.login("any", email="owner@example.com")
        for _ in range(12):
            assert await library.get_charge() > 0
            assert (await library.get_meters()).site.instant_power is not None
            assert await library.get_grid_status() is GridStatus.CONNECTED
            clock.advance(6900)
            await redis.settled()

    assert sim.logins == 1


async def test_a_command_that_fails_is_sent_to_no_second_replica(replica, sim, front):
    replicas = [await replica(sim, control_secret=SECRET) for _ in range(2)]
    client = await front(*replicas)
    sim.answers(path="/api/operation", status=500)

    async with client.post("/control/reserve", data={"value": "30", "token": SECRET}) as answer:
        assert answer.status == 502

    commands = [each.proxy.context.gateway.commands for each in replicas]
    assert max(len(each.reports) for each in commands) == 1


async def test_events_are_not_held_back(replica, sim, front):
    """The first one arrives although the stream does not end."""
    client = await front(await replica(sim), await replica(sim))

    async with client.get("/events") as answer:
        lines = [line async for line in _until_data(answer)]

    assert lines[-1].startswith(b"data:")


async def test_websockets_are_passed_on(replica, sim, front):
    client = await front(await replica(sim), await replica(sim))

    async with client.ws_connect("/ws/aggregate") as websocket:
        message = await websocket.receive_json()

    assert message["num_gateways"] == 1


async def _until_data(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    async for line in answer.content:
        yield line
        if line.startswith(b"data:"):
            return
