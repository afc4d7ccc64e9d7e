"""What the power-flow page costs a browser: bytes, requests, time to the first flow, main thread, frames.

    python bench/pages.py                    print the figures
    python bench/pages.py --picture FILE     also take the README's picture

Needs Chromium (apt-get install chromium). Proxy and simulated house run in this process.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import tempfile
import time
from pathlib import Path
from statistics import median

from playwright.async_api import Browser, BrowserContext, CDPSession, Page, async_playwright

from proxy.app import build_app, listening
from proxy.config.settings import Settings
from proxy.sim.server import SimulatedGateway

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
RUNS = 10
SECONDS = 5
A_DAY_S = 86400
FIRST_FLOW = "() => performance.getEntriesByName('first-flow')[0]?.startTime"
FRAMES = """(seconds) => new Promise((done) => {
  let count = 0, started;
  const step = (now) => {
    started ??= now;
    if (now - started >= seconds * 1000) done(count / seconds);
    else { count += 1; requestAnimationFrame(step); }
  };
  requestAnimationFrame(step);
})"""


class Wire:
    """What one page loads: requests and bytes, without the stream that stays open."""

    def __init__(self) -> None:
        self.urls: dict[str, str] = {}
        self.bytes: dict[str, float] = {}
        self.cached: set[str] = set()

    async def attach(self, page: Page) -> None:
        """Listen to a page."""
        session = await page.context.new_cdp_session(page)
        await session.send("Network.enable")
        session.on("Network.requestWillBeSent", self._asked)
        session.on("Network.requestServedFromCache", lambda it: self.cached.add(it["requestId"]))
        session.on("Network.responseReceived", self._answered)
        session.on("Network.loadingFinished", self._finished)

    def _asked(self, it: dict) -> None:
        self.urls[it["requestId"]] = it["request"]["url"]

    def _answered(self, it: dict) -> None:
        if it["response"].get("fromDiskCache"):
            self.cached.add(it["requestId"])

    def _finished(self, it: dict) -> None:
        self.bytes[it["requestId"]] = it["encodedDataLength"]

    def __str__(self) -> str:
        """Say what went over the wire."""
        asked = [it for it, url in self.urls.items() if "/events" not in url and it not in self.cached]
        return f"{sum(self.bytes.get(it, 0) for it in asked) / 1024:.1f} KB in {len(asked)} requests"


async def visit(context: BrowserContext, url: str) -> tuple[Page, Wire, float]:
    """Open the page; also return milliseconds to the first flow."""
    page, wire = await context.new_page(), Wire()
    await wire.attach(page)
    await page.goto(url)
    await page.wait_for_function(FIRST_FLOW)
    return page, wire, await page.evaluate(FIRST_FLOW)


async def loading(browser: Browser, plain: str, kept: str) -> None:
    """Measure visits with an empty and with a filled cache."""
    cold, warm = [], []
    for _ in range(RUNS):
        context = await browser.new_context()
        page, first, milliseconds = await visit(context, plain)
        cold.append(milliseconds)
        await page.close()
        _, second, milliseconds = await visit(context, plain)
        warm.append(milliseconds)
        await context.close()
    context = await browser.new_context()
    await visit(context, kept)
    _, third, _ = await visit(context, kept)
    await context.close()
    print(f"first visit                    {first}")
    print(f"second, PW_BROWSER_CACHE=0     {second}")
    print(f"second, PW_BROWSER_CACHE={A_DAY_S} {third}")
    print(f"first flow, empty cache        {median(cold):.0f} ms (worst of {RUNS}: {max(cold):.0f} ms)")
    print(f"first flow, filled cache       {median(warm):.0f} ms")


async def moving(browser: Browser, url: str) -> None:
    """Measure a page that stands open."""
    context = await browser.new_context()
    page, _, _ = await visit(context, url)
    session = await context.new_cdp_session(page)
    await session.send("Performance.enable")
    before, started = await busy(session), time.perf_counter()
    await asyncio.sleep(SECONDS)
    share = (await busy(session) - before) / (time.perf_counter() - started)
    heap = (await session.send("Runtime.getHeapUsage"))["usedSize"]
    print(f"main thread                    {share:.2%} of a core")
    print(f"frames                         {await page.evaluate(FRAMES, SECONDS):.0f} per second")
    print(f"script heap                    {heap / 2**20:.1f} MB")
    await context.close()


async def busy(session: CDPSession) -> float:
    """Seconds of work of the main thread so far."""
    metrics = (await session.send("Performance.getMetrics"))["metrics"]
    return next(it["value"] for it in metrics if it["name"] == "TaskDuration")


async def picture(browser: Browser, url: str, path: Path) -> None:
    """Take the picture of the README."""
    context = await browser.new_context(viewport={"width": 800, "height": 500}, locale="en-GB")
    page, _, _ = await visit(context, f"{url}?style=black")
    await page.wait_for_function("() => document.getElementById('note').textContent")
    await page.wait_for_timeout(1500)
    await page.screenshot(path=path)
    print(f"picture                        {path}")


async def main(path: Path | None) -> None:
    """Start a house and two proxies, and measure."""
    with tempfile.TemporaryDirectory() as folder:
        async with SimulatedGateway(packs=2) as sim, async_playwright() as playwright:
            sim.plant.set_charge(74)
            sim.pin(solar=6500, site=-2100, battery=-3500)
            first, second = (
                Settings(
                    host=sim.address,
                    password=sim.password,
                    bind_address="127.0.0.1",
                    port=0,
                    state_path=f"{folder}/{kept}",
                    browser_cache=kept,
                )
                for kept in (0, A_DAY_S)
            )
            async with listening(build_app(first), first) as one, listening(build_app(second), second) as two:
                chromium = shutil.which("chromium")
                browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
                plain, kept = (f"http://127.0.0.1:{port}/" for _, port in (one, two))
                await loading(browser, plain, kept)
                await moving(browser, plain)
                if path:
                    await picture(browser, plain, path)
                await browser.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measure the power-flow page in Chromium.")
    parser.add_argument("--picture", type=Path, help="also write the README's picture to this file")
    asyncio.run(main(parser.parse_args().picture))
