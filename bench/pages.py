"""What the power-flow page costs a browser: bytes, requests, time to the first flow, main thread, frames.

``python -m bench pages`` prints the figures. Needs Chromium (apt-get install chromium).
"""

from __future__ import annotations

import asyncio
import math
import os
import shutil
import time
from statistics import median
from typing import Any

from playwright.async_api import Browser, BrowserContext, CDPSession, Page, async_playwright

from bench.goal import Goal, figure_of
from bench.targets import Bench
from proxy.sim.server import SimulatedGateway

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
RUNS = 10
SECONDS = 5
A_DAY_S = 86400
FIRST_FLOW = "() => performance.getEntriesByName('first-flow')[0]?.startTime"
# The chart of the day is loaded when the power flow is drawn.
ALL_LOADED = "() => performance.getEntriesByName('today').length"
# Other pages set no mark; what they show is a number with its unit.
FIRST_NUMBER = r"() => /\d\s*k?W\b/.test(document.body?.innerText) && performance.now()"
FRAMES = """(seconds) => new Promise((done) => {
  let count = 0, started;
  const step = (now) => {
    started ??= now;
    if (now - started >= seconds * 1000) done(count / seconds);
    else { count += 1; requestAnimationFrame(step); }
  };
  requestAnimationFrame(step);
})"""


GOALS = (
    Goal(
        "first load of the page, until the first flow: bytes", figure_of("pages", "first flow KB"), 16, "KB"
    ),
    Goal(
        "first load of the page, until the first flow: requests",
        figure_of("pages", "first flow requests"),
        4,
        "",
    ),
    Goal(
        "first load of the page, with the chart of the day: bytes",
        figure_of("pages", "first visit KB"),
        40,
        "KB",
    ),
    Goal(
        "first load of the page: time to the first flow",
        figure_of("pages", "first flow ms"),
        200,
        "ms",
        per_machine=True,
    ),
    Goal("the same : first value on the page of pypowerwall-server", figure_of("pages", "ratio"), 0.25),
    Goal("open page: main thread", figure_of("pages", "main thread %"), 2, "%", per_machine=True),
    Goal("open page: frames a second", figure_of("pages", "frames a second"), 58, "", at_least=True),
)


class NetworkLog:
    """What a page requests and what comes over the wire, without the stream that stays open."""

    def __init__(self) -> None:
        self.urls: dict[str, str] = {}
        self.times: dict[str, float] = {}
        self.bytes: dict[str, float] = {}
        self.cached: set[str] = set()

    async def attach(self, page: Page) -> None:
        """Listen to a page."""
        session = await page.context.new_cdp_session(page)
        await session.send("Network.enable")
        session.on("Network.requestWillBeSent", self._requested)
        session.on("Network.requestServedFromCache", lambda it: self.cached.add(it["requestId"]))
        session.on("Network.responseReceived", self._answered)
        session.on("Network.loadingFinished", self._finished)

    def _requested(self, it: dict[str, Any]) -> None:
        self.urls[it["requestId"]] = it["request"]["url"]
        self.times[it["requestId"]] = it["timestamp"]

    def _answered(self, it: dict[str, Any]) -> None:
        if it["response"].get("fromDiskCache"):
            self.cached.add(it["requestId"])

    def _finished(self, it: dict[str, Any]) -> None:
        self.bytes[it["requestId"]] = it["encodedDataLength"]

    def sent(self, within_ms: float = math.inf) -> list[str]:
        """Return the requests that went over the wire, so many milliseconds after the first one at most."""
        ends = min(self.times.values()) + within_ms / 1000
        return [
            it
            for it, url in self.urls.items()
            if "/events" not in url and it not in self.cached and self.times[it] <= ends
        ]

    def kilobytes(self, within_ms: float = math.inf) -> float:
        """Return what came over the wire for these requests, heads included."""
        return sum(self.bytes.get(it, 0) for it in self.sent(within_ms)) / 1024


async def open_page(
    context: BrowserContext, url: str, sign: str = FIRST_FLOW
) -> tuple[Page, NetworkLog, float]:
    """Open a page; also return milliseconds until it shows something."""
    page, network = await context.new_page(), NetworkLog()
    await network.attach(page)
    await page.goto(url, wait_until="commit")
    shown = await page.wait_for_function(sign, polling="raf")
    return page, network, await shown.json_value()


async def first_visit(
    browser: Browser, url: str, sign: str = FIRST_FLOW, end: str = ALL_LOADED
) -> tuple[NetworkLog, float]:
    """Visit with an empty cache until ``end``; return what was loaded, and milliseconds until ``sign``."""
    context = await browser.new_context()
    page, network, milliseconds = await open_page(context, url, sign)
    await page.wait_for_load_state("load")
    await page.wait_for_function(end)
    await context.close()
    return network, milliseconds


async def second_visit(browser: Browser, url: str) -> tuple[NetworkLog, float]:
    """Visit with what the first visit left in the cache."""
    context = await browser.new_context()
    page, _, _ = await open_page(context, url)
    await page.close()
    page, network, milliseconds = await open_page(context, url)
    await page.wait_for_load_state("load")
    await context.close()
    return network, milliseconds


async def loading(browser: Browser, plain: str, kept: str, peer: str) -> dict[str, float]:
    """Measure visits, ours and the peer's in turn."""
    cold, theirs = [], []
    for _ in range(RUNS):
        first, milliseconds = await first_visit(browser, plain)
        cold.append(milliseconds)
        if peer:
            other, milliseconds = await first_visit(browser, peer, FIRST_NUMBER, "() => true")
            theirs.append(milliseconds)
    again, warm = await second_visit(browser, plain)
    stored, _ = await second_visit(browser, kept)
    figures = {
        "first flow KB": round(first.kilobytes(cold[-1]), 1),
        "first flow requests": len(first.sent(cold[-1])),
        "first visit KB": round(first.kilobytes(), 1),
        "first visit requests": len(first.sent()),
        "first flow ms": round(median(cold)),
        "first flow ms, worst": round(max(cold)),
        "second visit KB": round(again.kilobytes(), 1),
        "second visit ms": round(warm),
        f"second visit KB, PW_BROWSER_CACHE={A_DAY_S}": round(stored.kilobytes(), 1),
    }
    if peer:
        figures |= {
            "pypowerwall-server: first visit KB": round(other.kilobytes()),
            "pypowerwall-server: first visit requests": len(other.sent()),
            "pypowerwall-server: first number ms": round(median(theirs)),
            "ratio": round(median(a / b for a, b in zip(cold, theirs, strict=True)), 2),
        }
    return figures


async def moving(browser: Browser, url: str) -> dict[str, float]:
    """Measure a page that stands open."""
    context = await browser.new_context()
    page, _, _ = await open_page(context, url)
    session = await context.new_cdp_session(page)
    await session.send("Performance.enable")
    before, started = await busy(session), time.perf_counter()
    await asyncio.sleep(SECONDS)
    share = (await busy(session) - before) / (time.perf_counter() - started)
    heap = (await session.send("Runtime.getHeapUsage"))["usedSize"]
    frames = await page.evaluate(FRAMES, SECONDS)
    await context.close()
    return {
        "main thread %": round(share * 100, 2),
        "frames a second": round(frames, 1),
        "script heap MB": round(heap / 2**20, 1),
    }


async def busy(session: CDPSession) -> float:
    """Seconds of work of the main thread so far."""
    metrics = (await session.send("Performance.getMetrics"))["metrics"]
    return float(next(it["value"] for it in metrics if it["name"] == "TaskDuration"))


def shine(sim: SimulatedGateway) -> None:
    """Make it a sunny day: everything flows from the sun."""
    sim.plant.set_charge(74)
    sim.pin(solar=6500, site=-2100, battery=-3500)


async def run(bench: Bench) -> dict[str, Any]:
    """Measure the page in front of a house on a sunny day."""
    shine(bench.sim)
    targets = [bench.daemon("page"), bench.daemon("kept", PW_BROWSER_CACHE=str(A_DAY_S))]
    targets += [bench.pypowerwall()] if bench.peer else []
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, range(os.cpu_count() or 1))  # a browser has many processes
    try:
        for target in targets:
            await target.start()
        plain, kept, peer = (*(f"http://127.0.0.1:{target.port}/" for target in targets), "")[:3]
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
            figures = await loading(browser, plain, kept, peer) | await moving(browser, plain)
            await browser.close()
    finally:
        os.sched_setaffinity(0, cores)
        for target in targets:
            target.process.stop()
    print("\npage:", figures, flush=True)
    return figures
