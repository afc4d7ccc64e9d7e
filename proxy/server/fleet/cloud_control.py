"""How control through Tesla's cloud stands, in the forms of the pypowerwall proxy and of pypowerwall-server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from proxy.config.cloud import cloud_mode
from proxy.config.gateway_settings import OWNER
from proxy.core.advice import CLOUD
from proxy.core.model import Setting
from proxy.views.readback import READBACK

if TYPE_CHECKING:
    from proxy.gateways.gateway import Gateway
    from proxy.gateways.status import GatewayStatus, LinkStatus
    from proxy.server.context import Context

_HEALTHY, _DEGRADED, _UNAVAILABLE = "healthy", "degraded", "unavailable"
_SETTINGS: Final = (Setting.MODE, Setting.RESERVE, Setting.GRID_CHARGING, Setting.GRID_EXPORT)


def in_health(context: Context, gateway: Gateway, status: GatewayStatus) -> dict[str, Any]:
    """Return what the pypowerwall proxy has in /health where control is on and may go through the cloud."""
    link = _link(status)
    if link is None or not context.settings.control_secret:
        return {}
    state = "ok" if link.is_up and not link.failures_in_row else _state(link)
    mode = "cloud" if cloud_mode(gateway.settings) == OWNER else "fleetapi"
    return {"cloud_control": {"active": True, "status": state, "mode": mode}}


def in_stats(context: Context) -> dict[str, Any] | None:
    """Return what pypowerwall-server has in /stats for a cloud beside a gateway; None where there is none.

    Of several gateways it is the first one's. Times are seconds since 1970. What is not known is null.
    """
    for gateway in context.gateways.values():
        status = gateway.status()
        link = _link(status)
        is_wanted = bool(context.settings.control_secret) or gateway.settings.cloud_hybrid
        if link is not None and len(status.links) > 1 and is_wanted:
            return _of_server(gateway, status, link)
    return None


def _of_server(gateway: Gateway, status: GatewayStatus, link: LinkStatus) -> dict[str, Any]:
    wall, state = gateway.clock.wall(), _state(link)
    document = {
        "configured": True,
        "connected": state != _UNAVAILABLE,
        "state": state,
        "healthy": state == _HEALTHY,
        "consecutive_failures": link.failures_in_row,
        "last_success_time": None if link.last_success is None else wall - (status.at - link.last_success),
    }
    for setting in _SETTINGS:
        value, age_s = _last_known(gateway, setting, status.at)
        document[f"last_known_{setting.value}"] = value
        document[f"last_known_{setting.value}_time"] = None if age_s is None else wall - age_s
    return document


def _last_known(gateway: Gateway, setting: Setting, now: float) -> tuple[Any, float | None]:
    """Return the value that was read last, however old, and its age (s)."""
    for source, value_of in READBACK[setting].items():
        snapshot = gateway.cache.store.get(source)
        value = value_of({source: snapshot.document.value}) if snapshot else None
        if snapshot and value is not None:
            return value, snapshot.age(now)
    return None, None


def _link(status: GatewayStatus) -> LinkStatus | None:
    return next((link for link in status.links if link.driver == CLOUD), None)


def _state(link: LinkStatus) -> str:
    """Say how a link is; one that was never used is not known to be available."""
    if not link.is_up or link.last_success is None:
        return _UNAVAILABLE
    return _DEGRADED if link.failures_in_row else _HEALTHY
