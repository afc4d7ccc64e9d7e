"""What is wrong between the proxy and its broker, in sentences for /health and ``check``. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proxy.mqtt.settings import MqttSettings


def of_connection(settings: MqttSettings, error: str) -> str:
    """Say what is wrong with a connection; ``error`` is a sentence without its subject and its full stop."""
    return f"The broker at {settings.mqtt_host}:{settings.mqtt_port} {error}."


def of_subscription(topic: str) -> str:
    """Say that a subscription is refused."""
    return f"The broker refuses the subscription to {topic}: its ACL has to allow it."


def of_other_server(settings: MqttSettings, client_id: str) -> str:
    """Say that another server publishes at the same topics."""
    return f"Another server ({client_id}) publishes at {settings.mqtt_topic_prefix}, too: stop one of them."


def of_topic(topic: str) -> str:
    """Say that what is published does not come back: brokers drop without a word what the ACL forbids."""
    return (
        f"The broker does not return what is published at {topic}: its ACL has to let the proxy write and read "
        "below MQTT_TOPIC_PREFIX."
    )
