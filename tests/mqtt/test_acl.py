"""The broker of the compose profile, started as there: what its ACL allows is done, the rest is not."""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

import aiomqtt
import pytest

from tests.mqtt.conftest import PREFIX, ROOT, Mosquitto, calm, client_of

FILES = Path(__file__).parents[2] / "deploy/mosquitto"
USERS = {
    "powerwall-proxy": ("MQTT_PASSWORD", "of the proxy"),
    "homeassistant": ("HOMEASSISTANT_PASSWORD", "of the $home 'x'"),
    "reader": ("READER_PASSWORD", "of a reader"),
}


class Shipped(Mosquitto):
    """The broker of the compose profile: its files, at other paths and another port."""

    def __init__(self, folder: Path, users: Iterable[str]) -> None:
        super().__init__(folder)
        self._environ = dict(USERS[name] for name in users)

    def write(self, *_) -> None:
        folder = self.file.parent
        (folder / "data").mkdir(exist_ok=True)
        moved = {
            "listener 1883": f"listener {self.port} 127.0.0.1",
            "/tmp/passwords": str(folder / "passwords"),
            "/mosquitto/config": str(FILES),
            "/mosquitto/data": str(folder / "data"),
        }
        text = (FILES / "mosquitto.conf").read_text()
        for there, here in moved.items():
            assert text.count(there) == 1
            text = text.replace(there, here)
        # In its container it starts as the user that it has here.
        self.file.write_text(f"{text}user {getpass.getuser()}\nset_tcp_nodelay true\n")

    def command(self) -> list[str]:
        environ = [f"{name}={text}" for name, text in self._environ.items()]
        return ["env", *environ, "sh", str(FILES / "start.sh"), str(self.file)]


@pytest.fixture
def shipped(tmp_path):
    """Start the broker of the compose profile: ``shipped(*users)`` have a password."""
    with ExitStack() as stack:

        def shipped(*users: str) -> Shipped:
            broker = Shipped(tmp_path, users)
            broker.start()
            stack.callback(broker.kill)
            return broker

        yield shipped


def login(name: str) -> dict[str, str]:
    return {"username": name, "password": USERS[name][1]}


async def test_the_acl_lets_home_assistant_command_and_others_read(publishing, sim, shipped):
    """Values are the proxy's alone to write, commands Home Assistant's; a reader sees no control."""
    guarded = shipped(*USERS)
    proxy = await publishing(
        sim,
        guarded,
        mqtt_controls=("reserve",),
        control_secret="storm-lantern-7492",
        mqtt_username="powerwall-proxy",
        mqtt_password=USERS["powerwall-proxy"][1],
    )
    async with (
        client_of(guarded, **login("homeassistant")) as home,
        client_of(guarded, **login("reader")) as reader,
    ):
        await home.hears("homeassistant/device/pypowerwall_default/config")
        await reader.hears(f"{ROOT}/status")
        await calm(proxy)

        await reader.publish(f"{ROOT}/control/reserve/set", {"value": 70})
        await reader.publish(f"{ROOT}/solar", "1", retain=True)
        await home.publish(f"{ROOT}/solar", "2", retain=True)
        await home.publish(f"{ROOT}/control/reserve/set", {"value": 45})
        result = json.loads(await home.hears(f"{ROOT}/control/reserve/result"))
        await home.hears(f"{ROOT}/reserve", "45.0")
        await reader.hears(f"{ROOT}/reserve", "45.0")

    assert result["outcome"] == "ok"
    assert proxy.context.gateway.commands.counts["reserve", "ok"] == 1
    assert home.latest[f"{ROOT}/solar"] not in {"1", "2"}
    assert not [topic for topic in reader.latest if "/control/" in topic or not topic.startswith(PREFIX)]
    assert (await proxy.get("/health")).json()["mqtt"]["problems"] == []


async def test_who_has_no_password_cannot_log_in(shipped):
    """Neither without a name, nor as a user whose password is not set."""
    broker = shipped("powerwall-proxy")

    async with client_of(broker, **login("powerwall-proxy")):
        pass
    for attempt in (
        {},
        {"username": "reader"},
        login("reader"),
        {"username": "powerwall-proxy", "password": "x"},
    ):
        with pytest.raises(aiomqtt.MqttError):
            async with client_of(broker, **attempt):
                pass
