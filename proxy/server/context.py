"""What every endpoint may use, in one place; made by app.build_app."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from aiohttp import web

if TYPE_CHECKING:
    import asyncio

    from proxy.config.settings import Settings
    from proxy.core.clock import Clock
    from proxy.gateways.gateway import Gateway, Gateways
    from proxy.metrics.families import Samples
    from proxy.server.data.readings import Readings
    from proxy.server.gateway_api.sessions import Sessions
    from proxy.server.http.client_rate import ClientRate
    from proxy.server.http.guard import Guard
    from proxy.server.http.traffic import Traffic
    from proxy.server.route import Route
    from proxy.server.transport.limiter import ConnectionLimiter
    from proxy.server.transport.prepared import PreparedResponses

# An endpoint gets the row that led to it and the gateway that the request is about. Names of endpoints
# stand in the rows of ROUTES.
Endpoint: TypeAlias = Callable[[web.Request, "Route", "Gateway"], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class Context:
    """The parts of one running proxy."""

    settings: Settings
    clock: Clock
    gateways: Gateways
    readings: Readings
    traffic: Traffic
    started_at: float  # wall-clock seconds, as the clock was then
    began: float  # monotonic seconds
    guard: Guard  # of what changes something
    login_guard: Guard  # of the session that programs made for a gateway get
    sessions: Sessions | None = None  # of programs made for the gateway; None: these may not log in
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    # The metrics of features that count for themselves, by the name of the family (publish/own.py).
    samples: dict[str, Callable[[], Samples]] = field(default_factory=dict)
    # Fills in a page of web/ by its name; values are HTML.
    page: Callable[[web.Request, str, Mapping[str, str]], web.Response] | None = None
    # What answers a path that is no row and not below /api/: files of the pages, the gateway's web app.
    fallback: Callable[[web.Request, str, Gateway], Awaitable[web.StreamResponse]] | None = None
    # The ports where paths without a prefix are about one gateway, once the app listens.
    ports: dict[int, Gateway] = field(default_factory=dict)
    # Writes a problem document for people, where a browser requests a page.
    error_page: Callable[[web.Request, web.Response], web.Response] | None = None
    # The answers that are ready, once the app listens; None where clients get different bytes.
    prepared: PreparedResponses | None = None
    # Counts the connections of clients, once the app listens.
    limiter: ConnectionLimiter | None = None
    # Where settings come from, by key, and what is suspicious about them; empty if they were not read from anywhere.
    origins: Mapping[str, str] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    # Limits the requests of each client; None: no limit.
    client_rate: ClientRate | None = None
    # How many clients read other streams than events.
    listeners: list[Callable[[], int]] = field(default_factory=list)
    # The guards of features, and what makes their members of /health.
    guards: list[Guard] = field(default_factory=list)
    reports: list[Callable[[], Mapping[str, Any]]] = field(default_factory=list)
    # Sends a text to a topic of a gateway, over the broker of a feature; raises ConnectionError. None: there is no broker.
    publish: Callable[[str, str, str], Awaitable[None]] | None = None

    @property
    def uptime_s(self) -> float:
        """Seconds since the start, however the clock was set meanwhile."""
        return self.clock.monotonic() - self.began

    @property
    def gateway(self) -> Gateway:
        """The gateway, or the total of several, that paths without a prefix are about."""
        return self.gateways.default

    def gateway_at(self, transport: asyncio.BaseTransport | None) -> Gateway | None:
        """Return the gateway whose own port a client connected to; None for the port of all."""
        if not self.ports or transport is None:
            return None
        return self.ports.get(transport.get_extra_info("sockname")[1])

    @property
    def streams(self) -> int:
        """How many clients read what changes: events and WebSockets."""
        events = sum(gateway.live.listeners for gateway in self.gateways.with_sites)
        return events + sum(listeners() for listeners in self.listeners)


CONTEXT: web.AppKey[Context] = web.AppKey("context", Context)
