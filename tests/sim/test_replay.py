"""Recordings are served as they are; the web app is there to be proxied; the demo is lively."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest

from proxy.sim.control import control
from proxy.sim.demo import demo, run
from proxy.sim.recordings import load_folder
from proxy.sim.redirect import redirecting
from proxy.sim.server import SimulatedGateway
from tests.shared import SHARED

RUNNING = SHARED / "recordings" / "21.44" / "running"
STOPPED = SHARED / "recordings" / "21.44" / "stopped"


@pytest.mark.parametrize("folder", [RUNNING, STOPPED])
async def test_recordings_are_served_byte_for_byte_behind_a_login(start_sim, hands, folder):
    """Bodies equal the files; errors have their recorded status; the session is required."""
    client = await start_sim(sim=SimulatedGateway.from_recordings(folder, clock=hands.clock))
    assert (await client.get("/api/operation")).status == 403
    await client.login()

    for path in folder.glob("*.json"):
        reply = await client.get("/api/" + path.stem.replace(".", "/"))
        assert (reply.status, reply.body) == (200, path.read_bytes())
    for path in folder.glob("*.err"):
        reply = await client.get("/api/" + path.stem.replace(".", "/"))
        assert reply.status == int(path.read_bytes().split()[1])
    assert (await client.get("/api/devices/vitals")).status == 404


@pytest.mark.parametrize("name", ["pw2", "pw2novitals"])
async def test_captured_sites_are_served_whole(start_sim, hands, name):
    """REST answers and vitals of a captured site, behind its own password."""
    path = SHARED / "compat" / f"gateway-{name}.json"
    capture = json.loads(path.read_text())
    client = await start_sim(sim=SimulatedGateway.from_capture(path, clock=hands.clock))
    await client.login(password=capture["password"])

    for source, document in capture["rest"].items():
        assert (await client.get(source)).json() == document
    vitals = await client.get("/api/devices/vitals")
    assert vitals.status == (200 if capture["vitals_protobuf_b64"] else 404)


def test_an_unusable_folder_is_named(tmp_path):
    """No folder, no recordings, no status line: the error says which file."""
    with pytest.raises(NotADirectoryError, match="nowhere"):
        load_folder(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="holds no recordings"):
        load_folder(tmp_path)
    (tmp_path / "status.err").write_text("oops")
    with pytest.raises(ValueError, match="does not begin with a status line"):
        load_folder(tmp_path)


async def test_the_web_app_has_validators_and_cookies(start_sim):
    """A page, hashed and plain assets, 304 for a validator that holds."""
    client = await start_sim()

    page = await client.get("/")
    script = await client.get("/app.3f9c2b71.js")
    again = await client.get("/app.3f9c2b71.js", headers={"If-None-Match": script.headers["ETag"]})

    assert b"Simulated gateway" in page.body
    assert page.headers["Set-Cookie"] == "visited=yes; Path=/; HttpOnly"
    assert "immutable" in script.headers["Cache-Control"]
    assert (again.status, again.body) == (304, b"")
    assert len((await client.get("/large.bin")).body) == 4 * 1024 * 1024
    assert (await client.get("/nothing")).status == 404


async def test_no_framework_shows_through(start_sim):
    """The gateway does not send a Server header."""
    client = await start_sim()

    assert "Server" not in (await client.get("/api/status")).headers


async def test_plain_http_leads_to_https(start_sim):
    """From 1.20 on the other port only redirects."""
    client = await start_sim()
    async with redirecting("127.0.0.1", 0, client.sim.url) as port:
        url = f"http://127.0.0.1:{port}/api/status?x=1"
        async with client.session.get(url, allow_redirects=False) as reply:
            assert reply.status == 301
            assert reply.headers["Location"] == f"{client.sim.url}/api/status?x=1"


async def test_the_demo_lives_a_day_in_24_minutes(hands):
    """Speed 60, a Powerwall+ with four strings, weather, and an outage in the evening."""
    sim = demo(clock=hands.clock)
    seen = set()

    for _ in range(24 * 6):
        hands.move(10)
        reading = sim.gateway.scene().reading
        seen.add(reading.grid_status)
        assert reading.site_w + reading.solar_w + reading.battery_w == reading.load_w

    assert seen == {"SystemGridConnected", "SystemIslandedActive"}
    assert sim.plant.seconds == 86400
    assert sim.gateway.hardware.strings == "ABCD"
    assert sim.gateway.site.name == "Simulated Home"


async def test_the_switchboard_sets_the_house(start_sim):
    """Presets, meters, faults and personas over loopback; only with JSON."""
    client = await start_sim()
    async with control(client.sim, 0) as port:
        url = f"http://127.0.0.1:{port}"

        async def wish(path: str, wishes: object) -> tuple[int, dict]:
            async with client.session.post(url + path, json=wishes) as reply:
                return reply.status, await reply.json() if reply.status == 200 else {}

        _, state = await wish("/", {"preset": "grid-charging", "charge": 40, "solar": 5})
        assert (state["house"]["battery_w"], state["house"]["energy_wh"]) == (-3300, 5600)
        assert (await wish("/", {"persona": "fw99"}))[0] == 400
        assert (await wish("/", {"mode": "party"}))[0] == 400
        assert (await wish("/faults", {"action": "nonsense"}))[0] == 400
        await wish("/faults", {"path": "/api/status", "status": 418})
        assert (await client.get("/api/status")).status == 418
        async with client.session.delete(url + "/faults") as healed:
            assert healed.status == 200
        assert (await client.get("/api/status")).status == 200
        async with client.session.post(url, data="preset=solar-powered") as reply:
            assert reply.status == 415


async def test_the_command_runs_until_it_is_cancelled():
    """``simulate`` listens, says where, and closes its port at the end."""
    ready: asyncio.Future[SimulatedGateway] = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(
        run("fw21_44", port=0, control_port=0, http_port=0, recordings=RUNNING, ready=ready.set_result)
    )
    sim = await ready

    async with aiohttp.ClientSession() as session, session.get(sim.url + "/api/status", ssl=False) as reply:
        assert await reply.read() == (RUNNING / "status.json").read_bytes()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    with pytest.raises(OSError, match=r"onnect"):
        await asyncio.open_connection(sim.host, sim.port)
