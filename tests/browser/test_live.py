"""The page stays right while things go wrong."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from playwright.async_api import expect

from proxy.app import build_app, listening
from proxy.sim.faults import Fault
from tests.browser.reading import HIDE, TIMEOUT_S, comes_to_show, says, shown, shows, state, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

BROKEN = (
    "ERR_CONNECTION_REFUSED",
    "ERR_INCOMPLETE_CHUNKED_ENCODING",
    "ERR_CONNECTION_RESET",
    "ERR_EMPTY_RESPONSE",
)


def streams(house) -> int:
    """Number of event streams that are open now."""
    return house.context.streams


async def test_eight_pages_share_one_stream(house, watch):
    """Eight pages of one browser, which opens six connections at most, all follow on one stream; when its holder closes another takes over."""
    context = await watch.context()
    leader = await watch.open(house.url, context=context)
    await until(lambda: streams(house) == 1, TIMEOUT_S)
    pages = [leader, *[await watch.open(house.url, context=context) for _ in range(7)]]
    for page in pages:
        await shows(page, "solar", "6.5 kW")
    # A page may elect itself while a busy machine keeps the leader from answering; the next beat ends that.
    await until(lambda: streams(house) == 1, TIMEOUT_S)

    house.pin(solar=5400, site=-1000, battery=-3500)
    await house.pass_time(5)
    for page in pages:
        await shows(page, "solar", "5.4 kW")

    house.pin(solar=4300, site=0, battery=-3500)
    await leader.close()
    await house.pass_time(16)  # the heartbeat shows the proxy that the old stream is no more
    for page in pages[1:]:
        await shows(page, "solar", "4.3 kW", seconds=8)  # the limit is 8 s
    await until(lambda: streams(house) == 1, TIMEOUT_S)


async def test_a_leader_that_dies_silently_is_replaced(house, watch):
    """A page that crashes sends no farewell: another one opens the stream after seven seconds of silence."""
    context = await watch.context()
    leader = await watch.open(house.url, context=context)
    await until(lambda: streams(house) == 1, TIMEOUT_S)
    follower = await watch.open(house.url, context=context)
    await shows(follower, "solar", "6.5 kW")

    session = await context.new_cdp_session(leader)
    async with leader.expect_event("crash"):
        crash = asyncio.ensure_future(session.send("Page.crash"))
    house.pin(solar=5400, site=-1000, battery=-3500)
    await house.pass_time(5)

    await shows(follower, "solar", "5.4 kW")
    crash.cancel()


async def test_it_works_in_a_frame_without_storage(house, watch):
    """A sandboxed frame has neither origin nor storage; the page works there, and without complaint."""
    page = await watch.open(house.url.replace("127.0.0.1", "localhost") + "version")
    watch.allowed.add(house.url.rstrip("/"))
    await page.set_content(
        f'<iframe sandbox="allow-scripts" src="{house.url}" width="400" height="300"></iframe>'
    )
    value = page.frame_locator("iframe").locator("#solar .value")
    await expect(value).to_have_text("6.5\u00a0kW")

    house.pin(solar=5400, site=-1000, battery=-3500)
    await until(lambda: streams(house) == 1, TIMEOUT_S)
    await house.pass_time(5)

    await expect(value).to_have_text("5.4\u00a0kW")


async def test_a_restart_of_the_proxy_heals_by_itself(house, watch, clock):
    """Without the server the page says so; when it is back the numbers are too, without a reload."""
    watch.forgiven = BROKEN
    page = await watch.open(house.url)
    await shows(page, "solar", "6.5 kW")
    await until(lambda: streams(house) == 1, TIMEOUT_S)
    port = house.url.rsplit(":", 1)[1].rstrip("/")

    await house.stop()
    await says(page, "No contact with the server")
    await state(page, "lost")

    house.pin(solar=5400, site=-1000, battery=-3500)
    settings = replace(house.context.settings, port=int(port))
    async with listening(build_app(settings, clock.clock), settings):
        await shows(page, "solar", "5.4 kW")
        await state(page, "fresh")


FAULTS = {
    "rate limited": {"status": 429},
    "garbage": {"status": 200, "body": "<html>"},
    "error": {"status": 503},
}


@pytest.mark.parametrize("name", FAULTS)
async def test_an_ailing_gateway_is_seen_and_its_recovery_too(house, watch, name):
    """Readings grey out when they are old, with their age or the next try; they return by themselves."""
    context = await watch.context()
    await context.clock.install()
    page = await watch.open(house.url, context=context)
    await shows(page, "solar", "6.5 kW")

    house.sim.answers(path="/api/*", **FAULTS[name])
    for _ in range(4):
        await house.pass_time(5)
        await page.clock.run_for(5000)
    await state(page, "stale")
    note = (await shown(page))["note"]
    assert " old" in note
    assert (await shown(page))["values"]["solar"] == "6.5 kW"

    house.sim.clear_faults()
    house.pin(solar=5400, site=-1000, battery=-3500)
    await comes_to_show(house, page, "solar", "5.4 kW")
    await state(page, "fresh")


@pytest.mark.parametrize("action", ["hang", "reset", "refuse"])
async def test_a_gateway_that_is_gone_is_seen_and_its_return_too(house, watch, action):
    """After a minute without an answer the numbers are grey, and the page says whom it cannot reach."""
    context = await watch.context()
    await context.clock.install()
    page = await watch.open(house.url, context=context)
    await shows(page, "solar", "6.5 kW")

    house.sim.faults.add(Fault(action=action))
    for _ in range(14):
        await house.pass_time(5)
        await page.clock.run_for(5000)
    await state(page, "expired")
    assert "gateway" in (await shown(page))["note"].lower()

    house.sim.clear_faults()
    house.pin(solar=5400, site=-1000, battery=-3500)
    await comes_to_show(house, page, "solar", "5.4 kW")
    await state(page, "fresh")


async def test_a_page_that_stays_open_does_not_grow(house, watch):
    """After half an hour of one change a second, in a few seconds, heap and number of nodes are what they were."""
    page = await watch.open(house.url)
    await shows(page, "solar", "6.5 kW")
    session = await page.context.new_cdp_session(page)

    async def measure() -> tuple[float, int]:
        await session.send("HeapProfiler.collectGarbage")
        heap = (await session.send("Runtime.getHeapUsage"))["usedSize"]
        return heap, (await session.send("Memory.getDOMCounters"))["nodes"]

    # What a follower gets is what a leader forwards: events come through the channel without waiting.
    feed = """async (count) => {
      const channel = new BroadcastChannel(new URL("events", location));
      const base = JSON.parse(document.getElementById("snapshot").textContent);
      for (let i = 0; i < count; i++) {
        const last = {...base, id: `x${i}`, solar: (i * 37) % 9000, site: ((i * 91) % 6000) - 3000, battery: ((i * 53) % 8000) - 4000};
        channel.postMessage({kind: "here", id: -1, isUp: true, last, heard: i, since: 0});
        if (i % 50 === 49) await new Promise((done) => setTimeout(done));
      }
      channel.close();
    }"""
    await page.evaluate(feed, 500)
    heap, nodes = await measure()
    await page.evaluate(feed, 1800)
    grown, more = await measure()

    # A leak of 100 bytes or one node in a change would be more.
    assert grown - heap < 150_000
    assert more - nodes < 10


async def test_a_hidden_page_is_dormant_and_comes_back_at_once(house, watch):
    """Behind another tab nothing moves and nothing is requested; on return the numbers are those of now."""
    page = await watch.open(house.url)
    await shows(page, "solar", "6.5 kW")
    await until(lambda: streams(house) == 1, TIMEOUT_S)

    await page.evaluate(HIDE, True)
    assert await page.evaluate(MOVING) == 0
    await house.pass_time(16)
    await until(lambda: streams(house) == 0, TIMEOUT_S)

    house.pin(solar=5400, site=-1000, battery=-3500)
    await house.pass_time(5)
    await page.evaluate(HIDE, False)
    await shows(page, "solar", "5.4 kW")
    assert await page.evaluate(MOVING) > 0


MOVING = "() => document.getAnimations().filter((it) => it.playState === 'running' && !(it instanceof CSSTransition)).length"


async def test_a_stream_that_died_in_silence_is_opened_again(house, watch):
    """When not even heartbeats came for 35 s, as after a laptop slept, the page opens another stream."""
    context = await watch.context()
    await context.clock.install()
    opened = []
    context.on("request", lambda request: "/events" in request.url and opened.append(request.url))
    page = await watch.open(house.url, context=context)
    await shows(page, "solar", "6.5 kW")
    await page.clock.run_for(1000)
    await until(lambda: len(opened) == 1, TIMEOUT_S)

    await page.clock.fast_forward(36_000)
    await page.clock.run_for(1000)

    await until(lambda: len(opened) == 2, TIMEOUT_S)


async def test_a_laptop_that_slept_does_not_take_old_readings_for_new(house, watch):
    """Where the page's clock stood still the time of day shows it: another stream is opened, the age is right."""
    opened = []
    context = await watch.context()
    context.on("request", lambda request: "/events" in request.url and opened.append(request.url))
    page = await watch.open(house.url, context=context)
    await until(lambda: len(opened) == 1, TIMEOUT_S)
    house.sim.faults.add(Fault(action="hang"))

    await page.evaluate("() => { const now = Date.now; Date.now = () => now() + 3_600_000; }")

    await until(lambda: len(opened) == 2, TIMEOUT_S)
    await state(page, "fresh")  # the proxy did not sleep: its readings are seconds old

    watch.forgiven = BROKEN
    await house.stop()
    await page.evaluate("() => { const now = Date.now; Date.now = () => now() + 3_600_000; }")
    await expect(page.locator("html")).not_to_have_attribute("data-state", "fresh")
    await says(page, "No contact with the server")
