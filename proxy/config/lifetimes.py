"""How long a gateway's readings live, as its settings say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.core.freshness import Policy

if TYPE_CHECKING:
    from proxy.config.gateway_settings import GatewaySettings


def reading_policy(settings: GatewaySettings) -> Policy:
    """Return the lifetimes of a reading; drivers derive from them those of what changes more slowly."""
    ttl, limit = settings.cache_expire, max(settings.cache_ttl, settings.cache_expire)
    return Policy(ttl, if_error=limit - ttl if settings.graceful_degradation else 0.0, limit=limit)
