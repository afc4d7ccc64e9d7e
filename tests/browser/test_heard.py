"""Who does not see the page, or not as others do: names, keyboard, contrast, motion."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from proxy.sim.faults import Fault
from tests.browser.reading import comes_to_show, old_readings, says, shows

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("way", ["preference", "address"])
async def test_who_wants_no_motion_gets_none(house, watch, way):
    """With reduced motion nothing runs; a chevron on each line shows where it leads."""
    options = {"reduced_motion": "reduce"} if way == "preference" else {}
    page = await watch.open(house.url + ("?motion=off" if way == "address" else ""), **options)
    await shows(page, "solar", "6.5 kW")

    running = await page.evaluate(
        "() => document.getAnimations().filter((it) => it.playState === 'running' && !(it instanceof CSSTransition)).length"
    )

    assert running == 0
    assert await page.locator(".edge.on .chevron:visible").count() == 3


async def test_the_drawing_can_be_heard(house, watch):
    """Screen readers get a picture with a sentence, a table with every number, a quiet status line."""
    page = await watch.open(house.url)
    await shows(page, "solar", "6.5 kW")

    assert await page.locator("html").get_attribute("lang") == "en"
    assert await page.locator("main").count() == 1
    await expect(page.get_by_role("img", name="Power flow")).to_have_count(1)
    await expect(page.get_by_role("img", name="Power flow")).to_have_accessible_description(
        re.compile("Solar 6.5\u00a0kW: ")
    )
    for name, value in {
        "Solar": "6.5 kW",
        "Grid": "2.1 kW, selling",
        "Home": "900 W",
        "Battery": "3.5 kW, charging",
        "Charge": "47 %",
        "Reserve": "20 %",
    }.items():
        row = page.get_by_role("row", name=re.compile(f"^{name} "))
        await expect(row.get_by_role("rowheader")).to_have_text(name)
        await expect(row.get_by_role("cell")).to_have_text(value.replace(" ", "\u00a0"))
    await expect(page.get_by_role("status")).to_have_text("")


async def test_nodes_are_reached_by_keyboard_only_in_detail(house, watch):
    """A plain page has nothing to tab to; with detail=1 each node has a name, and shows its focus."""
    page = await watch.open(house.url)
    assert await page.locator("[tabindex]").count() == 0

    page = await watch.open(f"{house.url}?detail=1")
    await shows(page, "solar", "6.5 kW")
    reached = []
    await page.locator("nav a").last.focus()
    for _ in range(4):
        await page.keyboard.press("Tab")
        reached.append(await page.evaluate("() => document.activeElement.getAttribute('aria-label')"))

    assert [name.replace("\u00a0", " ") for name in reached] == [
        "Solar 6.5 kW",
        "Grid 2.1 kW, selling",
        "Home 900 W",
        "Battery 3.5 kW, charging",
    ]
    assert await page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle") == "solid"


async def test_who_wants_more_contrast_gets_it(house, watch):
    """Then nothing is faded, old readings neither: the line at the bottom says that they are old."""
    context = await watch.context(contrast="more")
    await context.clock.install()
    page = await watch.open(house.url, context=context)
    await shows(page, "solar", "6.5 kW")

    await old_readings(house, page)

    for part in (".picture", ".edge.on path >> nth=0", "#solar .ring"):
        await expect(page.locator(part)).to_have_css("opacity", "1")
    await says(page, "old")


async def test_colours_of_the_system_are_used_where_they_are_forced(house, watch):
    """With a high-contrast theme everything has the colour of text, and outlines that of the background."""
    page = await watch.open(house.url, forced_colors="active")
    await shows(page, "solar", "6.5 kW")

    canvas, plain = await page.evaluate(
        """() => {
          const probe = document.body.appendChild(document.createElement("i"));
          return ["Canvas", "CanvasText"].map((name) => { probe.style.color = name; return getComputedStyle(probe).color; });
        }"""
    )

    for part in ("#solar .value", "#grid .value", "#note"):
        await expect(page.locator(part)).to_have_css("fill", plain)
    for part in ("#solar .ring", "#battery .ring", "[data-edge=s2b] path >> nth=0"):
        await expect(page.locator(part)).to_have_css("stroke", plain)
    assert canvas != plain


async def test_only_changes_of_state_are_announced(house, watch):
    """An outage is said once, its end too; new numbers are not."""
    page = await watch.open(house.url)
    await shows(page, "solar", "6.5 kW")
    news = page.get_by_role("status")

    house.pin(solar=4300, site=-100, battery=-3100)
    await house.pass_time(5)
    await shows(page, "solar", "4.3 kW")
    assert await news.text_content() == ""

    house.pin(solar=4300, site=0, battery=-3100, islanded=True)
    await house.pass_time(5)
    await expect(news).to_have_text("Grid outage")

    house.pin(solar=4300, site=0, battery=-3100)
    await house.pass_time(5)
    await expect(news).to_have_text("Normal again")


async def test_a_slow_start_is_no_news(house, watch):
    """Readings that come after the page do not make anything normal again, because nothing was wrong."""
    fault = house.sim.faults.add(Fault(action="hang"))
    page = await watch.open(house.url)
    await says(page, "Waiting for readings")
    watched = await page.evaluate_handle(
        "() => { const seen = []; const news = document.getElementById('news');"
        " new MutationObserver(() => seen.push(news.textContent)).observe(news, {childList: true}); return seen; }"
    )

    fault.remove()
    await comes_to_show(house, page, "solar", "6.5 kW")

    assert await watched.json_value() == []
