"""What every endpoint may use, in one place; made by app.build_app."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from aiohttp import web

if TYPE_CHECKING:
    from proxy.config.memory import Memory
    from proxy.config.settings import Settings
    from proxy.core.clock import Clock
    from proxy.gateway.control import Control
    from proxy.gateway.gateway import Gateway
    from proxy.publish.families import Samples
    from proxy.server.door import Entrance
    from proxy.server.guard import Guard
    from proxy.server.readings import Readings
    from proxy.server.route import Route
    from proxy.server.sessions import Sessions
    from proxy.server.traffic import Traffic

# An endpoint gets the row that led to it. Names of endpoints stand in the rows of ROUTES.
Endpoint: TypeAlias = Callable[[web.Request, "Route"], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class Context:
    """The parts of one running proxy."""

    settings: Settings
    clock: Clock
    memory: Memory
    gateway: Gateway
    readings: Readings
    traffic: Traffic
    started_at: float  # wall-clock seconds
    guard: Guard  # of what changes something
    openc2_guard: Guard
    login_guard: Guard  # of the session that programs made for a gateway get
    control: Control
    sessions: Sessions | None = None  # of programs made for the gateway; None: these may not log in
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    # The metrics of features that count for themselves, by the name of the family (publish/own.py).
    samples: dict[str, Callable[[], Samples]] = field(default_factory=dict)
    # What answers a path that is no row and not below /api/: files of the pages, the gateway's web app.
    fallback: Callable[[web.Request, str], Awaitable[web.StreamResponse]] | None = None
    # Counts the connections of clients, once the app listens.
    entrance: Entrance | None = None
    # Where settings come from, by key, and what is odd about them; empty if nobody read them from anywhere.
    origins: Mapping[str, str] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    # What is to be done when the proxy ends.
    at_end: list[Callable[[], None]] = field(default_factory=list)
    # How many pages listen to live events.
    streams: Callable[[], int] = int


CONTEXT: web.AppKey[Context] = web.AppKey("context", Context)
