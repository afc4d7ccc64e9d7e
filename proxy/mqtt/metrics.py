"""The metrics of MQTT."""

from __future__ import annotations

from typing import Any

from proxy.metrics.families import Family, counter, gauge
from proxy.metrics.proxy_samples import of_feature

METRICS: tuple[Family[Any], ...] = (
    gauge("proxy_mqtt_connected", "", "1 while connected to the broker", of_feature("mqtt_connected")),
    counter(
        "proxy_mqtt_messages_total",
        "outcome",
        "MQTT messages by outcome: sent, failed, received, dropped",
        of_feature("mqtt_messages_total"),
    ),
)
