"""How things stand with the gateway: whether readings can be had, how old they are, and why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.core.errors import NotSupported
from proxy.core.freshness import IDENTITY
from proxy.core.sources import METERS, OPERATION, TEDAPI_CONFIG

if TYPE_CHECKING:
    from proxy.cache.source_cache import SourceCache
    from proxy.core.errors import GatewayError

# What a gateway is and how it is set, not what it measures: having it does not make readings fresh.
_NO_READINGS = IDENTITY | {
    *(OPERATION, TEDAPI_CONFIG, "/tedapi/battery", "/api/meters/status", "/api/powerwalls/status"),
    *("/api/system/networks/conn_tests", "/api/system/testing"),
}


def newest_age(gateway: SourceCache, now: float) -> float | None:
    """Return the age in seconds of the newest servable reading, None when none can be served."""
    meters = gateway.peek(METERS)
    others = (s for s in gateway.store if s.source not in _NO_READINGS and gateway.peek(s.source))
    snapshots = [meters] if meters else others
    return min((now - snapshot.observed_at for snapshot in snapshots), default=None)


def summary(gateway: SourceCache) -> str:
    """Say in one sentence how things stand and what to do."""
    now = gateway.clock.monotonic()
    if not gateway.links:
        return "No gateway is configured: set PW_HOST to the address of the gateway."
    age = newest_age(gateway, now)
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
    missing = powers_missing(gateway)
    return f"Readings are {age:.1f} s old" + (f", but not of powers: {missing}." if missing else ".")


def healthy(gateway: SourceCache, age: float | None) -> bool:
    """Say whether readings can be had; ``age`` is that of the newest servable one."""
    if powers_missing(gateway) or (age is None and failure_of(gateway)):
        return False
    return bool(gateway.links) and all(link.breaker.is_closed for link in gateway.links)


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
