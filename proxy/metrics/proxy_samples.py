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
from proxy.gateways.status import GatewayStatus, LinkStatus, status_of
from proxy.logs.format import LogHandler
from proxy.metrics.families import Sample, Samples

if TYPE_CHECKING:
    from proxy.cache.source_cache import SourceCache
    from proxy.core.clock import Clock
    from proxy.drivers.base import Usage


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
    statuses: Mapping[str, GatewayStatus] = field(default_factory=dict)

    def observe(self, only: str = "") -> None:
        """Take down how things stand with the gateways, or with one: all samples of a scrape are of one moment."""
        self.statuses = {
            gateway.name: status_of(gateway) for gateway in self.gateways if only in {"", gateway.name}
        }

    @property
    def links(self) -> Iterator[tuple[tuple[str, str], LinkStatus]]:
        """Yield every link with the values of its labels: its gateway and its name there."""
        for gateway, status in self.statuses.items():
            yield from (((gateway, link.name), link) for link in status.links)

    def wall(self, monotonic: float) -> float:
        """Return the time of day of a monotonic moment, in seconds."""
        return self.clock.wall() - self.clock.monotonic() + monotonic


def build(_: Running) -> Samples:
    """Read the versions."""
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
    """Sum up the bytes of the snapshots."""
    return (((), sum(gateway.store.bytes for gateway in running.gateways)),)


def ages(running: Running) -> Samples:
    """Read the age of every snapshot."""
    now = running.clock.monotonic()
    for gateway in running.gateways:
        yield from (((gateway.name, snapshot.source), snapshot.age(now)) for snapshot in gateway.store)


def exchanges(running: Running) -> Samples:
    """Count the exchanges."""
    for labels, link in running.links:
        yield from (((*labels, *which), n) for which, n in link.exchanges.items())


def of_links(read: Callable[[LinkStatus], float | Histogram | None]) -> Callable[[Running], Samples]:
    """Read one value of every link."""
    return lambda running: ((labels, read(link)) for labels, link in running.links)


def usages(running: Running) -> Iterator[tuple[tuple[str, str], Usage]]:
    """Yield what every driver counted."""
    yield from ((labels, link.usage) for labels, link in running.links if link.usage is not None)


def upstream_bytes(running: Running) -> Samples:
    """Count the bytes to and from gateways."""
    for link, usage in usages(running):
        yield (*link, "received"), usage.bytes_received
        yield (*link, "sent"), usage.bytes_sent


def month(name: str) -> Callable[[Running], Samples]:
    """Read what a provider that counts requests is sent in a month."""

    def samples(running: Running) -> Samples:
        for labels, link in running.links:
            if link.month is not None:
                yield labels, link.month[name]

    return samples


def logins(running: Running) -> Samples:
    """Count the logins."""
    for link, usage in usages(running):
        yield from (((*link, outcome), n) for outcome, n in usage.logins.items())


def sessions(running: Running) -> Samples:
    """Read since when there are sessions."""
    return ((link, usage.session_since) for link, usage in usages(running))


def states(running: Running) -> Samples:
    """Read the state of every link, one sample per state."""
    for labels, link in running.links:
        yield from (((*labels, state.value), int(link.state is state)) for state in State)


def cooldown(running: Running) -> Samples:
    """Read how long it takes until links are requested again."""
    for gateway, status in running.statuses.items():
        yield from (((gateway, link.name), link.wait_s(status.at)) for link in status.links)


def cooldowns(running: Running) -> Samples:
    """Count the cooldowns of links."""
    for labels, link in running.links:
        yield from (((*labels, reason), n) for reason, n in link.cooldowns.items())


def source_cooldowns(running: Running) -> Samples:
    """Read how long sources are in cooldown that clients requested."""
    for gateway, status in running.statuses.items():
        yield from (((gateway, source), seconds) for source, seconds in status.waits.items())


def successes(running: Running) -> Samples:
    """Read when every link last had an answer."""
    for labels, link in running.links:
        if link.last_success is not None:
            yield labels, running.wall(link.last_success)


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
