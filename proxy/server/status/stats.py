"""The parts of /stats and /health in the terms that scripts and integrations know from the pypowerwall proxy.

Counters are bounded by the table of routes and by what can go wrong; strings are never null;
secrets are shown as set or not. What only the peer's construction gave a meaning is left out.
"""

from __future__ import annotations

import resource
from collections import Counter
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from proxy import __version__
from proxy.config.settings import SETTINGS, Settings, value_of
from proxy.config.specs import show
from proxy.core.errors import LoginRejected, NotSupported, RateLimited
from proxy.core.sources import SITE_NAME
from proxy.drivers.base import ReportsUsage
from proxy.drivers.registry import mode_of
from proxy.views.json_access import section, text

if TYPE_CHECKING:
    from proxy.cache.link import Link
    from proxy.gateways.gateway import Gateway
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
    return {
        **_name(gateway),
        **{_STATS_NAMES.get(name, name): count for name, count in totals(context).items()},
        "uri": dict(sorted(_by_route(context).items())),
        "ts": round(now),
        "start": round(context.started_at),
        "clear": round(traffic.cleared_at),
        "uptime": _uptime(now - context.started_at),
        "mem": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        "site_name": _site_name(gateway),
        "cloudmode": False,
        "fleetapi": False,
        "tedapi_api_version": settings.gateway.tedapi_api_version,
        "siteid": settings.gateway.siteid or None,
        "gateway": gateway_load(context, gateway),
        "offered": offered(gateway),
        "config": redacted(settings),
        **_connection(context, gateway),
        "mem_cache": _memory(context, gateway),
        "energy": {link.driver.name: link.driver.describe().get("energy") for link in gateway.cache.links},
    }


def peers_health(context: Context, gateway: Gateway) -> dict[str, Any]:
    """Collect what the peer's readers look for in /health."""
    settings, now = context.settings, context.clock.monotonic()
    snapshots = list(gateway.cache.store)
    endpoints = {
        snapshot.source: {
            "age_seconds": round(snapshot.age(now), _DIGITS),
            "is_expired": gateway.cache.peek(snapshot.source) is None,
        }
        for snapshot in snapshots
    }
    return {
        **_name(gateway),
        "pypowerwall_cache_expire": settings.gateway.cache_expire,
        "degradation_cache_ttl_seconds": settings.gateway.cache_ttl,
        "graceful_degradation": settings.gateway.graceful_degradation,
        "fail_fast_mode": settings.gateway.fail_fast,
        "health_check_enabled": settings.gateway.health_check,
        "startup_time": _iso(context.started_at),
        "current_time": _iso(context.clock.wall()),
        "proxy_stats": {f"total_{name}": count for name, count in totals(context).items()},
        **_connection(context, gateway),
        "cached_data": {"cache_size": len(snapshots), "endpoints": endpoints},
        "endpoint_statistics": endpoint_statistics(context),
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


def gateway_load(context: Context, gateway: Gateway) -> dict[str, Any]:
    """Say what load this proxy puts on the gateway, so that it can be ruled out as a cause."""
    links, clock = gateway.cache.links, context.clock
    now = clock.monotonic()
    usages = [link.driver.usage() for link in links if isinstance(link.driver, ReportsUsage)]
    waits = [wait for link in links if (wait := link.breaker.until - now) > 0 and not link.breaker.is_closed]
    return {
        "requests_per_minute": sum(at > now - _MINUTE_S for usage in usages for at in usage.recent),
        "requests": sum(usage.requests for usage in usages),
        "exchanges": sum(sum(link.exchanges.values()) for link in links),
        "refusals": sum(_failed(link) for link in links),
        "logins": sum(sum(usage.logins.values()) for usage in usages),
        "logins_refused": sum(usage.logins.get(code, 0) for usage in usages for code in _LOGIN_REFUSALS),
        "coalesced": gateway.cache.coalesced,
        "next_try_at": _iso(clock.wall() + min(waits)) if waits else "",
    }


def offered(gateway: Gateway) -> dict[str, bool]:
    """Say for every path that was requested of the gateway whether this hardware and firmware offer it."""
    found = {snapshot.source: True for snapshot in gateway.cache.store}
    for link in gateway.cache.links:
        for path, rest in link.rests.items():
            if isinstance(rest.error, NotSupported):
                found.setdefault(path, False)
    return dict(sorted(found.items()))


def redacted(settings: Settings) -> dict[str, str]:
    """Show the effective settings; a secret is shown as set or not, never with its length."""
    shown = {}
    for row in SETTINGS:
        value = value_of(settings, row)
        shown[row.env] = ("********" if value else "") if row.secret else show(value)
    return shown


def _name(gateway: Gateway) -> dict[str, Any]:
    """Say what this is and how the gateway is read."""
    mode = mode_of(gateway.settings)
    told = [link.driver.describe() for link in gateway.cache.links]
    return {
        "pypowerwall": f"{__version__} Powerwall Proxy",
        "mode": f"Local ({mode})" if mode not in {"", "off"} else "Local",
        "tedapi": mode not in {"", "off"},
        "tedapi_mode": mode or "off",
        "pw3": any(link.get("powerwall3_units") for link in told),
    }


def _connection(context: Context, gateway: Gateway) -> dict[str, Any]:
    """Say how the connection to the gateway is: absent where PW_HEALTH_CHECK=no switched the looking off."""
    if not context.settings.gateway.health_check:
        return {}
    links, now, wall = gateway.cache.links, context.clock.monotonic(), context.clock.wall()
    successes = [link.last_success for link in links if link.last_success is not None]
    age = now - max(successes) if successes else None
    resting = next((link for link in links if not link.breaker.is_closed), None)
    since = now - resting.breaker.since if resting else None
    return {
        "connection_health": {
            "consecutive_failures": max((link.breaker.failures for link in links), default=0),
            "total_failures": sum(_failed(link) for link in links),
            "total_successes": sum(sum(link.exchanges.values()) - _failed(link) for link in links),
            "is_degraded": resting is not None,
            "last_success_time": None if age is None else round(wall - age, _DIGITS),
            "last_success_age_seconds": None if age is None else round(age, _DIGITS),
            "cache_size": sum(1 for _ in gateway.cache.store),
        },
        "fallback_mode": {
            "is_fallback_mode": resting is not None,
            "fallback_since": None if since is None else round(wall - since, _DIGITS),
            "fallback_duration_seconds": None if since is None else round(since, _DIGITS),
            "recovery_attempts": resting.breaker.failures if resting else 0,
            "recovery_enabled": context.settings.gateway.tedapi_recovery,
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


def _failed(link: Link) -> int:
    return sum(count for (_, outcome), count in link.exchanges.items() if outcome != "ok")


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
