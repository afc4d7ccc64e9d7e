"""The simulated gateway as a server: real sockets, TLS, a log of requests, faults.

``SimulatedGateway`` is what tests and the demo use. It owns one listener, one
aiohttp runner and nothing else; several can run in one loop.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from proxy.core.clock import Clock
from proxy.sim.answers import OVERLOADED, Answer
from proxy.sim.certificate import Certificate, SniRule, certificate
from proxy.sim.commands import is_write, writes_of
from proxy.sim.curves import Chance
from proxy.sim.delivery import deliver, strip
from proxy.sim.faults import Fault, Faults, Handle
from proxy.sim.gateway import LOGIN, Ask, Gateway
from proxy.sim.hardware import Sizes, install
from proxy.sim.listener import Listener
from proxy.sim.personas import PERSONAS, Persona
from proxy.sim.plant import Plant
from proxy.sim.recordings import load_capture, load_folder
from proxy.sim.records import Record, Traffic
from proxy.sim.sessions import Limits, Sessions, token_of
from proxy.sim.web import page

MAX_BODY = 1024 * 1024
V21 = (21, 0, 0)
CORS = {
    "Access-Control-Allow-Credentials": "false",
    "Access-Control-Allow-Headers": "X-Requested-With, X-HTTP-Method-Override, Content-Type, Accept, "
    "Accept-Encoding, Authorization",
    "Access-Control-Allow-Methods": "GET, POST, PUT, DELETE, PATCH, HEAD, OPTIONS",
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Max-Age": "86400",
}
MODERN = {"cache-control": "no-cache, no-store", "x-content-type-options": "nosniff"}
SYSTEM_CLOCK = Clock(time.monotonic, time.time)


class SimulatedGateway:
    """One gateway on one port. Use it as an async context manager, or start and stop it."""

    def __init__(
        self,
        persona: str | Persona = "fw21_44",
        *,
        clock: Clock = SYSTEM_CLOCK,
        seed: int = 1,
        tls: bool = True,
        host: str = "127.0.0.1",
        port: int = 0,
        password: str = "password",  # noqa: S107 - the simulated one
        gw_pwd: str = "ABCDEFGHIJ",  # noqa: S107
        hour: float = 12.0,
        speed: float = 1.0,
        limits: Limits | None = None,
        **sizes: Any,
    ) -> None:
        """``hour`` is the house's local hour at the start; ``sizes`` are those of ``hardware.Sizes``."""
        who = PERSONAS[persona] if isinstance(persona, str) else persona
        hardware = install(who, Sizes(**sizes), seed)
        random = Random(seed)  # noqa: S311 - reproducible on purpose
        if not who.tls:
            password = f"S{hardware.gateway.serial}"
        plant = Plant(hardware.battery(), Chance(seed), hour, nominal_hz=hardware.nominal_hz)
        plant.solar_peak_w *= max(len(hardware.inverters), 1)
        self.password = password
        self.gw_pwd = gw_pwd
        self.clock = clock
        self.gateway = Gateway(
            who,
            hardware,
            plant,
            Sessions(password, gw_pwd, who.session_s, random, limits or Limits()),
            clock,
            random,
            speed=speed,
            on_reboot=self.reboot,
        )
        self.traffic = Traffic()
        self.faults = Faults(random, self._connections_changed)
        self.latency_s = 0.0
        self._tls = tls and who.tls
        self._generation = 0
        self._sni = SniRule()
        self._listener = Listener(host, port, self._protocol)
        self._runner: web.AppRunner | None = None
        self._rebooting: asyncio.TimerHandle | None = None

    @classmethod
    def from_recordings(cls, folder: Path, **options: Any) -> Self:
        """Serve a folder of recorded answers instead of rendered ones."""
        sim = cls(options.pop("persona", "fw21_44"), **options)
        sim.gateway.overrides = load_folder(folder)
        return sim

    @classmethod
    def from_capture(cls, path: Path, **options: Any) -> Self:
        """Serve the answers of a captured site."""
        capture = json.loads(path.read_text(encoding="utf-8"))
        base = PERSONAS["pw3" if capture["pw3"] else "fw21_44"]
        options.setdefault("password", capture["password"])
        options.setdefault("gw_pwd", capture["gw_pwd"])
        sim = cls(options.pop("persona", base), **options)
        sim.gateway.overrides = load_capture(capture)
        return sim

    # --- life -----------------------------------------------------------------------------

    async def start(self) -> None:
        """Listen; ``port`` and ``fingerprint`` are known from now on."""
        app = web.Application(client_max_size=MAX_BODY)
        app.router.add_route("*", "/{path:.*}", self._serve)
        app.on_response_prepare.append(strip)
        self._runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, shutdown_timeout=0, auto_decompress=False
        )
        await self._runner.setup()
        self._connections_changed()

    async def stop(self) -> None:
        """Close every socket and wait for what was under way."""
        if self._rebooting is not None:
            self._rebooting.cancel()
        ended = self._listener.close()
        self._abort_connections()
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()
        await asyncio.gather(*ended, return_exceptions=True)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    # --- what tests ask -------------------------------------------------------------------

    @property
    def host(self) -> str:
        """Address that the gateway listens on."""
        return self._listener.host

    @property
    def port(self) -> int:
        """Port that the gateway listens on."""
        return self._listener.port

    @property
    def address(self) -> str:
        """Host and port."""
        return f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """Base URL."""
        return f"{'https' if self._tls else 'http'}://{self.address}"

    @property
    def certificate(self) -> Certificate:
        """The certificate of new connections."""
        return certificate(self.host, self._generation)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate in hex."""
        return self.certificate.fingerprint

    @property
    def certificate_pem(self) -> str:
        """The certificate and its CA."""
        return self.certificate.pem

    @property
    def plant(self) -> Plant:
        """The house."""
        return self.gateway.plant

    @property
    def din(self) -> str:
        """The gateway's DIN."""
        return self.gateway.hardware.gateway.din

    @property
    def requests(self) -> list[Record]:
        """Every request so far."""
        return self.traffic.requests

    def requests_for(self, path: str) -> int:
        """Count the requests for a path."""
        return sum(record.path == path for record in self.requests)

    @property
    def logins(self) -> int:
        """Count the login attempts."""
        return self.requests_for(LOGIN)

    @property
    def writes(self) -> list[Record]:
        """Requests that change something at the gateway; a reader sends none, ever."""
        return [record for record in self.requests if record.writes]

    @property
    def max_connections(self) -> int:
        """Highest number of TCP connections at once."""
        return self.traffic.max_connections

    @property
    def max_in_flight(self) -> int:
        """Highest number of requests under way at once."""
        return self.traffic.max_in_flight

    # --- what tests do --------------------------------------------------------------------

    @property
    def persona(self) -> Persona:
        """What kind of gateway this is; setting it is a firmware update."""
        return self.gateway.persona

    @persona.setter
    def persona(self, persona: str | Persona) -> None:
        self.gateway.persona = PERSONAS[persona] if isinstance(persona, str) else persona

    def pin(self, **meters: float | None) -> None:
        """Hold meters at values; see ``Plant.pin``."""
        self.gateway.catch_up()
        self.plant.pin(meters)

    def answers(
        self,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        body: bytes | str | Mapping[str, Any] | list[Any] | None = None,
        path: str = "*",
        times: int | None = None,
    ) -> Handle:
        """Answer like this from now on, instead of what the gateway would say."""
        return self.faults.add(Fault(path, status=status, headers=headers, body=body, times=times))

    def heals(self) -> None:
        """End all faults."""
        self.faults.clear()

    def expire_sessions(self) -> None:
        """End all sessions, as a restart of the gateway's web server does."""
        self.gateway.sessions.expire()

    def renew_certificate(self) -> None:
        """Get a new certificate, as a firmware update may; new connections see it."""
        self._generation += 1
        self._connections_changed()
        self._abort_connections()

    def reboot(self, seconds: float = 60.0) -> None:
        """Refuse connections for some seconds, forget all sessions, start anew."""
        self.expire_sessions()
        self._listener.close()
        self._abort_connections()
        self.gateway.started = self.clock.wall() + seconds
        self._rebooting = asyncio.get_running_loop().call_later(seconds, self._reborn)

    def _reborn(self) -> None:
        self._rebooting = None
        self._connections_changed()

    # --- connections ----------------------------------------------------------------------

    def _protocol(self) -> asyncio.BaseProtocol:
        if self._runner is None or self._runner.server is None:
            raise ConnectionAbortedError("the gateway has stopped")
        return self._runner.server()

    def _connections_changed(self) -> None:
        """Bring the listener in line with the faults of connections."""
        if self._runner is None or self._rebooting is not None:
            return
        self._sni.refuse_all = self.faults.has("sni")
        self._listener.stalls = self.faults.has("stall")
        if self._tls:
            serial = self.gateway.hardware.gateway.serial
            self._listener.context = self.certificate.context(serial, self._sni)
        if self.faults.has("refuse"):
            self._listener.close()
            self._abort_connections()
        else:
            self._listener.open()
        if self._listener.stalls:
            self._abort_connections()

    def _abort_connections(self) -> None:
        if self._runner is not None and self._runner.server is not None:
            for connection in self._runner.server.connections:
                if connection.transport is not None:
                    connection.transport.abort()

    def _connection_count(self) -> int:
        if self._runner is None or self._runner.server is None:
            return 0
        return len(self._runner.server.connections)

    # --- requests -------------------------------------------------------------------------

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        ask = Ask(
            request.method,
            request.rel_url.raw_path,
            request.headers,
            request.cookies,
            await request.read(),
            request.remote or "",
        )
        record = self._record(request, ask)
        self.traffic.begin(record, self._connection_count())
        try:
            given, action = await self._answer(ask)
            record.status = given.status
            return await deliver(request, given, self._common_headers(ask), action)
        finally:
            self.traffic.end()

    def _record(self, request: web.Request, ask: Ask) -> Record:
        return Record(
            time=self.clock.monotonic(),
            method=ask.method,
            path=ask.path,
            query=request.rel_url.raw_query_string,
            session=token_of(ask.headers, ask.cookies),
            headers=ask.headers,
            body=ask.body,
            writes=is_write(ask.method, ask.path),
        )

    def _common_headers(self, ask: Ask) -> Mapping[str, str]:
        version = self.persona.version
        if version < V21:
            return CORS
        return MODERN if ask.path.startswith("/api/") else {}

    async def _answer(self, ask: Ask) -> tuple[Answer, str | None]:
        """Let the gateway answer, with the fault that strikes this request, if any."""
        fault = self.faults.strike(ask.method, ask.path)
        delay = self.latency_s + (fault.delay_s if fault else 0.0)
        if fault is None:
            if delay:
                await asyncio.sleep(delay)
            return self._respond(ask), None
        given = self._respond(ask) if fault.after else None
        if delay:
            await asyncio.sleep(delay)
        never_asked = fault.replaces or fault.action in {"reset", "hang"}
        if given is None:
            given = Answer() if never_asked else self._respond(ask)
        return fault.apply(given), fault.action

    def _respond(self, ask: Ask) -> Answer:
        most = self.gateway.sessions.limits.connections
        if most is not None and self._connection_count() > most:
            return OVERLOADED
        if ask.path.startswith("/api/"):
            return self.gateway.respond(ask, writes_of(self.gateway))
        return page(ask) if self.persona.web_app else page(Ask(ask.method, "/nothing"))
