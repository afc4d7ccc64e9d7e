"""Replicas: several proxies that share a Redis or Valkey, of which one at a time fetches for a gateway.

All of them answer, from their own memory. When the one that fetches ends, another goes on with its session,
counters and cooldowns (docs/replicas.md).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from typing import TYPE_CHECKING, Any

from proxy.features import ActiveFeature, Command, Feature
from proxy.replicas.settings import ReplicaSettings

if TYPE_CHECKING:
    from proxy.config.settings import Settings
    from proxy.drivers.finding import Finding
    from proxy.metrics.families import Family
    from proxy.server.context import Context


def _is_enabled(settings: Settings) -> bool:
    return bool(settings.of(ReplicaSettings).redis_url)


def _metrics() -> tuple[Family[Any], ...]:
    from proxy.replicas.metrics import METRICS  # noqa: PLC0415 - imported by the first scrape

    return METRICS


def _problems(settings: Settings) -> Iterator[str]:
    from proxy.replicas.checks import problems  # noqa: PLC0415 - of no interest without replicas

    return problems(settings)


def _warnings(settings: Settings) -> Iterator[str]:
    from proxy.replicas.checks import warnings  # noqa: PLC0415 - of no interest without replicas

    return warnings(settings)


def _diagnose(settings: Settings) -> AsyncGenerator[Finding]:
    from proxy.replicas.trial import diagnose  # noqa: PLC0415 - of no interest without replicas

    return diagnose(settings)


def _start(context: Context) -> ActiveFeature:
    from proxy.replicas.feature import Replicas  # noqa: PLC0415 - a start without replicas does not wait for it

    return Replicas(context).active()


FEATURE = Feature(
    "replicas",
    _start,
    is_enabled=_is_enabled,
    settings=ReplicaSettings,
    metrics=_metrics,
    problems=_problems,
    warnings=_warnings,
    diagnose=_diagnose,
    commands=(
        Command(
            "replica-key",
            "make the key that replicas share (PW_REDIS_KEY)",
            {},
            "Give every replica the same one, and no other program.",
            module="proxy.replicas.key",
        ),
    ),
)
