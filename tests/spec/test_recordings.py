"""Real answers of a real gateway, running and stopped, through the whole proxy."""

import json

import pytest

from proxy.server.routes import ROUTES
from proxy.sim.server import SimulatedGateway
from tests.shared import SHARED

RECORDED = SHARED / "recordings" / "21.44"
RAW = {route.path for route in ROUTES if route.view is None and not route.endpoint}


def recorded(folder, suffix):
    names = sorted(path.stem for path in (RECORDED / folder).glob(f"*{suffix}"))
    return [
        path
        for name in names
        if (path := f"/api/{name.replace('.', '/')}") in RAW | {"/api/system_status/soe"}
    ]


@pytest.fixture(params=["running", "stopped"])
async def site(request, clock, start):
    async with SimulatedGateway.from_recordings(RECORDED / request.param, clock=clock.clock) as sim:
        sim.folder = RECORDED / request.param
        yield sim, await start(sim)


def body(folder, path):
    return (folder / f"{path[5:].replace('/', '.')}.json").read_bytes()


async def test_what_the_gateway_said_comes_through_byte_for_byte(site):
    sim, proxy = site
    paths = [path for path in recorded(sim.folder.name, ".json") if path != "/api/system_status/soe"]

    assert len(paths) >= 16
    for path in paths:
        answer = await proxy.get(path, headers={"Accept-Encoding": "identity"})
        assert (path, answer.status) == (path, 200)
        assert answer.body == body(sim.folder, path)


async def test_a_stopped_site_master_is_an_honest_503(clock, start):
    """502 with an empty body becomes 503 with Retry-After; what the gateway still reports is served."""
    async with SimulatedGateway.from_recordings(RECORDED / "stopped", clock=clock.clock) as sim:
        proxy = await start(sim)
        for path in ["/soe", "/aggregates", "/csv", "/api/system_status", "/api/system_status/grid_status"]:
            answer = await proxy.get(path)
            assert (path, answer.status) == (path, 503)
            assert "Retry-After" in answer.headers


async def test_the_charge_of_the_recorded_gateway(clock, start):
    async with SimulatedGateway.from_recordings(RECORDED / "running", clock=clock.clock) as sim:
        proxy = await start(sim)

        raw = json.loads(body(RECORDED / "running", "/api/system_status/soe"))["percentage"]
        assert (await proxy.get("/soe")).json() == {"percentage": raw, "raw_percentage": raw}
        assert (await proxy.get("/api/system_status/soe")).json() == {
            "percentage": 39.38441153021235,
            "raw_percentage": raw,
        }
        assert (await proxy.get("/csv")).text == "72.00,1154.00,1144.00,-60.00,42.42\n"
