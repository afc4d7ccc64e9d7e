"""The end of the daemon: within two seconds, whatever the broker does; and what a broker says then."""

from __future__ import annotations

import socket

import pytest

from tests.commands.conftest import command
from tests.commands.test_start_and_end import DEAD_SERVER, NAMESPACES, can_mount
from tests.mqtt.conftest import PREFIX, ROOT, black_hole, client_of, kept_by

__all__ = ["command"]

STOPS_WITHIN_S = 2.0


@pytest.fixture
def daemon(command):
    """Start a proxy in front of a simulated gateway: ``daemon(port)`` of the broker."""
    gateway = command.start("simulate", "--port", "0").prints(r"PW_HOST=(\S+) PW_PASSWORD=(\S+)")
    states = iter(range(10))

    def daemon(port: int, *wrapper: str, host: str = "127.0.0.1"):
        return command.start(
            wrapper=wrapper,
            PW_HOST=gateway[1],
            PW_PASSWORD=gateway[2],
            PW_PORT="0",
            PW_BIND_ADDRESS="127.0.0.1",
            PW_STATE_PATH=str(command.home / f"state{next(states)}"),
            MQTT_HOST=host,
            MQTT_PORT=str(port),
        )

    return daemon


async def test_a_stop_takes_two_seconds_at_most_whatever_the_broker_does(daemon, mosquitto, subtests):
    """One that is well, frozen, silent, a black hole: nothing is waited for that holds nothing."""
    well, frozen = mosquitto(), mosquitto()
    with socket.create_server(("127.0.0.1", 0)) as silent, black_hole() as hole:
        daemons = {
            "well": daemon(well.port),
            "frozen": daemon(frozen.port),
            "silent": daemon(silent.getsockname()[1]),
            "black hole": daemon(hole),
        }
        for name in ("well", "frozen"):
            daemons[name].prints("mqtt connected")
        for name in ("silent", "black hole"):
            daemons[name].port()
        async with client_of(well) as client:
            await client.hears(f"{ROOT}/status")
        frozen.freeze()

        for name, each in daemons.items():
            with subtests.test(broker=name):
                assert each.ends(within_s=STOPS_WITHIN_S) == 0
                assert not [line for line in each.lines if "Traceback" in line or "ERROR" in line]

    kept = await kept_by(well)
    assert kept[f"{PREFIX}/availability"] == kept[f"{ROOT}/availability"] == "offline"
    assert kept[f"{ROOT}/online"] == "false"


@pytest.mark.skipif(not can_mount(), reason="needs a mount namespace for a resolv.conf of its own")
def test_a_broker_whose_name_never_resolves_does_not_delay_a_stop(daemon, tmp_path):
    config = tmp_path / "resolv.conf"
    config.write_text(f"nameserver {DEAD_SERVER}\noptions timeout:30 attempts:5\n")
    mount = f'mount --bind {config} /etc/resolv.conf && exec "$@"'
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        try:
            server.bind((DEAD_SERVER, 53))
        except PermissionError:
            pytest.skip("needs the port of a name server")
        running = daemon(1883, *NAMESPACES, "sh", "-c", mount, "sh", host="broker.example")
        running.port()
        server.recv(512)

        assert running.ends(within_s=STOPS_WITHIN_S) == 0


async def test_the_broker_says_that_a_killed_proxy_is_offline(daemon, broker, client):
    running = daemon(broker.port)
    await client.hears(f"{ROOT}/status")

    running.process.kill()

    assert await client.hears(f"{PREFIX}/availability", "offline")
