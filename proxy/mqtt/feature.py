"""MQTT as the proxy sees it: what it starts, answers, counts and reports."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from proxy.features import ActiveFeature
from proxy.mqtt.checks import control_missing
from proxy.mqtt.publisher import Publisher
from proxy.mqtt.settings import MqttSettings
from proxy.mqtt.status import endpoints
from proxy.state.store import StateStore

if TYPE_CHECKING:
    from proxy.metrics.families import Samples
    from proxy.server.context import Context

_FILE: Final = "mqtt.json"


class Mqtt:
    """The parts of MQTT in one proxy."""

    def __init__(self, context: Context) -> None:
        self._settings = context.settings.of(MqttSettings)
        self._missing = control_missing(context.settings)
        self._context = context
        self._publisher = Publisher(
            self._settings,
            self._settings.mqtt_client_id or _client_id(context.settings.state_path),
            context.clock,
            context.gateways.with_sites,
            () if self._missing else self._settings.mqtt_controls,
        )

    def active(self) -> ActiveFeature:
        """Return the parts of this feature."""
        return ActiveFeature(
            endpoints=endpoints(self._context, self._publisher.standing),
            samples={
                "powerwall_proxy_mqtt_connected": self._connected,
                "powerwall_proxy_mqtt_messages_total": self._messages,
            },
            health=self._health,
            publish=self._publisher.publish,
            begin=self._publisher.begin,
            close=self._publisher.close,
        )

    def _connected(self) -> Samples:
        return (((), float(self._publisher.standing().connected)),)

    def _messages(self) -> Samples:
        counts = {**self._publisher.messages, "dropped": self._publisher.dropped}
        return [((outcome,), count) for outcome, count in counts.items()]

    def _health(self) -> Mapping[str, Any]:
        """Say how the connection stands, and in sentences what is wrong."""
        standing = self._publisher.standing()
        problems = [text for text in (standing.error, self._missing, *self._publisher.problems()) if text]
        return {"mqtt": {"connected": standing.connected, "since": standing.since, "problems": problems}}


def _client_id(state_path: str) -> str:
    """Return the id that this installation has at brokers; two with one id would throw each other out."""
    store = StateStore(state_path)
    known = store.recall(_FILE).get("client_id")
    if isinstance(known, str) and known:
        return known
    made = f"powerwall-proxy-{secrets.token_hex(4)}"
    store.write(_FILE, {"client_id": made})
    return made
