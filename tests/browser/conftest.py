"""A real browser in front of a real proxy in front of a simulated house.

One Chromium serves the whole session; everything runs in one event loop, so that a test
can advance the time of proxy and gateway. The browser's own time passes as usual, unless
a test installs Playwright's clock. Each page is watched: an error on its console, a
violation of its security policy or a request to anywhere else fails the test.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from proxy.app import build_app, listening
from proxy.config.settings import settings_of
from proxy.server.context import CONTEXT, Context
from proxy.sim.server import SimulatedGateway
from tests.browser.reading import TIMEOUT_S
from tests.clock import TestClock, pass_time
from tests.quiet import QUIET

# What has no limit of its own may take long: it is slow only on a machine that is busy.
expect.set_options(timeout=TIMEOUT_S * 1000)

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--disable-extensions",
    "--metrics-recording-only",
    "--no-first-run",
    "--no-pings",
    "--disable-dev-shm-usage",
]
SCREENSHOTS = Path(__file__).with_name("screenshots")
# The same engine without windows; it takes half the time.
PROGRAMS = ("chromium-headless-shell", "chromium")
MISSING = "Chromium is missing: run apt-get install chromium-headless-shell (or leave out tests/browser with make check)"


@dataclass
class House:
    """A proxy, the gateway behind it, and the time of both."""

    url: str
    sim: SimulatedGateway
    clock: TestClock
    context: Context
    stop: Callable = field(repr=False)

    def pin(self, *, islanded: bool = False, **watts: float | None) -> None:
        """Hold the meters at values, and the grid up or away."""
        contactor, now = self.sim.plant.contactor, self.sim.plant.seconds
        (contactor.lose_grid if islanded else contactor.return_grid)(now, at_once=True)
        self.sim.pin(**{"solar": 0.0, "site": None, "battery": 0.0, "load": None, "generator": None, **watts})

    def lacks(self, part: str) -> None:
        """Let this be a site without battery, or without sun."""
        powers = {"solar": 900, "site": 300, "battery": 0, "load": 1200, part: 0}
        energies = {
            name: dict.fromkeys(("energy_imported", "energy_exported"), 0 if name == part else 1000)
            for name in powers
        }
        meters = {name: {"instant_power": power, **energies[name]} for name, power in powers.items()}
        self.sim.answers(path="/api/meters/aggregates", body=meters)
        charge = None if part == "battery" else 60
        self.sim.answers(path="/api/system_status/soe", body={"percentage": charge})

    async def pass_time(self, seconds: float) -> None:
        """Let time pass for proxy and gateway, and what it sets off happen."""
        await pass_time(self.clock, self, seconds)


@dataclass
class Watch:
    """Opens pages and writes down what they must not do."""

    browser: Browser
    stack: AsyncExitStack
    complaints: list[str] = field(default_factory=list)
    allowed: set[str] = field(default_factory=set)
    forgiven: tuple[str, ...] = ()

    async def context(self, **options) -> BrowserContext:
        """A browser profile of its own; ``options`` are Playwright's."""
        context = await self.browser.new_context(**{"locale": "en-GB", **options})
        self.stack.push_async_callback(context.close)
        return context

    async def open(self, url: str, *, context: BrowserContext | None = None, **options) -> Page:
        """Open a page and watch it."""
        context = context or await self.context(**options)
        page = await context.new_page()
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(url))
        self.allowed.add(origin)
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("console", self._console)
        page.on("request", self._request)
        await page.goto(url)
        return page

    def _console(self, message) -> None:
        if message.type in {"error", "warning"} and not any(word in message.text for word in self.forgiven):
            self.complaints.append(f"console: {message.text}")

    def _request(self, request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in {"http", "https"} and f"{parts.scheme}://{parts.netloc}" not in self.allowed:
            self.complaints.append(f"request elsewhere: {request.url}")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The one browser of the session."""
    path = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if path is None:
        pytest.fail(MISSING)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def clock() -> TestClock:
    return TestClock(asyncio.get_running_loop())


@pytest_asyncio.fixture(loop_scope="session")
async def sim(clock) -> AsyncIterator[SimulatedGateway]:
    async with SimulatedGateway(persona="fw21_44", clock=clock.clock, packs=2) as gateway:
        yield gateway


@pytest_asyncio.fixture(loop_scope="session")
async def build(clock, sim, tmp_path) -> AsyncIterator[Callable]:
    """Start proxies of the house: ``await build(style="black")``."""
    async with AsyncExitStack() as stack:

        async def build(gateway: SimulatedGateway = sim, **settings) -> House:
            made = settings_of(
                **{
                    "host": gateway.address,
                    "password": "password",
                    "bind_address": "127.0.0.1",
                    "port": 0,
                    "state_path": str(tmp_path / f"state{gateway.port}"),
                    **QUIET,
                    **settings,
                }
            )
            app = build_app(made, clock.clock)
            own = await stack.enter_async_context(AsyncExitStack())
            _, port = await own.enter_async_context(listening(app, made))
            return House(f"http://127.0.0.1:{port}/", gateway, clock, app[CONTEXT], own.aclose)

        yield build


@pytest_asyncio.fixture(loop_scope="session")
async def house(build) -> House:
    """A house on a sunny day, seen through a proxy with default settings on black."""
    made = await build(style="black")
    made.pin(solar=6500, site=-2100, battery=-3500)
    return made


@pytest_asyncio.fixture(loop_scope="session")
async def watch(browser, build) -> AsyncIterator[Watch]:
    """Opens pages; at the end none of them may have complained or looked elsewhere."""
    async with AsyncExitStack() as stack:
        watch = Watch(browser, stack)
        yield watch
    assert watch.complaints == []


@pytest_asyncio.fixture(loop_scope="session")
async def stranger():
    """A site that has nothing to do with the proxy: another port is another origin."""

    async def page(_: web.Request) -> web.Response:
        return web.Response(
            text="<!doctype html><title>A gadget</title><link rel=icon href='data:,'><body>",
            content_type="text/html",
        )

    app = web.Application()
    app.router.add_get("/", page)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    await runner.cleanup()
