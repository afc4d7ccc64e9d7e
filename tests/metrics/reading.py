"""How the tests of /metrics read it: with prometheus-client's own parsers."""

from __future__ import annotations

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from tests.clock import until

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


class Series(dict):
    """Values by name and labels: ``series["powerwall_charge_ratio", "gateway=default"]``."""

    def __missing__(self, key):
        name, *labels = key
        found = [value for (n, *rest), value in self.items() if n == name and set(labels) <= set(rest)]
        assert len(found) == 1, f"{len(found)} series of {key}"
        return found[0]

    def named(self, name):
        """All values of one name, by their labels."""
        return {tuple(labels): value for (n, *labels), value in self.items() if n == name}

    @property
    def names(self):
        return {name for name, *_ in self}


def read(body: str, *, openmetrics: bool = False) -> Series:
    """Parse an exposition; a series that comes twice is an error."""
    series = Series()
    for family in (parse_openmetrics if openmetrics else parse_text)(body):
        for sample in family.samples:
            key = (sample.name, *(f"{name}={value}" for name, value in sorted(sample.labels.items())))
            assert key not in series, key
            series[key] = sample.value
    return series


async def scrape(proxy) -> Series:
    """Scrape once."""
    answer = await proxy.get("/metrics")
    assert answer.status == 200, answer.text
    return read(answer.text)


async def settled(proxy) -> Series:
    """Scrape, let what the scrape requested arrive, scrape again."""
    await proxy.get("/metrics")
    await until(lambda: not proxy.context.gateway.cache.is_fetching)
    return await scrape(proxy)
