"""How things stand with one gateway, as a value: its links, its sources, and the reason in one sentence.

Only this module looks into links. What reports on a gateway (health, statistics, metrics, the live
stream, OpenC2) is given a ``GatewayStatus``. Times are monotonic seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from proxy.cache.names import names_of
from proxy.core.advice import CLOUD, action_for
from proxy.core.breaker import State
from proxy.core.errors import GATEWAY, Forbidden, NotSupported, RateLimited
from proxy.core.sources import CONFIGURATION, IDENTITY, METERS, ON_REQUEST, STATUS, TARIFF
from proxy.drivers.base import CountsRequests, ReportsUsage, Usage

if TYPE_CHECKING:
    from proxy.cache.link import Attempt, Link
    from proxy.cache.source_cache import SourceCache
    from proxy.core.breaker import Cooldown
    from proxy.core.errors import GatewayError
    from proxy.core.failures import Failure
    from proxy.core.histogram import Histogram
    from proxy.core.model import Exchange, Snapshot, Source

# What a gateway is and how it is set, not what it measures: having it does not make readings fresh.
_NO_READINGS = IDENTITY.union(
    CONFIGURATION,
    ON_REQUEST,
    (TARIFF, "/cloud/config", "/fleetapi/info", "/tedapi/battery"),
    ("/api/meters/status", "/api/powerwalls/status"),
    ("/api/system/networks/conn_tests", "/api/system/testing"),
)
# Outcomes of exchanges that a gateway answered; what it does not offer is no failure.
_ANSWERS = frozenset({"ok", NotSupported.code(), Forbidden.code()})


@dataclass(frozen=True, slots=True)
class LinkStatus:
    """One link of a gateway.

    ``name`` is its driver's, with a number where another link of the gateway has the same.
    ``next_attempt`` is when requests are sent again, None while they are. ``path_cooldowns`` are
    those of sources and exchanges that failed when they were last requested, also if they are over.
    ``exchanges`` counts by exchange and outcome, ``cooldowns`` by the cause of the link's cooldown.
    ``month`` is what was sent of the month's requests, None where the provider does not count them.
    """

    name: str
    driver: str
    state: State
    since: float
    next_attempt: float | None
    failures_in_row: int
    error: GatewayError | None
    last_success: float | None
    in_flight: int
    sources: Mapping[Source, Exchange]
    path_cooldowns: Mapping[str, Cooldown]
    exchanges: Mapping[tuple[Exchange, str], int]
    seconds: Histogram
    cooldowns: Mapping[str, int]
    failures: tuple[Failure, ...]
    usage: Usage | None
    month: Mapping[str, Any] | None
    details: Mapping[str, Any]

    @property
    def is_up(self) -> bool:
        """Whether requests are sent as usual."""
        return self.state is State.CLOSED

    @property
    def failed_exchanges(self) -> int:
        """How many exchanges brought no answer."""
        return sum(count for (_, outcome), count in self.exchanges.items() if outcome not in _ANSWERS)

    @property
    def not_offered(self) -> tuple[str, ...]:
        """The paths that were requested and that this hardware and firmware do not have over this link."""
        return tuple(
            sorted(path for path, cooldown in self.path_cooldowns.items() if not cooldown.error.is_failure)
        )

    def wait_s(self, now: float) -> float:
        """Return how long it takes until requests are sent again; 0 if they are."""
        return 0.0 if self.next_attempt is None else max(self.next_attempt - now, 0.0)

    def cooldown_of(self, source: Source) -> Cooldown | None:
        """Return the cooldown of a source, or of the exchange that brings it."""
        return self.path_cooldowns.get(source) or self.path_cooldowns.get(self.sources.get(source, ""))


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """A source that has a snapshot, and the latest attempt to read it; ``is_servable`` without a request."""

    snapshot: Snapshot
    attempt: Attempt | None
    is_servable: bool


@dataclass(frozen=True, slots=True)
class GatewayStatus:
    """One gateway at one moment, ``at``.

    ``newest`` is the newest reading that can be served, ``waits`` says for how long (s) sources that
    clients requested are in cooldown, ``offered`` which paths this hardware and firmware have.
    ``reason`` is a sentence for an operator: how things stand, and what to do.
    """

    at: float
    links: tuple[LinkStatus, ...]
    sources: tuple[SourceStatus, ...]
    newest: Snapshot | None
    waits: Mapping[Source, float]
    offered: Mapping[str, bool]
    is_healthy: bool
    reason: str

    @property
    def age(self) -> float | None:
        """How old (s) the newest reading is."""
        return self.newest.age(self.at) if self.newest else None

    @property
    def is_basic_lan(self) -> bool:
        """Whether a Powerwall 3 is read with the customer's password alone: its local API has not even a status."""
        return bool(self.links) and all(
            link.driver == "local" and STATUS in link.not_offered for link in self.links
        )

    @property
    def failed_link(self) -> LinkStatus | None:
        """The first link that ought to be up and is not."""
        return _failed(self.links)


def status_of(cache: SourceCache) -> GatewayStatus:
    """Say how things stand now; sends nothing."""
    now, links = cache.clock.monotonic(), links_of(cache)
    newest = _newest(cache, now)
    missing, lost, failure = _powers_missing(cache, links), _lost(cache, links), _failure(links)
    is_unread = newest is None and failure is not None
    return GatewayStatus(
        at=now,
        links=links,
        sources=tuple(_source(cache, snapshot, now) for snapshot in cache.store),
        newest=newest,
        waits=_waits(cache, links, now),
        offered=_offered(cache, links),
        is_healthy=bool(links) and _failed(links) is None and not (missing or lost or is_unread),
        reason=_reason(links, newest.age(now) if newest else None, now, missing, lost, failure),
    )


def links_of(cache: SourceCache) -> tuple[LinkStatus, ...]:
    """Say how the links stand now, in the order in which they are tried."""
    return tuple(map(_link, cache.links, names_of(cache.links)))


def _failed(links: tuple[LinkStatus, ...]) -> LinkStatus | None:
    """Return the first link that ought to be up and is not: one whose requests are counted is only there for when others fail."""
    needed = [link for link in links if link.month is None] or links
    return next((link for link in needed if not link.is_up), None)


def _link(link: Link, name: str) -> LinkStatus:
    breaker = link.breaker
    return LinkStatus(
        name=name,
        driver=link.driver.name,
        state=breaker.state,
        since=breaker.since,
        next_attempt=breaker.until if breaker.state is State.OPEN else None,
        failures_in_row=breaker.failures,
        error=breaker.error,
        last_success=link.last_success,
        in_flight=link.in_flight,
        sources=link.driver.sources,
        path_cooldowns=link.path_cooldowns,
        exchanges=dict(link.exchanges),
        seconds=link.seconds.copy(),
        cooldowns=dict(link.cooldowns),
        failures=tuple(link.failures),
        usage=link.driver.usage() if isinstance(link.driver, ReportsUsage) else None,
        month=link.driver.requests_this_month() if isinstance(link.driver, CountsRequests) else None,
        details=link.driver.describe(),
    )


def _source(cache: SourceCache, snapshot: Snapshot, now: float) -> SourceStatus:
    source = snapshot.source
    # A link in cooldown has left the source to the next.
    links = sorted(
        (link for link in cache.links if link.has(source)),
        key=lambda link: link.is_in_cooldown(source, now),
    )
    attempts = (link.latest.get(link.driver.sources[source]) for link in links)
    return SourceStatus(snapshot, next(filter(None, attempts), None), cache.peek(source) is not None)


def _newest(cache: SourceCache, now: float) -> Snapshot | None:
    meters = cache.peek(METERS)
    others = (s for s in cache.store if s.source not in _NO_READINGS and cache.peek(s.source))
    return min([meters] if meters else others, key=lambda snapshot: snapshot.age(now), default=None)


def _waits(cache: SourceCache, links: tuple[LinkStatus, ...], now: float) -> Mapping[Source, float]:
    waits: dict[Source, float] = {}
    for link in links:
        for source, exchange in link.sources.items():
            cooldown = link.path_cooldowns.get(exchange)
            if cooldown and not cooldown.permits(now) and source in cache.demanded:
                left = cooldown.until - now
                waits[source] = min(left, waits.get(source, left))
    return waits


def _offered(cache: SourceCache, links: tuple[LinkStatus, ...]) -> Mapping[str, bool]:
    found: dict[str, bool] = {snapshot.source: True for snapshot in cache.store}
    for path, error in _path_errors(links):
        if not error.is_failure:
            found.setdefault(path, False)
    return dict(sorted(found.items()))


def _lost(cache: SourceCache, links: tuple[LinkStatus, ...]) -> tuple[Source, GatewayError] | None:
    """Return a source that was read before and cannot be served any more, and why."""
    for source in sorted(cache.obtained):
        if cache.peek(source) is None:
            for cooldown in (link.cooldown_of(source) for link in links):
                if cooldown and cooldown.error.is_failure:
                    return source, cooldown.error
    return None


def _powers_missing(cache: SourceCache, links: tuple[LinkStatus, ...]) -> GatewayError | None:
    """Return why there are no powers, the essential reading, although the gateway answers."""
    if cache.peek(METERS):
        return None
    found = (link.cooldown_of(METERS) for link in links if METERS in link.sources)
    return next((cooldown.error for cooldown in found if cooldown), None)


def _failure(links: tuple[LinkStatus, ...]) -> GatewayError | None:
    """Return why some reading could not be had lately; what is not offered is no failure."""
    return next((error for _, error in _path_errors(links) if error.is_failure), None)


def _path_errors(links: tuple[LinkStatus, ...]) -> Iterator[tuple[str, GatewayError]]:
    for link in links:
        yield from ((path, cooldown.error) for path, cooldown in link.path_cooldowns.items())


def _reason(
    links: tuple[LinkStatus, ...],
    age: float | None,
    now: float,
    missing: GatewayError | None,
    lost: tuple[Source, GatewayError] | None,
    failure: GatewayError | None,
) -> str:
    if not links:
        return "No gateway is configured: set PW_HOST to its address, or PW_CLOUD_MODE."
    failed = _failed(links)
    if failed is not None:
        served = f"serving readings {age:.0f} s old" if age is not None else "no readings to serve"
        is_gateway = len(links) == 1 and failed.month is None
        return f"{_trouble(failed, now, is_only=is_gateway)}; {served}."
    if age is None:
        failing = failure or missing
        return f"No readings: {failing}." if failing else "No reading has been requested yet."
    if missing:
        return f"Readings are {age:.1f} s old, but not of powers: {missing}."
    if lost:
        return f"Readings are {age:.1f} s old, but there is no {lost[0]}: {lost[1]}."
    return f"Readings are {age:.1f} s old."


def _trouble(link: LinkStatus, now: float, *, is_only: bool) -> str:
    """Say what is wrong with a link, what to do about it, and when it is tried again."""
    error = link.error
    if error is None:
        return f"The {CLOUD if link.driver == CLOUD else GATEWAY} is being tried"
    over = "" if is_only or link.driver == CLOUD else f" over {link.driver}"
    pause = "Paused for" if isinstance(error, RateLimited) else "Next attempt in"
    return (
        f"{error.headline}{over}: {error}. {action_for(error, link.driver)} {pause} {link.wait_s(now):.0f} s"
    )
