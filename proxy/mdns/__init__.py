"""mDNS: other machines of the network find the proxy by its kind, without its address (RFC 6762, RFC 6763)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from proxy.config.container import is_in_container
from proxy.features import ActiveFeature, Feature
from proxy.mdns.settings import MdnsSettings

if TYPE_CHECKING:
    from proxy.config.settings import Settings
    from proxy.server.context import Context


def _problems(settings: Settings) -> Iterator[str]:
    if settings.of(MdnsSettings).mdns == "yes":
        from proxy.mdns.checks import problems  # noqa: PLC0415 - of no interest where nothing is announced

        yield from problems(settings)


def _warnings(settings: Settings) -> Iterator[str]:
    if settings.of(MdnsSettings).mdns == "yes":
        from proxy.mdns.checks import warnings  # noqa: PLC0415 - of no interest where nothing is announced

        yield from warnings(is_contained=is_in_container(os.environ))


def _demonstrate(settings: Settings, _: float) -> Settings:
    """Announce a simulated house only if that is set."""
    own = settings.of(MdnsSettings)
    if own.mdns == "yes":
        return settings
    others = (each for each in settings.features if each is not own)
    return replace(settings, features=(*others, replace(own, mdns="no")))


def _start(context: Context) -> ActiveFeature | None:
    if context.settings.of(MdnsSettings).mdns == "no":
        return None
    from proxy.mdns.checks import is_announced  # noqa: PLC0415 - of no interest where nothing is announced

    if not is_announced(context.settings, is_contained=is_in_container(os.environ)):
        return None
    from proxy.mdns.service import Service  # noqa: PLC0415 - a start without it does not wait for it

    return Service(context).active()


FEATURE = Feature(
    "mdns",
    _start,
    settings=MdnsSettings,
    demonstrate=_demonstrate,
    problems=_problems,
    warnings=_warnings,
)
