"""What is measured of the proxy itself: counters that its parts keep, read at a scrape."""

from __future__ import annotations

import logging
import platform
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import aiohttp

from proxy import __version__
from proxy.core.breaker import State
from proxy.core.histogram import Histogram
from proxy.drivers.base import ReportsUsage, Usage
from proxy.logs.format import LogHandler
from proxy.metrics.families import Sample, Samples

if TYPE_CHECKING:
    from proxy.cache.link import Link
    from proxy.cache.source_cache import SourceCache
    from proxy.core.clock import Clock


class Requests(Protocol):
    """What was counted of clients' requests."""

    in_flight: int
    requests: Counter[tuple[str, str, int]]  # by route, method, status
    seconds: dict[tuple[str, str], Histogram]  # by route, cache result
    bytes_sent: Counter[str]  # by route


@dataclass(slots=True)
class Running:
    """One running proxy, as its metrics see it.

    A feature puts a function that makes the samples of a family into ``samples``, by the
    family's name. ``collect_seconds`` is how long the previous scrape took.
    """

    gateways: tuple[SourceCache, ...]
    traffic: Requests
    clock: Clock
    started_at: float  # wall-clock seconds
    samples: Mapping[str, Callable[[], Samples]] = field(default_factory=dict)
    collect_seconds: float | None = None
    # Values that a scrape left out because nothing can have counted them, by gateway and metric.
    implausible: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def links(self) -> Iterator[tuple[SourceCache, str, Link]]:
        """Yield every link with its gateway and a name that no other link of this gateway has."""
        for gateway in self.gateways:
            seen: Counter[str] = Counter()
            for link in gateway.links:
                seen[link.driver.name] += 1
                again = seen[link.driver.name]
                yield gateway, link.driver.name if again == 1 else f"{link.driver.name}_{again}", link

    def wall(self, monotonic: float) -> float:
        """Return the time of day of a monotonic moment, in seconds."""
        return self.clock.wall() - self.clock.monotonic() + monotonic


def build(_: Running) -> Samples:
    """Tell the versions."""
    return (((__version__, platform.python_version(), aiohttp.__version__), 1),)


def seconds(running: Running) -> Samples:
    """Read the durations of requests."""
    return ((labels, histogram) for labels, histogram in running.traffic.seconds.items())


def requests(running: Running) -> Samples:
    """Count the requests."""
    return (
        ((route, method, str(status)), n) for (route, method, status), n in running.traffic.requests.items()
    )


def sent(running: Running) -> Samples:
    """Count the bytes sent to clients."""
    return (((route,), size) for route, size in running.traffic.bytes_sent.items())


def cache(running: Running) -> Samples:
    """Count how sources were served."""
    total: Counter[tuple[str, str]] = Counter()
    for gateway in running.gateways:
        for (source, result), n in gateway.results.items():
            total[source, result.value] += n
    return total.items()


def entries(running: Running) -> Samples:
    """Count the snapshots."""
    return (((), sum(1 for gateway in running.gateways for _ in gateway.store)),)


def held(running: Running) -> Samples:
    """Tell how much the snapshots weigh."""
    return (((), sum(gateway.store.bytes for gateway in running.gateways)),)


def ages(running: Running) -> Samples:
    """Tell how old every snapshot is."""
    now = running.clock.monotonic()
    for gateway in running.gateways:
        yield from (((gateway.name, snapshot.source), snapshot.age(now)) for snapshot in gateway.store)


def exchanges(running: Running) -> Samples:
    """Count the exchanges."""
    for gateway, name, link in running.links:
        yield from (((gateway.name, name, *which), n) for which, n in link.exchanges.items())


def of_links(read: Callable[[Link, float], float | Histogram | None]) -> Callable[[Running], Samples]:
    """Read one value of every link; ``read`` is given the monotonic time."""

    def samples(running: Running) -> Samples:
        now = running.clock.monotonic()
        return (((gateway.name, name), read(link, now)) for gateway, name, link in running.links)

    return samples


def usages(running: Running) -> Iterator[tuple[tuple[str, str], Usage]]:
    """Yield what every driver counted."""
    for gateway, name, link in running.links:
        if isinstance(link.driver, ReportsUsage):
            yield (gateway.name, name), link.driver.usage()


def upstream_bytes(running: Running) -> Samples:
    """Count the bytes to and from gateways."""
    for link, usage in usages(running):
        yield (*link, "received"), usage.bytes_received
        yield (*link, "sent"), usage.bytes_sent


def logins(running: Running) -> Samples:
    """Count the logins."""
    for link, usage in usages(running):
        yield from (((*link, outcome), n) for outcome, n in usage.logins.items())


def sessions(running: Running) -> Samples:
    """Tell since when the sessions last."""
    return ((link, usage.session_since) for link, usage in usages(running))


def states(running: Running) -> Samples:
    """Say in which state every link is, one sample per state."""
    for gateway, name, link in running.links:
        yield from (((gateway.name, name, s.value), int(link.breaker.state is s)) for s in State)


def cooldown(link: Link, now: float) -> float:
    """Tell how long a link rests."""
    return max(link.breaker.until - now, 0.0) if link.breaker.state is State.OPEN else 0.0


def cooldowns(running: Running) -> Samples:
    """Count the rests of links."""
    for gateway, name, link in running.links:
        yield from (((gateway.name, name, reason), n) for reason, n in link.cooldowns.items())


def rests(running: Running) -> Samples:
    """Tell how long sources rest that somebody wanted."""
    now = running.clock.monotonic()
    for gateway in running.gateways:
        left: dict[str, float] = {}
        for link in gateway.links:
            for source, exchange in link.driver.sources.items():
                rest = link.rests.get(exchange)
                if rest and not rest.permits(now) and source in gateway.demanded:
                    left[source] = min(rest.until - now, left.get(source, rest.until - now))
        yield from (((gateway.name, source), seconds) for source, seconds in left.items())


def successes(running: Running) -> Samples:
    """Tell when every link last had an answer."""
    for gateway, name, link in running.links:
        if link.last_success is not None:
            yield (gateway.name, name), running.wall(link.last_success)


def log_records(_: Running) -> Samples:
    """Count the lines of the log."""
    written: Counter[str] = Counter()
    for handler in logging.getLogger().handlers:
        if isinstance(handler, LogHandler):
            written.update(handler.written)
    return (((level,), n) for level, n in written.items())


def of_feature(name: str) -> Callable[[Running], Samples]:
    """Read the samples of a feature; none without that feature."""
    nothing: tuple[Sample, ...] = ()
    return lambda running: running.samples.get(f"powerwall_proxy_{name}", lambda: nothing)()
