"""How the page looks: sizes, styles, frames, motion, states (brief, checks 7, 8, 9, 10, 19)."""

from __future__ import annotations

import re
from itertools import combinations

import pytest
from playwright.async_api import expect

from proxy.sim.faults import Fault
from tests.browser.conftest import SCREENSHOTS
from tests.browser.reading import comes_to_show, says, shows, state

pytestmark = pytest.mark.asyncio(loop_scope="session")

VIEWPORTS = [(200, 150), (200, 300), (320, 240), (450, 350), (800, 200), (1920, 1080), (3840, 2160)]
STYLES = {
    "clear": None,
    "solar": None,
    "black": (0, 0, 0),
    "dakboard": (0, 0, 0),
    "grafana": (0x16, 0x17, 0x19),
    "grafana-dark": (0x11, 0x12, 0x17),
    "white": (255, 255, 255),
}
# Visible texts of the drawing with their boxes on the screen.
TEXTS = """() => [...document.querySelectorAll("#flow text")]
  .filter((text) => text.getClientRects().length && text.textContent)
  .map((text) => { const {left, top, right, bottom} = text.getBoundingClientRect();
                   return {text: text.textContent, left, top, right, bottom}; })"""
# Visible texts with the colours that matter for reading them, and the page's own background.
COLOURS = """() => ({
  page: getComputedStyle(document.documentElement).backgroundColor,
  texts: [...document.querySelectorAll("#flow text")]
    .filter((text) => text.getClientRects().length && text.textContent)
    .map((text) => {
      const style = getComputedStyle(text);
      const disc = text.closest(".badge")?.querySelector("circle");
      return {text: text.textContent, fill: style.fill, opacity: style.opacity,
              outline: parseFloat(style.strokeWidth) > 0 && style.stroke !== "none" ? style.stroke : null,
              back: disc ? getComputedStyle(disc).fill : null};
    })})"""


@pytest.mark.parametrize(("width", "height"), VIEWPORTS)
async def test_nothing_is_cut_off_or_overlaps(house, watch, width, height):
    """From 200 by 150 to 4K every text is inside the window, clear of the others, and nothing scrolls."""
    house.pin(solar=88800, site=-48800, battery=-12500, generator=0)
    house.sim.gateway.site.problems = ["one"]
    page = await watch.open(house.url, viewport={"width": width, "height": height})
    await shows(page, "grid", "−48.8 kW")
    await expect(page.locator("#alerts")).to_be_visible()

    boxes = await page.evaluate(TEXTS)
    scrolls = await page.evaluate(
        "() => [document.documentElement, document.body].some("
        "(it) => it.scrollWidth > innerWidth || it.scrollHeight > innerHeight)"
    )

    assert len(boxes) >= 5
    for box in boxes:
        assert min(box["left"], box["top"], width - box["right"], height - box["bottom"]) >= 0, box
    for one, other in combinations(boxes, 2):
        apart = (
            one["right"] <= other["left"]
            or other["right"] <= one["left"]
            or one["bottom"] <= other["top"] + 1
            or other["bottom"] <= one["top"] + 1
        )
        assert apart, (one, other)
    assert not scrolls


def luminance(colour: str) -> float:
    """Relative luminance of an rgb() colour (WCAG 2)."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast of two colours (WCAG 2): 1 to 21."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("style", STYLES)
async def test_every_style_can_be_read(house, watch, style, scheme):
    """Text has at least 4.5 : 1 against its background, or against its outline where there is none."""
    house.sim.gateway.site.problems = ["one"]
    page = await watch.open(f"{house.url}?style={style}", color_scheme=scheme)
    await expect(page.locator("#alerts")).to_be_visible()

    seen = await page.evaluate(COLOURS)

    wanted = STYLES[style]
    if wanted is None:
        assert seen["page"] == "rgba(0, 0, 0, 0)"
    else:
        assert seen["page"] == "rgb({}, {}, {})".format(*wanted)
    for text in seen["texts"]:
        behind = text["back"] or (text["outline"] if wanted is None else seen["page"])
        assert contrast(text["fill"], behind) >= 4.5, text
        assert text["opacity"] == "1"


@pytest.mark.parametrize(
    ("declared", "query"), [("", ""), ("color-scheme: dark", "?scheme=dark"), ("color-scheme: light", "")]
)
async def test_a_clear_frame_lets_the_embedder_show_through(house, watch, declared, query):
    """In a page of another origin the background of that page is seen around the drawing."""
    page = await watch.open(house.url.replace("127.0.0.1", "localhost") + "version")
    watch.allowed.add(house.url.rstrip("/"))
    await page.set_content(
        f"<style>:root{{{declared}}} body{{margin:0;background:#f0f}} iframe{{border:0}}</style>"
        f'<iframe src="{house.url}{query or "?"}&style=clear" width="400" height="300"></iframe>'
    )
    frame = page.frame_locator("iframe")
    await expect(frame.locator("#solar .value")).to_have_text("6.5\u00a0kW")

    corner = await page.screenshot(clip={"x": 2, "y": 2, "width": 1, "height": 1})

    assert await pixel(page, corner) == [255, 0, 255]


async def pixel(page, png: bytes) -> list[int]:
    """The colour of a picture of one pixel."""
    import base64

    return await page.context.pages[0].evaluate(
        """async (data) => {
          const image = await createImageBitmap(new Blob([Uint8Array.from(atob(data), (c) => c.charCodeAt(0))]));
          const canvas = new OffscreenCanvas(1, 1).getContext("2d");
          canvas.drawImage(image, 0, 0);
          return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
        }""",
        base64.b64encode(png).decode(),
    )


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
        "Grid": "−2.1 kW",
        "Home": "900 W",
        "Battery": "−3.5 kW",
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
    for _ in range(4):
        await page.keyboard.press("Tab")
        reached.append(await page.evaluate("() => document.activeElement.getAttribute('aria-label')"))

    assert [name.replace("\u00a0", " ") for name in reached] == [
        "Solar 6.5 kW",
        "Grid −2.1 kW",
        "Home 900 W",
        "Battery −3.5 kW",
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
    await says(page, "Gateway resting")


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


async def test_zoomed_in_four_times_nothing_is_lost(house, watch):
    """At 400 % a window of 1280 by 800 is 320 by 200 to the page: all numbers are still there."""
    page = await watch.open(house.url, viewport={"width": 320, "height": 200}, device_scale_factor=4)
    await shows(page, "solar", "6.5 kW")

    texts = [box["text"].replace("\u00a0", " ") for box in await page.evaluate(TEXTS)]

    assert {"6.5 kW", "−2.1 kW", "900 W", "−3.5 kW", "47 %"} <= set(texts)


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


@pytest.mark.parametrize(
    ("width", "height", "text", "scale"),
    [(200, 150, "24px", 1), (450, 350, "17px", 1), (1280, 800, "16px", 1), (3840, 2160, "16px", 0.8)],
)
async def test_text_and_lines_suit_the_size(house, watch, width, height, text, scale):
    """Small frames have larger text for the drawing, and walls have finer lines."""
    page = await watch.open(house.url, viewport={"width": width, "height": height})
    await shows(page, "solar", "6.5 kW")

    await expect(page.locator("#solar .value")).to_have_css("font-size", text)
    width = scale * (1.5 + 2.5 * 0.35**0.5)
    await page.wait_for_function(
        "(width) => Math.abs(parseFloat("
        "getComputedStyle(document.querySelector('[data-edge=s2b] path')).strokeWidth) - width) < 0.01",
        arg=width,
    )


async def test_an_idle_node_is_led_to_the_others_by_dots(house, watch):
    """A thin dotted line shows where power could flow; where it does, the line alone is seen."""
    house.pin(solar=0, site=900, battery=0)
    page = await watch.open(house.url)
    await shows(page, "grid", "900 W")

    for name, display in {"solar": "inline", "grid": "none", "home": "none", "battery": "inline"}.items():
        await expect(page.locator(f".track.{name}")).to_have_css("display", display)


async def an_outage(house, page):
    house.pin(solar=0, site=0, battery=1400, islanded=True)
    await house.pass_time(5)
    await says(page, "Grid outage")


async def a_chosen_island(house, page):
    house.pin(solar=600, site=0, battery=800)
    house.sim.plant.contactor.open(house.sim.plant.seconds)
    await house.pass_time(5)
    await house.pass_time(70)
    await says(page, "Off-grid")


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
    await expect(page.locator("#alerts")).to_have_text("2")
    await expect(page.locator("#services")).to_be_visible()


async def nothing_flows(house, page):
    house.pin(solar=0, site=20, battery=0)
    await house.pass_time(5)
    await shows(page, "grid", "20 W")
    await expect(page.locator(".edge.on")).to_have_count(0)


async def a_normal_day(house, page):
    await shows(page, "solar", "6.5 kW")


async def old_readings(house, page):
    house.sim.answers(status=500)
    await house.pass_time(20)
    await page.clock.fast_forward(20_000)
    await state(page, "stale")


async def a_resting_gateway(house, page):
    house.sim.answers(status=429, headers={"Retry-After": "600"})
    await house.pass_time(20)
    await page.clock.fast_forward(20_000)
    await says(page, "Gateway resting, next try in")


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
    a_resting_gateway,
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
