"""Programs made for the gateway that are not available here, as the requests they send."""

from __future__ import annotations

import json

import aiohttp
import pytest

from proxy.state.certificates import trusting_context

pytestmark = pytest.mark.each_loop
CREDENTIALS = {"username": "customer", "email": "me@example.com", "password": "x", "force_sm_off": False}


@pytest.fixture
async def house(start, sim):
    return await start(sim, https="yes")


@pytest.fixture
async def program(house):
    """A program with a cookie jar that does not check certificates."""
    jar = aiohttp.CookieJar(unsafe=True)
    connector = aiohttp.TCPConnector(ssl=trusting_context())
    async with aiohttp.ClientSession(house.url, cookie_jar=jar, connector=connector) as session:
        yield session


async def test_evcc_reads_meters_and_charge(program):
    """Login, /api/status as a test of the hardware, then meters and charge on every cycle."""
    async with program.post("/api/login/Basic", json=CREDENTIALS) as answer:
        assert (await answer.json())["token"]
    async with program.get("/api/status") as answer:
        assert answer.status == 200

    for _ in range(2):
        async with program.get("/api/meters/aggregates") as answer:
            meters = await answer.json()
        async with program.get("/api/system_status/soe") as answer:
            percentage = (await answer.json())["percentage"]

    assert {"site", "battery", "load", "solar"} <= meters.keys()
    assert 0 <= percentage <= 100


async def test_homebridge_finds_its_four_readings(program):
    """Four readings every 15 seconds, none of them undefined."""
    await program.post("/api/login/Basic", json=CREDENTIALS)
    readings = {}
    for path in ("system_status/soe", "meters/aggregates", "sitemaster", "system_status/grid_status"):
        async with program.get(f"/api/{path}") as answer:
            readings[path] = await answer.json()

    assert isinstance(readings["system_status/soe"]["percentage"], int | float)
    assert isinstance(readings["meters/aggregates"]["load"]["instant_power"], int | float)
    assert readings["sitemaster"]["running"] is True
    assert readings["system_status/grid_status"]["grid_status"] == "SystemGridConnected"


async def test_magic_mirror_finds_its_cookie(house):
    """Wants a Set-Cookie that begins with AuthCookie=, and sends back exactly what stands before the semicolon."""
    answer = await house.post("/api/login/Basic", json=CREDENTIALS)
    cookies = [cookie.partition(";")[0] for cookie in answer.headers.getall("Set-Cookie")]
    assert any(cookie.startswith("AuthCookie=") for cookie in cookies)

    for path in ("meters/aggregates", "system_status/soe", "system_status/grid_status", "site_info"):
        answer = await house.get(f"/api/{path}", headers={"Cookie": "; ".join(cookies)})
        assert answer.status == 200


async def test_an_exporter_reads_all_that_there_is(program):
    """foogod/powerwall_exporter reads whatever the gateway has, with a session."""
    await program.post("/api/login/Basic", json=CREDENTIALS)
    for path in (
        *("status", "system_status/soe", "operation", "sitemaster", "troubleshooting/problems"),
        *("system_status", "meters/aggregates", "meters/site", "meters/solar", "networks"),
    ):
        async with program.get(f"/api/{path}") as answer:
            assert answer.status == 200
            json.loads(await answer.text())


async def test_a_collector_whose_round_ends_at_the_first_gap_reads_all_of_it(program):
    """iwvelando/tesla-energy-stats-collector: every answer is JSON, or nothing of the round is stored."""
    await program.post("/api/login/Basic", json=CREDENTIALS)
    for path in (
        *("meters/aggregates", "meters/status", "operation", "powerwalls", "site_info", "sitemaster"),
        *("solar_powerwall", "solars", "system/networks/conn_tests", "status", "system/testing"),
        *("system/update/status", "system_status", "system_status/grid_status", "system_status/soe"),
    ):
        async with program.get(f"/api/{path}", headers={"Content-Type": "application/json"}) as answer:
            assert answer.status == 200
            json.loads(await answer.text())


async def test_of_the_configuration_a_program_learns_the_identity_only(house, sim, program):
    """The tesla_powerwall library reads the vin at /api/config; what else a firmware gives there stays with it."""
    sim.answers(path="/api/config", body={"vin": sim.din, "customer": {"email": "owner@example.com"}})
    await program.post("/api/login/Basic", json=CREDENTIALS)

    async with program.get("/api/config") as answer:
        assert await answer.json() == {"vin": sim.din}
    assert (await house.get("/api/config")).json() == {"vin": sim.din}


async def test_ten_programs_cost_one_session(house, sim):
    """The reason for all this: each has its login, the gateway has one."""
    for _ in range(10):
        answer = await house.post("/api/login/Basic", json=CREDENTIALS)
        headers = {"Authorization": f"Bearer {answer.json()['token']}"}
        assert (await house.get("/api/meters/aggregates", headers=headers)).status == 200

    assert sim.logins == 1
    assert sim.requests_for("/api/meters/aggregates") == 1
