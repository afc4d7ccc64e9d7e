"""What is wrong or odd about the settings of MQTT, in sentences; nothing is connected to."""

from __future__ import annotations

import importlib.util
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from proxy.mqtt.settings import MqttSettings

if TYPE_CHECKING:
    from proxy.config.settings import Settings

_PLAIN_PORT: Final = 1883
_TLS_PORT: Final = 8883
_FILES: Final = ("mqtt_tls_ca_cert", "mqtt_tls_cert", "mqtt_tls_key")


def problems(settings: Settings) -> Iterator[str]:
    """Say what makes the settings unusable."""
    own = settings.of(MqttSettings)
    if importlib.util.find_spec("aiomqtt") is None:
        yield "MQTT_HOST needs the extra mqtt: pip install powerwall-proxy[mqtt]."
    if bool(own.mqtt_tls_cert) != bool(own.mqtt_tls_key):
        yield "MQTT_TLS_CERT and MQTT_TLS_KEY belong together: set both or none."
    unreadable = [
        f"{key.upper()}: {path} cannot be read."
        for key in _FILES
        if (path := getattr(own, key)) and not _is_readable(path)
    ]
    yield from unreadable or _unusable(own)


def warnings(settings: Settings) -> Iterator[str]:
    """Say what is allowed, but probably not meant."""
    own = settings.of(MqttSettings)
    if own.mqtt_tls and own.mqtt_port == _PLAIN_PORT:
        yield f"MQTT_TLS=yes with MQTT_PORT={_PLAIN_PORT}: brokers speak TLS on port {_TLS_PORT}."
    if not own.mqtt_tls and own.mqtt_port == _TLS_PORT:
        yield f"MQTT_PORT={_TLS_PORT} without MQTT_TLS=yes: brokers speak TLS on this port."
    if not own.mqtt_tls and (idle := [key.upper() for key in _FILES if getattr(own, key)]):
        yield f"{' and '.join(idle)}: no effect without MQTT_TLS=yes."
    if own.mqtt_tls and own.mqtt_tls_insecure:
        yield "MQTT_TLS_INSECURE=yes: the password is sent to any device that answers as the broker."
    if own.mqtt_password and not own.mqtt_username:
        yield "MQTT_PASSWORD has no effect without MQTT_USERNAME."
    if missing := control_missing(settings):
        yield missing
    if "islanding" in own.mqtt_controls and not any(each.control_islanding for each in settings.gateways):
        yield "MQTT_CONTROLS has islanding, which needs PW_CONTROL_ISLANDING=yes, too."


def control_missing(settings: Settings) -> str:
    """Say what is missing for the commands that MQTT_CONTROLS allows; nothing if it is all there.

    Who may publish to the topics of commands may command: only a broker that knows its clients can keep
    others out.
    """
    own = settings.of(MqttSettings)
    if not own.mqtt_controls:
        return ""
    missing = [] if settings.control_secret else ["PW_CONTROL_SECRET"]
    if not (own.mqtt_username and own.mqtt_password) and not (own.mqtt_tls and own.mqtt_tls_cert):
        missing.append("MQTT_USERNAME with MQTT_PASSWORD (or MQTT_TLS with MQTT_TLS_CERT)")
    return f"MQTT_CONTROLS has no effect without {' and '.join(missing)}." if missing else ""


def _unusable(own: MqttSettings) -> Iterator[str]:
    """Say which certificate files hold something else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if own.mqtt_tls_ca_cert:
            context.load_verify_locations(own.mqtt_tls_ca_cert)
    except ssl.SSLError:
        yield f"MQTT_TLS_CA_CERT: {own.mqtt_tls_ca_cert} holds no certificates in PEM form."
    try:
        if own.mqtt_tls_cert and own.mqtt_tls_key:
            context.load_cert_chain(own.mqtt_tls_cert, own.mqtt_tls_key, password="")
    except ssl.SSLError:
        yield "MQTT_TLS_CERT and MQTT_TLS_KEY must be a certificate and its key, both PEM, the key not encrypted."


def _is_readable(path: str) -> bool:
    try:
        with Path(path).open("rb"):
            return True
    except OSError:
        return False
