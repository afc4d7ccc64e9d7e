"""MQTT: every reading for other programs, entities for Home Assistant, and control where it is allowed.

One connection to one broker serves all gateways of the process. Whatever becomes of the broker, HTTP
does not notice.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from typing import TYPE_CHECKING, Any

from proxy.features import ActiveFeature, Command, Feature
from proxy.mqtt.settings import MqttSettings

if TYPE_CHECKING:
    from proxy.config.settings import Settings
    from proxy.drivers.finding import Finding
    from proxy.metrics.families import Family
    from proxy.server.context import Context


def _is_enabled(settings: Settings) -> bool:
    return bool(settings.of(MqttSettings).mqtt_host)


def _metrics() -> tuple[Family[Any], ...]:
    from proxy.mqtt.metrics import METRICS  # noqa: PLC0415 - imported by the first scrape

    return METRICS


def _problems(settings: Settings) -> Iterator[str]:
    from proxy.mqtt.checks import problems  # noqa: PLC0415 - of no interest without a broker

    return problems(settings)


def _warnings(settings: Settings) -> Iterator[str]:
    from proxy.mqtt.checks import warnings  # noqa: PLC0415 - of no interest without a broker

    return warnings(settings)


def _diagnose(settings: Settings) -> AsyncGenerator[Finding]:
    from proxy.mqtt.trial import diagnose  # noqa: PLC0415 - of no interest without a broker

    return diagnose(settings)


def _start(context: Context) -> ActiveFeature:
    from proxy.mqtt.feature import Mqtt  # noqa: PLC0415 - a start without a broker does not wait for it

    return Mqtt(context).active()


FEATURE = Feature(
    "mqtt",
    _start,
    is_enabled=_is_enabled,
    settings=MqttSettings,
    metrics=_metrics,
    problems=_problems,
    warnings=_warnings,
    diagnose=_diagnose,
    commands=(
        Command(
            "mqtt",
            "remove what was published: `mqtt clear` empties the retained topics of this proxy",
            {"action": {"choices": ["clear"], "help": "what to do"}},
            "Entities that Home Assistant made of them go too, with their names; stop the proxy first, or it "
            "publishes everything again.",
            module="proxy.mqtt.clear",
        ),
    ),
)
