"""A real broker for each test, with a port and a configuration of its own, and clients of it."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import json
import os
import shutil
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import aiomqtt
import pytest

from proxy.mqtt.feature import Mqtt
from tests.processes import ServerProcess, free_port, happens

PREFIX = "pypowerwall"
ROOT = f"{PREFIX}/default"


class Mosquitto(ServerProcess):
    """A broker; ``lines`` are its configuration."""

    def __init__(self, folder: Path, *lines: str, port: int | None = None) -> None:
        self.port = port or free_port()
        super().__init__(folder / f"mosquitto-{self.port}.log")
        self.file = folder / f"mosquitto-{self.port}.conf"
        self.write(*lines or ("allow_anonymous true",))

    def write(self, *lines: str) -> None:
        self.file.write_text(
            "\n".join(
                (
                    f"listener {self.port} 127.0.0.1",
                    "set_tcp_nodelay true",
                    f"user {getpass.getuser()}",
                    *lines,
                    "",
                )
            )
        )

    def command(self) -> list[str]:
        return ["mosquitto", "-c", str(self.file)]

    def start(self) -> None:
        self.run(self.command(), self._answers)

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False


@contextmanager
def black_hole() -> Iterator[int]:
    """A port where connections are neither taken nor refused: too many wait already."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


class Client:
    """Hears everything from the moment it came: ``heard`` in order, ``latest`` by topic, ``kept`` retained before."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self.heard: list[tuple[str, str]] = []
        self.latest: dict[str, str] = {}
        self.kept: dict[str, str] = {}
        self._client = client

    async def listen(self) -> None:
        async for message in self._client.messages:
            topic, text = str(message.topic), message.payload.decode(errors="replace")
            if message.retain:
                self.kept[topic] = text
            else:
                self.heard.append((topic, text))
            self.latest[topic] = text

    async def publish(self, topic: str, payload, *, retain: bool = False, qos: int = 1) -> None:
        text = payload if isinstance(payload, str | bytes) else json.dumps(payload)
        await self._client.publish(topic, text, qos=qos, retain=retain)

    async def hears(self, topic: str, text: str | None = None) -> str:
        """Wait for a text (any, if none is given) at a topic; return it."""
        await happens(lambda: topic in self.latest and text in {None, self.latest[topic]})
        return self.latest[topic]

    def status(self, root: str = ROOT) -> dict:
        return json.loads(self.latest[f"{root}/status"])

    def count(self, topic: str) -> int:
        return sum(heard == topic for heard, _ in self.heard)


@asynccontextmanager
async def client_of(broker: Mosquitto, *topics: str, **options) -> AsyncIterator[Client]:
    async with aiomqtt.Client("127.0.0.1", broker.port, **options) as connection:
        connection.pending_calls_threshold = 10_000
        client = Client(connection)
        task = asyncio.create_task(client.listen())
        await connection.subscribe([(topic, 0) for topic in topics or ("#",)])
        try:
            yield client
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def kept_by(broker: Mosquitto, topic: str = "#", **options) -> dict[str, str]:
    """Return what the broker retains."""
    marker = "marker/end"
    async with client_of(broker, topic, "marker/#", **options) as client:
        await client.publish(marker, "x")
        await client.hears(marker)
        return {name: text for name, text in client.kept.items() if text}


async def calm(proxy) -> None:
    """Wait until the proxy sends nothing more before time passes, and no acknowledgement is under way."""
    before, quiet = -1.0, 0
    while quiet < 5:
        now, broker = sent(proxy), publisher(proxy)._broker
        is_acknowledged = broker is None or not any(broker._client._pending_calls)
        quiet = quiet + 1 if now == before and is_acknowledged else 0
        before = now
        await asyncio.sleep(0.002)


def publisher(proxy):
    """The part of a proxy that publishes."""
    owners = (getattr(report, "__self__", None) for report in proxy.context.reports)
    return next(owner for owner in owners if isinstance(owner, Mqtt))._publisher


async def stop(proxy) -> None:
    """End MQTT as at the end of the proxy."""
    await publisher(proxy).close()


def sent(proxy) -> float:
    return samples(proxy, "powerwall_proxy_mqtt_messages_total")["sent",]


def samples(proxy, family: str) -> dict:
    return dict(proxy.context.samples[family]())


@pytest.fixture(scope="session", autouse=True)
def _installed() -> None:
    if shutil.which("mosquitto") is None:
        if os.environ.get("CI"):
            raise FileNotFoundError("mosquitto is not installed")
        pytest.skip("mosquitto is not installed")


@pytest.fixture
def mosquitto(tmp_path) -> Iterator[Callable[..., Mosquitto]]:
    """Make brokers: ``mosquitto("allow_anonymous true")`` is running when it is returned."""
    made: list[Mosquitto] = []

    def make(*lines: str, started: bool = True, port: int | None = None) -> Mosquitto:
        broker = Mosquitto(tmp_path, *lines, port=port)
        made.append(broker)
        if started:
            broker.start()
        return broker

    yield make
    for broker in made:
        broker.kill()


@pytest.fixture
def broker(mosquitto) -> Mosquitto:
    """A broker that admits every client."""
    return mosquitto()


@pytest.fixture
async def client(broker) -> AsyncIterator[Client]:
    """A client that hears everything at ``broker``."""
    async with client_of(broker) as client:
        yield client


@pytest.fixture
def publishing(start) -> Callable:
    """Start a proxy that publishes: ``await publishing(sim, broker)``."""

    async def publishing(sim, broker: Mosquitto, **settings):
        given = {"mqtt_host": "127.0.0.1", "mqtt_port": broker.port, "mqtt_client_id": "proxy", **settings}
        return await start(sim, **given)

    return publishing
