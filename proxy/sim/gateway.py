"""The simulated gateway without its sockets: state, and what it answers to a request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random

from proxy.core.clock import Clock
from proxy.sim.answers import (
    METHOD_NOT_ALLOWED,
    NO_PAGE,
    NOT_FOUND,
    RATE_LIMITED,
    STOPPED,
    TOKEN_EXPIRED,
    Answer,
    answer,
    forbidden,
)
from proxy.sim.documents.endpoints import POWERWALL3, Endpoint, table
from proxy.sim.firmware import FIRST, Version
from proxy.sim.hardware import Hardware
from proxy.sim.personas import Persona
from proxy.sim.plant import Plant
from proxy.sim.scene import Scene, Site
from proxy.sim.sessions import Session, Sessions, token_of
from proxy.sim.tedapi.state import Tedapi

LOGIN = "/api/login/Basic"
OPEN_WRITES = frozenset({LOGIN, "/api/password/reset", "/api/password/change"})


@dataclass(frozen=True, slots=True)
class Request:
    """A request as the gateway sees it; header names in any case."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    peer: str = "127.0.0.1"


@dataclass(slots=True)
class Gateway:
    """State of one gateway. ``speed`` is how fast the house lives compared to the clock."""

    persona: Persona
    hardware: Hardware
    plant: Plant
    sessions: Sessions
    clock: Clock
    random: Random
    site: Site = field(default_factory=Site)
    speed: float = 1.0
    stale_token_answer: Answer = TOKEN_EXPIRED
    overrides: dict[str, Answer] | None = None  # recorded answers instead of rendered ones
    started: float = 0.0  # wall clock
    tedapi: Tedapi = field(default_factory=lambda: Tedapi(""))
    clock_error_s: float = 0.0  # how much the gateway's own clock is ahead
    signature_clock: Callable[[], float] | None = None  # what signatures are dated by, if not ``clock``
    _born: float = 0.0  # wall clock
    _seen: float = 0.0  # monotonic, up to where the house has lived
    _endpoints: dict[str, Endpoint] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # A gateway that has just booted would look new; give it some days of uptime.
        self._born = self.clock.wall()
        self.started = self._born - 831359.0
        self._seen = self.clock.monotonic()
        self._endpoints = table(self.hardware.meter_serial)

    @property
    def din(self) -> str:
        """The gateway's DIN."""
        capture = self.tedapi.capture
        return str(capture["din"]) if capture else self.hardware.gateway.din

    @property
    def units(self) -> list[str]:
        """DINs of the Powerwall 3 units, the leader first."""
        capture = self.tedapi.capture
        if capture:
            return list(capture["components"])
        return [pack.din for pack in self.hardware.packs] if self.hardware.is_powerwall3 else []

    def catch_up(self) -> None:
        """Let the house live up to now, in whole seconds of its own."""
        if self.speed <= 0:
            self._seen = self.clock.monotonic()
            return
        elapsed = int((self.clock.monotonic() - self._seen) * self.speed)
        if elapsed > 0:
            self.plant.advance(elapsed)
            self._seen += elapsed / self.speed

    def scene(self) -> Scene:
        """Take the present instant."""
        self.catch_up()
        pace = self.speed or 1.0
        return Scene(
            reading=self.plant.read(),
            hardware=self.hardware,
            persona=self.persona,
            site=self.site,
            now=self.clock.wall() + self.clock_error_s,
            started=self.started,
            running=self.plant.running,
            outages=tuple(self._born + second / pace for second in self.plant.contactor.outages),
        )

    def session_of(self, request: Request) -> Session | None:
        """Find the live session that a request belongs to."""
        token = token_of(request.headers, request.cookies)
        return self.sessions.find(self.clock.monotonic(), token)

    def respond(self, request: Request, writes: Mapping[tuple[str, str], Write]) -> Answer:
        """Answer a request to ``/api/…``; ``writes`` maps method and path to what they do."""
        if not self.sessions.tolerates(self.clock.monotonic()):
            return RATE_LIMITED
        session = self.session_of(request)
        write = writes.get((request.method, request.path))
        if write is not None:
            return self._write(request, session, write)
        if request.method not in {"GET", "HEAD"}:
            return self._unknown_write(request, session, writes)
        if request.path not in self._endpoints and any(path == request.path for _, path in writes):
            return METHOD_NOT_ALLOWED if session else self._no_session(request)
        return self._read(request, session)

    def _read(self, request: Request, session: Session | None) -> Answer:
        endpoint = self._endpoints.get(request.path)
        version = self.persona.version
        is_open = endpoint is not None and version < endpoint.login_since
        if session is None and not is_open:
            return self._no_session(request)
        recorded = self.overrides
        if recorded is not None:
            return recorded.get(request.path, NOT_FOUND)
        if endpoint is None or not endpoint.exists(version):
            return NOT_FOUND
        if not self.persona.full_rest and request.path not in POWERWALL3:
            return NO_PAGE
        if endpoint.needs_site_master and not self.plant.running:
            return STOPPED
        document = endpoint.render(self.scene())
        return document if isinstance(document, Answer) else answer(document)

    def _no_session(self, request: Request) -> Answer:
        # An unknown token is distinguished from none at all.
        if token_of(request.headers, request.cookies):
            return self.stale_token_answer
        return forbidden(request.method)

    def _write(self, request: Request, session: Session | None, write: Write) -> Answer:
        is_open = request.path in OPEN_WRITES or self.persona.version < write.login_since
        if session is None and not is_open:
            return self._no_session(request)
        return write.act(self, request, session)

    def _unknown_write(
        self, request: Request, session: Session | None, writes: Mapping[tuple[str, str], Write]
    ) -> Answer:
        if session is None:
            return self._no_session(request)
        known = request.path in self._endpoints or any(path == request.path for _, path in writes)
        return METHOD_NOT_ALLOWED if known and request.method != "POST" else forbidden(request.method)


Act = Callable[[Gateway, Request, "Session | None"], Answer]


@dataclass(frozen=True, slots=True)
class Write:
    """What a request changes, and since which firmware it needs a login."""

    act: Act
    login_since: Version = FIRST
