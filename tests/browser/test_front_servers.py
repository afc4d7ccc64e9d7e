"""The page behind a front server that holds streams back, or serves it below a prefix."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from aiohttp import web
from playwright.async_api import expect

from tests.browser.reading import TIMEOUT_S, shows, state, until

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def front():
    """Make a front server: it passes requests on below a prefix, and may hold streams back."""

    def make(target: str, prefix: str = "/", *, buffers: bool = False, **sent: str):
        released = asyncio.Event()

        async def release(_) -> None:
            released.set()

        def accepted(request: web.Request) -> dict[str, str]:
            return {name: text for name, text in request.headers.items() if name.startswith("Accept")}

        async def handle(request: web.Request) -> web.StreamResponse:
            path = request.match_info["path"]
            async with (
                aiohttp.ClientSession(auto_decompress=False) as client,
                client.get(
                    target + path,
                    params=request.query,
                    headers={**accepted(request), "Accept-Encoding": "gzip", **sent},
                ) as answer,
            ):
                headers = {
                    k: v
                    for k, v in answer.headers.items()
                    if k not in {"Transfer-Encoding", "Content-Length"}
                }
                response = web.StreamResponse(status=answer.status, headers=headers)
                if buffers and path == "events":
                    await released.wait()
                await response.prepare(request)
                async for chunk in answer.content.iter_any():
                    await response.write(chunk)
                return response

        app = web.Application()
        app.router.add_get(prefix + "{path:.*}", handle)
        app.on_shutdown.append(release)
        return app

    return make


async def serve(app, stack) -> str:
    """Serve an app on loopback for the rest of a test."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return "http://{}:{}".format(*runner.addresses[0][:2])


async def test_a_front_server_that_holds_the_stream_back_is_polled(house, watch, front):
    """When nothing comes through the stream the page polls every few seconds instead, within 15 s."""
    address = await serve(front(house.url, buffers=True), watch.stack)
    context = await watch.context()
    await context.clock.install()
    page = await watch.open(address + "/", context=context)
    await shows(page, "solar", "6.5 kW")

    await page.clock.run_for(9500)
    house.pin(solar=5400, site=-1000, battery=-3500)
    await house.pass_time(5)
    await page.clock.run_for(5000)

    await shows(page, "solar", "5.4 kW")
    await state(page, "fresh")


async def test_any_prefix_works_without_a_setting(house, watch, front):
    """Behind a front server that strips /a/b/, page, stream, status and reference work."""
    address = await serve(front(house.url, "/a/b/"), watch.stack)
    page = await watch.open(f"{address}/a/b/")
    await shows(page, "solar", "6.5 kW")
    await until(lambda: house.context.streams == 1, TIMEOUT_S)
    house.pin(solar=5400, site=-1000, battery=-3500)
    await house.pass_time(5)
    await shows(page, "solar", "5.4 kW")

    status = await watch.open(f"{address}/a/b/status")
    await expect(status.locator("#headline")).to_contain_text("Readings are")
    docs = await watch.open(f"{address}/a/b/docs")
    await docs.get_by_text("/soe", exact=True).first.click()
    await docs.locator(".route[data-path='/soe']").get_by_role("button", name="Try it").click()
    await expect(docs.locator(".route[data-path='/soe'] pre[aria-live]")).to_contain_text("percentage")


async def test_in_the_sidebar_of_home_assistant_everything_is_below_the_prefix(build, watch, front):
    """
    Home Assistant shows the page in a frame of its own, under a name of the Internet, and strips the
    prefix: power flow, stream and status work, and no link or picture leads to Home Assistant instead.
    """
    prefix, outside = "/api/hassio_ingress/Zx9_8-7/", []
    watch.forgiven = ("Failed to load resource",)  # the page that is not there
    house = await build(ingress="127.0.0.1", style="black")
    house.pin(solar=6500, site=-2100, battery=-3500)
    app = front(house.url, prefix, Host="home.example", **{"X-Ingress-Path": prefix.rstrip("/")})

    async def sidebar(request: web.Request) -> web.Response:
        if request.path != "/":
            outside.append(request.path)
        frame = f'<iframe src="{prefix}" style="width: 100%; height: 90vh"></iframe>'
        icon = "<link rel=icon href='data:,'>"
        return web.Response(text=f"<!doctype html><title>Home</title>{icon}{frame}", content_type="text/html")

    app.router.add_get("/{path:.*}", sidebar)
    page = await watch.open(await serve(app, watch.stack) + "/")
    frame = page.frame_locator("iframe")
    await shows(frame, "solar", "6.5 kW")
    await until(lambda: house.context.streams == 1, TIMEOUT_S)
    house.pin(solar=5400, site=-1000, battery=-3500)
    await house.pass_time(5)
    await shows(frame, "solar", "5.4 kW")

    for path in ("status", "docs", "no-such-page"):
        await page.frames[1].goto(page.frames[1].url.partition(prefix)[0] + prefix + path)
        links = await frame.locator("a[href]").evaluate_all("links => links.map((link) => link.href)")
        assert links
        assert [link for link in links if prefix not in link and link.startswith(page.url)] == []
        if path == "status":
            await expect(frame.locator("#headline")).to_contain_text("Readings are")
    assert outside == []
