"""The check of the status page: the steps of doctor, on a click."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("locale", ["en-GB", "de-DE"])
async def test_the_check_shows_its_steps_and_its_verdict(house, watch, locale):
    """On a click, as they come; a second click has to wait; what is wrong is named with what to do."""
    watch.forgiven = ("429",)
    page = await watch.open(house.url + "status", locale=locale)
    await expect(page.locator("#headline")).to_have_class("good")
    words = {"en-GB": ("All is well", "Try again in"), "de-DE": ("Alles in Ordnung", "Wieder möglich in")}
    good, later = words[locale]

    await page.locator("#run").click()
    await expect(page.locator("#verdict")).to_contain_text(good)
    await expect(page.locator("#steps li")).to_have_count(7)

    await page.locator("#run").click()
    await expect(page.locator("#verdict")).to_contain_text(later)

    house.sim.answers(status=401)
    await house.pass_time(15)
    await page.locator("#run").click()
    await expect(page.locator("#steps .bad").first).to_be_visible()
    await expect(page.locator("#verdict")).to_contain_text("PW_PASSWORD")


async def test_a_page_of_another_origin_cannot_run_the_check(house, watch, stranger):
    """Whatever it sends, the gateway gets nothing."""
    watch.forgiven = ("403", "CORS", "ERR_FAILED")
    page = await watch.open(stranger)
    watch.allowed.add(house.url.rstrip("/"))

    await page.evaluate(
        """async (url) => {
          await fetch(url, {method: "POST", mode: "no-cors"}).catch(() => 0);
          await fetch(url, {method: "POST"}).catch(() => 0);
          new Image().src = url;
        }""",
        house.url + "status/check",
    )

    assert house.sim.requests == []
