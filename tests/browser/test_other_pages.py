"""The reference of the API, and what holds for every page beside the power flow."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.conftest import SCREENSHOTS
from tests.browser.daemon import STATES, lost
from tests.browser.reading import WIDE, contrast

pytestmark = pytest.mark.asyncio(loop_scope="session")

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


async def test_the_reference_lists_every_route_and_tries_it(house, watch):
    """All routes are there; a button requests one and shows status, age and body."""
    page = await watch.open(house.url + "docs", viewport={"width": 360, "height": 800})
    openapi = await page.evaluate("async () => (await fetch('openapi.json')).json()")

    paths = await page.locator(".route").evaluate_all("(routes) => routes.map((route) => route.dataset.path)")
    assert set(paths) == {path.replace("{id}", "default") for path in openapi["paths"]}
    route = page.locator('.route[data-path="/aggregates"]')
    await route.locator("summary").first.click()
    await route.get_by_role("button", name="Try it").click()
    reported = route.locator("pre[aria-live]")
    for words in ("200", "age: 0", "cache-status: powerwall-proxy; ", "etag: ", '"instant_power": 6500'):
        await expect(reported).to_contain_text(words)
    assert not await page.evaluate(WIDE)
    await page.screenshot(path=SCREENSHOTS / "docs-360.png")
    await page.set_viewport_size({"width": 1200, "height": 900})
    await page.screenshot(path=SCREENSHOTS / "docs-1200.png")


async def test_a_route_is_found_by_its_words_and_by_its_address(house, watch):
    """The field leaves those that have all words; an address with the route's name opens it."""
    page = await watch.open(house.url + "docs#aggregates")
    await expect(page.locator("#aggregates dl")).to_be_visible()

    await page.get_by_role("searchbox", name="Filter").fill("backup reserve")
    await expect(page.locator('.route[data-path="/control/reserve"]')).to_be_visible()
    await expect(page.locator("#aggregates")).to_be_hidden()
    await expect(page.get_by_role("status")).to_contain_text("routes")


async def test_people_get_a_page_and_programs_a_problem_document(house, watch):
    """A mistyped address in a browser: the reason in words, and where to go from there."""
    watch.forgiven = ("404",)
    page = await watch.open(house.url + "stauts", locale="de-DE")

    await expect(page.get_by_role("heading", level=1)).to_have_text("Das gibt es hier nicht")
    await expect(page.locator("main")).to_contain_text("/stauts is not served here.")
    await expect(page.get_by_role("link", name="Status")).to_have_attribute("href", "/status")
    answer = await page.evaluate("async () => (await fetch('stauts')).headers.get('content-type')")
    assert answer == "application/problem+json"


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

    assert await page.locator("input:not([type=search])").count() == 0
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


async def test_the_example_fits_a_telephone(house, watch):
    """Nothing is wider, and no parameter's name is broken."""
    page = await watch.open(house.url + "example.html", viewport={"width": 320, "height": 800})

    assert not await page.evaluate(WIDE)
    rows = await page.locator("th code").evaluate_all(
        "(names) => names.map((it) => it.getClientRects().length)"
    )
    assert set(rows) == {1}


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


async def test_how_to_embed_is_said_in_the_language_of_the_reader(house, watch):
    page = await watch.open(house.url + "example.html", locale="de-DE")

    await expect(page.get_by_role("heading", level=1)).to_have_text("Energiefluss einbetten")
    await expect(page.locator("main")).to_contain_text("keine Zahlen")
