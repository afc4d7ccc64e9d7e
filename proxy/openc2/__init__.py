"""OpenC2: commands of OASIS OpenC2, and of the draft that the Powerwall connector of 2018 used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from proxy.features import ActiveFeature, Feature
from proxy.openc2.settings import OpenC2Settings

if TYPE_CHECKING:
    from proxy.config.settings import Settings
    from proxy.metrics.families import Family
    from proxy.server.context import Context
    from proxy.server.route import Route


def _is_enabled(settings: Settings) -> bool:
    return bool(settings.of(OpenC2Settings).openc2_key)


def _routes() -> tuple[Route, ...]:
    from proxy.openc2.routes import ROUTES  # noqa: PLC0415 - commands that need no routes do not wait for them

    return ROUTES


def _metrics() -> tuple[Family[Any], ...]:
    from proxy.openc2.metrics import METRICS  # noqa: PLC0415 - imported by the first scrape

    return METRICS


def _warnings(settings: Settings) -> Iterator[str]:
    own = settings.of(OpenC2Settings)
    if settings.https == "no" and not own.openc2_insecure:
        yield "PW_OPENC2_KEY has no effect without TLS: set PW_HTTPS, or PW_OPENC2_INSECURE=yes."


def _start(context: Context) -> ActiveFeature:
    from proxy.openc2.consumer import OpenC2  # noqa: PLC0415 - a start without it does not wait for it

    return OpenC2(context).active()


# The family of metrics that counts commands.
FAMILY = "proxy_openc2_commands_total"
FEATURE = Feature(
    "openc2",
    _start,
    is_enabled=_is_enabled,
    settings=OpenC2Settings,
    routes=_routes,
    metrics=_metrics,
    warnings=_warnings,
)
