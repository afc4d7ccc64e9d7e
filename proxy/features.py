"""Features: parts of the proxy that can be deleted.

A feature is a package whose ``FEATURE`` says what it adds: settings, routes, metrics, checks, and
what runs. Everything else iterates over ``features()`` and names none of them: delete the package
and its line in ``PACKAGES``, and the rest works as before.

What a package imports when ``FEATURE`` is read has to be small, because every command waits for it;
what runs is imported by ``start``.
"""

from __future__ import annotations

import importlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from proxy.config.settings import Settings
    from proxy.drivers.finding import Finding
    from proxy.metrics.families import Family, Samples
    from proxy.server.context import Context, Endpoint
    from proxy.server.http.guard import Guard
    from proxy.server.route import Route

PACKAGES: Final = (
    "proxy.history",
    "proxy.mdns",
    "proxy.mqtt",
    "proxy.notify",
    "proxy.openc2",
    "proxy.replicas",
)


class Unusable(Exception):
    """A feature finds when it begins that its settings cannot be used; the message is a sentence without secrets."""


async def _nothing() -> None:
    """Start and end nothing."""


@dataclass(frozen=True, slots=True)
class ActiveFeature:
    """What a feature that is switched on gives to the proxy.

    ``endpoints`` answer its routes by name, ``samples`` read its metrics by the name of the family,
    ``guards`` count refused secrets, ``health`` makes its members of /health. ``publish`` sends a text to a
    topic of a gateway, both by name, over a broker; it raises ConnectionError. ``begin`` is awaited before
    the proxy listens, and may raise Unusable; ``close`` when it ends.
    """

    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)
    samples: Mapping[str, Callable[[], Samples]] = field(default_factory=dict)
    guards: Sequence[Guard] = ()
    health: Callable[[], Mapping[str, Any]] = dict
    publish: Callable[[str, str, str], Awaitable[None]] | None = None
    begin: Callable[[], Awaitable[None]] = _nothing
    close: Callable[[], Awaitable[None]] = _nothing


@dataclass(frozen=True, slots=True)
class Command:
    """A subcommand: ``run`` of its module, or else of that of its name, runs it.

    ``arguments`` are those of ``add_argument``; ``more`` is said below them.
    """

    name: str
    help: str
    arguments: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    more: str = ""
    module: str = ""


def _none() -> tuple[Any, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class Feature:
    """What a feature adds.

    ``settings`` is a frozen dataclass of rows (config/specs.py) or None. ``routes`` and ``metrics`` make the rows
    of its tables, ``commands`` are its subcommands. ``demonstrate`` adds to the settings of a demo what a simulated
    house has, in which time passes so many times faster.

    ``is_enabled`` says whether the settings switch the feature on. Only then the following are called:
    ``problems`` and ``warnings``, which check settings as a whole and return sentences; ``diagnose``, which connects to
    the addresses in them, may take a minute, and yields what it finds (None: there is nothing to try); and ``start``,
    once for each proxy, before it listens, which returns None if the feature has nothing to do after all.
    """

    name: str
    start: Callable[[Context], ActiveFeature | None]
    settings: type[Any] | None = None
    is_enabled: Callable[[Settings], bool] = lambda _: True
    routes: Callable[[], tuple[Route, ...]] = _none
    metrics: Callable[[], tuple[Family[Any], ...]] = _none
    commands: tuple[Command, ...] = ()
    demonstrate: Callable[[Settings, float], Settings] = lambda settings, _: settings
    problems: Callable[[Settings], Iterable[str]] = lambda _: ()
    warnings: Callable[[Settings], Iterable[str]] = lambda _: ()
    diagnose: Callable[[Settings], AsyncGenerator[Finding] | None] = lambda _: None


def diagnoses(settings: Settings) -> list[AsyncGenerator[Finding]]:
    """Return the diagnoses of the features that have one, for ``check``, ``doctor`` and its page."""
    found = (feature.diagnose(settings) for feature in enabled(settings))
    return [steps for steps in found if steps is not None]


@cache
def features() -> tuple[Feature, ...]:
    """Return the features of this installation, in the order of ``PACKAGES``."""
    return tuple(importlib.import_module(package).FEATURE for package in PACKAGES)


def enabled(settings: Settings) -> Iterator[Feature]:
    """Return the features that these settings switch on, in the same order."""
    return (feature for feature in features() if feature.is_enabled(settings))
