"""The metrics of alarms."""

from __future__ import annotations

from typing import Any

from proxy.metrics.families import Family, counter, gauge
from proxy.metrics.proxy_samples import of_feature

METRICS: tuple[Family[Any], ...] = (
    counter(
        "proxy_notify_messages_total",
        "outcome",
        "Messages of alarms by outcome: sent, failed (tried again), dropped",
        of_feature("notify_messages_total"),
    ),
    gauge(
        "proxy_notify_waiting",
        "",
        "Messages that some receiver has not got yet",
        of_feature("notify_waiting"),
    ),
)
