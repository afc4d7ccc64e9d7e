"""Samples of /metrics by name and labels; a case leaves out the label ``gateway``."""

from __future__ import annotations

from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as text

# Name of a format -> what a scraper requests, and the parser that has to accept the answer.
FORMATS = {
    "text": ("text/plain", text),
    "openmetrics": ("application/openmetrics-text; version=1.0.0", openmetrics),
}

Key = tuple[str, frozenset]


def samples(exposition: str) -> dict[Key, float]:
    """Read the samples of a scrape in the text format."""
    return {
        (sample.name, frozenset(item for item in sample.labels.items() if item[0] != "gateway")): sample.value
        for family in text(exposition)
        for sample in family.samples
    }


def key(sample: str) -> Key:
    """Read the name and the labels of a sample as a case writes them."""
    return next(iter(samples(f"{sample} 0\n")))
