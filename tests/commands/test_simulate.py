"""`simulate`, and the proxy in front of it."""

import json
import re
import socket

import pytest

from tests.commands.conftest import send_request


def test_the_simulated_gateway_and_the_proxy_make_a_pair(command):
    """The README's first steps; and a gateway with a new certificate is refused until it is accepted."""
    state = {"PW_STATE_PATH": str(command.home / "state")}
    gateway = command.start("simulate", "--port", "0")
    found = gateway.prints(r"PW_HOST=(\S+) PW_PASSWORD=(\S+)")
    settings = {"PW_HOST": found[1], "PW_PASSWORD": found[2], **state, "PW_PORT": "0"}
    proxy = command.start(**settings)

    assert json.loads(send_request(proxy.port(), "/soe"))
    pinned = command("cert", **settings)
    accepted = command("cert", "accept", **settings)
    forgotten = command("cert", **settings)

    pin = re.search(r"Gateway 127\.0\.0\.1:\d+: sha256 ([0-9a-f]{64})\n", pinned.stdout)[1]
    assert f"sha256 {pin}\nThe next certificate" in accepted.stdout
    assert pin not in forgotten.stdout


def test_a_simulated_gateway_is_known_again_after_a_restart(command):
    """Like a real one, it shows the same certificate: containers are started again and again."""
    words = ("simulate", "--persona", "fw1_40", "--port")  # read without a login
    gateway = command.start(*words, "0")
    port = gateway.prints(r"https://127\.0\.0\.1:(\d+)")[1]
    assert command("doctor", PW_HOST=f"127.0.0.1:{port}").returncode == 0
    gateway.ends()
    command.start(*words, port).prints("https://")

    again = command("doctor", PW_HOST=f"127.0.0.1:{port}")
    assert again.returncode == 0, again.stdout


def test_what_the_simulated_gateway_says_to_try_reads_all_of_a_powerwall_3(command):
    gateway = command.start("simulate", "--port", "0", "--persona", "pw3")
    found = gateway.prints(r"Try: (PW_HOST=\S+ PW_PASSWORD=\S+ PW_GW_PWD=\S+) powerwall-proxy")
    proxy = command.start(**dict(word.split("=", 1) for word in found[1].split()), PW_PORT="0")

    assert {"A", "F"} <= json.loads(send_request(proxy.port(), "/strings")).keys()


def test_recorded_answers_are_served_as_they_are(command, tmp_path):
    recordings = tmp_path / "recordings"
    recordings.mkdir()
    (recordings / "system_status.soe.json").write_text('{"percentage":  42.0}\n')

    gateway = command.start("simulate", "--port", "0", "--recordings", str(recordings))
    found = gateway.prints(r"PW_HOST=(\S+) PW_PASSWORD=(\S+)")
    proxy = command.start(PW_HOST=found[1], PW_PASSWORD=found[2], PW_PORT="0")

    assert json.loads(send_request(proxy.port(), "/soe"))["percentage"] == 42.0


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["serve", "--demo", "--persona", "fw0"], "there is no persona fw0; there are fw1_15, "),
        (["simulate", "--persona", "fw0"], "there is no persona fw0; there are fw1_15, "),
        (["simulate", "--port", "0", "--recordings", "/nowhere"], "/nowhere is not a folder of recordings"),
        (
            ["simulate", "--bind", "192.0.2.1"],
            "192.0.2.1:8443 cannot be used: Cannot assign requested address",
        ),
    ],
)
def test_what_cannot_be_simulated_is_one_clear_line(command, words, complaint):
    shown = command(*words)

    assert shown.returncode == 1
    assert f"powerwall-proxy: {complaint}" in shown.stderr
    assert "Traceback" not in shown.stderr


def test_a_port_in_use_has_the_exit_code_that_the_proxy_has_for_it(command):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        shown = command("simulate", "--port", str(taken.getsockname()[1]))

    assert shown.returncode == 69
    assert "Address already in use; set --port or --control-port to another." in shown.stderr
    assert "Traceback" not in shown.stderr
