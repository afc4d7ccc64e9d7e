"""Which format a scrape gets, and how it is written.

OpenMetrics 1.0 for a client that takes it at least as gladly as the text format, which
all others get (RFC 9110 section 12.5.1). No version or escaping is echoed: whatever
a client names, it gets one of these two, and every name is plain ASCII.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from prometheus_client import CollectorRegistry, exposition
from prometheus_client.openmetrics import exposition as openmetrics

from proxy.core.accept import parse_accept

_OPENMETRICS = "application/openmetrics-text"
_TEXTS = ("text/plain", "text/*", "*/*")


@dataclass(frozen=True, slots=True)
class Format:
    """How a registry is written, and the media type of that."""

    media_type: str
    write: Callable[[CollectorRegistry], bytes]


TEXT = Format("text/plain; version=0.0.4; charset=utf-8", exposition.generate_latest)
# Our names need no escaping; having each letter looked at would cost a third of a scrape.
OPENMETRICS = Format(
    f"{_OPENMETRICS}; version=1.0.0; charset=utf-8",
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
