"""What a page shows, as a person would see it."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress

from playwright.async_api import Page, expect

# What has no limit of its own may take this long: it is slow only on a machine that is busy.
TIMEOUT_S = 60.0
# A page is shown or not as the browser says; here a test says it.
HIDE = """(hidden) => {
  Object.defineProperty(document, "hidden", {configurable: true, get: () => hidden});
  document.dispatchEvent(new Event("visibilitychange"));
}"""
# Whether anything is wider than the window.
WIDE = "() => document.documentElement.scrollWidth > innerWidth"
# Visible texts of the drawing with their boxes on the screen.
TEXTS = """() => [...document.querySelectorAll("#flow text")]
  .filter((text) => text.getClientRects().length && text.textContent)
  .map((text) => { const {left, top, right, bottom} = text.getBoundingClientRect();
                   return {text: text.textContent, left, top, right, bottom}; })"""


async def shown(page: Page) -> dict:
    """Numbers by node, names of the visible edges, the sentence, the note."""
    return await page.evaluate(
        """() => {
          const visible = (node) => node.getClientRects().length > 0;
          const values = {};
          for (const node of document.querySelectorAll(".node"))
            if (visible(node)) values[node.id] = node.querySelector(".value").textContent.replaceAll("\\u00a0", " ");
          return {
            values,
            edges: [...document.querySelectorAll(".edge.on")].map((edge) => edge.dataset.edge).sort(),
            sentence: document.getElementById("desc").textContent.replaceAll("\\u00a0", " "),
            title: document.getElementById("title").textContent.replaceAll("\\u00a0", " "),
            note: document.getElementById("note").textContent.replaceAll("\\u00a0", " "),
            state: document.documentElement.dataset.state,
          };
        }"""
    )


async def says(page: Page, text: str, seconds: float = TIMEOUT_S) -> None:
    """Wait until the line at the bottom says this."""
    await expect(page.locator("#note")).to_contain_text(text.replace(" s", "\u00a0s"), timeout=seconds * 1000)


async def shows(page: Page, node: str, value: str, seconds: float = TIMEOUT_S) -> None:
    """Wait until a node has this value."""
    wanted = value.replace(" ", "\u00a0")
    await expect(page.locator(f"#{node} .value")).to_have_text(wanted, timeout=seconds * 1000)


async def state(page: Page, name: str, seconds: float = TIMEOUT_S) -> None:
    """Wait until the page is in this state."""
    await expect(page.locator("html")).to_have_attribute("data-state", name, timeout=seconds * 1000)


async def comes_to_show(house, page: Page, node: str, value: str) -> None:
    """Let time pass for the house, at most some minutes, until a node has this value.

    Not all at once: a browser that had no chance to read would seem to have stalled.
    """
    for _ in range(30):
        await house.pass_time(5)
        with suppress(AssertionError):
            await shows(page, node, value, seconds=0.3)
            return
    await shows(page, node, value)


async def old_readings(house, page):
    house.sim.answers(status=500)
    await house.pass_time(10)
    await page.clock.fast_forward(10_000)
    await state(page, "stale")


async def forward(page: Page, **facts) -> None:
    """Give a page what a leading page would forward: the readings it has, with these facts changed."""
    await page.evaluate(
        """(facts) => {
          const channel = new BroadcastChannel(new URL("events", location));
          const base = JSON.parse(document.getElementById("snapshot").textContent);
          const last = {...base, id: "given", ...facts};
          const announce = () => channel.postMessage({kind: "here", id: -1, isUp: true, last, heard: 1, since: 0});
          announce();
          setInterval(announce, 3000);  // a leader that falls silent is replaced
        }""",
        facts,
    )


async def until(condition, seconds: float) -> None:
    """Wait for something in real time, because browsers live in it."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


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


def blended(colour: str, behind: str, opacity: float) -> str:
    """The colour that is seen where one lies over another."""
    front, back = ([int(part) for part in re.findall(r"\d+", each)[:3]] for each in (colour, behind))
    mixed = (opacity * one + (1 - opacity) * other for one, other in zip(front, back, strict=True))
    return "rgb({}, {}, {})".format(*map(round, mixed))
