"""The sockets of one simulated gateway: listener, TLS, aiohttp runner.

Owns everything that has to be closed. All methods but ``start`` and ``stop`` act at
once, without an await, so that a test can break connections in mid-sentence.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Protocol

from aiohttp import web

from proxy.sim.certificate import Certificate, SniRule, certificate
from proxy.sim.delivery import strip
from proxy.sim.listener import Listener

MAX_BODY = 1024 * 1024


class Serves(Protocol):
    """What answers the requests that arrive here."""

    async def serve(self, request: web.Request, connections: int) -> web.StreamResponse:
        """Answer a request that came while so many connections were open."""


class HttpFrontend:
    """What clients connect to. ``now`` gives the wall-clock seconds by which answers are dated."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        tls: bool,
        serial: str,
        desk: Serves,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.tls = tls
        self.listener = Listener(host, port, self._protocol)
        self._serial = serial
        self._desk = desk
        self._now = now
        self._made_for = host
        self._generation = 0
        self._sni = SniRule()
        self._runner: web.AppRunner | None = None

    @property
    def certificate(self) -> Certificate:
        """The certificate that new connections see."""
        return certificate(self._made_for, self._generation)

    @property
    def connections(self) -> int:
        """Count the open TCP connections."""
        if self._runner is None or self._runner.server is None:
            return 0
        return len(self._runner.server.connections)

    async def start(self) -> None:
        """Listen."""
        app = web.Application(client_max_size=MAX_BODY)
        app.router.add_route("*", "/{path:.*}", self._serve)
        app.on_response_prepare.append(strip)
        app.on_response_prepare.append(self._date)
        self._runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, shutdown_timeout=0, auto_decompress=False
        )
        await self._runner.setup()
        self.open()

    async def _date(self, _: web.BaseRequest, response: web.StreamResponse) -> None:
        """Date an answer by the gateway's clock, not by this machine's."""
        response.headers["Date"] = formatdate(self._now(), usegmt=True)

    async def stop(self) -> None:
        """Close every socket and wait for what was under way."""
        ended = self.listener.close()
        self.abort()
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()
        await asyncio.gather(*ended, return_exceptions=True)

    def open(self, *, stalls: bool = False, refuses_names: bool = False) -> None:
        """Accept connections: never answering a handshake, or refusing every name, as faults say."""
        if self._runner is None:
            return
        self._sni.refuse_all = refuses_names
        self.listener.stalls = stalls
        if self.tls and self.listener.context is None:
            self.listener.context = self.certificate.context(self._serial, self._sni)
        self.listener.open()
        if stalls or refuses_names:
            self.abort()

    def shut(self) -> None:
        """Refuse new connections and break the open ones."""
        self.listener.shut()
        self.abort()

    def move(self, host: str) -> None:
        """Change the address; the certificate, which names the first one, stays. Takes effect when opened again."""
        self.listener.close()
        self.abort()
        self.listener.host = host

    def abort(self) -> None:
        """Break the open connections."""
        if self._runner is not None and self._runner.server is not None:
            for connection in self._runner.server.connections:
                if connection.transport is not None:
                    connection.transport.abort()

    def renew(self) -> None:
        """Change the certificate; takes effect when opened again."""
        self._generation += 1
        self.listener.context = None

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        try:
            return await self._desk.serve(request, self.connections)
        except ConnectionError:  # the client has left; aiohttp would log a traceback
            return web.Response()

    def _protocol(self) -> asyncio.BaseProtocol:
        if self._runner is None or self._runner.server is None:
            raise ConnectionAbortedError("the gateway has stopped")
        return self._runner.server()
