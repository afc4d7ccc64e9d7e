"""Every state of the page: how it is reached, and a picture of it to be looked at."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from proxy.sim.faults import Fault
from tests.browser.conftest import SCREENSHOTS
from tests.browser.reading import old_readings, says, shows

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def an_outage(house, page):
    house.pin(solar=0, site=0, battery=1400, islanded=True)
    await house.pass_time(5)
    await says(page, "Grid outage")


async def a_chosen_island(house, page):
    house.pin(solar=600, site=0, battery=800)
    house.sim.plant.contactor.open(house.sim.plant.seconds)
    await house.pass_time(5)
    await says(page, "Off the grid")
    await house.pass_time(5)
    await says(page, "Off the grid by choice")


async def a_transition(house, page):
    house.pin(solar=600, site=0, battery=800, islanded=True)
    house.sim.plant.contactor.return_grid(house.sim.plant.seconds)
    await house.pass_time(5)
    await says(page, "Switching")


async def a_generator_and_alerts(house, page):
    house.sim.gateway.site.problems = ["one", "two"]
    house.sim.gateway.site.grid_services = True
    house.pin(solar=0, site=0, battery=-1500, load=2500, generator=4000, islanded=True)
    await house.pass_time(70)
    await shows(page, "generator", "4.0 kW")
    await expect(page.locator("#alerts text")).to_have_text("2")
    await expect(page.locator("#services")).to_be_visible()


async def nothing_flows(house, page):
    house.pin(solar=0, site=20, battery=0)
    await house.pass_time(5)
    await shows(page, "grid", "0 W")  # noise of the meter
    await expect(page.locator(".edge.on")).to_have_count(0)


async def a_normal_day(house, page):
    await shows(page, "solar", "6.5 kW")


async def a_gateway_in_cooldown(house, page):
    house.sim.answers(status=429, headers={"Retry-After": "600"})
    await house.pass_time(20)
    await page.clock.fast_forward(20_000)
    await says(page, "Gateway paused")
    await says(page, "next attempt in")


async def a_lost_server(house, page):
    await house.stop()
    await says(page, "No contact with the server")


STATES = [
    a_normal_day,
    nothing_flows,
    an_outage,
    a_chosen_island,
    a_transition,
    a_generator_and_alerts,
    old_readings,
    a_gateway_in_cooldown,
    a_lost_server,
]


@pytest.mark.parametrize("arrange", STATES, ids=lambda arrange: arrange.__name__)
async def test_every_state_has_its_picture(house, watch, arrange):
    """Each state is reached from the house; pictures of it in three sizes are left to be looked at."""
    watch.forgiven = ("ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_CONNECTION_RESET")
    context = await watch.context(viewport={"width": 1280, "height": 800})
    await context.clock.install()
    page = await watch.open(house.url, context=context)
    await shows(page, "solar", "6.5 kW")

    await arrange(house, page)

    await take_pictures(page, arrange.__name__)


async def a_start(house, page):
    house.sim.faults.add(Fault(action="hang"))
    await page.goto(house.url)
    await says(page, "Waiting for readings")
    await shows(page, "home", "…")
    colours = await page.evaluate(
        "() => [...document.querySelectorAll('.node:not([hidden]) .ring')].map((it) => getComputedStyle(it).stroke)"
    )
    assert set(colours) == {"rgb(139, 144, 151)"}  # grey, all of them


async def a_gateway_never_reached(house, page):
    house.sim.faults.add(Fault(action="hang"))
    await page.goto(house.url)
    await says(page, "Waiting for readings")
    await page.clock.fast_forward(11_000)
    await says(page, "No contact with the gateway")


async def a_site_without_battery(house, page):
    house.lacks("battery")
    await page.goto(house.url)
    await shows(page, "home", "1.2 kW")
    await expect(page.locator("#battery")).to_be_hidden()


async def a_site_without_sun(house, page):
    house.lacks("solar")
    await page.goto(house.url)
    await shows(page, "home", "1.2 kW")
    await expect(page.locator("#solar")).to_be_hidden()


BEGINNINGS = [a_start, a_gateway_never_reached, a_site_without_battery, a_site_without_sun]


@pytest.mark.parametrize("arrange", BEGINNINGS, ids=lambda arrange: arrange.__name__)
async def test_every_beginning_has_its_picture(house, watch, arrange):
    """The same for what a page may find when it is opened."""
    context = await watch.context(viewport={"width": 1280, "height": 800})
    await context.clock.install()
    page = await watch.open("about:blank", context=context)
    watch.allowed.add(house.url.rstrip("/"))

    await arrange(house, page)

    await take_pictures(page, arrange.__name__)


async def take_pictures(page, name):
    """Leave pictures in three sizes to be looked at."""
    SCREENSHOTS.mkdir(exist_ok=True)
    for width, height in [(1280, 800), (450, 350), (200, 150)]:
        await page.set_viewport_size({"width": width, "height": height})
        picture = await page.screenshot(path=SCREENSHOTS / f"{name}-{width}x{height}.png")
        assert len(picture) > 1000
