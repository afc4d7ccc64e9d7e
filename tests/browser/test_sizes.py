"""How pages use the room that they have, from a telephone to a wall."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from proxy.sim.faults import Fault
from tests.browser.reading import TEXTS, WIDE, comes_to_show, shows

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_zoomed_in_four_times_nothing_is_lost(house, watch):
    """At 400 % a window of 1280 by 800 is 320 by 200 to the page: all numbers are still there."""
    page = await watch.open(house.url, viewport={"width": 320, "height": 200}, device_scale_factor=4)
    await shows(page, "solar", "6.5 kW")

    texts = [box["text"].replace("\u00a0", " ") for box in await page.evaluate(TEXTS)]

    assert {"6.5 kW", "2.1 kW", "900 W", "3.5 kW", "47 %"} <= set(texts)


@pytest.mark.parametrize(
    ("width", "height", "text", "scale"),
    [(200, 150, "24px", 1), (450, 350, "17px", 1), (1280, 800, "16px", 1), (3840, 2160, "16px", 0.8)],
)
async def test_text_and_lines_suit_the_size(house, watch, width, height, text, scale):
    """Small frames have larger text for the drawing, and walls have finer lines."""
    page = await watch.open(house.url, viewport={"width": width, "height": height})
    await shows(page, "solar", "6.5 kW")

    await expect(page.locator("#solar .value")).to_have_css("font-size", text)
    drawn = await page.locator("[data-edge=s2b] path").first.evaluate(
        "(line) => { for (const change of line.getAnimations()) change.finish();"
        " return getComputedStyle(line).strokeWidth; }"
    )
    assert float(re.search(r"[\d.]+", drawn)[0]) == pytest.approx(scale * (1.5 + 2.5 * 0.35**0.5), abs=0.01)


async def test_words_around_the_drawing_grow_with_a_wall(house, watch):
    """The bar and the sentence are read from as far as the drawing: 32 pixels on a wall of 4K, 16 on a desk."""
    house.pin(solar=0, site=0, battery=1400, islanded=True)
    page = await watch.open(house.url, viewport={"width": 1280, "height": 800})
    await expect(page.locator("#sentence")).to_contain_text("Grid outage")
    for (width, height), size in {(1280, 800): 16, (3840, 2160): 32.4}.items():
        await page.set_viewport_size({"width": width, "height": height})
        await expect(page.locator("html")).to_have_css("font-size", f"{size:g}px")

    # And an outage is said in the colour of an alarm.
    red = await page.locator(".cross").evaluate("(it) => getComputedStyle(it).stroke")
    await expect(page.locator("#sentence")).to_have_css("color", red)


async def test_a_long_name_is_read_to_its_end(house, watch):
    """On a telephone it goes on in the next line, in the middle of a word if need be; on both pages that show it."""
    house.sim.gateway.site.name = (
        "Ferienwohnung Donaudampfschifffahrtsgesellschaftskapitänsweg 128b, Hinterhaus"
    )
    page = await watch.open(house.url + "status", viewport={"width": 390, "height": 844})
    for path in ("", "status"):
        await page.goto(house.url + path)
        heading = page.get_by_role("heading", level=1)
        await expect(heading).to_contain_text("128b, Hinterhaus")
        box = await heading.evaluate("(it) => ({inside: it.clientWidth, text: it.scrollWidth})")
        assert box["text"] <= box["inside"] <= 390
        assert not await page.evaluate(WIDE)


async def test_upright_windows_without_a_history_have_the_numbers_below(house, watch):
    """Where the charts of a history would be; a generator and alerts make the list longer, the drawing no smaller."""
    house.pin(solar=0, site=0, battery=-1500, load=2500, generator=4000, islanded=True)
    house.sim.gateway.site.problems = ["one", "two"]
    hung = house.sim.faults.add(Fault(action="hang"))
    page = await watch.open(house.url, viewport={"width": 390, "height": 844})
    await expect(page.locator("#values")).to_be_hidden()  # while there are none
    hung.remove()
    await comes_to_show(house, page, "generator", "4.0 kW")
    await expect(page.locator("#values")).to_contain_text("4.0\u00a0kW")

    flow, sentence, numbers = [
        await page.locator(each).bounding_box() for each in ("#flow", "#sentence", "#values")
    ]
    assert flow["height"] > 320
    assert flow["y"] + flow["height"] <= sentence["y"]
    assert sentence["y"] + sentence["height"] <= numbers["y"]
    await page.set_viewport_size({"width": 1280, "height": 800})
    await expect(page.locator("#values")).to_have_css("clip-path", "inset(50%)")

    await page.goto(house.url + "?detail=1")
    await expect(page.locator("#sentence")).not_to_be_empty()
    numbers, sentence = [await page.locator(each).bounding_box() for each in ("#values", "#sentence")]
    assert numbers["y"] + numbers["height"] <= sentence["y"]


async def test_every_page_is_read_from_as_far_as_a_wall(house, watch):
    """At 4K letters are larger by half and more, and the page is as much wider."""
    page = await watch.open(house.url + "status", viewport={"width": 1280, "height": 800})
    for (width, height), size in {(1280, 800): 16, (3840, 2160): 25.92}.items():
        await page.set_viewport_size({"width": width, "height": height})
        await expect(page.locator("html")).to_have_css("font-size", f"{size:g}px")
        main = await page.locator("main").bounding_box()
        assert main["width"] == pytest.approx(68 * size, abs=1)
