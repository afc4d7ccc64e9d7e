"""What the caching core knows of a driver."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import date, tzinfo
from typing import Any, Protocol, TypeAlias, runtime_checkable

from proxy.core.errors import GatewayError
from proxy.core.freshness import Policy
from proxy.core.model import Command, Document, Exchange, Outcome, Setting, Source

# What an exchange reported: a source that it ought to report and did not has the error that says why.
Answer: TypeAlias = Mapping[Source, Document | GatewayError]


class Fetches(Protocol):
    """What runs exchanges with a gateway: a driver, or what has another process run them."""

    async def fetch(self, exchange: Exchange) -> Answer:
        """Do as a driver does."""


class Relays(Fetches, Protocol):
    """What stands between a link and its driver where several processes share the gateway."""

    async def execute(self, command: Command) -> Outcome:
        """Have the driver execute a command, unless another process does that now."""


class Driver(Protocol):
    """One way to read one gateway.

    ``sources`` maps everything that the driver can report to the exchange that
    reports it; exchanges are the unit of coalescing and of cooldown.
    """

    name: str
    sources: Mapping[Source, Exchange]

    def policy(self, source: Source) -> Policy:
        """Return the lifetimes of what this driver answers for a source."""

    async def fetch(self, exchange: Exchange) -> Mapping[Source, Document | GatewayError]:
        """Query the gateway once and return everything that its response reported.

        A source that the response ought to report and does not is mapped to the
        error that says why; the other sources are none the worse for it.

        Raises a GatewayError subclass and nothing else. Logs in (again) at
        most once per call, and shares that login with concurrent calls.
        """

    async def close(self) -> None:
        """Release sockets. Keeps the persisted session, so that a restart needs no login."""

    def describe(self) -> Mapping[str, Any]:
        """Say how the connection is, for people: logins, session age, address. No secrets."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a driver counted since it was made.

    ``requests`` are those that went out over the network, ``recent`` when the latest of them did
    (monotonic seconds). ``logins`` by outcome: ``ok`` or the code of an error. Bytes are those of
    bodies. ``session_since`` is wall-clock seconds, None without a session.
    """

    requests: int
    recent: Collection[float]
    bytes_received: int
    bytes_sent: int
    logins: Mapping[str, int] = field(default_factory=dict)
    session_since: float | None = None


@runtime_checkable
class ReportsUsage(Protocol):
    """A driver that counts what it does."""

    def usage(self) -> Usage:
        """Say what was counted."""


@runtime_checkable
class CountsRequests(Protocol):
    """A driver whose provider counts, limits or bills requests: none is sent that no client needs."""

    def requests_this_month(self) -> Mapping[str, Any]:
        """Say how many ``reads`` and ``commands`` were sent, the ``budget`` and what is ``left`` of it; None: no limit.

        ``stretch`` is how many times longer than planned intervals are, so that the requests last; None: nothing is sent.
        """


@dataclass(frozen=True, slots=True)
class PastInterval:
    """What a site gave and took in a span of the past that begins ``at`` (Unix s).

    ``energies`` are watt-hours, by name: solar, home, battery_in, battery_out, grid_in, grid_out, generator, and
    for each flow from one of solar, grid, battery and generator (n) to another or the home: s2h, s2b, s2g, g2h, …
    What the site lacks is missing.
    """

    at: int
    span_s: int
    energies: Mapping[str, float]


@runtime_checkable
class RemembersDays(Protocol):
    """A driver whose provider keeps the past of the site, for one request a day of it."""

    async def past_day(self, day: date, zone: tzinfo) -> Sequence[PastInterval]:
        """Return a local day that is over, the oldest interval first; those without readings are missing.

        Raises GatewayError.
        """

    async def first_day(self, zone: tzinfo) -> date | None:
        """Return the day on which the site was installed; None if that is not known. Raises GatewayError."""


@runtime_checkable
class Dialable(Protocol):
    """A driver that can find out whether its gateway accepts connections, without a request."""

    async def accepts_connections(self) -> bool:
        """Open a TCP connection and close it: whether one is to be had. Never raises for a gateway's sake."""


@runtime_checkable
class CachesReplies(Protocol):
    """A driver that keeps responses to report them again."""

    def forget_answers(self) -> None:
        """Report no response again that was requested before now: a write has changed the gateway."""


@runtime_checkable
class Controllable(Protocol):
    """A driver that can write."""

    settings: frozenset[Setting]

    async def execute(self, command: Command) -> Outcome:
        """Send a command once. Never repeats it.

        Raises CommandRejected, OutcomeUnknown, NotSupported or another GatewayError.
        """


# Files of the gateway's web app that are fetched at once, over connections beside those for readings.
FILES_AT_ONCE = 3


@dataclass(frozen=True, slots=True)
class Asset:
    """The head of a file of the gateway's web app, and its body chunk by chunk."""

    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]


@runtime_checkable
class AssetOrigin(Protocol):
    """A driver whose gateway serves a web app of its own."""

    def stream(self, path: str, headers: Mapping[str, str]) -> AbstractAsyncContextManager[Asset]:
        """GET a file (never below /api/). Headers are the few that may pass to the gateway."""
