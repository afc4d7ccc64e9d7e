"""Certificates and ports that do not fit: one sentence in /health and in ``check``, and nothing left open."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.commands.conftest import command
from tests.mqtt.certificates import authority, write
from tests.mqtt.conftest import Mosquitto, free_port, happens
from tests.mqtt.test_broker import connected, is_connected, problems

__all__ = ["command"]

NOT_ACCEPTED = "shows a certificate that is not accepted: "


@dataclass
class Listeners:
    """A broker with a listener of each kind; certificates are of ``localhost``."""

    broker: Mosquitto
    folder: Path
    ports: dict[str, int] = field(default_factory=dict)

    def settings(self, kind: str, **settings) -> dict:
        """How a proxy reaches a listener, trusting the authority ``good``."""
        tls = {"mqtt_tls": True, "mqtt_tls_ca_cert": str(self.folder / "good.ca")}
        return {"mqtt_host": "localhost", "mqtt_port": self.ports[kind], **tls, **settings}


@pytest.fixture(scope="module")
def listeners(tmp_path_factory) -> Iterator[Listeners]:
    folder = tmp_path_factory.mktemp("tls")
    write(folder, "good", *authority("good"))
    write(folder, "foreign", *authority("foreign"))
    write(folder, "expired", *authority("expired", days=-1))
    write(folder, "other name", *authority("other name", host="elsewhere.example"))
    ports = {name: free_port() for name in ("good", "foreign", "expired", "other name", "client")}
    lines = ["allow_anonymous true"]
    for name, port in ports.items():
        own = "good" if name == "client" else name
        files = [f"{kind}file {folder}/{own}.{end}" for kind, end in (("cert", "crt"), ("key", "key"))]
        lines += [f"listener {port} 127.0.0.1", *files]
    broker = Mosquitto(folder, *lines, f"cafile {folder}/good.ca", "require_certificate true")
    broker.start()
    try:
        yield Listeners(broker, folder, {"plain": broker.port, **ports})
    finally:
        broker.kill()


async def sentence(proxy) -> str:
    """Wait for what /health says of the connection; return it without the address."""
    found: list[str] = []

    async def is_reported() -> bool:
        found[:] = await problems(proxy)
        return bool(found)

    await happens(is_reported)
    [whole] = found
    return whole.partition(" at localhost:")[2].partition(" ")[2]


@pytest.mark.parametrize("certificate", [None, "good"])
async def test_a_broker_is_reached_with_tls(publishing, sim, listeners, certificate):
    """Its certificate is checked against the authority that is named, and ours is shown if it is required."""
    own = {
        f"mqtt_tls_{kind}": f"{listeners.folder}/good.{end}"
        for kind, end in (("cert", "crt"), ("key", "key"))
    }
    kind, given = ("client", own) if certificate else ("good", {})

    proxy = await publishing(sim, listeners.broker, **listeners.settings(kind, **given))

    await connected(proxy)


async def test_any_certificate_is_accepted_where_the_operator_wants_that(publishing, sim, listeners):
    settings = listeners.settings("foreign", mqtt_tls_insecure=True, mqtt_tls_ca_cert="")

    proxy = await publishing(sim, listeners.broker, **settings)

    await connected(proxy)


PLAIN = {"mqtt_tls": False, "mqtt_tls_ca_cert": ""}
FAULTS = {
    "an authority that is not trusted": ("foreign", {}, NOT_ACCEPTED),
    "an expired certificate": (
        "expired",
        {"mqtt_tls_ca_cert": "expired.ca"},
        NOT_ACCEPTED + "certificate has expired.",
    ),
    "a certificate of another name": (
        "other name",
        {"mqtt_tls_ca_cert": "other name.ca"},
        NOT_ACCEPTED + "Hostname mismatch, certificate is not valid for 'localhost'.",
    ),
    "TLS to a port without": ("plain", {}, "does not speak TLS on this port."),
    "a port with TLS, without it": (
        "good",
        PLAIN,
        "closes the connection before it answers: this port may expect TLS (MQTT_TLS=yes).",
    ),
    "no client certificate": (
        "client",
        {},
        "closes the connection before it answers: it may require a client certificate (MQTT_TLS_CERT).",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_what_does_not_fit_is_said_at_once_and_in_one_sentence(
    publishing, sim, listeners, fault, caplog
):
    """Before any time limit ends; the next attempt leaves nothing of this one."""
    kind, given, expected = FAULTS[fault]
    if authority_file := given.get("mqtt_tls_ca_cert"):
        given = {**given, "mqtt_tls_ca_cert": str(listeners.folder / authority_file)}

    proxy = await publishing(sim, listeners.broker, **listeners.settings(kind, **given))

    assert (await sentence(proxy)).startswith(expected)
    assert not is_connected(proxy)
    assert (await proxy.get("/soe")).status == 200
    assert [record for record in caplog.records if record.exc_info] == []
    gc.collect()  # a socket that was left open would be a warning, and warnings are errors


async def test_check_tries_the_broker(command, listeners):
    """It warns of what it finds, in the words of /health; the settings as such can be used."""
    shown = {}
    for name, settings in {
        "well": {"MQTT_PORT": str(listeners.ports["plain"])},
        "port": {"MQTT_PORT": str(listeners.ports["good"])},
    }.items():
        shown[name] = command(
            "check", PW_HOST="192.168.1.50", PW_PASSWORD="p", MQTT_HOST="localhost", **settings
        )

    assert [each.returncode for each in shown.values()] == [0, 0]
    assert [each.stderr for each in shown.values()] == ["", ""]
    assert "Warning" not in shown["well"].stdout
    assert (
        f"Warning: MQTT: The broker at localhost:{listeners.ports['good']} closes the connection before it answers: "
        "this port may expect TLS (MQTT_TLS=yes).\n"
    ) in shown["port"].stdout
