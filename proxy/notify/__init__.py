"""Alarms: messages about outages, low charge, alerts and silence, to services, webhooks and a broker."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from typing import TYPE_CHECKING, Any

from proxy.features import ActiveFeature, Command, Feature
from proxy.notify.settings import NotifySettings

if TYPE_CHECKING:
    from proxy.config.settings import Settings
    from proxy.drivers.finding import Finding
    from proxy.metrics.families import Family
    from proxy.server.context import Context


def _is_enabled(settings: Settings) -> bool:
    return settings.of(NotifySettings).is_on


def _metrics() -> tuple[Family[Any], ...]:
    from proxy.notify.metrics import METRICS  # noqa: PLC0415 - imported by the first scrape

    return METRICS


def _problems(settings: Settings) -> Iterator[str]:
    from proxy.notify.checks import problems  # noqa: PLC0415 - of no interest without a receiver

    return problems(settings)


def _warnings(settings: Settings) -> Iterator[str]:
    from proxy.notify.checks import warnings  # noqa: PLC0415 - of no interest without a receiver

    return warnings(settings)


def _diagnose(settings: Settings) -> AsyncGenerator[Finding]:
    from proxy.notify.diagnosis import diagnose  # noqa: PLC0415 - of no interest without a receiver

    return diagnose(settings)


def _start(context: Context) -> ActiveFeature | None:
    has_gateway = any(gateway.cache.links for gateway in context.gateways.values())
    if not has_gateway:
        return None
    from proxy.notify.service import Notify  # noqa: PLC0415 - a start without a receiver does not wait for it

    return Notify(context).active()


FEATURE = Feature(
    "notify",
    _start,
    is_enabled=_is_enabled,
    settings=NotifySettings,
    metrics=_metrics,
    problems=_problems,
    warnings=_warnings,
    diagnose=_diagnose,
    commands=(
        Command(
            "notify",
            "test the receivers of alarms: `notify test` sends a message to each",
            {"action": {"choices": ["test"], "help": "what to do"}},
            module="proxy.notify.command",
        ),
    ),
)
