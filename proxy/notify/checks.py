"""What is wrong or odd about the settings of alarms, in sentences without secrets; nothing is connected to."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from proxy.config.cloud import cloud_mode
from proxy.notify.settings import NotifySettings

if TYPE_CHECKING:
    from proxy.config.settings import Settings

_BROKER: Final = "mqtt_host"


def problems(settings: Settings) -> Iterator[str]:
    """Say what makes the settings unusable."""
    if settings.of(NotifySettings).notify_urls and importlib.util.find_spec("apprise") is None:
        yield "PW_NOTIFY_URLS needs the extra notify: pip install powerwall-proxy[notify]."


def warnings(settings: Settings) -> Iterator[str]:
    """Say what is allowed, but probably not meant."""
    own = settings.of(NotifySettings)
    if own.notify_mqtt and not _has_broker(settings):
        yield "PW_NOTIFY_MQTT=yes has no effect without MQTT_HOST."
    if not own.notify_quiet and own.notify_quiet_except:
        yield "PW_NOTIFY_QUIET_EXCEPT has no effect without PW_NOTIFY_QUIET."
    if not own.notify_events:
        yield "PW_NOTIFY_EVENTS leaves no event to report."
    unread = [each.id for each in settings.gateways if cloud_mode(each) and not each.host]
    if unread:
        yield (
            f"Alarms request nothing over Tesla's cloud: of gateway {' and '.join(unread)} they see what clients "
            "(pages, MQTT, metrics) request."
        )


def _has_broker(settings: Settings) -> bool:
    from proxy.config.settings import SETTINGS, value_of  # noqa: PLC0415 - imports this package

    return any(bool(value_of(settings, row)) for row in SETTINGS if row.key == _BROKER)
