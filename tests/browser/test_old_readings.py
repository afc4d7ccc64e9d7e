"""No number without its age once it is not fresh: in the drawing, aloud, in the title, at every size."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from proxy.core.errors import NotSupported
from proxy.sim.faults import Fault
from tests.browser.reading import says, shown, shows, state

pytestmark = pytest.mark.asyncio(loop_scope="session")

SIZES = [(200, 150), (450, 350), (390, 844), (1280, 800)]
BROKEN = ("ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_CONNECTION_RESET")
TIME = r"\d\d:\d\d"
# In the drawing that they are old; in the sentence how it was then.
AGED = r"\d+ s (old|ago: home ran on solar\.)"
# Every visible text of the page, the name of its tab, and what a screen reader is given.
SEEN = """() => {
  const visible = (node) => node.getClientRects().length > 0;
  const texts = (query) => [...document.querySelectorAll(query)].filter(visible).map((it) => it.textContent.replaceAll("\\u00a0", " "));
  return {
    values: texts(".node .value"), all: [...texts("svg text"), ...texts("#sentence")],
    tab: document.title, title: document.getElementById("title").textContent,
    heard: document.getElementById("desc").textContent, table: document.getElementById("values").innerText,
    news: document.getElementById("news").textContent,
  };
}"""


async def open_page(house, watch, size):
    watch.forgiven = BROKEN
    context = await watch.context(viewport=dict(zip(("width", "height"), size, strict=True)))
    await context.clock.install()
    page = await watch.open(house.url, context=context)
    await shows(page, "solar", "6.5 kW")
    return page


async def let_time_pass(house, page, seconds):
    for _ in range(seconds // 5):
        await house.pass_time(5)
        await page.clock.run_for(5000)


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_old_readings_show_their_age_and_then_are_gone(house, watch, size):
    """At first a number has its age beside it; past the limit a dash is left, and the last charge with its time."""
    page = await open_page(house, watch, size)
    house.sim.faults.add(Fault(action="refuse"))

    await let_time_pass(house, page, 20)
    await state(page, "stale")
    seen = await page.evaluate(SEEN)
    assert "6.5 kW" in seen["values"]
    assert any(re.search(AGED, text) for text in seen["all"]), seen
    assert not any("runs on" in text or "full in" in text for text in [*seen["all"], seen["heard"]]), seen
    for place in ("tab", "title", "heard", "table"):
        assert re.match(rf"Old: as of {TIME}", seen[place]), (place, seen)

    await let_time_pass(house, page, 85)
    await state(page, "expired")
    seen = await page.evaluate(SEEN)
    assert set(seen["values"]) == {"–"}
    assert any(re.search(TIME, text) for text in seen["all"]), seen
    assert any("47 %" in text for text in seen["all"])
    assert re.search(rf"47\s% at {TIME}", seen["table"]), seen
    for place in ("tab", "title", "heard", "table"):
        assert re.match(rf"Old: as of {TIME}", seen[place]), (place, seen)
        assert not re.search(r"\d k?W", seen[place]), seen
    assert re.fullmatch(rf"Gateway not reachable( since {TIME})?", seen["news"])


async def test_a_page_that_is_opened_then_shows_no_number_either(house, watch):
    """Also without script, and as data for programs: null, with the last charge and when it was read."""
    page = await open_page(house, watch, (1280, 800))
    house.sim.faults.add(Fault(action="refuse"))
    await let_time_pass(house, page, 105)

    fresh = await watch.open(house.url)
    await says_in(fresh, "#sentence", rf"^Gateway not reachable since {TIME}")
    assert set((await shown(fresh))["values"].values()) == {"–"}
    flow = await fresh.evaluate("async () => (await fetch('flow.json')).json()")
    assert [flow[key] for key in ("solar", "site", "battery", "load")] == [None] * 4
    assert (flow["state"], flow["soc_app"], flow["phrases"]) == ("expired", pytest.approx(47.4, abs=0.5), [])
    assert flow["age"] >= 100

    plain = await watch.open(house.url, java_script_enabled=False)
    await expect(plain.locator("#values")).to_contain_text(re.compile(r"\d+\u00a0(s|min) old"))
    await expect(plain.locator("#values")).not_to_contain_text(re.compile(r"\d k?W"))


async def says_in(page, query, pattern):
    await expect(page.locator(query)).to_have_text(re.compile(pattern))


@pytest.mark.parametrize("size", [(200, 150), (1280, 800)], ids=str)
async def test_without_the_server_every_number_has_its_age(house, watch, size):
    page = await open_page(house, watch, size)
    await house.stop()
    await page.clock.run_for(12_000)

    seen = await page.evaluate(SEEN)

    assert any(re.search(AGED, text) for text in seen["all"]), seen
    for place in ("tab", "title", "heard", "table"):
        assert seen[place].startswith("Old: as of "), (place, seen)


CAUSES = {
    "Gateway not reachable": Fault(action="refuse"),
    "Gateway paused": Fault(status=429),
    "Gateway refuses the password": Fault(status=401),
}


@pytest.mark.parametrize("sentence", CAUSES)
async def test_the_cause_is_named(build, sim, watch, sentence):
    """In the words of the owner, when the page has never had a reading, too."""
    sim.faults.add(CAUSES[sentence])
    house = await build()
    context = await watch.context(viewport={"width": 450, "height": 350})
    await context.clock.install()
    page = await watch.open(house.url, context=context)
    await page.clock.run_for(1500)

    await says(page, sentence)


async def test_leaving_the_grid_by_choice_is_no_outage(house, watch):
    """Not for a moment: until the reason is known it is "Off the grid", in the drawing and aloud."""
    page = await watch.open(house.url)
    await shows(page, "solar", "6.5 kW")
    heard = await page.evaluate_handle(
        """() => { const heard = []; new MutationObserver(() => heard.push(document.body.textContent))
          .observe(document.body, {childList: true, subtree: true, characterData: true}); return heard; }"""
    )
    house.pin(solar=600, site=0, battery=800)
    house.sim.plant.contactor.open(house.sim.plant.seconds)
    for _ in range(3):
        await house.pass_time(5)

    await expect(page.locator("#sentence")).to_contain_text("Off the grid by choice")
    assert [text for text in await heard.json_value() if "Grid outage" in text] == []
    assert await page.locator(".cross").is_hidden()


async def test_where_no_reason_is_reported_it_is_neither(house, watch):
    """Firmware without vitals reports that the grid is gone, and not why."""
    for path in ("/api/devices/vitals", "/api/solar_powerwall"):
        house.sim.answers(path=path, status=NotSupported.status)
    house.pin(solar=0, site=0, battery=800, islanded=True)
    page = await watch.open(house.url)
    await house.pass_time(5)

    await expect(page.locator("html")).to_have_attribute("data-grid", "islanded")
    await expect(page.locator("#sentence")).to_contain_text("Off the grid.")
