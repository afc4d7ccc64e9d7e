"""A proxy without a gateway explains itself: what is missing, with the lines to copy."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.reading import WIDE

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("path", ["", "status", "flow.html"])
async def test_what_is_missing_is_shown_wherever_the_owner_looks(build, watch, path):
    """Both settings, lines for each way to run it, and the simulated house; no field takes a password."""
    house = await build(host="")
    page = await watch.open(house.url + path, viewport={"width": 320, "height": 800})

    await expect(page.get_by_role("heading", level=1)).to_have_text("No gateway is configured yet")
    for line in (
        "PW_HOST=192.168.1.50",
        "PW_PASSWORD=",
        "environment:",
        'host = "192.168.1.50"',
        "sudo systemctl restart powerwall-proxy",
        "powerwall-proxy setup",
        "powerwall-proxy serve --demo --port 8676",
    ):
        await expect(page.locator("pre", has_text=line).first).to_be_visible()
    await expect(page.get_by_role("link", name="http://127.0.0.1:8676/")).to_be_visible()
    assert await page.locator("input, form, button").count() == 0
    assert not await page.evaluate(WIDE)


async def test_it_speaks_the_language_of_the_owner(build, watch):
    house = await build(host="")
    page = await watch.open(house.url, locale="de-DE")

    await expect(page.locator("html")).to_have_attribute("lang", "de")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Noch ist kein Gateway eingestellt")
