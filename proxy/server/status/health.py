"""The document of /health: state of the gateway, of serving clients, errors, plausibility of readings."""

from __future__ import annotations

import resource
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from proxy import __version__
from proxy.config.settings import SETTINGS
from proxy.core.advice import BASIC_LAN, advice_for
from proxy.core.redaction import redact
from proxy.core.sources import METERS, STATUS, SYSTEM_STATUS
from proxy.server.routes import ROUTES
from proxy.server.status.stats import peers_health
from proxy.views.json_access import section, text
from proxy.views.site import model

if TYPE_CHECKING:
    from proxy.cache.source_cache import SourceCache
    from proxy.core.histogram import Histogram
    from proxy.gateways.gateway import Gateway
    from proxy.gateways.status import GatewayStatus, LinkStatus, SourceStatus
    from proxy.server.context import Context

_DIGITS: Final = 3
_SHOWN: Final = 3  # characters of a serial number, which is personal
_KIBI: Final = 1024
_DEFAULT: Final = "default"
_WRITES: Final = 10
# Meters are not read in the same instant: differences up to this are not reported.
_USUAL_W: Final = 100.0
_USUAL_SHARE: Final = 0.1
# They last as long as a page is open, which is no measure of how fast requests are answered.
_STREAMS: Final = frozenset(route.path for route in ROUTES if route.media_type == "text/event-stream")


def health_of(context: Context, gateway: Gateway) -> dict[str, Any]:
    """Collect the document of /health for one gateway."""
    return _document(context, gateway, gateway.status(), [gateway])


def health_of_all(context: Context) -> dict[str, Any]:
    """Collect the document of /health for all gateways: it speaks of the worst one, and lists it first."""
    gateways = worst_first(context.gateways.values())
    worst, status = gateways[0], gateways[0].status()
    document = _document(context, worst, status, gateways)
    if status.is_healthy:
        return document
    return {**document, "message": f"{worst.id}: {document['message']}"}


def worst_first(gateways: Iterable[Gateway]) -> list[Gateway]:
    """Order gateways: those that are not well before others, those without readings and with older ones first."""

    def rank(gateway: Gateway) -> tuple[bool, bool, float]:
        status = gateway.status()
        return status.is_healthy, status.newest is not None, -(status.age or 0.0)

    return sorted(gateways, key=rank)


def _document(
    context: Context, gateway: Gateway, status: GatewayStatus, listed: Sequence[Gateway]
) -> dict[str, Any]:
    return {
        "status": "ok" if status.is_healthy else "degraded",
        "message": status.reason,
        "version": __version__,
        "uptime_seconds": round(context.uptime_s),
        "age_seconds": None if status.age is None else round(status.age, _DIGITS),
        "gateways": [_gateway(each, among=len(listed)) for each in listed],
        "sources": [_source(source, status.at) for source in status.sources],
        "memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIBI,
        "control": bool(context.settings.control_secret),
        "traffic": _traffic(context, gateway),
        "errors": _errors(gateway.id, status),
        "writes": _writes(context, gateway),
        "readings": _readings(context, gateway),
        "settings": _settings(context),
        **{name: value for report in context.reports for name, value in report().items()},
        **peers_health(context, gateway, status),
    }


def _gateway(gateway: Gateway, *, among: int) -> dict[str, Any]:
    """Describe a gateway; among several, with the path of its pages.

    ``site`` is what the power-flow page shows, ``error`` the code of what keeps it from being read, with its
    ``cause`` in a word and ``advice`` in sentences.
    """
    status = gateway.status()
    failed = status.failed_link
    error = failed.error if failed else None
    cause, advice = advice_for(error, failed.driver) if failed and error else (None, "")
    return {
        "id": gateway.id,
        "name": gateway.name,
        "status": "ok" if status.is_healthy else "degraded",
        "message": status.reason,
        "error": error.code() if error else None,
        "cause": cause.value if cause else None,
        "advice": advice,
        "age_seconds": None if status.age is None else round(status.age, _DIGITS),
        **({"href": f"gateways/{gateway.id}/"} if among > 1 else {}),
        **_identity(gateway.cache),
        "notice": BASIC_LAN if status.is_basic_lan else "",
        "links": [_link(link, status.at) for link in status.links],
        "site": gateway.live.current(),
    }


def _identity(cache: SourceCache) -> dict[str, str | None]:
    """Say which gateway this is, as far as is known: model, firmware, and the last characters of its number."""
    documents = {
        source: known.document.value
        for source in (STATUS, SYSTEM_STATUS)
        if (known := cache.store.get(source))
    }
    reported = section(documents.get(STATUS))
    version, number = text(reported.get("version")), text(reported.get("din"))
    return {
        "model": model(documents),
        "firmware": version.strip() if version else None,
        "identity": f"…{number[-_SHOWN:]}" if number else None,
    }


def _link(link: LinkStatus, now: float) -> dict[str, Any]:
    return {
        "driver": link.driver,
        "state": link.state.value,
        "state_seconds": round(now - link.since),
        "failures_in_row": link.failures_in_row,
        "reason": str(link.error) if link.error else "",
        "retry_in_seconds": None if link.next_attempt is None else round(link.wait_s(now), 1),
        "answer_seconds": None if (mean := link.seconds.mean) is None else round(mean, _DIGITS),
        "last_success_seconds": None
        if link.last_success is None
        else round(now - link.last_success, _DIGITS),
        "cooldowns": {
            path: {"retry_in_seconds": round(cooldown.until - now, 1), "reason": str(cooldown.error)}
            for path, cooldown in link.path_cooldowns.items()
            if not cooldown.permits(now) and cooldown.error.is_failure
        },
        "not_offered": list(link.not_offered),
        **link.details,
    }


def _source(source: SourceStatus, now: float) -> dict[str, Any]:
    snapshot, attempt = source.snapshot, source.attempt
    return {
        "path": snapshot.source,
        "age_seconds": round(snapshot.age(now), _DIGITS),
        "outcome": attempt.outcome if attempt else None,
        "exchange_seconds": round(attempt.seconds, _DIGITS) if attempt else None,
        # Both are ages, as the one above.
        "ttl_seconds": round(snapshot.fresh_until - snapshot.observed_at, _DIGITS),
        "usable_seconds": round(snapshot.usable_until - snapshot.observed_at, _DIGITS),
        "servable": source.is_servable,
    }


def _settings(context: Context) -> dict[str, Any]:
    """Say by the names in the environment which settings are not the defaults' work, and which are odd."""
    given = {row.env: context.origins.get(row.key, _DEFAULT) for row in SETTINGS}
    return {
        "origins": {env: origin for env, origin in given.items() if origin != _DEFAULT},
        "warnings": [redact(warning) for warning in context.warnings],
    }


def _traffic(context: Context, gateway: Gateway) -> dict[str, Any]:
    traffic, cache = context.traffic, gateway.cache
    results: Counter[str] = Counter()
    for (_, result), count in cache.results.items():
        results[result.value] += count
    answered = [histogram for (path, _), histogram in traffic.seconds.items() if path not in _STREAMS]
    slots, slot_s = traffic.recent.ended(context.clock.monotonic()), traffic.recent.slot_s
    lived = min(max(context.uptime_s, slot_s), slot_s * len(slots))
    return {
        "requests": sum(traffic.requests.values()),
        "requests_per_second": round(slots[-1] / slot_s, 2),
        "requests_per_second_5_minutes": round(sum(slots) / lived, 2),
        "requests_by_slot": slots,
        "slot_seconds": slot_s,
        "in_flight": traffic.in_flight,
        "streams": context.streams,
        "results": dict(results),
        "coalesced": cache.coalesced,
        "waiting": cache.waiting,
        "p50_seconds": quantile(answered, 0.5),
        "p95_seconds": quantile(answered, 0.95),
    }


def quantile(histograms: Iterable[Histogram], share: float) -> float | None:
    """Return the upper bound (seconds) of the bucket that this share of all durations does not exceed."""
    known = list(histograms)
    total = sum(histogram.count for histogram in known)
    if not total:
        return None
    seen = 0
    for position, bound in enumerate(known[0].bounds):
        seen += sum(histogram.counts[position] for histogram in known)
        if seen >= share * total:
            return bound
    return None


def _errors(gateway: str, status: GatewayStatus) -> list[dict[str, Any]]:
    return [
        {
            "gateway": gateway,
            "path": failure.path,
            "error": failure.error,
            "message": redact(failure.message),
            "first_seconds": round(status.at - failure.first_at),
            "last_seconds": round(status.at - failure.last_at),
            "count": failure.count,
        }
        for link in status.links
        for failure in link.failures
    ]


def _writes(context: Context, gateway: Gateway) -> list[dict[str, Any]]:
    """Report the last commands as far as /metrics does; values and clients are for holders of the secret."""
    now = context.clock.wall()
    latest = reversed(gateway.commands.reports)
    return [
        {
            "seconds": round(now - report.at),
            "settings": [setting.value for setting in report.command.values],
            "outcome": report.outcome,
        }
        for report in islice(latest, _WRITES)
    ]


def _readings(context: Context, gateway: Gateway) -> dict[str, Any]:
    """Say whether the latest readings contradict each other, and by how much the gateway's clock is off."""
    state = gateway.site.current()
    read_at = state.observed_at.get(METERS)
    if read_at is None:
        return dict.fromkeys(("unbalanced_watts", "unserved_watts", "load_watts", "skew_seconds"))
    flows, load = state.flows, state.power("load")
    stamp = state.meters["site"].read_at if "site" in state.meters else None
    stored = context.clock.wall() - (context.clock.monotonic() - read_at)
    return {
        "unbalanced_watts": flows and round(flows.unbalanced, 1),
        "unserved_watts": flows and round(flows.unserved, 1),
        "is_unusual": flows is not None
        and abs(flows.unbalanced) > max(_USUAL_W, _USUAL_SHARE * abs(flows.home)),
        "load_watts": None if load is None else round(load, 1),
        "skew_seconds": None if stamp is None else _skew(stamp, stored),
    }


def _skew(stamp: str, now: float) -> float | None:
    """Return by how many seconds a time of the gateway is behind (wall-clock) now; None for no time."""
    try:
        return round(now - datetime.fromisoformat(stamp).timestamp(), 1)
    except (ValueError, OverflowError):
        return None
