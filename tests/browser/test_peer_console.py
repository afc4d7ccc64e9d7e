"""The pages of pypowerwall-server, from its package, in front of this proxy: what they read and send is answered as they expect.

A page is put where an answer of the proxy was; everything that it requests is answered by the proxy.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import date
from importlib.metadata import distribution
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from playwright.async_api import expect

from proxy.app import build_app, listening
from proxy.sim.server import SimulatedGateway
from tests.clock import EPOCH
from tests.drivers.houses import knows
from tests.fleet.conftest import gateway, settings_for
from tests.history.pastmaker import make_days

pytestmark = pytest.mark.asyncio(loop_scope="session")

STATIC = Path(str(distribution("pypowerwall-server").locate_file("app/static")))
SECRET = "the secret of this house"
BERLIN = ZoneInfo("Europe/Berlin")
DAYS = [date(2025, 10, 6), date(2025, 10, 7)]


def named(sims):
    """Settings of gateways that have a name for people."""
    return [gateway(id_, sim, name=id_.title(), timezone="Europe/Berlin") for id_, sim in sims.items()]


@pytest_asyncio.fixture(loop_scope="session")
async def sims(clock):
    """Two houses in the sun."""
    async with AsyncExitStack() as stack:
        made = {
            id_: await stack.enter_async_context(SimulatedGateway(clock=clock.clock, seed=seed))
            for seed, id_ in enumerate(("house", "garage"), 1)
        }
        made["house"].pin(solar=3000.0, load=2000.0)
        made["garage"].pin(solar=1500.0, load=1400.0)
        yield made


@pytest_asyncio.fixture(loop_scope="session")
async def serve(clock, tmp_path):
    """Start a proxy with the defaults of a user: ``await serve(settings)`` returns its address."""
    async with AsyncExitStack() as stack:

        async def serve(gateways) -> str:
            made = settings_for(gateways, tmp_path, history=True, control_secret=SECRET)
            _, port = await stack.enter_async_context(listening(build_app(made, clock.clock), made))
            return f"http://127.0.0.1:{port}/"

        yield serve


async def shown(watch, url, name, query=""):
    """Show a page of pypowerwall-server at the origin of the proxy, as that serves it."""
    text = (STATIC / name).read_text().replace("{PROXY_BASE_SCRIPT}", "")
    context = await watch.context()

    async def answer(route):
        path = urlsplit(route.request.url).path
        await route.fulfill(path=STATIC / path.removeprefix("/static/"))

    await context.route(f"{url}static/**", answer)
    # Browsers take a document that a test answers for one of the internet, which may not connect to loopback.
    page = await watch.open(f"{url}version{query}", context=context)
    await page.set_content(text.replace("{PROXY_BASE}", "").replace("{SERVER_VERSION}", "0.13.0"))
    return page


async def test_the_console_shows_two_gateways_and_their_total(serve, sims, watch):
    page = await shown(watch, await serve(named(sims)), "index.html")

    await expect(page.locator("#status-banner")).to_contain_text("Connected to 2 gateway(s)")
    await expect(page.locator("#solar-power")).to_have_text("4.50 kW")
    await expect(page.locator("#home-power")).to_have_text("3.40 kW")
    await expect(page.locator("#battery-level")).not_to_have_text("--%")
    await expect(page.locator("#gateway-list .gateway-item.online .gateway-name")).to_have_text(
        ["House", "Garage"]
    )
    await expect(page.locator("#alert-list .gateway-section-header")).to_have_text(["House", "Garage"])
    await expect(page.locator("#string-list .gateway-section-header")).to_have_text(["House", "Garage"])
    await expect(page.frame_locator("iframe").locator("#home .value")).to_have_text("2.0 kW")


async def test_the_page_about_the_past_shows_the_days_of_both(serve, sims, watch, tmp_path):
    for id_ in sims:
        make_days(tmp_path / "gateways" / id_ / "history.db", DAYS, BERLIN, until=EPOCH)
    query = f"?from={DAYS[0]}&to={DAYS[-1]}"
    page = await shown(watch, await serve(named(sims)), "history.html", query)

    await expect(page.locator("#gateway-select option")).to_have_count(3)
    await expect(page.locator("#energy-note")).to_contain_text("2 of 2 days recorded")
    await expect(page.locator("#energy-body")).to_contain_text("64")  # kWh of sun on the best day: 32 of each
    await page.locator("#gateway-select").select_option("garage")
    await expect(page.locator("#energy-note")).to_contain_text("2 of 2 days recorded")


async def test_the_console_of_one_gateway_shows_its_powers_and_sets_its_reserve(build, key, watch):
    """A Powerwall 3 with the owner's key, of which the console knows every setting. Signatures are dated by the real clock."""
    async with SimulatedGateway("pw3") as sim:
        knows(sim, key)
        sim.pin(solar=3000.0, load=2000.0)
        house = await build(sim, history=True, control_secret=SECRET, **key.settings())
        page = await shown(watch, house.url, "index.html")

        await expect(page.locator("#status-banner")).to_contain_text("Connected to 1 gateway(s)")
        await expect(page.locator("#solar-power")).to_have_text("3.00 kW")
        await page.locator("#control-token").fill(SECRET)
        await page.locator("#control-reserve-number").fill("35")
        await page.locator("#control-save").click()

        await expect(page.locator("#control-message")).to_contain_text("aved")
        assert sim.gateway.site.reserve == pytest.approx(35 * 0.95 + 5, abs=0.5)
        await page.close()  # before the gateway is away
        await house.stop()


async def test_the_address_of_the_console_leads_to_the_status(serve, sims, watch):
    """A bookmark of it goes on showing how things stand."""
    url = await serve([gateway("default", sims["house"])])
    page = await watch.open(f"{url}console?kiosk=1&hide=mqtt")

    await expect(page).to_have_url(f"{url}status")
    await expect(page.locator("#headline")).to_contain_text("Readings are")
