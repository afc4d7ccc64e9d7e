"""The pypowerwall library, unchanged, with the proxy as its gateway: cookie and token mode, over TLS."""

from __future__ import annotations

import asyncio

import pypowerwall
import pytest

from tests.fleet.conftest import gateway

# The certificate is the proxy's own; the library does not check it and says so with every request.
pytestmark = pytest.mark.filterwarnings("ignore:Unverified HTTPS request")


@pytest.fixture(params=["cookie", "token"])
async def library(request, start, sim, tmp_path):
    """Connect the library; it is synchronous and runs in threads of its own."""
    proxy = await start(sim, https="yes")

    def connect() -> pypowerwall.Powerwall:
        return pypowerwall.Powerwall(
            host=f"127.0.0.1:{proxy.port}",
            password="whatever",
            email="owner@example.com",
            timezone="Europe/Berlin",
            authmode=request.param,
            cachefile=str(tmp_path / "pypowerwall.auth"),
            pwcacheexpire=0,
        )

    # A response to another client, in the app's scale, is prepared.
    await proxy.get("/api/system_status/soe")
    library = await asyncio.to_thread(connect)
    library.proxy = proxy
    yield library
    library.client.session.close()


@pytest.mark.each_loop
async def test_it_reads_everything_that_the_gateway_reports(library, sim):
    """Vitals come as protobuf and are decoded by the library itself."""
    tells = {
        "level": await asyncio.to_thread(library.level),
        "power": await asyncio.to_thread(library.power),
        "vitals": await asyncio.to_thread(library.vitals),
        "strings": await asyncio.to_thread(library.strings),
        "temps": await asyncio.to_thread(library.temps),
        "alerts": await asyncio.to_thread(library.alerts),
        "version": await asyncio.to_thread(library.version),
        "din": await asyncio.to_thread(library.din),
        "reserve": await asyncio.to_thread(library.get_reserve),
        "mode": await asyncio.to_thread(library.get_mode),
        "grid": await asyncio.to_thread(library.grid_status),
        "blocks": await asyncio.to_thread(library.battery_blocks),
        "name": await asyncio.to_thread(library.site_name),
    }

    assert tells["level"] == (await library.proxy.get("/soe")).json()["percentage"]
    assert tells["din"] == sim.din
    assert tells["grid"] == "UP"
    assert all(tells.values())
    assert sim.logins == 1


async def test_it_logs_in_again_when_its_session_is_over(library, clock):
    assert await asyncio.to_thread(library.level)

    clock.advance(25 * 3600)
    await library.proxy.get("/health")  # meanwhile its idle connection is closed

    assert await asyncio.to_thread(library.level)
    assert await asyncio.to_thread(library.vitals)


async def test_it_comes_back_after_an_outage(library, sim, clock):
    """503 costs the library five minutes for that path; then the values are there again."""
    assert await asyncio.to_thread(library.level)
    sim.answers(status=503)
    clock.advance(60)
    await library.proxy.get("/health")
    assert await asyncio.to_thread(library.level) is None

    sim.clear_faults()
    clock.advance(60)
    await library.proxy.get("/health")

    assert await asyncio.to_thread(library.power)


async def test_the_second_of_two_gateways_is_read_at_its_own_port(serve, sims, tmp_path):
    listed = [gateway("house", sims["house"]), gateway("garage", sims["garage"], listen=0)]
    proxy = await serve(listed, https="yes")
    (port,) = proxy.context.ports

    def read() -> tuple[str, float]:
        cache = str(tmp_path / "pypowerwall.auth")
        library = pypowerwall.Powerwall(
            host=f"127.0.0.1:{port}", password="whatever", email="owner@example.com", cachefile=cache
        )
        try:
            return library.din(), library.level()
        finally:
            library.client.session.close()

    din, level = await asyncio.to_thread(read)

    assert din == sims["garage"].din
    assert level == pytest.approx((await proxy.get("/gateways/garage/soe")).json()["percentage"])
    assert not sims["house"].requests
