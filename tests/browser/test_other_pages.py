"""The status page and the reference, in every state of the daemon (brief, check 22)."""

from __future__ import annotations

import aiohttp
import pytest
from playwright.async_api import expect

from proxy.app import build_app, listening
from proxy.config.load import load
from proxy.sim.server import SimulatedGateway
from tests.browser.conftest import SCREENSHOTS
from tests.browser.reading import HIDE, PATIENCE_S, until
from tests.browser.test_look import contrast

pytestmark = pytest.mark.asyncio(loop_scope="session")

SECRET = "correct-horse-battery-staple"
WIDE = "() => document.documentElement.scrollWidth > innerWidth"


async def fresh(house):
    await house.context.gateway.get(["/api/meters/aggregates", "/api/system_status/soe"])


async def resting(house):
    await fresh(house)
    house.sim.answers(status=429, headers={"Retry-After": "600"})
    await house.pass_time(6)
    await house.context.gateway.get(["/api/meters/aggregates"])


async def lost(house):
    for path in ("/api/meters/*", "/api/system_status*"):
        house.sim.answers(path=path, status=500)
    await house.context.gateway.get(["/api/meters/aggregates", "/api/system_status/soe"])


STATES = {
    fresh: ("Readings are", "good"),
    resting: ("The gateway rests", "fair"),
    lost: ("No readings: /api/meters/aggregates", "bad"),
}


@pytest.mark.parametrize("width", [320, 360, 1200])  # 320: a window of 1280 at 400 %
@pytest.mark.parametrize("arrange", STATES, ids=lambda arrange: arrange.__name__)
async def test_the_status_page_tells_each_state_on_one_screen(house, watch, arrange, width):
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


async def test_the_status_page_names_what_went_wrong(house, watch):
    """Errors are listed with their path and how often; sources that rest say for how long."""
    await lost(house)
    page = await watch.open(house.url + "status")

    row = page.locator("#errors tr", has_text="/api/meters/aggregates")
    await expect(row).to_contain_text("500")
    await expect(page.locator("#sources")).to_contain_text("/api/meters/aggregates")
    await expect(page.locator("#commands")).to_contain_text("PW_CONTROL_SECRET")


async def test_the_status_page_tells_how_clients_are_served(build, clock, watch):
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

        for word in ("requests/s now", "in 5 minutes", "half within", "95 % within"):
            await expect(page.locator("#figures")).to_contain_text(word)
        for word in (
            "Served fresh",
            "Served stale",
            "Waited for the gateway",
            "Failed",
            "Under way",
            "Pages that",
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
        await expect(page.locator("#gateways")).to_contain_text("1 in the last hour, 1 in all")
        await expect(page.locator("#readings")).to_contain_text("Clock of the gateway")
        await expect(page.locator("#process")).to_contain_text("Version")
        await page.close()  # or it would miss its proxy
        await house.stop()


RULES = """() => {
  const wrong = [];
  const all = (query) => [...document.querySelectorAll(query)];
  const name = (it) => it.getAttribute("aria-label") || it.title || it.textContent.trim() || it.querySelector("title")?.textContent;
  if (!document.documentElement.lang) wrong.push("no language");
  if (!document.title) wrong.push("no title");
  for (const query of ["main", "h1", "header", "nav"]) if (all(query).length !== 1) wrong.push(`${all(query).length} ${query}`);
  for (const it of all("a, button, iframe, summary, svg[role=img]")) if (!name(it)) wrong.push(`no name: ${it.outerHTML}`);
  for (const it of all("th")) if (!it.scope && it.role !== "rowheader") wrong.push(`no scope: ${it.outerHTML}`);
  for (const it of all("[tabindex]")) if (it.tabIndex > 0) wrong.push(`focus out of order: ${it.outerHTML}`);
  let last = 1;
  for (const it of all("h1, h2, h3, h4")) {
    const level = Number(it.tagName[1]);
    if (level > last + 1) wrong.push(`${it.tagName} after H${last}`);
    last = level;
  }
  const ids = all("[id]").map((it) => it.id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) wrong.push(`id twice: ${id}`);
  for (const it of all("[aria-labelledby]")) if (!document.getElementById(it.getAttribute("aria-labelledby"))) wrong.push("label of nothing");
  return wrong;
}"""


@pytest.mark.parametrize("path", ["status", "docs", "example.html"])
async def test_the_other_pages_can_be_heard(house, watch, path):
    """Language, landmarks, headings in order, names of everything that can be used, heads of tables."""
    await lost(house)
    page = await watch.open(house.url + path)
    if path == "status":
        await expect(page.locator("#errors tbody")).to_contain_text("500")

    assert await page.evaluate(RULES) == []
    await page.keyboard.press("Tab")
    assert await page.evaluate("() => document.activeElement.closest('nav') !== null")
    assert await page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle") == "solid"


async def test_the_status_page_names_the_firmware(house, watch):
    """Also when no client has asked for it yet."""
    page = await watch.open(house.url + "status")

    await expect(page.locator("#gateways")).to_contain_text("Firmware21.44")
    await expect(page.locator("#gateways")).to_contain_text("Identity…")


async def test_the_status_page_tells_whether_control_is_on_to_everybody_and_no_more(build, watch):
    """What was set, and from where, is for holders of the secret; the page has no field for it."""
    house = await build(control_secret="tell nobody this")
    page = await watch.open(house.url + "status")

    await expect(page.locator("#commands")).to_contain_text("Control is on.")
    assert await page.locator("input").count() == 0
    assert "commands" not in await page.evaluate("async () => (await fetch('health')).json()")


async def test_the_status_page_tells_where_settings_come_from(clock, watch, tmp_path):
    """Default, file or environment for each; what is odd about them is said below."""
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
        await page.locator("summary").click()

        rows = page.locator("#settings tr")
        await expect(rows.filter(has_text="PW_STYLE")).to_contain_text(str(file))
        await expect(rows.filter(has_text="PW_HOST")).to_contain_text("environment")
        await expect(rows.filter(has_text="PW_TIMEOUT")).to_contain_text("default")
        await expect(page.locator("#warnings")).to_contain_text("PW_ODD is unknown and ignored.")


async def test_the_status_page_hides_secrets(build, watch):
    """Passwords and the control secret are in no part of the page, open or folded."""
    house = await build(control_secret="tell nobody this")
    page = await watch.open(house.url + "status")
    await page.locator("summary").click()
    await expect(page.locator("#settings")).to_contain_text("PW_CONTROL_SECRET")

    content = await page.content()

    assert "tell nobody this" not in content
    assert ">password<" not in content


async def test_the_status_page_outlives_the_proxy(house, watch):
    """When the proxy itself is gone the page says so and keeps what it knew."""
    watch.forgiven = ("ERR_CONNECTION_REFUSED",)
    await fresh(house)
    page = await watch.open(house.url + "status")
    await expect(page.locator("#headline")).to_contain_text("Readings are")

    await house.stop()

    await expect(page.locator("#headline")).to_contain_text("No contact with the proxy")
    await expect(page.locator("#sources")).to_contain_text("/api/system_status/soe")


async def test_the_status_page_asks_only_while_somebody_looks(house, watch):
    """Every five seconds; behind another tab not at all; on return at once."""
    asked = []
    context = await watch.context()
    await context.clock.install()
    context.on("request", lambda request: request.url.endswith("/health") and asked.append(request.url))
    page = await watch.open(house.url + "status", context=context)
    await until(lambda: len(asked) == 1, PATIENCE_S)
    await expect(page.locator("#settings tbody tr").first).to_be_attached()

    await page.clock.run_for(5100)
    await until(lambda: len(asked) == 2, PATIENCE_S)

    await page.evaluate(HIDE, True)
    await page.clock.run_for(30_000)
    assert len(asked) == 2

    await page.evaluate(HIDE, False)
    await until(lambda: len(asked) == 3, PATIENCE_S)


async def test_without_a_gateway_the_status_page_says_what_to_set(build, watch):
    """A proxy that has no gateway yet explains itself."""
    house = await build(host="")
    page = await watch.open(house.url + "status")

    await expect(page.locator("#headline")).to_contain_text("set PW_HOST")


async def test_the_reference_lists_every_route_and_tries_it(house, watch):
    """All routes are there; a button asks for one and shows status, age and body."""
    page = await watch.open(house.url + "docs", viewport={"width": 360, "height": 800})
    openapi = await page.evaluate("async () => (await fetch('openapi.json')).json()")

    paths = await page.locator(".route").evaluate_all("(routes) => routes.map((route) => route.dataset.path)")
    assert set(paths) == set(openapi["paths"])
    route = page.locator('.route[data-path="/aggregates"]')
    await route.locator("summary").first.click()
    await route.get_by_role("button", name="Try it").click()
    told = route.locator("pre[aria-live]")
    for words in ("200", "age: 0", "cache-status: powerwall-proxy; ", "etag: ", '"instant_power": 6500'):
        await expect(told).to_contain_text(words)
    assert not await page.evaluate(WIDE)
    await page.screenshot(path=SCREENSHOTS / "docs-360.png")
    await page.set_viewport_size({"width": 1200, "height": 900})
    await page.screenshot(path=SCREENSHOTS / "docs-1200.png")


@pytest.mark.parametrize("arrange", STATES, ids=lambda arrange: arrange.__name__)
async def test_the_reference_does_not_depend_on_the_gateway(house, watch, arrange):
    """It is there in every state, whole, and no wider than a telephone or a window at 400 %."""
    await arrange(house)
    page = await watch.open(house.url + "docs", viewport={"width": 320, "height": 800})

    await expect(page.locator('.route[data-path="/soe"]')).to_be_visible()
    assert not await page.evaluate(WIDE)


async def test_the_reference_never_puts_a_secret_into_an_address(house, watch):
    """What is copied for a POST has a place for the secret in its body; no field on the page takes it."""
    page = await watch.open(house.url + "docs")

    assert await page.locator("input").count() == 0
    route = page.locator('.route[data-method="POST"]').first
    await route.locator("summary").first.click()
    assert await route.get_by_role("button", name="Try it").count() == 0

    await page.evaluate(
        "() => navigator.clipboard.__proto__.writeText = async (text) => { window.copied = text; }"
    )
    control = page.locator('.route[data-path="/control/reserve"]')
    await control.locator("summary").first.click()
    await control.get_by_role("button", name="Copy POST as curl").click()
    await expect(control.get_by_role("button", name="Copied")).to_be_visible()
    address = f"{house.url}control/reserve"
    assert await page.evaluate("() => window.copied") == (
        f"curl -X POST -d 'value=VALUE' -d 'token=YOUR_SECRET' '{address}'"
    )


async def test_without_script_the_reference_is_complete(house, watch):
    """The list is made by the server; only the buttons are missing."""
    page = await watch.open(house.url + "docs", java_script_enabled=False)

    route = page.locator('.route[data-path="/csv"]')
    await expect(route).to_be_visible()
    assert await page.locator("button").count() == 0

    await route.locator("summary").first.click()
    for name in ("Methods", "Parameters", "Answer", "Made from", "Freshness", "When nothing is known"):
        await expect(route.locator("dt", has_text=name)).to_be_visible()
    await expect(route.locator("pre")).to_be_hidden()
    await route.get_by_text("Example answer").click()
    await expect(route.locator("pre")).to_have_text("-2100.00,900.00,6500.00,-3500.00,74.00")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["status", "docs", "example.html"])
async def test_the_other_pages_can_be_read(house, watch, path, scheme):
    """All text has 4.5 : 1 against its nearest background, by day and by night."""
    page = await watch.open(house.url + path, color_scheme=scheme)
    seen = await page.evaluate(
        """() => {
          const back = (node) => {
            for (let it = node; it; it = it.parentElement) {
              const colour = getComputedStyle(it).backgroundColor;
              if (!/, 0\\)$/.test(colour)) return colour;
            }
          };
          const shown = (node) => node.getClientRects().length && [...node.childNodes].some((it) => it.nodeType === 3 && it.data.trim());
          return [...document.querySelectorAll("body *")].filter(shown).map((node) => [node.textContent.slice(0, 40), getComputedStyle(node).color, back(node)]);
        }"""
    )

    assert len(seen) > 10
    for text, colour, behind in seen:
        assert contrast(colour, behind) >= 4.5, (text, colour, behind)


async def test_the_gateways_own_app_runs_behind_the_proxy(house, watch):
    """/gateway hands the gateway's pages through: its script finds its files and the readings."""
    page = await watch.open(house.url + "gateway")

    await expect(page.locator("#solar")).to_have_text("6500")
    await expect(page.locator("#login")).to_be_hidden()
    cookies = {cookie["name"]: cookie["value"] for cookie in await page.context.cookies()}
    assert cookies == {"AuthCookie": "1234567890", "UserRecord": "1234567890"}
