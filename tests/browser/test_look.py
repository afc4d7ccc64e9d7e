"""How the page looks: sizes, styles, frames."""

from __future__ import annotations

from itertools import combinations, product

import pytest
from playwright.async_api import expect

from proxy.server.pages.appearance import THEMES
from tests.browser.reading import TEXTS, blended, contrast, shows

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

# What makes a see-through drawing legible on an unknown background.
BACKED = """() => {
  const of = (query) => [...document.querySelectorAll(query)].map((it) => getComputedStyle(it));
  const [value] = of("#solar .value");
  return {text: value.fill, outline: value.stroke, outlineWidth: parseFloat(value.strokeWidth),
          lines: of(".edge.on > path:first-child, .ring").map((it) => it.stroke), halos: of(".edge.on > path:first-child").map((it) => it.filter)};
}"""
# Shapes that say something, with their colour and opacity.
GRAPHICS = """() => [[".node > use", "stroke"], [".ring", "stroke"], [".edge > path:first-child", "stroke"], [".track", "stroke"], ["#cells rect", "stroke"], [".mark", "stroke"], [".cap", "fill"]]
  .flatMap(([query, name]) => [...document.querySelectorAll(`#flow ${query}`)]
    .filter((it) => it.closest("#home.active") === null)
    .map((it) => [it.outerHTML, getComputedStyle(it)[name], Number(getComputedStyle(it).opacity)]))"""


@pytest.mark.parametrize(("width", "height"), VIEWPORTS)
async def test_nothing_is_cut_off_or_overlaps(house, watch, width, height):
    """From 200 by 150 to 4K every text is inside the window, clear of the others, and nothing scrolls."""
    house.pin(solar=88800, site=-48800, battery=-12500, generator=0)
    house.sim.gateway.site.problems = ["one"]
    page = await watch.open(house.url, viewport={"width": width, "height": height})
    await shows(page, "grid", "48.8 kW")
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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("style", STYLES)
async def test_every_style_can_be_read(house, watch, style, scheme):
    """Text has at least 4.5 : 1 against its background, or against its outline where there is none."""
    house.sim.gateway.site.problems = ["one"]
    page = await watch.open(f"{house.url}?style={style}", color_scheme=scheme)
    await expect(page.locator("#alerts")).to_be_visible()

    seen = await page.evaluate(COLOURS)

    wanted = STYLES[style]
    canvas = {"light": "rgb(255, 255, 255)", "dark": "rgb(18, 18, 18)"}[scheme]  # Chromium's
    if wanted is None:
        assert seen["page"] == canvas
    else:
        assert seen["page"] == "rgb({}, {}, {})".format(*wanted)
    for text in seen["texts"]:
        behind = text["back"] or ((text["outline"] or canvas) if wanted is None else seen["page"])
        assert contrast(text["fill"], behind) >= 4.5, text
        assert text["opacity"] == "1"


@pytest.mark.parametrize(
    ("declared", "query"),
    [("", "?scheme=light"), ("color-scheme: dark", "?scheme=dark"), ("color-scheme: light dark", "")],
)
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_clear_frame_lets_the_embedder_show_through(house, watch, stranger, declared, query, scheme):
    """In a page of another origin the background of that page is seen around the drawing."""
    page = await watch.open(stranger, color_scheme=scheme)
    watch.allowed.add(house.url.rstrip("/"))
    await page.set_content(
        f"<style>:root{{{declared}}} body{{margin:0;background:#f0f}} iframe{{border:0}}</style>"
        f'<iframe src="{house.url}{query or "?"}&style=clear" width="400" height="300"></iframe>'
    )
    frame = page.frame_locator("iframe")
    await expect(frame.locator("#solar .value")).to_have_text("6.5\u00a0kW")

    corner = await page.screenshot(clip={"x": 2, "y": 2, "width": 1, "height": 1})

    assert await pixel(page, corner) == [255, 0, 255]


async def test_a_clear_frame_can_be_read_on_any_page(house, watch, stranger):
    """Light or dark, declared or not, for visitors of both kinds: text has its outline, lines a halo, nodes a backing."""
    page = await watch.open(stranger)
    watch.allowed.add(house.url.rstrip("/"))
    await page.set_content(
        f'<style></style><iframe src="{house.url}?style=clear" width="400" height="300"></iframe>'
    )
    frame = page.frame_locator("iframe")
    await expect(frame.locator("#solar .value")).to_have_text("6.5\u00a0kW")

    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)
        for background, declared in product(("#fff", "#0d0e11"), ("normal", "light", "dark")):
            style = f":root{{color-scheme:{declared}}} body{{background:{background}}}"
            await page.evaluate("(style) => { document.querySelector('style').textContent = style; }", style)
            seen = await frame.locator("html").evaluate(BACKED)

            assert contrast(seen["text"], seen["outline"]) >= 4.5, (scheme, style)
            assert seen["outlineWidth"] >= 3
            for colour in seen["lines"]:
                assert contrast(blended(colour, seen["outline"], 0.75), seen["outline"]) >= 3, (scheme, style)
            assert all(seen["outline"] in halo for halo in seen["halos"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_what_is_drawn_can_be_distinguished_from_its_background(house, watch, scheme):
    """Graphics have 3 : 1: rings, lines, dotted lines, the fill's edge, also where nothing flows; on every style."""
    page = await watch.open(house.url, color_scheme=scheme)
    await shows(page, "solar", "6.5 kW")
    house.pin(solar=0, site=900, battery=0)

    for style, background in STYLES.items():
        canvas = {"light": (255, 255, 255), "dark": (18, 18, 18)}[scheme]
        behind = "rgb({}, {}, {})".format(*(background or canvas))
        theme = THEMES[style] or scheme
        await page.evaluate(
            "([style, theme]) => Object.assign(document.documentElement.dataset, {style, theme})",
            [style, theme],
        )
        for part, colour, opacity in await page.evaluate(GRAPHICS):
            assert contrast(blended(colour, behind, opacity), behind) >= 3, (style, part)


@pytest.mark.parametrize("style", ["clear", "black"])
async def test_print_is_dark_on_white(house, watch, style):
    """Also from a dark browser, and of a page whose style is black."""
    page = await watch.open(f"{house.url}?style={style}", color_scheme="dark")
    await shows(page, "solar", "6.5 kW")

    await page.emulate_media(media="print")

    assert (
        await pixel(page, await page.screenshot(clip={"x": 2, "y": 2, "width": 1, "height": 1})) == [255] * 3
    )
    for text in (await page.evaluate(COLOURS))["texts"]:
        assert contrast(text["fill"], "rgb(255, 255, 255)") >= 4.5, text


@pytest.mark.parametrize("runs_script", [True, False], ids=["with script", "without script"])
@pytest.mark.parametrize(
    ("scheme", "theme"), [("dark", ""), ("light", ""), ("light", "dark"), ("dark", "light")]
)
async def test_a_clear_page_in_no_frame_suits_its_reader(house, watch, runs_script, scheme, theme):
    """Opened by itself it is dark where its text is light, and light where that is dark."""
    page = await watch.open(
        f"{house.url}?style=clear&theme={theme}", color_scheme=scheme, java_script_enabled=runs_script
    )
    text = page.locator("#solar .value" if runs_script else "#values td >> nth=0")
    await expect(text).to_have_text("6.5\u00a0kW")

    behind = await pixel(page, await page.screenshot(clip={"x": 2, "y": 2, "width": 1, "height": 1}))
    colour = await text.evaluate(
        "(it, name) => getComputedStyle(it)[name]", "fill" if runs_script else "color"
    )

    assert contrast(colour, "rgb({}, {}, {})".format(*behind)) >= 4.5


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


async def test_an_idle_node_is_led_to_the_others_by_dots(house, watch):
    """A thin dotted line shows where power could flow; where it does, the line alone is seen."""
    house.pin(solar=0, site=900, battery=0)
    page = await watch.open(house.url)
    await shows(page, "grid", "900 W")

    for name, display in {"solar": "inline", "grid": "none", "home": "none", "battery": "inline"}.items():
        await expect(page.locator(f".track.{name}")).to_have_css("display", display)
