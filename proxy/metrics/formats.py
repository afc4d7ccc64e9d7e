"""Which format a scrape gets, and how that is written.

OpenMetrics 1.0 for a client that takes it at least as gladly as the text format, which
all others get (RFC 9110 section 12.5.1). No version or escaping is echoed: whatever
a client names, it gets one of these two, and every name is plain ASCII.

Lines are written as prometheus-client writes them, which takes seven times as long: it makes objects of every
sample, and looks at every letter of every name at each scrape. A line is a series and a value, and its series is
the same text at every scrape.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Final

from prometheus_client import CollectorRegistry, exposition
from prometheus_client.openmetrics import exposition as openmetrics

from proxy.core.accept import parse_accept
from proxy.core.histogram import Histogram
from proxy.metrics.families import Family, Samples

_OPENMETRICS = "application/openmetrics-text"
_TEXTS = ("text/plain", "text/*", "*/*")
# The series of fifty large sites.
_MOST_SERIES: Final = 16_384
# As many digits Go writes before the point.
_MOST_DIGITS: Final = 6


@dataclass(frozen=True, slots=True)
class Format:
    """How the head of a family is written, how a registry, and the media type of both together."""

    media_type: str
    head: Callable[[Family[Any]], str]
    write: Callable[[CollectorRegistry], bytes]

    def family(self, family: Family[Any], written: Sequence[str]) -> Sequence[str]:
        """Put its head before a family that has lines."""
        return (self.head(family), *written) if written else ()


def _text_head(family: Family[Any]) -> str:
    return f"# HELP {family.name} {_escaped(family.help)}\n# TYPE {family.name} {family.kind.value}\n"


def _openmetrics_head(family: Family[Any]) -> str:
    unit = f"# UNIT {family.base} {family.unit}\n" if family.unit else ""
    described = f"# HELP {family.base} {_quoted(family.help)}\n"
    return f"{described}# TYPE {family.base} {family.kind.value}\n{unit}"


TEXT = Format("text/plain; version=0.0.4; charset=utf-8", _text_head, exposition.generate_latest)
# Our names need no escaping; having each letter looked at would cost a third of a scrape.
OPENMETRICS = Format(
    f"{_OPENMETRICS}; version=1.0.0; charset=utf-8",
    _openmetrics_head,
    partial(openmetrics.generate_latest, escaping=openmetrics.ALLOWUTF8),
)


def chosen(accept: str) -> Format:
    """Choose by the Accept field; an item that cannot be read counts as none."""
    weights: dict[str, float] = {}
    for media_type, weight, parameters in parse_accept(accept):
        if media_type != _OPENMETRICS or _is_first_version(parameters):
            weights[media_type] = max(weight, weights.get(media_type, 0.0))
    wanted = weights.get(_OPENMETRICS, 0.0)
    text = next((weights[name] for name in _TEXTS if name in weights), 0.0)
    return OPENMETRICS if 0.0 < wanted >= text else TEXT


def _is_first_version(parameters: Sequence[str]) -> bool:
    """Say whether a client means OpenMetrics 1.0, or names no version."""
    versions = [
        name.strip('"') for key, _, name in (p.partition("=") for p in parameters) if key == "version"
    ]
    return not versions or versions[0].startswith("1.0")


# -- lines -----------------------------------------------------------------------------------------


def lines(family: Family[Any], samples: Samples, gateway: str | None = None) -> list[str]:
    """Write samples; those without a finite value are left out, as are labels without one.

    With a ``gateway`` this label is added. Both formats write lines alike.
    """
    name, labels, written = family.name, family.labels, []
    for values, value in samples:
        if isinstance(value, (int, float)) and math.isfinite(value):
            written.append(f"{_series(name, labels, values, gateway)} {_number(value)}\n")
        elif isinstance(value, Histogram):
            written += _buckets(family, values, value)
    return written


def _buckets(family: Family[Any], values: tuple[str, ...], histogram: Histogram) -> Iterator[str]:
    """Write each bucket with everything below it, and then number and sum."""
    name, labels, seen = family.name, (*family.labels, "le"), 0
    for bound, count in zip((*map(str, histogram.bounds), "+Inf"), histogram.counts, strict=True):
        seen += count
        yield f"{_series(f'{name}_bucket', labels, (*values, bound), None)} {_number(seen)}\n"
    yield f"{_series(f'{name}_count', family.labels, values, None)} {_number(seen)}\n"
    yield f"{_series(f'{name}_sum', family.labels, values, None)} {_number(histogram.total)}\n"


def _number(value: float) -> str:
    """Write a number as Go does, which begins sooner than Python to write exponents, of what is above zero."""
    text = repr(float(value))
    dot = text.find(".")
    if dot <= _MOST_DIGITS or value < 0:
        return text
    mantissa = f"{text[0]}.{text[1:dot]}{text[dot + 1 :]}".rstrip("0.")
    return f"{mantissa}e+{dot - 1:02d}"


@lru_cache(maxsize=_MOST_SERIES)
def _series(name: str, labels: tuple[str, ...], values: tuple[str, ...], gateway: str | None) -> str:
    """Write a name with its labels, sorted."""
    pairs = dict(zip(labels, values, strict=False))
    if gateway is not None:
        pairs["gateway"] = gateway
    written = ",".join(f'{label}="{_quoted(value)}"' for label, value in sorted(pairs.items()))
    return f"{name}{{{written}}}" if written else name


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")


def _quoted(text: str) -> str:
    return _escaped(text).replace('"', r"\"")
