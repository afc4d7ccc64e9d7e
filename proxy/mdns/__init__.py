"""mDNS: other machines of the network find the proxy by its kind, without its address (RFC 6762, RFC 6763)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from proxy.features import ActiveFeature, Feature
from proxy.mdns.settings import MdnsSettings

if TYPE_CHECKING:
    from proxy.config.settings import Settings
    from proxy.server.context import Context


def _problems(settings: Settings) -> Iterator[str]:
    if settings.of(MdnsSettings).mdns:
        from proxy.mdns.checks import problems  # noqa: PLC0415 - of no interest where nothing is announced

        yield from problems(settings)


def _warnings(settings: Settings) -> Iterator[str]:
    if settings.of(MdnsSettings).mdns:
        from proxy.mdns.checks import warnings  # noqa: PLC0415 - of no interest where nothing is announced

        yield from warnings(settings)


def _start(context: Context) -> ActiveFeature | None:
    if not context.settings.of(MdnsSettings).mdns:
        return None
    from proxy.mdns.announcer import Announcer  # noqa: PLC0415 - a start without it does not wait for it

    announcer = Announcer(context.settings)
    return ActiveFeature(begin=announcer.begin, close=announcer.close)


FEATURE = Feature("mdns", _start, settings=MdnsSettings, problems=_problems, warnings=_warnings)
