"""Programs made for a gateway read the second one on its own port (``listen``): they know no path prefix."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pypowerwall
import pytest
from tesla_powerwall import GridStatus, Powerwall

from proxy.app import build_app, listening
from proxy.state.certificates import serving_context
from tests.conftest import client_of
from tests.fleet.conftest import gateway, settings_for


@pytest.fixture
async def garage(sims, clock, tmp_path):
    """House is the default, the garage has a port of its own, over TLS as a gateway's; yields the port and a client."""
    made = settings_for(
        [gateway("house", sims["house"]), gateway("garage", sims["garage"], listen=0)],
        tmp_path / "state",
        https="yes",
    )
    app = build_app(made, clock.clock)
    async with AsyncExitStack() as stack:
        _, port = await stack.enter_async_context(listening(app, made, serving_context(made)))
        proxy = await stack.enter_async_context(client_of(app, port, "https"))
        yield next(iter(proxy.context.ports)), proxy


async def test_home_assistants_library_reads_the_second_gateway(garage, sims):
    port, proxy = garage
    sims["garage"].plant.set_charge(33)
    async with Powerwall(f"127.0.0.1:{port}") as library:
        await library.login("whatever", email="owner@example.com")

        din, charge = await library.get_gateway_din(), await library.get_charge()
        grid, batteries = await library.get_grid_status(), await library.get_batteries()

    assert din == sims["garage"].din != sims["house"].din
    assert charge == (await proxy.get("/gateways/garage/soe")).json()["percentage"]
    assert charge != (await proxy.get("/soe")).json()["percentage"]
    assert grid is GridStatus.CONNECTED
    assert len(batteries) == 1


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
async def test_the_pypowerwall_library_reads_the_second_gateway(garage, sims, tmp_path):
    port, proxy = garage

    def read() -> dict:
        library = pypowerwall.Powerwall(
            host=f"127.0.0.1:{port}",
            password="whatever",
            email="owner@example.com",
            timezone="Europe/Berlin",
            cachefile=str(tmp_path / "pypowerwall.auth"),
            pwcacheexpire=0,
        )
        try:
            return {"din": library.din(), "level": library.level(), "blocks": library.battery_blocks()}
        finally:
            library.client.session.close()

    found = await asyncio.to_thread(read)

    assert found["din"] == sims["garage"].din
    assert found["level"] == (await proxy.get("/gateways/garage/soe")).json()["percentage"]
    assert len(found["blocks"]) == 1
