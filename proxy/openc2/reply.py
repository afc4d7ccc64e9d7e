"""What OpenC2 clients are answered, before it is written down in one of the dialects."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from proxy.cache.lookup import CacheResult, Lookup, SourceResult
from proxy.core.errors import CommandRejected, GatewayError, NotSupported, OutcomeUnknown, RateLimited
from proxy.core.sources import SOLAR_POWERWALL, VITALS
from proxy.gateways.status import links_of
from proxy.openc2.commands import Refused
from proxy.openc2.properties import Property, masked
from proxy.openc2.settings import OpenC2Settings
from proxy.server.http.guard import AuthResult, Guard
from proxy.server.route import Route

if TYPE_CHECKING:
    from proxy.cache.source_cache import SourceCache
    from proxy.gateways.gateway import Gateway
    from proxy.server.context import Context

_STALE = frozenset({CacheResult.STALE, CacheResult.REVALIDATE})


@dataclass(frozen=True, slots=True)
class Reply:
    """The outcome of a command: a status of the language, why, and the results."""

    status: int
    text: str = ""
    results: Mapping[str, Any] | None = None
    retry_after: float | None = None  # seconds


@dataclass(frozen=True, slots=True)
class Report:
    """Values of properties by name, and which snapshots they were read from."""

    values: Mapping[str, Any]
    used: Collection[SourceResult]
    now: float  # monotonic seconds

    @property
    def age_s(self) -> float:
        """The age of the oldest snapshot."""
        ages = [got.snapshot.age(self.now) for got in self.used if got.snapshot is not None]
        return round(max(0.0, *ages) if ages else 0.0, 1)

    @property
    def is_stale(self) -> bool:
        """Whether any snapshot is past its freshness."""
        return any(got.result in _STALE for got in self.used)


async def report(context: Context, gateway: Gateway, rows: Mapping[str, Property]) -> Report:
    """Read properties from the cached sources; unavailable ones are missing. Raises Refused if all are."""
    sources = tuple(dict.fromkeys(source for row in rows.values() for source in row.sources))
    instead = ((VITALS, SOLAR_POWERWALL),) if VITALS in sources else ()
    reading = await context.readings.obtain(Route("", "", "", optional=sources, instead=instead), gateway)
    obtained = {source: got.snapshot for source, got in reading.sources.items() if got.snapshot is not None}
    documents = {source: snapshot.document.value for source, snapshot in obtained.items()}
    servable = {snapshot.source: snapshot for snapshot in gateway.site.servable()}
    state = gateway.site.of((servable | obtained).values())
    values = {name: row.read(state, documents) for name, row in rows.items()}
    values = {name: value for name, value in values.items() if value is not None}
    if not values:
        raise _nothing(reading, gateway.cache)
    if not context.settings.of(OpenC2Settings).openc2_serials:
        values = {name: masked(value) for name, value in values.items()}
    used = {source for name in values for source in rows[name].sources if source in documents}
    return Report(values, [reading.sources[source] for source in used], context.clock.monotonic())


def _nothing(reading: Lookup, gateway: SourceCache) -> Refused:
    """Say why no property could be had: the gateway's trouble, or there is no such thing."""
    errors = [got.error for got in reading.sources.values() if got.snapshot is None and got.error]
    trouble = next((error for error in errors if error.is_failure), None)
    return Refused(404, "this gateway does not report this") if trouble is None else refused(trouble, gateway)


def refused(error: GatewayError, gateway: SourceCache) -> Refused:
    """Translate what went wrong with the gateway into the language."""
    match error:
        case OutcomeUnknown():
            return Refused(500, "outcome unknown, read back before repeating")
        case CommandRejected():
            return Refused(500, f"refused by the {error.peer}")
        case NotSupported():
            return Refused(404, str(error))
    now = gateway.clock.monotonic()
    for link in links_of(gateway):
        if (cause := link.error) is not None and (wait := link.wait_s(now)) > 0:
            why = "HTTP 429" if isinstance(cause, RateLimited) else f"{cause.headline}: {cause}"
            return Refused(
                503, f"{cause.peer} in cooldown for {math.ceil(wait)} s after {why}", retry_after=wait
            )
    return Refused(503, f"{error.headline}: {error}", retry_after=error.retry_after or 1.0)


async def admit(guard: Guard, shown: Iterable[str | None], client: str, name: str) -> None:
    """Admit a client that shows the one key or secret of a realm. Raises Refused."""
    keys = {key for key in shown if key}
    # Two that differ cannot both be right.
    verdict = await guard.admit(keys.pop() if len(keys) == 1 else None, client)
    if verdict.entry is AuthResult.WAIT:
        raise Refused(503, f"too many wrong {name}s from this address", retry_after=verdict.wait_s)
    if verdict.entry is not AuthResult.GRANTED:
        raise Refused(401, f"{name} missing or wrong")
