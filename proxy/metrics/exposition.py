"""The text of /metrics: tables of families become lines at the moment of a scrape.

prometheus-client measures the process. It is slow to import, so this module is imported by the first
scrape. Nothing here sends a request, and nothing is kept between scrapes but what the gateway's counters
read, which outlives the process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector

from proxy.core.json_access import is_count
from proxy.core.model import Source
from proxy.core.sources import ON_REQUEST, SOLAR_POWERWALL, VITALS
from proxy.metrics.families import COUNTER, Samples
from proxy.metrics.formats import Format, chosen, lines
from proxy.metrics.proxy_metrics import PROXY_METRICS
from proxy.metrics.proxy_samples import Running
from proxy.metrics.scraped_site import ScrapedSite
from proxy.metrics.site_metrics import ESSENTIAL, SITE_METRICS

if TYPE_CHECKING:
    from proxy.cache.source_cache import SourceCache

Export: TypeAlias = Callable[[str, tuple[str, ...], float], float]

_SHOWN: frozenset[Source] = frozenset(source for row in SITE_METRICS for source in row.sources) - ON_REQUEST

_GATEWAY = "gateway"
_NOTHING = CollectorRegistry(auto_describe=False)


class Metrics:
    """The metrics of one running proxy.

    ``scraped`` reads what is known of a gateway; ``export`` takes the name of a gateway, a series
    and the reading of this counter, and returns the value to export, which never falls.
    """

    def __init__(
        self, running: Running, scraped: Callable[[SourceCache], ScrapedSite], export: Export
    ) -> None:
        self._running = running
        self._scraped = scraped
        self._export = export
        self._process = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self._process)
        PlatformCollector(registry=self._process)
        counters = [row.name for row in SITE_METRICS if row.kind is COUNTER]
        for gateway in running.gateways:
            # From zero on, so that the first one is an increase.
            running.implausible.update({(gateway.name, name): 0 for name in counters})

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
        self._running.observe(gateway)
        text = "".join(self._of_one(wanted, gateway) if gateway else self._of_all(wanted))
        body = text.encode() + wanted.write(_NOTHING if gateway else self._process)
        self._running.collect_seconds = now() - started
        return body, wanted.media_type

    def _of_all(self, wanted: Format) -> Iterator[str]:
        yield from self._site(wanted, self._running.gateways)
        for family in PROXY_METRICS:
            yield from wanted.family(family, lines(family, family.read(self._running)))

    def _of_one(self, wanted: Format, name: str) -> Iterator[str]:
        yield from self._site(wanted, [each for each in self._running.gateways if each.name == name])
        for family in PROXY_METRICS:
            if _GATEWAY in family.labels:
                at = family.labels.index(_GATEWAY)
                samples = (sample for sample in family.read(self._running) if sample[0][at] == name)
                yield from wanted.family(family, lines(family, samples))

    def _site(self, wanted: Format, gateways: Sequence[SourceCache]) -> Iterator[str]:
        scraped = [(gateway.name, self._scraped(gateway)) for gateway in gateways]
        for row in SITE_METRICS:
            written: list[str] = []
            for gateway, site in scraped:
                samples = row.read(site)
                if row.kind is COUNTER:
                    samples = self._held(row.name, gateway, samples)
                written += lines(row, samples, gateway)
            yield from wanted.family(row, written)

    def _held(self, name: str, gateway: str, samples: Samples) -> Samples:
        """Keep counters from stepping back; leave out and count what a counter cannot read."""
        for labels, value in samples:
            if not isinstance(value, int | float):
                continue
            if is_count(value):
                yield labels, self._export(gateway, (name, gateway, *labels), value)
            else:
                self._running.implausible[gateway, name] += 1
