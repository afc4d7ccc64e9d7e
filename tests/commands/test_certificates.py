"""TLS with one setting, and `cert`."""

import socket
import ssl
from urllib.request import urlopen

from proxy.config.settings import settings_of
from proxy.state.certificates import own_certificate, serving_context
from tests.commands.conftest import TIMEOUT_S

CONFIG_ERROR = 78


def test_tls_needs_one_setting(command):
    """PW_HTTPS=yes: the certificate is made, health finds its way, `cert` shows the fingerprint."""
    settings = {"PW_HTTPS": "yes", "PW_HOST": "127.0.0.1:9", "PW_STATE_PATH": str(command.home / "state")}
    daemon = command.start(**settings, PW_PORT="0")
    port = daemon.port()

    pem = ssl.get_server_certificate(("127.0.0.1", int(port)))
    shown = command("cert", **settings)
    requested = command("health", **{**settings, "PW_PORT": port})

    assert str(command.home / "state" / "tls.pem") in shown.stdout
    trusting = ssl.create_default_context(cadata=pem)
    with urlopen(f"https://localhost:{port}/health", context=trusting, timeout=TIMEOUT_S) as answer:
        assert answer.status == 200
    assert "no answer" not in requested.stderr


def test_tls_may_have_a_port_of_its_own(command):
    """PW_HTTPS_PORT: PW_PORT is plain HTTP, in the log, to health and to a browser."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        settings = {"PW_HTTPS": "yes", "PW_HTTPS_PORT": str(free.getsockname()[1])}
    daemon = command.start("serve", "--demo", **settings, PW_BIND_ADDRESS="127.0.0.1", PW_PORT="0")
    found = daemon.prints(r"listening url=(http://127.0.0.1:(\d+)) .*open=(\S+)")

    requested = command("health", **settings, PW_BIND_ADDRESS="127.0.0.1", PW_PORT=found[2])

    assert requested.stdout == "ready\n"
    assert found[3] == f"{found[1]}/"


def test_a_certificate_that_is_none_is_a_wrong_setting(command, tmp_path):
    """Exit code 78 and a sentence, no traceback."""
    pem = tmp_path / "own.pem"
    pem.write_text("no certificate")

    shown = command("serve", "--demo", PW_HTTPS="yes", PW_TLS_CERT=str(pem), PW_TLS_KEY=str(pem), PW_PORT="0")

    assert shown.returncode == CONFIG_ERROR
    assert "PW_TLS_CERT and PW_TLS_KEY must be a certificate and its key" in shown.stderr
    assert "Traceback" not in shown.stderr


def test_a_renewed_certificate_is_served_after_a_hang_up(command):
    """Certificates of a public authority change every few weeks; a restart would cost connections."""
    pems = []
    for name in ("old", "new"):
        settings = settings_of(state_path=str(command.home / name))
        serving_context(settings)
        pems.append(own_certificate(settings).read_text())
    own = command.home / "own.pem"
    own.write_text(pems[0])
    daemon = command.start("--demo", PW_HTTPS="yes", PW_TLS_CERT=str(own), PW_TLS_KEY=str(own), PW_PORT="0")
    port = int(daemon.port())
    first = ssl.get_server_certificate(("127.0.0.1", port))

    own.write_text(pems[1])
    daemon.hang_up()
    daemon.prints("reloaded")

    assert pems[0].startswith(first)
    assert pems[1].startswith(ssl.get_server_certificate(("127.0.0.1", port)))

    own.write_text("damaged")
    daemon.hang_up()
    daemon.prints("reload refused")
    assert pems[1].startswith(ssl.get_server_certificate(("127.0.0.1", port)))


def test_cert_says_what_it_cannot_use(command, tmp_path):
    """A state folder that is none, a certificate that is none."""
    pem = tmp_path / "own.pem"
    pem.write_text("no certificate")

    nowhere = command("cert", PW_STATE_PATH="/dev/null/state")
    damaged = command("cert", PW_STATE_PATH=str(pem))

    assert (nowhere.returncode, nowhere.stdout) == (1, "")
    assert "/dev/null/state cannot be made" in nowhere.stderr
    assert "is not a folder" in damaged.stderr


def test_cert_shows_a_damaged_certificate_as_such(command):
    state = command.home / "state"
    state.mkdir()
    (state / "tls.pem").write_text("no certificate")

    shown = command("cert", PW_STATE_PATH=str(state))

    assert f"This proxy: {state}/tls.pem cannot be used: no certificate in this file" in shown.stdout


def test_pins_that_cannot_be_read_are_shown_and_can_be_replaced(command):
    state = command.home / "state"
    state.mkdir()
    (state / "pins.json").write_text('{"x": ')

    shown = command("cert", PW_STATE_PATH=str(state))
    accepted = command("cert", "accept", PW_STATE_PATH=str(state))

    assert shown.returncode != 0
    assert "pins.json cannot be read" in shown.stderr
    assert accepted.returncode == 0
    assert (state / "pins.json").read_text() == "{}"
