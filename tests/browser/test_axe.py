"""What axe-core finds on every page and in every state: nothing."""

from __future__ import annotations

from pathlib import Path

import axe_playwright_python
import pytest
from playwright.async_api import expect

from tests.browser.daemon import in_cooldown, lost
from tests.browser.reading import state

pytestmark = pytest.mark.asyncio(loop_scope="session")

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
# Chromium has no name for the drawing's own background, so contrast inside it is computed in test_look.py.
FINDINGS = """async () => {
  const found = await axe.run(document, {resultTypes: ["violations"]});
  return found.violations.map(({id, nodes}) => [id, ...nodes.map((node) => node.html.slice(0, 120))]);
}"""
PAGES = ["", "?detail=1", "?kiosk=1", "status", "history", "docs", "example.html", "no-such-page"]


async def findings(page) -> list:
    await page.evaluate(AXE)
    return await page.evaluate(FINDINGS)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_on_any_page(build, watch, tmp_path, scheme):
    """Every page in a language of its own, with what can be unfolded unfolded."""
    watch.forgiven = ("404",)
    house = await build(history=True, timezone="Europe/Berlin")
    house.pin(solar=6500, site=-2100, battery=-3500)
    house.sim.gateway.site.problems = ["BatteryFault"]
    locales = ["en-GB", "de-DE", "fr-FR", "es-ES", "nl-NL", "it-IT", "en-GB", "de-DE"]
    for path, locale in zip(PAGES, locales, strict=True):
        page = await watch.open(house.url + path, color_scheme=scheme, locale=locale)
        await expect(page.locator("html")).to_have_attribute("lang", locale[:2])
        await expect(page.locator("html")).to_have_attribute("dir", "ltr")
        if path == "status":
            await expect(page.locator("#all tbody tr").first).to_be_attached()
        if not path:
            await expect(page.locator("#list")).to_be_visible()
        await page.evaluate(
            "() => document.querySelectorAll('details:not([hidden])').forEach((it) => { it.open = true; })"
        )

        if not path:
            await expect(page.locator("#list li strong").first).to_have_text("A battery reports a fault")

        assert await findings(page) == [], path
        await page.close()


@pytest.mark.parametrize("arrange", [in_cooldown, lost], ids=lambda arrange: arrange.__name__)
async def test_axe_finds_nothing_in_trouble(house, watch, arrange):
    """Also where the gateway is paused or does not respond, and in an outage; on a telephone."""
    await arrange(house)
    for path in ("", "status"):
        page = await watch.open(house.url + path, viewport={"width": 320, "height": 700})
        await expect(page.locator("#headline, #sentence")).not_to_be_empty()
        assert await findings(page) == [], path
        await page.close()


async def test_axe_finds_nothing_in_an_outage_and_before_the_first_reading(build, watch, sim):
    house = await build()
    house.pin(islanded=True, solar=600, battery=800)
    page = await watch.open(house.url, viewport={"width": 200, "height": 150})
    await expect(page.locator("html")).to_have_attribute("data-grid", "outage")
    assert await findings(page) == []
    await page.close()

    sim.answers(status=503)
    away = await build()
    page = await watch.open(away.url)
    assert await findings(page) == []
    await state(page, "starting")


async def test_axe_finds_nothing_where_nothing_is_configured(build, watch):
    house = await build(host="")
    page = await watch.open(house.url)

    assert await findings(page) == []
