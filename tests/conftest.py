"""What nearly every test needs: a clock to advance, a simulated gateway, a proxy in front of it."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import random
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp
import hypothesis
import pytest

from proxy.app import build_app, listening
from proxy.config.settings import settings_of
from proxy.core.redaction import forget
from proxy.server.context import CONTEXT, Context
from proxy.sim.server import SimulatedGateway
from proxy.state.certificates import serving_context
from tests.clock import ShiftedLoop, TestClock
from tests.drivers.houses import Key
from tests.quiet import QUIET

# A machine may forbid Python to keep what it compiled. Tests start programs by the hundred: each would compile all of it.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

try:
    import uvloop
except ImportError:  # there are no wheels for every platform
    uvloop = None

# Generated cases are the same in every run; `make fuzz` draws others and prints how to repeat what fails.
# Machines that run tests are busy: how long one example takes says nothing.
hypothesis.settings.register_profile("repeatable", derandomize=True, database=None, deadline=None)
hypothesis.settings.register_profile("fuzz", max_examples=1000, print_blob=True, deadline=None)
hypothesis.settings.load_profile("repeatable")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config) -> int:
    """Half as many processes again as there are cores: a third of the time tests wait, for programs, browsers and servers."""
    cores = len(os.sched_getaffinity(0))
    return cores + max(1, cores // 2)


def pytest_asyncio_loop_factories(config, item):
    """Run every test on a loop whose time can be advanced; some also on the one that the daemon prefers."""
    factories = {"shifted": ShiftedLoop}
    if uvloop and item.get_closest_marker("each_loop"):
        factories["uvloop"] = uvloop.new_event_loop
    return factories


def pytest_terminal_summary(terminalreporter) -> None:
    """Say in one line what was not compared for lack of recordings."""
    skipped = terminalreporter.stats.get("skipped", ())
    modules = {
        it.nodeid
        for it in skipped
        if isinstance(it.longrepr, tuple) and it.longrepr[0].endswith("tests/shared.py")
    }
    if modules:
        terminalreporter.line(
            f"{len(modules)} modules that compare with recordings were not run", yellow=True
        )


@dataclass
class Proxy:
    """A running proxy and a client of it."""

    url: str
    port: int
    context: Context
    client: aiohttp.ClientSession

    async def get(self, path: str, **kwargs) -> Answer:
        return await self.request("GET", path, **kwargs)

    async def post(self, path: str, **kwargs) -> Answer:
        return await self.request("POST", path, **kwargs)

    async def request(self, method: str, path: str, **kwargs) -> Answer:
        async with self.client.request(method, self.url + path, allow_redirects=False, **kwargs) as response:
            return Answer(response.status, response.headers, await response.read())


def unpack(body: bytes, coding: str) -> bytes:
    """Undo a content coding."""
    if coding == "br":
        import brotli  # not available on every machine; then nothing comes in it

        return brotli.decompress(body)
    return gzip.decompress(body) if coding == "gzip" else body


@dataclass
class Answer:
    """A complete answer."""

    status: int
    headers: aiohttp.typedefs.LooseHeaders
    body: bytes

    def json(self):
        return json.loads(self.content)

    @property
    def text(self) -> str:
        return self.content.decode()

    @property
    def content(self) -> bytes:
        return unpack(self.body, self.headers.get("Content-Encoding", "identity"))


@asynccontextmanager
async def client_of(app, port: int, scheme: str = "http") -> AsyncIterator[Proxy]:
    """A client of a listening app."""
    connector = aiohttp.TCPConnector(limit=0, ssl=False)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as client:
        yield Proxy(f"{scheme}://127.0.0.1:{port}", port, app[CONTEXT], client)


@pytest.fixture(autouse=True)
def no_secrets_of_others() -> None:
    """The register of secrets is the process's; each test is another house."""
    forget()


@pytest.fixture(autouse=True)
def same_chances() -> None:
    """Retries are spread at random; a test sees the same numbers in every run."""
    random.seed(1)


@pytest.fixture
async def clock() -> TestClock:
    return TestClock(asyncio.get_running_loop())


@pytest.fixture
async def sim(clock) -> AsyncIterator[SimulatedGateway]:
    """A gateway on firmware 21.44, with vitals."""
    async with SimulatedGateway(persona="fw21_44", clock=clock.clock) as gateway:
        yield gateway


@pytest.fixture
async def start(clock, tmp_path) -> AsyncIterator[Callable]:
    """Start proxies: ``await start(sim, cache_expire=1)``; settings may be anything but the gateway's."""
    async with AsyncExitStack() as stack:

        async def start(sim: SimulatedGateway | None = None, **settings) -> Proxy:
            if sim is not None:
                settings = {"host": sim.address, "password": "password", **settings}
            settings = {
                "bind_address": "127.0.0.1",
                "port": 0,
                "state_path": str(tmp_path / "state"),
                **QUIET,
                **settings,
            }
            made = settings_of(**settings)
            app = build_app(made, clock.clock)
            tls = serving_context(made) if made.https == "yes" else None
            _, port = await stack.enter_async_context(listening(app, made, tls))
            return await stack.enter_async_context(client_of(app, port, made.scheme))

        yield start


@pytest.fixture(scope="session")
def key(tmp_path_factory) -> Key:
    """The owner's RSA key; a gateway ``knows`` it once it is registered."""
    return Key(tmp_path_factory.mktemp("key"))


@pytest.fixture
async def proxy(start, sim) -> Proxy:
    """A proxy with default settings in front of ``sim``."""
    return await start(sim)
