"""A house with alarms, and receivers on loopback that take messages, refuse them, or never answer."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from aiohttp import web

from proxy.app import build_app, listening
from proxy.config.settings import settings_of
from tests.clock import settled, until
from tests.conftest import client_of
from tests.quiet import QUIET

SECRET = "a-token-that-stays-hidden-8437"
ENVIRON = {"PW_HOST": "127.0.0.1:9", "PW_PASSWORD": "password", "PW_STATE_PATH": "/nowhere"}


class Webhook:
    """A receiver: ``got`` are the messages, ``status`` what it answers; while it ``hangs`` it never does."""

    def __init__(self) -> None:
        self.got: list[dict] = []
        self.tries = 0
        self.status = 200
        self.hangs = False
        self.headers: dict[str, str] = {}
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook/{SECRET}"

    @property
    def events(self) -> list[str]:
        return [message["event"] for message in self.got]

    async def take(self, request: web.Request) -> web.Response:
        self.tries += 1
        if self.hangs:
            await asyncio.Event().wait()
        assert request.path == f"/hook/{SECRET}"
        if self.status == 200:
            self.got.append(json.loads(await request.read()))
        return web.Response(status=self.status, headers=self.headers)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Webhook]:
        app = web.Application()
        app.router.add_post("/{path:.*}", self.take)
        runner = web.AppRunner(app, shutdown_timeout=0, handler_cancellation=True)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self.port)
        await site.start()
        self.port = runner.addresses[0][1]
        try:
            yield self
        finally:
            await runner.cleanup()


@pytest.fixture
async def webhook() -> AsyncIterator[Webhook]:
    async with Webhook().listening() as receiver:
        yield receiver


@pytest.fixture
def serving(clock, tmp_path) -> Callable:
    """Run a proxy with alarms as long as a block: ``async with serving(sim, webhook) as proxy``."""

    @asynccontextmanager
    async def serving(sim, *receivers, gateways=(), sites=(), **settings):
        settings = {
            "bind_address": "127.0.0.1",
            "port": 0,
            "state_path": str(tmp_path / "state"),
            "timezone": "Europe/Berlin",
            "notify_webhook": tuple(each.url for each in receivers),
            **QUIET,
            **({"host": sim.address, "password": "password"} if sim else {}),
            **settings,
        }
        made = replace(settings_of(**settings), listed=tuple(gateways), sites=tuple(sites))
        app = build_app(made, clock.clock)
        async with AsyncExitStack() as stack:
            _, port = await stack.enter_async_context(listening(app, made))
            yield await stack.enter_async_context(client_of(app, port))

    return serving


@pytest.fixture
def live(clock) -> Callable:
    """Let time pass as it does in a house: ``await live(60)``."""

    async def live(seconds: float) -> None:
        await settled()
        for _ in range(round(seconds / 5)):
            clock.advance(5)
            await settled()
            clock.advance(0.5)
            await settled()

    return live


def lose(sim) -> None:
    """Take the grid away."""
    sim.plant.contactor.lose_grid(sim.plant.seconds, at_once=True)


def give_back(sim) -> None:
    """Bring the grid back."""
    sim.plant.contactor.return_grid(sim.plant.seconds, at_once=True)


async def has(receiver: Webhook, *events: str) -> None:
    """Wait until a receiver has got these, and nothing else."""
    await until(lambda: len(receiver.events) >= len(events))
    await settled()
    assert receiver.events == list(events)


@pytest.fixture
def environment(tmp_path, monkeypatch) -> Callable:
    """Set the environment of a command: ``environment(PW_HOST=…)``."""

    def environment(**values: str) -> None:
        for name, value in {**ENVIRON, "PW_STATE_PATH": str(tmp_path), **values}.items():
            monkeypatch.setenv(name, value)

    return environment


@contextmanager
def service(status: int = 200, *, hangs: bool = False) -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """A service in a thread: its address, and what it got by path."""
    got: list[tuple[str, bytes]] = []
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            got.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            if hangs:
                over.wait()
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}", got
        finally:
            over.set()
            server.shutdown()
            thread.join()
