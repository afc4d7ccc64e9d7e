"""/api/mqtt/status, as pypowerwall-server has it: the settings, and how the connection stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from proxy.mqtt.settings import MqttSettings
from proxy.server.http.problems import private

if TYPE_CHECKING:
    from aiohttp import web

    from proxy.gateways.gateway import Gateway
    from proxy.server.context import Context, Endpoint
    from proxy.server.route import Route


@dataclass(frozen=True, slots=True)
class Standing:
    """How the connection stands. ``since`` is wall-clock seconds, ``error`` a sentence or empty."""

    connected: bool = False
    since: float | None = None
    error: str = ""
    published: int = 0


def endpoints(context: Context, standing: Callable[[], Standing]) -> dict[str, Endpoint]:
    """Make the endpoint of this module."""
    settings = context.settings.of(MqttSettings)

    async def status(_: web.Request, __: Route, ___: Gateway) -> web.Response:
        return private(200, document(settings, standing()))

    return {"mqtt_status": status}


def document(settings: MqttSettings, standing: Standing) -> dict[str, Any]:
    """Make the document of the route; nothing in it is secret."""
    return {
        "enabled": bool(settings.mqtt_host),
        "host": settings.mqtt_host or None,
        "port": settings.mqtt_port,
        "connected": standing.connected,
        "topic_prefix": settings.mqtt_topic_prefix,
        "ha_discovery": settings.mqtt_ha_discovery != "no",
        "qos": settings.mqtt_qos,
        "retain": settings.mqtt_retain,
        "tls": settings.mqtt_tls,
        "since": standing.since,
        "error": standing.error,
        "published": standing.published,
    }
