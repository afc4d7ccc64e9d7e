"""The status page, in every state of the daemon."""

from __future__ import annotations

import aiohttp
import pytest
from playwright.async_api import expect

from proxy.app import build_app, listening
from proxy.config.load import load
from proxy.config.settings import settings_of
from proxy.core.sources import METERS
from proxy.server.context import CONTEXT
from proxy.sim.cloud.server import SimulatedCloud
from proxy.sim.server import SimulatedGateway
from tests.browser.conftest import SCREENSHOTS
from tests.browser.daemon import STATES, fresh, lost
from tests.browser.reading import HIDE, TIMEOUT_S, WIDE, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

SECRET = "correct-horse-battery-staple"


@pytest.mark.parametrize("width", [320, 360, 1200])  # 320: a window of 1280 at 400 %
@pytest.mark.parametrize("arrange", STATES, ids=lambda arrange: arrange.__name__)
async def test_the_status_page_shows_each_state_on_one_screen(house, watch, arrange, width):
    """One sentence says how things are; nothing is wider than a telephone."""
    await arrange(house)
    page = await watch.open(
        house.url + "status", viewport={"width": width, "height": 800}, color_scheme="dark"
    )
    sentence, quality = STATES[arrange]

    await expect(page.locator("#headline")).to_contain_text(sentence)
    await expect(page.locator("#headline")).to_have_class(quality)
    assert not await page.evaluate(WIDE)
    SCREENSHOTS.mkdir(exist_ok=True)
    await page.screenshot(path=SCREENSHOTS / f"status-{arrange.__name__}-{width}.png", full_page=True)


async def test_the_status_page_is_not_alarmed_by_what_is_not_requested(house, watch):
    """A reading that was let expire is nothing bad; one that could not be renewed is."""
    await fresh(house)
    await house.context.gateway.cache.get(["/api/operation"])
    house.sim.answers(path="/api/meters/*", status=500)
    await house.pass_time(6)
    await house.context.gateway.cache.get(["/api/meters/aggregates"])
    await house.pass_time(60)
    page = await watch.open(house.url + "status")
    await page.locator("#experts > summary").click()

    for path, quality in {"/api/operation": "unknown", "/api/meters/aggregates": "bad"}.items():
        row = page.locator("#sources tr", has_text=path)
        await expect(row.get_by_role("cell", name="expired")).to_have_class(quality)


async def test_the_status_page_is_not_well_in_an_outage(house, watch):
    """The proxy does its work; the house needs attention all the same."""
    house.pin(solar=0, site=0, battery=1400, islanded=True)
    page = await watch.open(house.url + "status")

    await expect(page.locator("#headline")).to_contain_text("Attention")
    await expect(page.locator("#headline")).to_contain_text("Grid outage. Home runs on battery.")
    await expect(page.locator("#headline")).to_have_class("fair")
    await expect(page.locator("#gateways h2")).to_contain_text("Attention")


async def test_the_status_page_names_what_went_wrong(house, watch):
    """Errors are listed with their path and how often; sources that rest say for how long."""
    await lost(house)
    page = await watch.open(house.url + "status")

    row = page.locator("#errors tr", has_text="/api/meters/aggregates")
    await expect(row).to_contain_text("500")
    await expect(page.locator("#sources")).to_contain_text("/api/meters/aggregates")
    await expect(page.locator("#commands")).to_contain_text("PW_CONTROL_SECRET")


async def test_the_status_page_shows_how_clients_are_served(build, clock, watch):
    """Rates, shares, durations, what is under way; each source with its outcome and duration; what was set."""
    async with SimulatedGateway(clock=clock.clock) as sim:
        house = await build(sim, control_secret=SECRET)
        page = await watch.open(house.url + "version")
        await page.evaluate(
            """async () => {
              for (let i = 0; i < 20; i++) await (await fetch("soe")).text();
              await (await fetch("aggregates")).text();
            }"""
        )
        async with aiohttp.ClientSession() as client:
            form = {"value": "30", "token": SECRET}
            async with client.post(house.url + "control/reserve", data=form) as answer:
                assert answer.status == 200
        house.clock.advance(5)
        page = await watch.open(house.url + "status")
        await page.locator("#experts > summary").click()

        for word in ("requests/s now", "in 5 minutes", "half within", "95 % within"):
            await expect(page.locator("#figures")).to_contain_text(word)
        for word in (
            "Served fresh",
            "Served stale",
            "Waited for the gateway",
            "Failed",
            "In progress",
            "Event streams",
        ):
            await expect(page.locator("#traffic")).to_contain_text(word)
        await expect(page.locator("#rate rect")).to_have_count(60)
        heights = await page.locator("#rate rect").evaluate_all(
            "(bars) => bars.map((bar) => +bar.getAttribute('height'))"
        )
        assert max(heights) == 46
        assert await page.locator("#shares i").count() >= 2
        row = page.locator("#sources tr", has_text="/api/system_status/soe")
        await expect(row.get_by_role("cell")).to_have_count(5)
        await expect(row.get_by_role("cell").nth(2)).to_have_text("ok")
        await expect(row.get_by_role("cell").nth(3)).to_contain_text("s")
        await expect(page.locator("#commands li")).to_contain_text("reserve: ok")
        await expect(page.locator("#links")).to_contain_text("1 in the last hour, 1 in all")
        await expect(page.locator("#readings")).to_contain_text("Clock of the gateway")
        await expect(page.locator("#process")).to_contain_text("Version")
        await page.close()  # or it would miss its proxy
        await house.stop()


async def test_the_status_page_names_the_firmware(house, watch):
    """Also when no client has requested it yet."""
    page = await watch.open(house.url + "status")

    await expect(page.locator("#gateways")).to_contain_text("Firmware21.44")
    await expect(page.locator("#gateways")).to_contain_text("Powerwall 2 x2")
    await expect(page.locator("#links")).to_contain_text("Identity…")


async def test_the_status_page_shows_whether_control_is_on_to_all_clients_and_no_more(build, watch):
    """What was set, and from where, is for holders of the secret; the page has no field for it."""
    house = await build(control_secret="a secret of the tests")
    page = await watch.open(house.url + "status")

    await expect(page.locator("#commands")).to_contain_text("Control is on.")
    assert await page.locator("input").count() == 0
    assert "commands" not in await page.evaluate("async () => (await fetch('health')).json()")


async def test_the_status_page_shows_where_settings_come_from(clock, watch, tmp_path):
    """File or environment for those that were changed; all of them for experts; what is odd about them is said above."""
    file = tmp_path / "proxy.toml"
    file.write_text('style = "black"\n')
    environment = {
        "PW_CONFIG": str(file),
        "PW_HOST": "127.0.0.1:1",
        "PW_STATE_PATH": str(tmp_path),
        "PW_ODD": "1",
    }
    loaded = load({**environment, "PW_PORT": "0", "PW_BIND_ADDRESS": "127.0.0.1"})
    app = build_app(loaded.settings, clock.clock, loaded)
    async with listening(app, loaded.settings) as (_, port):
        page = await watch.open(f"http://127.0.0.1:{port}/status")

        rows = page.locator("#settings tr")
        await expect(rows.filter(has_text="PW_STYLE")).to_contain_text(str(file))
        await expect(rows.filter(has_text="PW_HOST")).to_contain_text("environment")
        await expect(rows.filter(has_text="PW_TIMEOUT")).to_have_count(0)
        await expect(page.locator("#all tr", has_text="PW_TIMEOUT")).to_contain_text("default")
        await expect(page.locator("#warnings")).to_contain_text("PW_ODD is unknown and ignored.")


async def test_the_status_page_shows_what_the_month_of_the_cloud_costs(watch, clock):
    """How many requests were sent, of how many, and that intervals are longer because of it."""
    async with SimulatedCloud(clock=clock.clock, tls=False) as cloud:
        cloud.house.gateway.speed = 0
        cloud.sign_in.give_static("a fixed token")
        settings = settings_of(
            cloud_mode="static",
            cloud_url=cloud.url,
            cloud_token="a fixed token",
            cloud_budget=1000,
            integrate_energy=False,
            port=0,
            bind_address="127.0.0.1",
        )
        app = build_app(settings, clock.clock)
        async with listening(app, settings) as (_, port):
            await app[CONTEXT].gateway.cache.get([METERS])
            page = await watch.open(f"http://127.0.0.1:{port}/status")

            await expect(page.locator("#gateways")).to_contain_text("Tesla’s cloud")
            link = page.locator("#links")
            await expect(link).to_contain_text("3 of 1,000, 0.01 USD at Tesla's list price")
            await expect(link).to_contain_text("so that the month's requests last")
            await expect(link).to_contain_text("static token")


async def test_an_owner_reads_how_things_are(house, watch):
    """In words first: what the house runs on, how the gateway is read, alerts; and what is off, with the reason.

    The page reads the alerts itself: that none is known yet is not said as "none".
    """
    house.sim.gateway.site.problems = ["BatteryFault"]
    page = await watch.open(house.url + "status")

    await expect(page.locator("#headline strong")).to_have_text("Attention")
    await expect(page.locator("#headline")).to_contain_text("Home runs on solar. Battery full in")
    gateway = page.get_by_role("region", name="Home Energy Gateway")
    for words in ("Powerwall 2 x2", "the login of the local network", "connected"):
        await expect(gateway).to_contain_text(words)
    await expect(page.get_by_role("region", name="Alerts")).to_contain_text("A battery reports a fault")
    await expect(page.get_by_role("region", name="Also")).to_contain_text("off: PW_HISTORY=no")


async def test_what_a_gateway_does_not_offer_is_no_fault(build, clock, watch):
    """Firmware without vitals: all is well, and what cannot be had is folded, by its name."""
    async with SimulatedGateway(persona="fw23_44", clock=clock.clock) as sim:
        house = await build(sim)
        await house.context.gateway.cache.get([METERS, "/api/system_status/soe", "/api/devices/vitals"])
        page = await watch.open(house.url + "status")

        await expect(page.locator("#headline")).to_have_class("good")
        await page.get_by_text("What this gateway does not report (1)").click()
        await expect(page.locator("#gateways li")).to_contain_text("temperatures, fans, alerts of devices")
        await page.close()
        await house.stop()


async def test_the_status_page_hides_secrets(build, watch):
    """Passwords and the control secret are in no part of the page, open or folded."""
    house = await build(control_secret="a secret of the tests")
    page = await watch.open(house.url + "status")
    await expect(page.locator("#all")).to_contain_text("PW_CONTROL_SECRET")

    content = await page.content()

    assert "a secret of the tests" not in content
    assert ">password<" not in content


async def test_the_status_page_outlives_the_proxy(house, watch):
    """When the proxy itself is gone the page says so and keeps what it knew."""
    watch.forgiven = ("ERR_CONNECTION_REFUSED",)
    await fresh(house)
    page = await watch.open(house.url + "status")
    await expect(page.locator("#headline")).to_contain_text("Readings are")

    await house.stop()

    await expect(page.locator("#headline")).to_contain_text("The proxy cannot be reached")
    await expect(page.locator("#sources")).to_contain_text("/api/system_status/soe")


async def test_the_status_page_polls_only_while_a_page_is_open(house, watch):
    """Every five seconds; behind another tab not at all; on return at once."""
    requested = []
    context = await watch.context()
    await context.clock.install()
    context.on("request", lambda request: request.url.endswith("/health") and requested.append(request.url))
    page = await watch.open(house.url + "status", context=context)
    await until(lambda: len(requested) == 1, TIMEOUT_S)
    await expect(page.locator("#settings tbody tr").first).to_be_attached()

    await page.clock.run_for(5100)
    await until(lambda: len(requested) == 2, TIMEOUT_S)

    await page.evaluate(HIDE, True)
    await page.clock.run_for(30_000)
    assert len(requested) == 2

    await page.evaluate(HIDE, False)
    await until(lambda: len(requested) == 3, TIMEOUT_S)


async def test_the_status_page_speaks_up_only_when_something_is_new(house, watch):
    """A screen reader does not announce every five seconds how old the readings are."""
    await fresh(house)
    context = await watch.context()
    await context.clock.install()
    page = await watch.open(house.url + "status", context=context)
    summary = page.locator("#headline")
    await expect(summary).to_have_attribute("aria-live", "polite")
    said = await summary.text_content()

    await house.pass_time(1)
    await page.clock.run_for(5100)
    await expect(summary).not_to_have_text(said)
    await expect(summary).to_have_attribute("aria-live", "off")

    house.sim.answers(status=500)
    await house.pass_time(60)
    await house.context.gateway.cache.get(["/api/meters/aggregates"])
    await page.clock.run_for(5100)
    await expect(summary).to_have_class("bad")
    await expect(summary).to_have_attribute("aria-live", "polite")
