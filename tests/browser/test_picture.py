"""The page shows the house, whatever it has and lacks."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from playwright.async_api import expect

from proxy.sim.server import SimulatedGateway
from tests.browser.reading import TIMEOUT_S, forward, shown, shows, until

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_change_is_drawn_without_a_jump(house, watch):
    """New powers are shown, and no dot leaves its place or starts again.

    A new playback rate moves ``startTime`` by definition, so that the place stays: the animation itself
    has to be the same, and its place the next.
    """
    page = await watch.open(house.url)
    await shows(page, "solar", "6.5 kW")
    before = await page.evaluate(DOTS)

    house.pin(solar=3000, site=1000, battery=-2000)
    await house.pass_time(5)
    await shows(page, "solar", "3.0 kW")
    after = await page.evaluate(DOTS)

    survivors = [name for name in before if name in after]
    assert {name.split()[0] for name in survivors} >= {"s2b", "s2h"}
    for name in survivors:
        moved = after[name]["place"] - before[name]["place"]
        seconds = (after[name]["at"] - before[name]["at"]) / 1000
        assert 0 <= moved <= 120 * seconds + 1  # units; 120 a second is the highest speed there is
        assert after[name]["id"] == before[name]["id"]


async def test_a_change_is_pushed(house, watch):
    """New powers are shown when they are read: over the one stream, without a question."""
    context = await watch.context()
    requested = []
    context.on("request", lambda request: requested.append(urlsplit(request.url).path))
    page = await watch.open(house.url, context=context)
    for solar in range(1000, 6000, 1000):
        house.pin(solar=solar, site=1000, battery=-1000)
        await house.pass_time(5)
        await shows(page, "solar", f"{solar / 1000:.1f} kW")

    assert requested.count("/events") == 1
    assert "/flow.json" not in requested


async def test_a_charging_vehicle_is_drawn_below_the_home(house, watch):
    """Its charger has a name, a power and a line from the home; without a charger there is no vehicle."""
    page = await watch.open(house.url)
    await shows(page, "solar", "6.5 kW")
    await expect(page.locator("#vehicle")).to_be_hidden()

    await forward(page, ev=[3300.0], load=4600.0, site=2100.0, solar=2500.0, battery=0.0)

    await shows(page, "vehicle", "3.3 kW")
    await expect(page.locator("#vehicle .name")).to_have_text("Vehicle")
    seen = await shown(page)
    assert seen["edges"] == ["g2h", "h2e", "s2h"]
    assert "Home 4.6 kW: 3.3 kW to vehicle." in seen["sentence"]


# Every moving dot by edge and number: its animation, how far it has come in all, and when that was.
DOTS = """() => Object.fromEntries([...document.querySelectorAll(".edge.on circle")].flatMap((dot, i) => {
  const [run] = dot.getAnimations().filter((each) => each.playState === "running");
  if (!run) return [];
  window.ids ??= new Map();
  if (!window.ids.has(run)) window.ids.set(run, window.ids.size);
  const edge = dot.closest(".edge");
  const units = 60 * run.currentTime / 1000;  // at playback rate 1 a dot makes 60 units a second
  const number = [...edge.querySelectorAll("circle")].indexOf(dot);
  return [[`${edge.dataset.edge} ${number}`, {place: units, at: performance.now(), id: window.ids.get(run)}]];
}))"""


async def test_a_site_name_is_text(house, watch):
    """A name that tries to be markup is shown letter by letter."""
    name = "</script><img src=x onerror=alert(1)>"
    house.sim.gateway.site.name = name

    page = await watch.open(house.url)
    await expect(page.locator("#note")).to_have_text(name)

    assert await page.locator("img").count() == 0


async def test_a_missing_reading_is_derived_or_a_dash(house, watch):
    """One missing meter follows from the others and is marked; with two, the lines go and a dash stands."""
    house.sim.answers(
        path="/api/meters/aggregates", body=meters(solar=3000, site=-1000, battery=-500, load=None)
    )
    page = await watch.open(house.url)
    await shows(page, "home", "≈1.5 kW")

    house.sim.clear_faults()
    house.sim.answers(
        path="/api/meters/aggregates", body=meters(solar=3000, site=None, battery=-500, load=None)
    )
    for _ in range(7):  # the last good answer stands in until PW_CACHE_TTL is over
        await house.pass_time(5)
    await shows(page, "home", "–")

    assert (await shown(page))["edges"] == []
    assert (await shown(page))["values"]["solar"] == "3.0 kW"


def meters(**watts):
    """A meters document with these powers; None is null."""
    return {
        name: {"instant_power": power, "energy_imported": 1000, "energy_exported": 1000}
        for name, power in watts.items()
    }


@pytest.mark.parametrize(
    ("missing", "nodes"), [("battery", ["solar", "grid", "home"]), ("solar", ["grid", "home", "battery"])]
)
async def test_what_the_site_lacks_is_not_drawn(house, watch, missing, nodes):
    """Without battery or without sun the node and its lines are left out, and the rest is centred."""
    house.lacks(missing)

    page = await watch.open(house.url, viewport={"width": 800, "height": 600})
    await expect(page.locator(f"#{missing}")).to_be_hidden()

    assert sorted((await shown(page))["values"]) == sorted(nodes)
    boxes = [await page.locator(f"#{node}").bounding_box() for node in nodes]
    top, bottom = min(box["y"] for box in boxes), max(box["y"] + box["height"] for box in boxes)
    assert abs((top + bottom) / 2 - 300) < 50  # the bar and the sentence take some of the height


async def test_the_solar_style_has_no_battery(house, watch):
    """PW_STYLE=solar is the look for systems whose battery is not to be shown."""
    page = await watch.open(f"{house.url}?style=solar")

    await shows(page, "solar", "6.5 kW")
    await expect(page.locator("#battery")).to_be_hidden()
    assert (await shown(page))["edges"] == ["s2g", "s2h"]


async def test_many_batteries_are_summed_up(build, clock, watch):
    """A hundred units are drawn as twelve columns and a number; drawing them costs as much as twelve."""
    costs = {}
    for packs in (12, 100):
        async with SimulatedGateway(
            persona="fw21_44", clock=clock.clock, packs=packs, inverters=6
        ) as gateway:
            house = await build(gateway)
            page = await watch.open(f"{house.url}?detail=1")
            await expect(page.locator("#cells rect")).to_have_count(12)
            costs[packs] = await page.locator("#flow *").count()
            await expect(page.locator("#charge")).to_contain_text("%" if packs == 12 else "+88")
            await expect(page.locator("#values tr", has_text="PW12")).to_be_visible()
            assert (await page.locator("#packs").text_content()).count("%") == packs  # as a tooltip
            await page.close()  # or it would miss its proxy
            await house.stop()

    assert costs[100] == costs[12]


async def test_vehicles_are_drawn_at_the_home(house, watch):
    """What charges is summed up at one node, fed from the home in a line, and said; no driver reports it yet."""
    page = await watch.open(house.url)
    await shows(page, "solar", "6.5 kW")
    await expect(page.locator("#vehicle")).to_be_hidden()

    await forward(page, ev=[600, 150])

    await shows(page, "vehicle", "750 W")
    seen = await shown(page)
    assert seen["edges"] == ["h2e", "s2b", "s2g", "s2h"]
    assert "Home 900 W: 750 W to vehicle." in seen["sentence"]
    await expect(page.locator("#values tr", has_text="Vehicle")).to_contain_text("750")


async def test_an_address_may_name_a_gateway(house, watch):
    """There is one, so the name chooses nothing and harms nothing."""
    page = await watch.open(f"{house.url}?gateway=%3Cb%3E%26other")
    await shows(page, "solar", "6.5 kW")
    await until(lambda: house.context.streams == 1, TIMEOUT_S)

    house.pin(solar=5400, site=-1000, battery=-3500)
    await house.pass_time(5)
    await shows(page, "solar", "5.4 kW")


async def test_without_script_the_numbers_are_there(house, watch):
    """A browser that runs no script shows the readings of the moment as a table."""
    page = await watch.open(house.url, java_script_enabled=False)

    await expect(page.locator("#values")).to_be_visible()
    await expect(page.locator("#values")).to_contain_text("6.5 kW")
    await expect(page.locator("#flow")).to_be_hidden()


@pytest.mark.parametrize(
    ("language", "solar", "value"),
    [
        ("de-DE", "Solar 6,5 kW", "6,5 kW"),
        ("fr-FR", "Solaire 6,5 kW", "6,5 kW"),
        ("pt-BR", "Solar 6.5 kW", "6.5 kW"),
    ],
)
async def test_the_page_speaks_the_readers_language(house, watch, language, solar, value):
    """Words and numbers follow the browser's language; English where there is no translation."""
    page = await watch.open(house.url, locale=language)

    await shows(page, "solar", value)
    assert solar in (await shown(page))["sentence"]
