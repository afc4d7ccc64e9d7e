"""The settings of MQTT; the names are those of pypowerwall-server."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from proxy.config.specs import MQTT, row
from proxy.config.types import FLAG, HIGHEST_PORT, HOST, PATH, TEXT, SettingType, flag_or, number, whole

# What may be written over MQTT, and the bit of each in MQTT_CONTROLS.
CONTROLS: Final = ("reserve", "mode", "grid_charging", "grid_export", "islanding")
_ALL: Final = 2 ** len(CONTROLS) - 1
_LEVELS: Final = re.compile(r"[^+#$/\x00-\x1f][^+#/\x00-\x1f]*(/[^+#/\x00-\x1f]+)*")


def _topic(text: str) -> str:
    """Read the beginning of topics; slashes around it are a slip."""
    levels = text.strip().strip("/")
    if not _LEVELS.fullmatch(levels):
        raise ValueError("words separated by slashes, without + and #")
    return levels


def _controls(text: str) -> tuple[str, ...]:
    """Read names, or the sum of their bits: 1 reserve, 2 mode, 4 grid_charging, 8 grid_export, 16 islanding."""
    words = [word for word in re.split(r"[,\s]+", text.strip().lower()) if word]
    if len(words) == 1 and words[0].isascii() and words[0].isdigit() and int(words[0]) <= _ALL:
        bits = int(words[0])
        return tuple(name for position, name in enumerate(CONTROLS) if bits >> position & 1)
    if not set(words) <= set(CONTROLS):
        raise ValueError(f"some of {', '.join(CONTROLS)}, or the sum of 1, 2, 4, 8 and 16 for these")
    return tuple(name for name in CONTROLS if name in words)


_TOPIC: Final = SettingType("topic", _topic)
_DISCOVERY: Final = SettingType("yes | single | no", flag_or("single"), ("yes", "single", "no"))
_CONTROLS: Final = SettingType("names", _controls)


def _row(env: str, kind: SettingType, default: Any, help_: str, **marks: Any) -> Any:
    return row(MQTT, kind, default, help_, env=env, ours=True, **marks)


@dataclass(frozen=True, slots=True)
class MqttSettings:
    """Rows of the table of settings."""

    mqtt_host: str = _row("MQTT_HOST", HOST, "", "Broker; enables MQTT")
    mqtt_port: int = _row("MQTT_PORT", whole(1, HIGHEST_PORT), 1883, "Port of the broker")
    mqtt_username: str = _row("MQTT_USERNAME", TEXT, "", "User name at the broker")
    mqtt_password: str = _row("MQTT_PASSWORD", TEXT, "", "Password at the broker", secret=True)
    mqtt_tls: bool = _row("MQTT_TLS", FLAG, False, "Connect with TLS; brokers listen for it on port 8883")
    mqtt_tls_ca_cert: str = _row(
        "MQTT_TLS_CA_CERT", PATH, "", "Certificates (PEM) to trust instead of those of the system"
    )
    mqtt_tls_insecure: bool = _row(
        "MQTT_TLS_INSECURE", FLAG, False, "Accept any certificate of the broker, for any name"
    )
    mqtt_tls_cert: str = _row(
        "MQTT_TLS_CERT", PATH, "", "Client certificate (PEM), for brokers that require one"
    )
    mqtt_tls_key: str = _row("MQTT_TLS_KEY", PATH, "", "Its private key (PEM)")
    mqtt_topic_prefix: str = _row("MQTT_TOPIC_PREFIX", _TOPIC, "pypowerwall", "Beginning of all topics")
    mqtt_retain: bool = _row("MQTT_RETAIN", FLAG, True, "The broker keeps the last value of each topic")
    mqtt_qos: int = _row(
        "MQTT_QOS", whole(0, 2), 1, "Maximum quality of service; documents are sent with 1 at most"
    )
    mqtt_ha_discovery: str = _row(
        "MQTT_HA_DISCOVERY",
        _DISCOVERY,
        "yes",
        "Announce devices to Home Assistant (yes), single entities (before 2024.12, openHAB), or nothing",
    )
    mqtt_ha_prefix: str = _row(
        "MQTT_HA_PREFIX", _TOPIC, "homeassistant", "Discovery prefix of Home Assistant"
    )
    mqtt_client_id: str = _row(
        "MQTT_CLIENT_ID", TEXT, "", "Client id; if empty, one is made and kept in the state folder"
    )
    mqtt_keepalive: int = _row(
        "MQTT_KEEPALIVE",
        whole(5, 3600, "seconds"),
        30,
        "The broker notices a lost proxy after 1.5 times that",
    )
    mqtt_controls: tuple[str, ...] = _row(
        "MQTT_CONTROLS",
        _CONTROLS,
        (),
        "Commands to accept: reserve, mode, grid_charging, grid_export, islanding, or the sum of their bits",
    )
    mqtt_interval: float = _row(
        "MQTT_INTERVAL", number(0, 3600, "seconds"), 0.0, "Minimum interval of publications of a gateway"
    )


def subscriptions(settings: MqttSettings, *, takes_commands: bool) -> list[str]:
    """Return what the proxy has to read at the broker: the birth of Home Assistant, and commands."""
    births = [f"{settings.mqtt_ha_prefix}/status"] if settings.mqtt_ha_discovery != "no" else []
    commands = [f"{settings.mqtt_topic_prefix}/+/control/+/set"] if takes_commands else []
    return births + commands
