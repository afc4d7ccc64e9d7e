"""Take the README's picture of the power-flow page: ``make picture``.

A simulated house on a sunny day, with what it was like until noon, photographed by a headless Chromium.
"""

from __future__ import annotations

import asyncio
import base64
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from playwright.async_api import async_playwright

from proxy.app import build_app, listening
from proxy.config.settings import settings_of
from proxy.history.settings import Past
from proxy.sim.server import SYSTEM_CLOCK, SimulatedGateway

PICTURE = Path(__file__).parents[1] / "docs" / "power-flow.webp"
WIDTH, HEIGHT = 1080, 720
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
QUALITY = 80
DRAWN = (
    "() => performance.getEntriesByName('first-flow').length && performance.getEntriesByName('today').length"
)
DOTS_SPREAD_MS = 1500
HOUR = 12.0


async def photograph(url: str) -> bytes:
    """Open a page and return what it shows as WebP, two pixels to each CSS pixel."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        context = await browser.new_context(
            viewport={"width": WIDTH, "height": HEIGHT},
            device_scale_factor=2,
            locale="en-GB",
            color_scheme="dark",
        )
        page = await context.new_page()
        await page.goto(url)
        await page.wait_for_function(DRAWN)
        await page.wait_for_timeout(DOTS_SPREAD_MS)
        session = await context.new_cdp_session(page)
        taken = await session.send("Page.captureScreenshot", {"format": "webp", "quality": QUALITY})
        await browser.close()
    return base64.b64decode(taken["data"])


async def main() -> None:
    """Start the house and the proxy, and keep the picture."""
    with tempfile.TemporaryDirectory() as folder:
        async with SimulatedGateway(packs=2, host="127.0.0.1") as sim:
            sim.plant.set_charge(82)
            sim.pin(solar=6500, site=-2100, battery=-3500)
            settings = settings_of(
                host=sim.address, password=sim.password, bind_address="127.0.0.1", port=0, state_path=folder
            )
            settings = replace(settings, features=(*settings.features, Past(speed=1, hour=HOUR)))
            async with listening(build_app(settings, SYSTEM_CLOCK), settings) as (_, port):
                PICTURE.write_bytes(await photograph(f"http://127.0.0.1:{port}/"))
    print(f"{PICTURE}: {PICTURE.stat().st_size / 1024:.0f} KB")


if __name__ == "__main__":
    asyncio.run(main())
