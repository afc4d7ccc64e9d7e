"""The pages about the past: what they show of a day with a gap and an outage, and of a day of 25 hours."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from playwright.async_api import expect

from proxy.history.days import bounds
from tests.browser.conftest import SCREENSHOTS
from tests.browser.reading import WIDE
from tests.clock import EPOCH
from tests.history.pastmaker import make_days, make_devices

pytestmark = pytest.mark.asyncio(loop_scope="session")

BERLIN = ZoneInfo("Europe/Berlin")
TODAY = date(2025, 10, 9)  # 10:53 in Berlin when the tests' clock begins
LONG_DAY = date(2024, 10, 27)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory) -> Path:
    """The folder of a history: four days, and one of 25 hours a year ago."""
    folder = tmp_path_factory.mktemp("recorded")
    days = [TODAY - timedelta(days=number) for number in range(3, -1, -1)]
    make_days(folder / "history.db", [LONG_DAY, *days[:2]], BERLIN, until=EPOCH)
    make_days(folder / "history.db", [days[2]], BERLIN, until=EPOCH, gap=(5, 7))
    make_days(folder / "history.db", [days[3]], BERLIN, until=EPOCH)
    make_devices(folder / "history.db", BERLIN, at=bounds(days[2], BERLIN)[0] + 12 * 3600)
    return folder


@pytest_asyncio.fixture(loop_scope="session")
async def past(build, tmp_path, recorded):
    """A house that has this history behind it."""
    folder = shutil.copytree(recorded, tmp_path / "state")
    return await build(state_path=str(folder), history=True, timezone="Europe/Berlin", style="black")


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1200, "light")])
async def test_a_day_has_its_energies_its_gap_and_its_outage(past, watch, width, scheme):
    """Eight hours of sun at 4 kW; two hours of nothing are hatched; the outage is a band and a line of text."""
    page = await watch.open(
        past.url + "history?range=day&from=2025-10-08",
        viewport={"width": width, "height": 900},
        color_scheme=scheme,
    )

    await expect(page.locator("#tiles .solar b")).to_have_text("≈ 32.0 kWh")
    await expect(page.locator("#tiles .home b")).to_have_text("≈ 22.0 kWh")
    await expect(page.locator("#powers .gap")).to_have_count(1)
    await expect(page.locator("#powers .band")).to_have_count(1)
    await expect(page.locator("#outages")).to_contain_text("least charge 40 %")
    assert not await page.evaluate(WIDE)
    SCREENSHOTS.mkdir(exist_ok=True)
    await page.screenshot(path=SCREENSHOTS / f"history-day-{width}-{scheme}.png", full_page=True)


async def test_times_have_room_on_a_telephone(past, watch):
    """Where the clock has twelve hours, their names are longer than the distance of two: the second is left out."""
    page = await watch.open(
        past.url + "history?range=day&from=2025-10-07", viewport={"width": 320, "height": 700}, locale="en-US"
    )
    ticks = page.locator("#powers .tick")
    await expect(ticks.first).to_have_text("12:00 AM")

    boxes = [await tick.bounding_box() for tick in await ticks.all()]
    assert len(boxes) >= 2
    assert all(a["x"] + a["width"] <= b["x"] for a, b in pairwise(boxes))


async def test_the_energies_fit_into_their_tiles(past, watch):
    """At any width, also where the tiles of the power-flow page are larger."""
    for width in (320, 360, 390, 1280, 1920):
        page = await watch.open(
            past.url + "history?range=day&from=2025-10-07", viewport={"width": width, "height": 900}
        )
        await expect(page.locator("#tiles .tile")).to_have_count(5)
        tops = await page.locator("#tiles .tile").evaluate_all("(all) => all.map((it) => it.offsetTop)")
        assert not await page.locator("#tiles .tile b").evaluate_all(
            "(all) => all.some((it) => it.scrollWidth > it.clientWidth)"
        )
        assert width < 1000 or len(set(tops)) == 1
        await page.close()


async def test_values_are_read_by_keyboard_and_as_a_table(past, watch):
    """The arrow keys move along the chart and say its values; the table has the same."""
    page = await watch.open(past.url + "history?range=day&from=2025-10-07")
    chart = page.locator("#powers svg")
    await chart.focus()
    await page.keyboard.press("Home")

    await expect(page.locator("#powers .reading")).to_have_text(
        "00:00 · Home 1.0 kW: Battery 1.0 kW · Charge 40 %"
    )
    await page.locator("#numbers summary").click()
    await expect(page.locator("#numbers tbody tr")).to_have_count(288)
    await expect(page.locator("#numbers tbody tr").first).to_contain_text("1.00")
    await page.locator("#numbers .scroll").focus()
    await page.keyboard.press("ArrowLeft")  # scrolls the table
    await expect(page.locator("#span")).to_have_text("Tue, 7 October 2025")


@pytest.mark.parametrize(
    ("chart", "cells"),
    [
        ("strings", [["1,500", "2,500"], ["1,501", "2,501"]]),
        ("temperatures", [["25.1"], ["25.2"]]),
        ("packs", [["14.30", "13.90"], ["14.30", "13.90"]]),
    ],
)
async def test_every_chart_of_devices_has_a_table_of_its_numbers(past, watch, chart, cells):
    """What is drawn is also there for a screen reader, with the unit in the head, once it is unfolded."""
    page = await watch.open(past.url + "history?range=day&from=2025-10-08")
    for each in ("devices", "ageing"):
        await page.locator(f"#{each} > summary").click()
    numbers = page.locator(f"#{chart} ~ .numbers").first
    await numbers.locator("summary").click()

    await expect(numbers.locator("tbody tr")).to_have_count(len(cells))
    rows = await numbers.locator("tbody tr").all()
    assert [await row.locator("td").all_text_contents() for row in rows] == cells
    await expect(numbers.locator("thead th").nth(1)).to_contain_text("(")
    dashes = "(all) => all.map((it) => getComputedStyle(it).strokeDasharray)"
    drawn = await page.locator(f"#{chart} > svg .line").evaluate_all(dashes)
    named = await page.locator(f"#{chart} + .keys .line").evaluate_all(dashes)
    assert drawn == named  # read without colour: each line by its dashes
    assert len(set(drawn)) == len(cells[0])


async def test_charge_and_reserve_of_a_week_are_a_table(past, watch):
    page = await watch.open(past.url + "history?range=week&from=2025-10-08")
    await page.locator("#charge .numbers summary").click()

    gap, chart = page.locator("#level .gap"), page.locator("#level svg")
    assert (await gap.bounding_box())["width"] < 0.03 * (await chart.bounding_box())["width"]  # two hours
    row = page.locator("#charge tbody tr").first
    await expect(row.locator("td").first).to_have_text("40 %")
    await expect(row.locator("td").nth(1)).to_have_text("20 %")


async def test_a_day_of_25_hours_is_drawn_as_one(past, watch):
    """The day on which the clocks go back has 300 steps of five minutes, and its energy is that of 25 hours."""
    page = await watch.open(past.url + f"history?range=day&from={LONG_DAY}")
    await page.locator("#numbers summary").click()

    first, after = bounds(LONG_DAY, BERLIN)
    assert after - first == 25 * 3600
    await expect(page.locator("#tiles .home b")).to_have_text("≈ 25.0 kWh")
    await expect(page.locator("#numbers tbody tr")).to_have_count(100)  # older than a month: quarter hours


async def test_buttons_and_keys_go_back_and_forth(past, watch):
    """Also to the week, whose bars are days; the address says what is shown, and the browser's way back works."""
    page = await watch.open(past.url + "history")
    await expect(page.locator("#span")).to_have_text("Thu, 9 October 2025")
    await page.keyboard.press("ArrowLeft")
    await expect(page.locator("#span")).to_have_text("Wed, 8 October 2025")
    await page.get_by_role("button", name="Week").click()
    await page.locator("#numbers summary").click()

    await expect(page.locator("#numbers tbody tr")).to_have_count(4)
    await expect(page).to_have_url(past.url + "history?range=week&from=2025-10-08")
    await expect(page.get_by_role("button", name="Later")).to_be_disabled()
    SCREENSHOTS.mkdir(exist_ok=True)
    await page.screenshot(path=SCREENSHOTS / "history-week.png", full_page=True)
    await page.go_back()
    await expect(page.locator("#span")).to_have_text("Wed, 8 October 2025")

    await page.get_by_role("button", name="Year").click()
    for width, last in {1280: "Dec", 390: "D"}.items():
        await page.set_viewport_size({"width": width, "height": 844})
        for chart in ("#powers", "#level"):
            await expect(page.locator(f"{chart} .tick")).to_have_count(12)
            await expect(page.locator(f"{chart} .tick").last).to_have_text(last)


async def test_today_stands_below_the_flow_where_there_is_room(past, watch):
    """Energies of today beside yesterday's share; the chart ends at now."""
    page = await watch.open(past.url, viewport={"width": 1200, "height": 900}, color_scheme="dark")

    await expect(page.locator("#tiles .tile")).to_have_count(5)
    await expect(page.locator("#tiles .self small")).to_contain_text("yesterday 91")
    await expect(page.locator("#day-chart .now")).to_have_count(1)
    SCREENSHOTS.mkdir(exist_ok=True)
    await page.screenshot(path=SCREENSHOTS / "today.png", full_page=True)


async def test_a_frame_shows_nothing_of_the_past(past, watch, stranger):
    page = await watch.open(past.url, viewport={"width": 500, "height": 400})
    await page.wait_for_function("performance.getEntriesByName('first-flow').length")
    await page.wait_for_load_state("networkidle")

    await expect(page.locator("#tiles")).to_have_count(0)
