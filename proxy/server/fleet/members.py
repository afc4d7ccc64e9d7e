"""What is known of each gateway, as the objects of pypowerwall-server show it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from proxy.config.cloud import cloud_mode
from proxy.core.redaction import redact
from proxy.core.sources import METERS, ON_REQUEST
from proxy.core.totals import spread_s
from proxy.drivers.registry import mode_of, reads_tedapi
from proxy.views.gateway_object import Member

if TYPE_CHECKING:
    from proxy.config.gateway_settings import GatewaySettings
    from proxy.core.model import Source
    from proxy.gateways.gateway import Gateway
    from proxy.gateways.status import GatewayStatus

BASIC_LAN: Final = "Basic LAN"
_CONNECTIONS: Final = {"local": "Local", "tedapi": "TEDAPI", "v1r": "TEDAPI v1r", "cloud": "Cloud"}

Members = Mapping[str, Member]


async def members_of(
    gateways: Mapping[str, Gateway], sources: Sequence[Source], deadline_s: float = math.inf
) -> dict[str, Member]:
    """Obtain sources of all gateways together, and say what is known of each. Never raises for a gateway's sake."""
    await asyncio.gather(*(gateway.cache.get(sources, deadline_s) for gateway in gateways.values()))
    return {id_: member_of(gateway, sources) for id_, gateway in gateways.items()}


def member_of(gateway: Gateway, sources: Sequence[Source]) -> Member:
    """Say what is known of a gateway now; sends nothing."""
    cache, wall, state = gateway.cache, gateway.clock.wall(), gateway.status()
    shown = (*sources, *ON_REQUEST)
    known = {source: snapshot for source in shown if (snapshot := cache.peek(source))}
    unknown = [source for source in sources if source not in known and _offers(state, source)]
    successes = [link.last_success for link in state.links if link.last_success is not None]
    is_online = any(link.last_success is not None and not link.failures_in_row for link in state.links)
    return Member(
        configured=_configured(gateway, state),
        documents={
            **dict.fromkeys(unknown),
            **{source: snapshot.document.value for source, snapshot in known.items()},
        },
        options=gateway.options,
        observed_at={source: wall - snapshot.age(state.at) for source, snapshot in known.items()},
        is_online=is_online,
        error=None if is_online else redact(state.reason),
        last_success=wall - (state.at - max(successes)) if successes else None,
        mode=mode_of(gateway.settings) if reads_tedapi(gateway.settings) else None,
        connection=connection_of(gateway.settings, state),
        spread_s=spread_s(cache.policy(METERS).ttl),
        grid=gateway.grid,
    )


def _offers(state: GatewayStatus, source: Source) -> bool:
    """Say whether some link may have a source that is unknown."""
    return any(
        source in link.sources
        and ((cooldown := link.cooldown_of(source)) is None or cooldown.error.is_failure)
        for link in state.links
    )


def connection_of(settings: GatewaySettings, state: GatewayStatus) -> str:
    """Name the link in use: the first that is up, else the first."""
    link = next((link for link in state.links if link.is_up), next(iter(state.links), None))
    if link is None:
        return ""
    if state.is_basic_lan:
        return BASIC_LAN
    if link.driver == "cloud" and cloud_mode(settings) == "fleet":
        return "FleetAPI"
    return _CONNECTIONS.get(link.driver, link.driver)


def _configured(gateway: Gateway, state: GatewayStatus) -> dict[str, Any]:
    settings, cloud = gateway.settings, cloud_mode(gateway.settings)
    return {
        "id": gateway.id,
        "name": gateway.name,
        "host": settings.host or None,
        "port": None,
        "rsa_key_configured": bool(settings.rsa_key_path),
        "wifi_host": settings.wifi_host or None,
        "site_id": settings.siteid or None,
        "timezone": settings.timezone,
        "basic_lan": state.is_basic_lan,
        "tedapi_expected": bool(settings.gw_pwd or settings.rsa_key_path),
        "cloud_mode": bool(cloud) and not settings.host,
        "fleetapi": cloud == "fleet",
        "type": settings.type,
    }
