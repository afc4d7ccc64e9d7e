"""Two houses in a real browser, one of which goes away."""

from __future__ import annotations

import re
import shutil
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from playwright.async_api import expect

from proxy.app import build_app, listening
from proxy.config.gateway_settings import SiteSettings
from proxy.server.context import CONTEXT, Context
from proxy.sim.faults import Fault
from proxy.sim.server import SimulatedGateway
from tests.browser.reading import WIDE
from tests.clock import EPOCH, pass_time
from tests.fleet.conftest import gateway, settings_for
from tests.history.pastmaker import make_days

pytestmark = pytest.mark.asyncio(loop_scope="session")

BERLIN = ZoneInfo("Europe/Berlin")
DAYS = [date(2025, 10, 8), date(2025, 10, 9)]  # the second is today, until 10:53


@dataclass
class Fleet:
    """A proxy of two houses below a prefix, as a front server shows it."""

    url: str
    sims: dict[str, SimulatedGateway]
    context: Context


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """The folders of both; the garage has a gap in its second day."""
    folder = tmp_path_factory.mktemp("recorded")
    make_days(folder / "house" / "history.db", DAYS, BERLIN, until=EPOCH)
    make_days(folder / "garage" / "history.db", DAYS[:1], BERLIN, until=EPOCH)
    make_days(folder / "garage" / "history.db", DAYS[1:], BERLIN, until=EPOCH, gap=(5, 7))
    return folder


@pytest_asyncio.fixture(loop_scope="session")
async def fleet(clock, tmp_path, recorded):
    shutil.copytree(recorded, tmp_path / "gateways")
    async with AsyncExitStack() as stack:
        sims = {
            id_: await stack.enter_async_context(SimulatedGateway(clock=clock.clock, seed=seed))
            for seed, id_ in enumerate(("house", "garage"), 1)
        }
        listed = [
            gateway(id_, sim, site="home", name=id_.title(), timezone="Europe/Berlin")
            for id_, sim in sims.items()
        ]
        sites = [SiteSettings("home", "Home")]
        made = settings_for(listed, tmp_path, sites=sites, base_url="/power/", style="black", history=True)
        app = build_app(made, clock.clock)
        _, port = await stack.enter_async_context(listening(app, made))
        yield Fleet(f"http://127.0.0.1:{port}/power/", sims, app[CONTEXT])


async def test_links_lead_from_house_to_house_and_to_their_total(fleet, watch, clock):
    """Below a prefix; the total's page has a line for each house, and says which one is away."""
    fleet.sims["house"].pin(solar=3000.0, load=2000.0)
    fleet.sims["garage"].pin(solar=1500.0, load=1400.0)
    page = await watch.open(fleet.url, viewport={"width": 600, "height": 500})
    links = page.get_by_role("navigation", name="Gateways")

    await expect(links.get_by_role("link")).to_have_text(["House", "Garage", "Home"])
    await expect(page.locator("#home .value")).to_have_text("2.0 kW")
    await links.get_by_role("link", name="Garage").click()
    await expect(page).to_have_url(f"{fleet.url}gateways/garage/")
    await expect(page.locator("#home .value")).to_have_text("1.4 kW")
    await links.get_by_role("link", name="Home", exact=True).click()
    await expect(page.locator("#home .value")).to_have_text("3.4 kW")
    lines = page.locator("#members tbody tr")
    await expect(lines.nth(0).locator('[data-value="home"]')).to_have_text("2.0 kW")
    await expect(lines.nth(1).locator('[data-value="solar"]')).to_have_text("1.5 kW")
    await expect(page.locator("#members")).to_contain_text(re.compile("1.0\u00a0kW (charging|selling)"))
    await expect(page.locator("#members")).not_to_contain_text("\u2212")
    assert not await page.evaluate(WIDE)

    fleet.sims["garage"].faults.add(Fault(action="refuse"))
    await pass_time(clock, fleet, 60)
    await page.reload()

    await expect(lines.nth(1)).to_have_class("away")
    await expect(lines.nth(0)).not_to_have_class("away")
    await expect(page.locator("html")).to_have_attribute("data-state", "expired")
    await expect(page.locator("#note")).to_contain_text("since")


async def test_today_of_a_site_stands_below_its_members_with_a_gap_where_one_has_one(fleet, watch):
    """Both used 1 kW since midnight; for two hours one of them was not read, so of the site nothing is known."""
    page = await watch.open(f"{fleet.url}sites/home/", viewport={"width": 1200, "height": 900})

    await expect(page.locator("#tiles .tile")).to_have_count(5)
    await expect(page.locator("#tiles .solar b")).to_have_text("≈ 23.1 kWh")
    await expect(page.locator("#day-chart .gap")).to_have_count(1)
    await expect(page.locator("#members tbody tr")).to_have_count(2)
    members, today = [await page.locator(each).bounding_box() for each in ("#members", "#today")]
    assert members["y"] + members["height"] <= today["y"]
    assert not await page.evaluate(WIDE)
    await page.set_viewport_size({"width": 390, "height": 844})
    parts = [
        await page.locator(each).bounding_box()
        for each in ("#switch", "#bar", "#flow", "#sentence", "#members", "#past")
    ]
    assert all(above["y"] + above["height"] <= below["y"] for above, below in pairwise(parts))
    assert not await page.evaluate(WIDE)
    await page.locator("#tiles .home").click()
    await expect(page).to_have_url(f"{fleet.url}sites/home/history")
    await page.get_by_role("navigation", name="Gateways").get_by_role("link", name="House").click()
    await expect(page).to_have_url(f"{fleet.url}gateways/house/history")
    await expect(page.get_by_role("link", name="Home", exact=True)).to_have_attribute(
        "href", "../../sites/home/history"
    )


async def test_the_status_of_all_begins_with_the_house_that_is_away(fleet, watch, clock):
    await fleet.context.gateways["house"].cache.get(["/api/meters/aggregates"])
    fleet.sims["garage"].faults.add(Fault(action="refuse"))
    await fleet.context.gateways["garage"].cache.get(["/api/meters/aggregates"])
    page = await watch.open(f"{fleet.url}status")

    await expect(page.locator("#gateways h2").first).to_contain_text("Garage")
    for width in (360, 1280):  # the headline is above all of the cards
        await page.set_viewport_size({"width": width, "height": 800})
        assert not await page.evaluate(WIDE)
        [header] = await page.locator("body > header").evaluate_all(
            "(all) => all.map((it) => it.clientWidth)"
        )
        assert header == min(width, 1088)
    await expect(page.locator("#headline")).to_contain_text("Garage: ")
    await page.get_by_role("navigation", name="Gateways").get_by_role("link", name="House").click()
    await expect(page).to_have_url(f"{fleet.url}gateways/house/status")
    await expect(page.locator("#gateways h2")).to_have_count(1)
    await expect(page.locator("#headline")).to_contain_text("Readings are")
