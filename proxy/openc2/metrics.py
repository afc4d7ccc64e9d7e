"""The metrics of OpenC2."""

from __future__ import annotations

from typing import Any

from proxy.metrics.families import Family, counter
from proxy.metrics.proxy_samples import of_feature
from proxy.openc2 import FAMILY

METRICS: tuple[Family[Any], ...] = (
    counter(FAMILY, "dialect action status", "OpenC2 commands", of_feature(FAMILY.removeprefix("proxy_"))),
)
