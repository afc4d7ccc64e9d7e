"""The parts of /stats and /health in the terms that scripts and integrations know from the pypowerwall proxy.

Counters are bounded by the table of routes and by what can go wrong; strings are never null;
secrets are shown as set or not. What only the peer's construction gave a meaning is left out.
"""

from __future__ import annotations

import resource
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from proxy import __version__
from proxy.config.gateway_settings import OWNER
from proxy.config.settings import SETTINGS, Settings, value_of
from proxy.config.specs import show
from proxy.core.errors import LoginRejected, RateLimited
from proxy.core.sources import SITE_NAME
from proxy.drivers.registry import mode_of, reads_tedapi
from proxy.server.fleet import cloud_control
from proxy.views.json_access import section, text

if TYPE_CHECKING:
    from proxy.config.gateway_settings import GatewaySettings
    from proxy.gateways.gateway import Gateway
    from proxy.gateways.status import GatewayStatus
    from proxy.server.context import Context

_DIGITS: Final = 3
_MEBI: Final = 1024 * 1024
_TIMEOUTS: Final = frozenset({HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT})
_MINUTE_S: Final = 60.0
_LOGIN_REFUSALS: Final = (LoginRejected.code(), RateLimited.code())
_STATS_NAMES: Final = {"timeouts": "timeout"}  # the peer has both words, one in each answer


def stats_of(context: Context, gateway: Gateway) -> dict[str, Any]:
    """Collect the document of /stats."""
    now, traffic, settings = context.clock.wall(), context.traffic, context.settings
    status = gateway.status()
    return {
        **_name(gateway, status),
        **{_STATS_NAMES.get(name, name): count for name, count in totals(context).items()},
        "uri": dict(sorted(_by_route(context).items())),
        "ts": round(now),
        "start": round(context.started_at),
        "clear": round(traffic.cleared_at),
        "uptime": _uptime(context.uptime_s),
        "mem": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        "site_name": _site_name(gateway),
        "tedapi_api_version": gateway.settings.tedapi_api_version,
        "siteid": gateway.settings.siteid or None,
        **_cloud(gateway, status),
        "gateway": gateway_load(context, gateway, status),
        "offered": status.offered,
        "config": redacted(settings, gateway.settings),
        **_connection(context, gateway, status),
        "mem_cache": _memory(context, gateway),
        "energy": {link.driver: link.details.get("energy") for link in status.links},
        "message": status.reason,
    }


def peers_health(context: Context, gateway: Gateway, status: GatewayStatus) -> dict[str, Any]:
    """Collect what the peer's readers look for in /health."""
    endpoints = {
        source.snapshot.source: {
            "age_seconds": round(source.snapshot.age(status.at), _DIGITS),
            "is_expired": not source.is_servable,
        }
        for source in status.sources
    }
    return {
        **_name(gateway, status),
        "pypowerwall_cache_expire": gateway.settings.cache_expire,
        "degradation_cache_ttl_seconds": gateway.settings.cache_ttl,
        "graceful_degradation": gateway.settings.graceful_degradation,
        "fail_fast_mode": gateway.settings.fail_fast,
        "health_check_enabled": gateway.settings.health_check,
        "startup_time": _iso(context.started_at),
        "current_time": _iso(context.clock.wall()),
        "proxy_stats": {f"total_{name}": count for name, count in totals(context).items()},
        **_connection(context, gateway, status),
        "cached_data": {"cache_size": len(status.sources), "endpoints": endpoints},
        "endpoint_statistics": endpoint_statistics(context),
        **cloud_control.in_health(context, gateway, status),
    }


def reset_of(cleared: int) -> dict[str, Any]:
    """Answer a reset; readings and cooldowns of the gateway are not dropped with the counters."""
    return {
        "status": "reset_complete",
        "health_counters_reset": True,
        "cache_cleared": False,
        "cache_entries_removed": 0,
        "endpoint_stats_cleared": cleared,
    }


def totals(context: Context) -> dict[str, int]:
    """Count requests of clients: reads, writes, those answered with an error, and with "not now"."""
    traffic = context.traffic
    return {
        "gets": traffic.total("GET"),
        "posts": traffic.total("POST"),
        "errors": traffic.total(failed=True),
        "timeouts": sum(n for (_, _, status), n in traffic.requests.items() if status in _TIMEOUTS),
    }


def endpoint_statistics(context: Context) -> dict[str, dict[str, Any]]:
    """Say for every requested route how often it could answer."""
    failed: Counter[str] = Counter()
    for (route, _, status), count in context.traffic.requests.items():
        failed[route] += count if status >= HTTPStatus.BAD_REQUEST else 0
    return {
        route: {
            "total_calls": count,
            "successful_calls": count - failed[route],
            "failed_calls": failed[route],
            "success_rate_percent": round(100 * (count - failed[route]) / count, 1),
        }
        for route, count in sorted(_by_route(context).items())
    }


def gateway_load(context: Context, gateway: Gateway, status: GatewayStatus) -> dict[str, Any]:
    """Say what load this proxy puts on the gateway, so that it can be ruled out as a cause."""
    now, links = status.at, status.links
    usages = [link.usage for link in links if link.usage is not None]
    waits = [wait for link in links if (wait := link.wait_s(now)) > 0]
    return {
        "requests_per_minute": sum(at > now - _MINUTE_S for usage in usages for at in usage.recent),
        "requests": sum(usage.requests for usage in usages),
        "exchanges": sum(sum(link.exchanges.values()) for link in links),
        "refusals": sum(link.failed_exchanges for link in links),
        "logins": sum(sum(usage.logins.values()) for usage in usages),
        "logins_refused": sum(usage.logins.get(code, 0) for usage in usages for code in _LOGIN_REFUSALS),
        "coalesced": gateway.cache.coalesced,
        "next_try_at": _iso(context.clock.wall() + min(waits)) if waits else "",
    }


def redacted(settings: Settings, gateway: GatewaySettings) -> dict[str, str]:
    """Show the settings in force for a gateway; a secret is shown as set or not, never with its length."""
    shown = {}
    of_gateway = replace(settings, gateway=gateway)
    for row in SETTINGS:
        value = value_of(of_gateway, row)
        shown[row.env] = ("********" if value else "") if row.secret else show(value)
    return shown


def _cloud(gateway: Gateway, status: GatewayStatus) -> dict[str, Any]:
    """Say whether the cloud is read instead of a gateway, which API and which site."""
    known = _cloud_alone(gateway, status)
    if known is None:
        return {"cloudmode": False, "fleetapi": False}
    return {
        "cloudmode": True,
        "fleetapi": known["mode"] != OWNER,
        "siteid": known["site_id"],
        "counter": known["counter"],
    }


def _cloud_alone(gateway: Gateway, status: GatewayStatus) -> Mapping[str, Any] | None:
    """Return what the driver of the cloud says of itself where no gateway is read."""
    if gateway.settings.host or gateway.members:
        return None
    return next((link.details for link in status.links), None)


def _mode(gateway: Gateway, status: GatewayStatus) -> str:
    cloud = _cloud_alone(gateway, status)
    if cloud is not None:
        return "Cloud" if cloud["mode"] == OWNER else "FleetAPI"
    mode = mode_of(gateway.settings)
    return f"Local ({mode})" if mode not in {"", "off"} else "Local"


def _name(gateway: Gateway, status: GatewayStatus) -> dict[str, Any]:
    """Say what this is and how the gateway is read."""
    mode = mode_of(gateway.settings)
    return {
        "pypowerwall": f"{__version__} Powerwall Proxy",
        "mode": _mode(gateway, status),
        "tedapi": reads_tedapi(gateway.settings),
        "tedapi_mode": mode or "off",
        "pw3": any(link.details.get("powerwall3_units") for link in status.links),
    }


def _connection(context: Context, gateway: Gateway, status: GatewayStatus) -> dict[str, Any]:
    """Say how the connection to the gateway is: absent where PW_HEALTH_CHECK=no switched the looking off."""
    if not gateway.settings.health_check:
        return {}
    links, now, wall = status.links, status.at, context.clock.wall()
    successes = [link.last_success for link in links if link.last_success is not None]
    age = now - max(successes) if successes else None
    failed = status.failed_link
    since = now - failed.since if failed else None
    refused = sum(link.failed_exchanges for link in links)
    return {
        "connection_health": {
            "consecutive_failures": max((link.failures_in_row for link in links), default=0),
            "total_failures": refused,
            "total_successes": sum(sum(link.exchanges.values()) for link in links) - refused,
            "is_degraded": failed is not None,
            "last_success_time": None if age is None else round(wall - age, _DIGITS),
            "last_success_age_seconds": None if age is None else round(age, _DIGITS),
            "cache_size": len(status.sources),
        },
        "fallback_mode": {
            "is_fallback_mode": failed is not None,
            "fallback_since": None if since is None else round(wall - since, _DIGITS),
            "fallback_duration_seconds": None if since is None else round(since, _DIGITS),
            "recovery_attempts": failed.failures_in_row if failed else 0,
            "recovery_enabled": gateway.settings.tedapi_recovery,
        },
    }


def _memory(context: Context, gateway: Gateway) -> dict[str, Any]:
    held = gateway.cache.store.bytes
    return {
        "performance_cache": {"entries": sum(1 for _ in gateway.cache.store), "size_bytes": held},
        "endpoint_stats": {"entries": len(_by_route(context))},
        "total_cache_bytes": held,
        "total_cache_mb": round(held / _MEBI, _DIGITS),
    }


def _by_route(context: Context) -> Counter[str]:
    counts: Counter[str] = Counter()
    for (route, _, _), count in context.traffic.requests.items():
        counts[route] += count
    return counts


def _site_name(gateway: Gateway) -> str:
    known = gateway.cache.peek(SITE_NAME)
    return text(section(known.document.value).get("site_name")) or "" if known else ""


def _iso(wall: float) -> str:
    return datetime.fromtimestamp(wall, UTC).isoformat(timespec="seconds")


def _uptime(seconds: float) -> str:
    days, rest = divmod(int(seconds), 86400)
    hours, rest = divmod(rest, 3600)
    clock = f"{hours}:{rest // 60:02}:{rest % 60:02}"
    return f"{days} day{'s' if days > 1 else ''}, {clock}" if days else clock
