"""The text of /metrics: tables of families become samples at the moment of a scrape.

prometheus-client writes the formats and measures the process. It is slow to import, so
this module is imported by the first scrape. Nothing here sends a request, and nothing is
kept between scrapes but what the gateway's counters read, which outlives the process.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from proxy.core.histogram import Histogram
from proxy.core.json_access import is_count
from proxy.core.model import Source
from proxy.core.sources import SOLAR_POWERWALL, VITALS
from proxy.metrics.families import COUNTER, HISTOGRAM, Family, Samples, Subject
from proxy.metrics.formats import chosen
from proxy.metrics.proxy_metrics import PROXY_METRICS
from proxy.metrics.proxy_samples import Running
from proxy.metrics.scraped_site import ScrapedSite
from proxy.metrics.site_metrics import ESSENTIAL, SITE_METRICS

if TYPE_CHECKING:
    from proxy.cache.source_cache import SourceCache

Export: TypeAlias = Callable[[str, tuple[str, ...], float], float]

_SHOWN: frozenset[Source] = frozenset(source for row in SITE_METRICS for source in row.sources)


_GATEWAY = "gateway"


class Metrics:
    """The metrics of one running proxy.

    ``scraped`` reads what is known of a gateway; ``export`` takes the name of a gateway, a series
    and the reading of this counter, and returns the value to export, which never falls.
    """

    def __init__(
        self, running: Running, scraped: Callable[[SourceCache], ScrapedSite], export: Export
    ) -> None:
        self._running = running
        self._registry = CollectorRegistry(auto_describe=False)
        self._families = _Families(running, scraped, export)
        self._registry.register(self._families)
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)

    @staticmethod
    def interest(gateway: SourceCache, extent: str) -> frozenset[Source]:
        """Return what a scrape keeps fresh: nothing, the essential readings and what was ever requested, or all."""
        match extent:
            case "no":
                return frozenset()
            case "yes":
                return _SHOWN & gateway.demanded | frozenset(ESSENTIAL)
        # The strings are in the vitals already, where there are any.
        return _SHOWN - {SOLAR_POWERWALL} if gateway.peek(VITALS) else _SHOWN

    def scrape(self, accept: str, gateway: str = "") -> tuple[bytes, str]:
        """Return the body in the format that the client accepts best, and its media type.

        With a ``gateway`` only what has its label: of many gateways, each can be a target of its own.
        """
        now = self._running.clock.monotonic
        started = now()
        wanted = chosen(accept)
        registry = self._registry
        if gateway:
            registry = CollectorRegistry(auto_describe=False)
            registry.register(_OfOne(self._families, gateway))
        body = wanted.write(registry)
        self._running.collect_seconds = now() - started
        return body, wanted.media_type


class _Families(Collector):
    """What prometheus-client calls for each scrape."""

    def __init__(
        self, running: Running, scraped: Callable[[SourceCache], ScrapedSite], export: Export
    ) -> None:
        self._running = running
        self._scraped = scraped
        self._export = export
        counters = [row.name for row in SITE_METRICS if row.kind is COUNTER]
        for gateway in running.gateways:
            # From zero on, so that the first one is an increase.
            running.implausible.update({(gateway.name, name): 0 for name in counters})

    def collect(self) -> Iterator[Metric]:
        """Make all families that have a sample."""
        yield from self._site(self._running.gateways)
        for family in PROXY_METRICS:
            metric = _empty(family)
            _fill(metric, family, family.read(self._running))
            yield from _filled(metric)

    def of_one(self, name: str) -> Iterator[Metric]:
        """Make the families and samples that have the label of one gateway."""
        yield from self._site([gateway for gateway in self._running.gateways if gateway.name == name])
        for family in PROXY_METRICS:
            if _GATEWAY in family.labels:
                at, metric = family.labels.index(_GATEWAY), _empty(family)
                samples = family.read(self._running)
                _fill(metric, family, (sample for sample in samples if sample[0][at] == name))
                yield from _filled(metric)

    def _site(self, gateways: Sequence[SourceCache]) -> Iterator[Metric]:
        self._running.observe()
        scraped = [(gateway.name, self._scraped(gateway)) for gateway in gateways]
        for row in SITE_METRICS:
            yield from _filled(self._energy(row, scraped))

    def _energy(self, row: Family[ScrapedSite], scraped: Sequence[tuple[str, ScrapedSite]]) -> Metric:
        metric = _empty(row)
        for gateway, site in scraped:
            samples = row.read(site)
            if row.kind is COUNTER:
                samples = self._held(row.name, gateway, samples)
            _fill(metric, row, samples, {_GATEWAY: gateway})
        return metric

    def _held(self, name: str, gateway: str, samples: Samples) -> Samples:
        """Keep counters from stepping back; leave out and count what a counter cannot read."""
        for labels, value in samples:
            if not isinstance(value, int | float):
                continue
            if is_count(value):
                yield labels, self._export(gateway, (name, gateway, *labels), value)
            else:
                self._running.implausible[gateway, name] += 1


class _OfOne(Collector):
    """What prometheus-client calls for a scrape of one gateway."""

    def __init__(self, families: _Families, gateway: str) -> None:
        self._families = families
        self._gateway = gateway

    def collect(self) -> Iterator[Metric]:
        """Make the families of this gateway."""
        return self._families.of_one(self._gateway)


def _empty(family: Family[Subject]) -> Metric:
    if family.kind is HISTOGRAM:
        return HistogramMetricFamily(family.base, family.help, labels=family.labels, unit=family.unit)
    return Metric(family.base, family.help, family.kind.value, unit=family.unit)


def _filled(metric: Metric) -> Iterator[Metric]:
    if metric.samples:
        yield metric


def _fill(
    metric: Metric, family: Family[Subject], samples: Samples, common: dict[str, str] | None = None
) -> None:
    """Add samples to a metric; those without a finite value are left out, as are labels without one."""
    for values, value in samples:
        if isinstance(value, Histogram) and isinstance(metric, HistogramMetricFamily):
            metric.add_metric(values, _cumulated(value), value.total)
        elif isinstance(value, int | float) and math.isfinite(value):
            labels = dict(common or {})
            labels.update(zip(family.labels, values, strict=False))
            metric.add_sample(family.name, labels, value)


def _cumulated(histogram: Histogram) -> list[tuple[str, float]]:
    """Return the buckets as the formats want them: each with everything below it."""
    buckets: list[tuple[str, float]] = []
    seen = 0
    for bound, count in zip((*map(str, histogram.bounds), "+Inf"), histogram.counts, strict=True):
        seen += count
        buckets.append((bound, seen))
    return buckets
