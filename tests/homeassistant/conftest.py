"""A real Home Assistant that is connected to a real broker.

``make test-homeassistant`` installs it, and sets HOMEASSISTANT to the folder of its environment. It is started
once, goes by its own clock, and is used as a person uses it: set up through its first pages, then over the
connection that its own pages have.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from tests.mqtt.conftest import Mosquitto, client_of, free_port, kept_by, publishing

__all__ = ["publishing"]

STARTS_WITHIN_S = 180.0
FOLLOWS_WITHIN_S = 120.0  # an end for what hangs; it follows at once
CONFIGURATION = """\
http:
  server_host: 127.0.0.1
  server_port: {port}
recorder:
  commit_interval: 1
energy:
config:
api:
logger:
  default: warning
"""


# When an entity is removed, it empties the announcement itself, and complains about that message.
_OWN = re.compile("No device components to cleanup")


@dataclass
class HomeAssistant:
    """A running one. ``token`` is that of its owner."""

    url: str
    log: Path
    broker: Mosquitto
    token: str = ""
    read: int = 0

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Session]:
        async with aiohttp.ClientSession() as http, http.ws_connect(f"{self.url}/api/websocket") as socket:
            assert (await socket.receive_json())["type"] == "auth_required"
            await socket.send_json({"type": "auth", "access_token": self.token})
            assert (await socket.receive_json())["type"] == "auth_ok"
            yield Session(socket)

    async def set_up(self) -> None:
        """Go through what its first pages want, and add the integration MQTT."""
        owner = {"name": "Owner", "username": "owner", "password": "of this test", "language": "en"}
        async with aiohttp.ClientSession() as http:

            async def post(path, token="", **body):
                headers = {"Authorization": f"Bearer {token}"} if token else {}
                how = {"data": body} if path == "/auth/token" else {"json": body}
                async with http.post(self.url + path, headers=headers, **how) as answer:
                    assert answer.ok, await answer.text()
                    return await answer.json()

            page = {"client_id": f"{self.url}/"}
            code = (await post("/api/onboarding/users", **owner, **page))["auth_code"]
            grant = {"grant_type": "authorization_code", "code": code, **page}
            self.token = (await post("/auth/token", **grant))["access_token"]
            flow = await post("/api/config/config_entries/flow", self.token, handler="mqtt")
            step = f"/api/config/config_entries/flow/{flow['flow_id']}"
            made = await post(step, self.token, broker="127.0.0.1", port=self.broker.port)
            assert made["type"] == "create_entry", made

    def forget(self) -> None:
        """Leave out what its log has until now."""
        self.read = self.log.stat().st_size

    def complaints(self) -> list[str]:
        """What its log has of MQTT since: nothing, if all that it received was right."""
        lines = self.log.read_bytes()[self.read :].decode().splitlines()
        return [
            line
            for line in lines
            if "mqtt" in line and (" WARNING " in line or " ERROR " in line) and not _OWN.search(line)
        ]


@dataclass
class Session:
    """A connection as the pages of Home Assistant have it."""

    socket: aiohttp.ClientWebSocketResponse
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    async def request(self, kind: str, **members):
        number = next(self.numbers)
        await self.socket.send_json({"id": number, "type": kind, **members})
        while True:
            answer = await self.socket.receive_json()
            if answer.get("id") == number and answer["type"] == "result":
                assert answer["success"], answer
                return answer["result"]

    async def entities(self) -> dict[str, dict]:
        """The entries of our entities by unique id."""
        entries = await self.request("config/entity_registry/list")
        found = await self.request(
            "config/entity_registry/get_entries",
            entity_ids=[entry["entity_id"] for entry in entries if entry["platform"] == "mqtt"],
        )
        return {entry["unique_id"]: entry for entry in found.values() if entry}

    async def devices(self) -> dict[str, dict]:
        """Our devices by identifier."""
        return {
            identifier: device
            for device in await self.request("config/device_registry/list")
            for domain, identifier in device["identifiers"]
            if domain == "mqtt"
        }

    async def states(self) -> dict[str, str]:
        """The states of our enabled entities by the end of their unique id."""
        states = {state["entity_id"]: state["state"] for state in await self.request("get_states")}
        return {
            unique_id.removeprefix("pypowerwall_default_"): states[entry["entity_id"]]
            for unique_id, entry in (await self.entities()).items()
            if entry["entity_id"] in states
        }

    async def settles(self, look, condition):
        """Wait until what is seen is as the condition says; return it."""
        ends = time.monotonic() + FOLLOWS_WITHIN_S
        while not condition(seen := await look()):
            assert time.monotonic() < ends, seen
            await asyncio.sleep(0.1)
        return seen

    async def follows(self, condition) -> dict[str, str]:
        """Wait until the states are as the condition says; return them."""
        return await self.settles(self.states, condition)

    async def call(self, entity: str, service: str, **data) -> None:
        """Do what a person does with an entity; ``entity`` ends its unique id."""
        entity_id = (await self.entities())[f"pypowerwall_default_{entity}"]["entity_id"]
        await self.request(
            "call_service",
            domain=entity_id.partition(".")[0],
            service=service,
            service_data=data,
            target={"entity_id": entity_id},
        )


@pytest.fixture(scope="session")
def installed() -> Path:
    """The folder of the environment with Home Assistant."""
    folder = os.environ.get("HOMEASSISTANT", "")
    if not folder:
        pytest.skip("make test-homeassistant runs these")
    return Path(folder)


@pytest.fixture(scope="session")
def home(installed, tmp_path_factory) -> Iterator[HomeAssistant]:
    """A Home Assistant that was set up by its owner and connected to a broker."""
    folder = tmp_path_factory.mktemp("homeassistant")
    broker, port = Mosquitto(folder), free_port()
    (folder / "configuration.yaml").write_text(CONFIGURATION.format(port=port))
    found = HomeAssistant(f"http://127.0.0.1:{port}", folder / "hass.log", broker)
    broker.start()
    with found.log.open("wb") as log:
        command = [str(installed / "bin" / "hass"), "--config", str(folder), "--skip-pip", "--log-no-color"]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _wait_for(found, process)
        asyncio.run(found.set_up())
        yield found
    finally:
        process.terminate()
        process.wait()
        broker.kill()


def _wait_for(found: HomeAssistant, process: subprocess.Popen) -> None:
    ends = time.monotonic() + STARTS_WITHIN_S
    while '"done"' not in _onboarding(found.url):
        assert process.poll() is None, found.log.read_text()
        assert time.monotonic() < ends, found.log.read_text()
        time.sleep(0.2)


def _onboarding(url: str) -> str:
    from urllib.error import URLError
    from urllib.request import urlopen

    try:
        with urlopen(f"{url}/api/onboarding", timeout=STARTS_WITHIN_S) as answer:
            return answer.read().decode()
    except (URLError, ConnectionError):
        return ""


@pytest.fixture
async def broker(home) -> Mosquitto:
    """Its broker, where nothing is left of the test before."""
    left = await kept_by(home.broker)
    async with client_of(home.broker) as client, home.connected() as session:
        # Announcements before values, and units before the gateway that they belong to.
        for topic in sorted(
            left, key=lambda topic: (topic.startswith("homeassistant/"), topic), reverse=True
        ):
            await client.publish(topic, "", retain=True)
        await session.settles(session.entities, lambda entities: not entities)
        await session.settles(session.devices, lambda devices: not devices)
    home.forget()
    return home.broker


@pytest.fixture
async def hass(home, broker) -> AsyncIterator[Session]:
    """A session of its owner."""
    async with home.connected() as session:
        yield session


@pytest.fixture
async def client(broker):
    """A client that hears everything at the broker."""
    async with client_of(broker) as client:
        yield client
