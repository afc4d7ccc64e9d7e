"""Nothing that a client of the LAN sends reaches the gateway, learns a secret, or harms the next client."""

from __future__ import annotations

import re

import pytest

from proxy.drivers.local.driver import SOURCES
from proxy.sim.server import SimulatedGateway
from tests.hostile.commands import SECRET
from tests.hostile.inputs import rows
from tests.hostile.raw import send, spellings

GATEWAY_PASSWORD = "gateway-password-7Q"
ROWS = rows()
# Longer than a wrong token is held against its address.
FORGOTTEN_S = 61.0
# What may be requested from the gateway: the listed readings, a login, files of its web app.
_READABLE = {*SOURCES, "/api/login/Basic"}
_FILE = re.compile(r"/(?!api|tedapi)[A-Za-z0-9._~/-]*", re.IGNORECASE)


@pytest.fixture
async def sim(clock):
    async with SimulatedGateway(clock=clock.clock, password=GATEWAY_PASSWORD) as gateway:
        gateway.pin(solar=0.0, site=0.0, battery=0.0, load=0.0)  # the charge stays what it is
        yield gateway


@pytest.fixture
async def proxy(start, sim):
    return await start(sim, password=GATEWAY_PASSWORD, control_secret=SECRET)


def test_there_are_enough_of_them():
    """At least 150 inputs, each with a name of its own."""
    assert len({name for name, _, _ in ROWS}) == len(ROWS) >= 150


async def test_a_hostile_input_gets_an_answer_and_nothing_else(proxy, sim, clock, caplog, subtests):
    """
    The status says what is wrong; the gateway is neither written to nor sent requests for
    anything but readings; no secret is in the answer or the log; the next client is served.
    """
    for name, data, statuses in ROWS:
        with subtests.test(name):
            caplog.clear()
            await proxy.get("/soe")
            reply = await send(proxy.port, data)

            assert reply.status in statuses
            assert reply.statuses == [reply.status] or reply.status == 0, "one request, one answer"
            assert sim.writes == []
            assert all(may_be_requested(record.method, record.path) for record in sim.requests)
            assert leaks(sim, reply.raw) == []
            assert leaks(sim, caplog.text.encode()) == []
            assert "Traceback" not in caplog.text
            if reply.status:
                assert b"Server: powerwall-proxy\r\n" in reply.raw
                assert b"X-Content-Type-Options: nosniff\r\n" in reply.raw
            after = await proxy.get("/soe")
            assert after.json()["percentage"] == pytest.approx(50, abs=1)
        clock.advance(FORGOTTEN_S)


def may_be_requested(method: str, path: str) -> bool:
    return path in _READABLE or (method == "GET" and ".." not in path and bool(_FILE.fullmatch(path)))


def leaks(sim, octets: bytes) -> list[bytes]:
    """Return the spellings of secrets that occur in these octets."""
    sessions = [record.session for record in sim.requests if record.session]
    secrets = {GATEWAY_PASSWORD, SECRET, sim.gw_pwd, *sessions}
    return [spelling for secret in secrets for spelling in spellings(secret) if spelling in octets]
