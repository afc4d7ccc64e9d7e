"""How things stand with the gateway: whether readings can be had, how old they are, and why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.core.errors import NotSupported
from proxy.core.sources import IDENTITY, METERS, OPERATION, TEDAPI_CONFIG

if TYPE_CHECKING:
    from proxy.cache.source_cache import SourceCache
    from proxy.core.errors import GatewayError
    from proxy.core.model import Snapshot, Source

# What a gateway is and how it is set, not what it measures: having it does not make readings fresh.
_NO_READINGS = IDENTITY | {
    *(OPERATION, TEDAPI_CONFIG, "/tedapi/battery", "/api/meters/status", "/api/powerwalls/status"),
    *("/api/system/networks/conn_tests", "/api/system/testing"),
}


def newest(gateway: SourceCache, now: float) -> Snapshot | None:
    """Return the newest servable reading, None when none can be served."""
    meters = gateway.peek(METERS)
    others = (s for s in gateway.store if s.source not in _NO_READINGS and gateway.peek(s.source))
    return min([meters] if meters else others, key=lambda snapshot: snapshot.age(now), default=None)


def summary(gateway: SourceCache) -> str:
    """Say in one sentence how things stand and what to do."""
    now = gateway.clock.monotonic()
    if not gateway.links:
        return "No gateway is configured: set PW_HOST to the address of the gateway."
    latest = newest(gateway, now)
    age = latest.age(now) if latest else None
    failed = next((link for link in gateway.links if not link.breaker.is_closed), None)
    if failed is not None:
        error = failed.breaker.error
        cause = f"{error.title.lower()} ({error})" if error else "it is being tried"
        wait = max(failed.breaker.until - now, 0.0)
        served = f"serving readings {age:.0f} s old" if age is not None else "no readings to serve"
        who = "gateway" if len(gateway.links) == 1 else f"{failed.driver.name} connection"
        return f"The {who} is in cooldown: {cause}; next try in {wait:.0f} s; {served}."
    if age is None:
        failing = failure_of(gateway) or powers_missing(gateway)
        return f"No readings: {failing}." if failing else "No reading has been requested yet."
    if missing := powers_missing(gateway):
        return f"Readings are {age:.1f} s old, but not of powers: {missing}."
    if gone := lost(gateway):
        return f"Readings are {age:.1f} s old, but there is no {gone[0]}: {gone[1]}."
    return f"Readings are {age:.1f} s old."


def healthy(gateway: SourceCache, now: float) -> bool:
    """Say whether readings can be had."""
    if powers_missing(gateway) or lost(gateway) or (newest(gateway, now) is None and failure_of(gateway)):
        return False
    return bool(gateway.links) and all(link.breaker.is_closed for link in gateway.links)


def lost(gateway: SourceCache) -> tuple[Source, GatewayError] | None:
    """Return a source that was read before and cannot be served any more, and why."""
    for source in sorted(gateway.obtained):
        if gateway.peek(source) is None:
            for link in gateway.links:
                rest = link.rests.get(source) or link.rests.get(link.driver.sources.get(source, ""))
                if rest and not isinstance(rest.error, NotSupported):
                    return source, rest.error
    return None


def powers_missing(gateway: SourceCache) -> GatewayError | None:
    """Return why there are no powers, the essential reading, although the gateway answers."""
    if gateway.peek(METERS):
        return None
    found = (
        link.rests.get(METERS) or link.rests.get(link.driver.sources[METERS])
        for link in gateway.links
        if link.has(METERS)
    )
    return next((rest.error for rest in found if rest), None)


def failure_of(gateway: SourceCache) -> GatewayError | None:
    """Return why some reading could not be had lately; what is not offered is no failure."""
    errors = (rest.error for link in gateway.links for rest in link.rests.values())
    return next((error for error in errors if not isinstance(error, NotSupported)), None)
