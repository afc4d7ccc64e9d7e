"""The rights that deploy/mosquitto gives, at a real broker: what is allowed is done, the rest is not."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.mqtt.conftest import PREFIX, ROOT, calm, client_of

ACL = Path(__file__).parents[2] / "deploy/mosquitto/acl"
USERS = {"powerwall-proxy": "of the proxy", "homeassistant": "of the home", "reader": "of a reader"}


@pytest.fixture
def guarded(mosquitto, tmp_path):
    """A broker with these users and the shipped rights."""
    passwords = tmp_path / "passwords"
    passwords.touch(mode=0o600)
    for name, password in USERS.items():
        subprocess.run(["mosquitto_passwd", "-b", str(passwords), name, password], check=True)
    return mosquitto("allow_anonymous false", f"password_file {passwords}", f"acl_file {ACL}")


async def test_the_acl_lets_home_assistant_command_and_others_read(publishing, sim, guarded):
    """Values are the proxy's alone to write, commands Home Assistant's; a reader sees no control."""

    def login(name):
        return {"username": name, "password": USERS[name]}

    proxy = await publishing(
        sim,
        guarded,
        mqtt_controls=("reserve",),
        control_secret="storm-lantern-7492",
        mqtt_username="powerwall-proxy",
        mqtt_password=USERS["powerwall-proxy"],
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
