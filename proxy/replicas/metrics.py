"""The metrics of replicas."""

from __future__ import annotations

from typing import Any

from proxy.metrics.families import HISTOGRAM, Family, counter, gauge
from proxy.metrics.proxy_samples import of_feature

METRICS: tuple[Family[Any], ...] = (
    gauge(
        "proxy_replica_state",
        "gateway state",
        "1 for what this replica is to a gateway: following, holding (it fetches), detached or alone (without Redis; "
        "alone, it fetches)",
        of_feature("replica_state"),
    ),
    counter(
        "proxy_replica_lease_changes_total",
        "gateway",
        "Changes of that state",
        of_feature("replica_lease_changes_total"),
    ),
    counter(
        "proxy_replica_messages_total",
        "gateway outcome",
        "Messages to and from other replicas by outcome: sent, failed, fenced (too late), dropped (not with our key)",
        of_feature("replica_messages_total"),
    ),
    counter(
        "proxy_replica_redis_errors_total",
        "error",
        "Failed commands of Redis",
        of_feature("replica_redis_errors_total"),
    ),
    Family(
        "powerwall_proxy_replica_redis_seconds",
        HISTOGRAM,
        (),
        "Duration of commands of Redis",
        of_feature("replica_redis_seconds"),
    ),
)
