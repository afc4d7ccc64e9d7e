"""Where requests are written down, struck by faults, and answered."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from proxy.sim.answers import OVERLOADED, Answer
from proxy.sim.commands import is_write, writes_of
from proxy.sim.delivery import deliver
from proxy.sim.faults import Faults
from proxy.sim.firmware import V21
from proxy.sim.gateway import Gateway, Request
from proxy.sim.records import Record, Traffic
from proxy.sim.sessions import token_of
from proxy.sim.tedapi import endpoints as tedapi
from proxy.sim.tedapi.endpoints import is_command
from proxy.sim.web import page

TEDAPI = "/tedapi/"
CORS = {
    "Access-Control-Allow-Credentials": "false",
    "Access-Control-Allow-Headers": "X-Requested-With, X-HTTP-Method-Override, Content-Type, Accept, "
    "Accept-Encoding, Authorization",
    "Access-Control-Allow-Methods": "GET, POST, PUT, DELETE, PATCH, HEAD, OPTIONS",
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Max-Age": "86400",
}
MODERN = {"cache-control": "no-cache, no-store", "x-content-type-options": "nosniff"}


@dataclass(frozen=True, slots=True)
class RequestHandler:
    """Answers the requests of one gateway."""

    gateway: Gateway
    faults: Faults
    traffic: Traffic

    async def serve(self, request: web.Request, connections: int) -> web.StreamResponse:
        """Answer a request that came while so many connections were open."""
        received = Request(
            request.method,
            request.rel_url.raw_path,
            request.headers,
            request.cookies,
            await request.read(),
            request.remote or "",
        )
        record = self._record(received, request.rel_url.raw_query_string)
        self.traffic.begin(record, connections)
        try:
            given, action = await self._answer(received, connections)
            record.status = given.status
            return await deliver(request, given, self._common_headers(received), action)
        finally:
            self.traffic.end()

    def _record(self, request: Request, query: str) -> Record:
        return Record(
            self.gateway.clock.monotonic(),
            request.method,
            request.path,
            query,
            token_of(request.headers, request.cookies),
            request.headers,
            request.body,
            writes=is_command(request)
            if request.path.startswith(TEDAPI)
            else is_write(request.method, request.path),
        )

    def _common_headers(self, request: Request) -> Mapping[str, str]:
        if self.gateway.persona.version < V21:
            return CORS
        return MODERN if request.path.startswith("/api/") else {}

    async def _answer(self, request: Request, connections: int) -> tuple[Answer, str | None]:
        """Let the gateway answer, with the fault that strikes this request, if any."""
        fault = self.faults.strike(request.method, request.path)
        if fault is None:
            return self._respond(request, connections), None
        given = self._respond(request, connections) if fault.after else None
        if fault.delay_s:
            await asyncio.sleep(fault.delay_s)
        if given is None:
            # A broken or replaced exchange must not have changed anything at the gateway.
            given = Answer() if fault.preempts else self._respond(request, connections)
        return fault.apply(given), fault.action

    def _respond(self, request: Request, connections: int) -> Answer:
        most = self.gateway.sessions.limits.connections
        if most is not None and connections > most:
            return OVERLOADED
        if request.path.startswith("/api/"):
            return self.gateway.respond(request, writes_of(self.gateway))
        if request.path.startswith(TEDAPI):
            return tedapi.respond(self.gateway, self.gateway.tedapi, request)
        return page(request, exists=self.gateway.persona.web_app)
