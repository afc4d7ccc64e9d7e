"""Live events: one object per change, to any number of readers, without a word too many to the gateway."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from proxy.app import build_app
from proxy.app import listening as app_listening
from proxy.config.settings import settings_of
from tests.clock import pass_time, settled, until
from tests.conftest import client_of

LIVE = ("/api/meters/aggregates", "/api/system_status/soe", "/api/system_status/grid_status")


class Reader:
    """Reads server-sent events as a browser does."""

    def __init__(self, response) -> None:
        self.response = response
        self._text = b""

    async def message(self) -> dict[str, str]:
        """The next block of lines, by field."""
        while b"\n\n" not in self._text:
            chunk = await self.response.content.readany()
            if not chunk:
                raise EOFError
            self._text += chunk
        block, _, self._text = self._text.partition(b"\n\n")
        return dict(line.split(": ", 1) for line in block.decode().splitlines())

    async def snapshot(self) -> dict:
        """The next object."""
        while True:
            message = await self.message()
            if "event" not in message and "data" in message:
                return json.loads(message["data"])


@asynccontextmanager
async def listening(proxy):
    async with proxy.client.get(proxy.url + "/events") as response:
        yield Reader(response)


async def complete(reader) -> dict:
    """Read until the slow facts have come, too."""
    while not (snapshot := await reader.snapshot())["units"]:
        pass
    return snapshot


async def test_a_stream_begins_with_what_is_known(proxy):
    """First how soon to come back, then the object of the moment with its revision."""
    await proxy.get("/flow.json")

    async with listening(proxy) as reader:
        assert reader.response.headers["Content-Type"] == "text/event-stream"
        assert reader.response.headers["Cache-Control"] == "no-store"
        assert reader.response.headers["X-Accel-Buffering"] == "no"
        assert await reader.message() == {"retry": "3000"}
        message = await reader.message()
        assert message["id"] == json.loads(message["data"])["id"]
        assert json.loads(message["data"])["state"] == "fresh"


async def test_a_client_that_keeps_no_page_open_gets_what_changes_slowly_too(proxy, sim, clock):
    """Mode, reserve, name, units and strings are in the first object, and not fetched again while they may be served."""
    flow = (await proxy.get("/flow.json")).json()
    slow = sim.requests_for("/api/operation")
    clock.advance(10)
    again = (await proxy.get("/flow.json")).json()

    assert flow["name"] == again["name"] == "Home Energy Gateway"
    assert flow["mode"] == again["mode"] == "self_consumption"
    assert flow["reserve_app"] == again["reserve_app"] is not None
    assert flow["units"]
    assert flow["strings"]
    assert slow == sim.requests_for("/api/operation") == 1


async def test_each_refresh_is_reported_once(proxy, clock):
    """While a page listens the readings are refreshed every ttl, and each refresh is one event."""
    async with listening(proxy) as reader:
        first = await complete(reader)
        for _ in range(3):
            clock.advance(5)
            following = await reader.snapshot()
            assert following["at"] > first["at"]
            assert following["age"] < 1
            first = following


async def test_many_readers_cost_the_gateway_one(proxy, sim, clock):
    """Twenty pages get each change; the gateway gets one request per fact and ttl."""
    async with listening(proxy) as reader:
        await complete(reader)
        before = {path: sim.requests_for(path) for path in LIVE}
        readers = [await _open(proxy) for _ in range(20)]
        for each in readers:
            await each.snapshot()

        clock.advance(5)
        for each in (reader, *readers):
            await each.snapshot()

        assert {path: sim.requests_for(path) - before[path] for path in LIVE} == dict.fromkeys(LIVE, 1)
        for each in readers:
            each.response.close()


async def _open(proxy) -> Reader:
    return Reader(await proxy.client.get(proxy.url + "/events"))


async def test_without_a_listener_nothing_is_fetched(proxy, sim, clock):
    """After the last page has gone the gateway gets no requests."""
    async with listening(proxy) as reader:
        await complete(reader)
    clock.advance(16)
    await until(lambda: proxy.context.streams == 0)
    before = len(sim.requests)

    for _ in range(6):
        await pass_time(clock, proxy, 10)

    assert len(sim.requests) - before <= len(LIVE)


async def test_a_quiet_stream_shows_that_it_lives(start, clock):
    """Without changes there are a comment and a named event every fifteen seconds: proxies and pages notice."""
    proxy = await start()
    async with listening(proxy) as reader:
        await reader.message()
        await reader.message()
        await settled()
        clock.advance(15)
        assert await reader.message() == {"": "quiet", "event": "alive", "data": "1"}


async def test_a_change_of_the_link_is_reported(proxy, sim, clock):
    """When the gateway requires a pause, listeners learn how long, and then that it is back."""
    async with listening(proxy) as reader:
        assert (await complete(reader))["link"] == {"state": "closed", "cause": None, "retry_in": None}

        sim.answers(status=429, headers={"Retry-After": "60"})
        clock.advance(5)
        while (snapshot := await reader.snapshot())["link"]["state"] != "open":
            pass
        assert 50 < snapshot["link"]["retry_in"] <= 70
        assert snapshot["link"]["cause"] == "rate_limited"
        assert snapshot["solar"] is not None

        sim.clear_faults()
        while (snapshot := await reader.snapshot())["link"]["state"] != "closed":
            clock.advance(10)


async def test_before_the_proxy_stops_it_says_so(clock, tmp_path):
    """Readers get a goodbye, so that they come back soon and not at once."""
    settings = settings_of(bind_address="127.0.0.1", port=0, state_path=str(tmp_path))
    app = build_app(settings, clock.clock)
    async with AsyncExitStack() as stack:
        _, port = await stack.enter_async_context(app_listening(app, settings))
        async with client_of(app, port) as proxy, listening(proxy) as reader:
            await reader.snapshot()
            stopping = asyncio.create_task(stack.aclose())

            while (message := await reader.message()).get("event") != "gone":
                pass
            assert message["data"] == "1"
            with pytest.raises(EOFError):
                await reader.message()
            await stopping


async def test_a_reader_that_does_not_read_is_dropped(proxy, sim, clock):
    """It holds one object at most, and after thirty seconds without progress its connection ends."""
    _, writer = await asyncio.open_connection("127.0.0.1", proxy.port, limit=64)
    writer.write(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await until(lambda: proxy.context.streams == 1)
    sim.gateway.site.name = "x" * 500_000

    for _ in range(40):
        await pass_time(clock, proxy, 5)
        if proxy.context.streams == 0:
            break

    assert proxy.context.streams == 0
    writer.close()


async def test_of_old_readings_it_is_said_how_it_was(proxy, sim, clock):
    """The sentence begins with their age, in the language of the client, and leaves out what was still to come."""
    sim.pin(solar=6500, site=-2100, battery=-3500)
    now = (await proxy.get("/flow.json")).json()["sentence"]
    sim.answers(status=500)
    clock.advance(20)

    old = {
        language: (await proxy.get("/flow.json", headers={"Accept-Language": language})).json()["sentence"]
        for language in ("en", "de", "fr")
    }

    assert now.startswith("Home runs on solar. Battery full in ")
    assert old["en"] == "20\u00a0s ago: home ran on solar."
    assert old["de"] == "Vor 20\u00a0s: Haus lief mit Solar."
    assert old["fr"] == "Il y a 20\u00a0s : la maison utilisait solaire."


async def test_of_expired_readings_the_charge_is_left_with_its_age(proxy, sim, clock):
    """A page that opens while the gateway is away gets no power that is past its limit, and when the charge was read."""
    await proxy.get("/flow.json")
    sim.answers(status=500)
    clock.advance(90)

    snapshot = (await proxy.get("/flow.json")).json()

    assert snapshot["state"] == "expired"
    assert 89 < snapshot["age"] < 95
    assert (snapshot["solar"], snapshot["load"], snapshot["phrases"]) == (None, None, [])
    assert snapshot["soc_app"] is not None


async def test_nothing_secret_is_reported(proxy, sim):
    """No serial number, address, e-mail or password is in what a frame in a strange page can read."""
    async with listening(proxy) as reader:
        text = json.dumps(await complete(reader))

    serials = [pack.serial for pack in sim.gateway.hardware.packs] + [sim.gateway.hardware.gateway.serial]
    for secret in (*serials, sim.address, "password", "@"):
        assert secret not in text
