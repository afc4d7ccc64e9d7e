"""What a visit costs, in bytes and requests (times are measured by bench/pages.py)."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from proxy.sim.server import SimulatedGateway
from tests.browser.reading import TIMEOUT_S, forward, shows, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

COLD_BYTES = 16 * 1024
ANY_PAGE_BYTES = 40 * 1024
DRAWN = "() => performance.getEntriesByName('first-flow').length"


class NetworkLog:
    """Listens to what a page loads, as the network sees it."""

    def __init__(self) -> None:
        self.requests: dict[str, dict] = {}

    async def attach(self, page) -> None:
        session = await page.context.new_cdp_session(page)
        await session.send("Network.enable")
        session.on(
            "Network.requestWillBeSent",
            lambda it: self._note(
                it["requestId"], url=it["request"]["url"], found_by=it["initiator"]["type"]
            ),
        )
        session.on("Network.requestServedFromCache", lambda it: self._note(it["requestId"], cached=True))
        session.on("Network.responseReceived", self._response)
        session.on(
            "Network.loadingFinished", lambda it: self._note(it["requestId"], bytes=it["encodedDataLength"])
        )

    def _response(self, it) -> None:
        response = it["response"]
        cached = response.get("fromDiskCache") or response.get("fromPrefetchCache")
        self._note(it["requestId"], status=response["status"], **({"cached": True} if cached else {}))

    def _note(self, request: str, **facts) -> None:
        self.requests.setdefault(request, {"bytes": 0, "cached": False, "status": None}).update(facts)

    @property
    def streams(self) -> int:
        """How many streams were requested."""
        return sum("/events" in it["url"] for it in self.requests.values())

    @property
    def loaded(self) -> list[dict]:
        """Everything but the stream, which stays open, and what the browser had."""
        return [it for it in self.requests.values() if "/events" not in it["url"] and not it["cached"]]


async def open_page(watch, url, context=None):
    """Open a page and listen to the wire from the start."""
    context = context or await watch.context()
    page = await context.new_page()
    wire = NetworkLog()
    await wire.attach(page)
    await page.goto(url)
    return page, wire


async def test_a_first_visit_is_small(house, watch):
    """Four requests of one origin and 16 KB show the first flow; one stream follows."""
    page, wire = await open_page(watch, house.url)
    await shows(page, "solar", "6.5 kW")
    await until(lambda: wire.streams and house.context.streams, TIMEOUT_S)
    await until(lambda: all(it["bytes"] for it in wire.loaded), TIMEOUT_S)

    assert {urlsplit(it["url"]).netloc for it in wire.requests.values()} == {urlsplit(house.url).netloc}
    assert len(wire.loaded) <= 4
    assert sum(it["bytes"] for it in wire.loaded) <= COLD_BYTES
    assert wire.streams == house.context.streams == 1


@pytest.mark.parametrize("path", ["status", "docs", "example.html"])
async def test_no_page_is_large(house, watch, path):
    """The other pages stay below 40 KB and on their own origin, too."""
    page, wire = await open_page(watch, house.url + path)
    await page.wait_for_load_state("networkidle" if path != "example.html" else "load")

    assert sum(it["bytes"] for it in wire.loaded) <= ANY_PAGE_BYTES
    assert {urlsplit(it["url"]).netloc for it in wire.requests.values()} == {urlsplit(house.url).netloc}


@pytest.mark.parametrize(("seconds", "requested"), [(0, True), (86400, False)])
async def test_files_are_kept_as_the_setting_says(build, watch, seconds, requested):
    """PW_BROWSER_CACHE=0: a reload revalidates files (304); else it sends no request for them."""
    house = await build(browser_cache=seconds)
    context = await watch.context()
    page, _ = await open_page(watch, house.url, context)
    await page.wait_for_function(DRAWN)

    again, wire = await open_page(watch, house.url, context)
    await again.wait_for_function(DRAWN)

    files = [it for it in wire.requests.values() if urlsplit(it["url"]).path.endswith((".css", ".js"))]
    assert len(files) == 2
    for file in files:
        assert file["bytes"] < 600
        assert file["cached"] or requested


async def test_nothing_that_the_first_flow_needs_is_found_out_late(house, watch):
    """The document names all of it and holds the first readings: two round trips, whatever the network takes."""
    page, wire = await open_page(watch, house.url)
    await page.wait_for_function(DRAWN)

    found_by = {urlsplit(it["url"]).path: it["found_by"] for it in wire.requests.values()}
    late = {path: by for path, by in found_by.items() if by not in ("other", "parser")}
    assert set(late) <= {"/events"}


async def test_motion_needs_no_script(build, clock, watch):
    """Three dots on every line that can be active at once are moved by the browser alone: no frame runs our code."""
    async with SimulatedGateway(persona="fw21_44", clock=clock.clock) as gateway:
        house = await build(gateway, style="black")
        house.pin(solar=15000, site=-5000, battery=-5000)
        context = await watch.context(viewport={"width": 500, "height": 300})
        await context.add_init_script(COUNT_FRAMES)
        page = await watch.open(house.url, context=context)
        await shows(page, "solar", "15.0 kW")
        # What no single house can show: all edges at 5 kW and more, as several gateways together would.
        names = ("s2h", "s2b", "s2g", "g2h", "g2b", "b2h", "b2g", "n2h", "n2b")
        await forward(page, generator=6000, edges=dict.fromkeys(names, 6000))
        await page.wait_for_function(f"{RUNNING} === 27")

        requested, frames = await page.evaluate(WATCH_FRAMES)
        assert frames == 30
        assert requested == 0


RUNNING = "document.getAnimations().filter((it) => it.playState === 'running' && !(it instanceof CSSTransition)).length"
# How often a page requests code to run in the next frame, and a page's own clock for thirty frames.
COUNT_FRAMES = """
window.requested = 0;
window.nextFrame = window.requestAnimationFrame.bind(window);
window.requestAnimationFrame = (step) => { window.requested += 1; return window.nextFrame(step); };
"""
WATCH_FRAMES = """() => new Promise((done) => {
  const before = window.requested;
  let frames = 0;
  const step = () => {
    frames += 1;
    if (frames === 30) done([window.requested - before, frames]);
    else window.nextFrame(step);
  };
  window.nextFrame(step);
})"""
