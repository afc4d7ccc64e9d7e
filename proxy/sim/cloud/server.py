"""The simulated cloud as a server: sign-in and API on one port, behind real TLS.

Several can run in one loop: one that answers 421 and the one of the right region share an
account and its sign-in server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from random import Random
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl

from aiohttp import web

from proxy.core.clock import Clock
from proxy.sim.answers import Answer
from proxy.sim.certificate import Certificate
from proxy.sim.cloud import endpoints
from proxy.sim.cloud.answers import NO_TOKEN, NOT_FOUND, TOKEN_EXPIRED, refusal
from proxy.sim.cloud.endpoints import Account
from proxy.sim.cloud.sign_in import Access, SignIn
from proxy.sim.cloud.site import CloudSite
from proxy.sim.cloud.troubles import TROUBLES
from proxy.sim.delivery import deliver
from proxy.sim.faults import Faults, Handle
from proxy.sim.front import HttpFrontend
from proxy.sim.records import Record, Traffic
from proxy.sim.server import SYSTEM_CLOCK, SimulatedGateway

API = "/api/1/"
SITE_ID = 1234567890123456


class SimulatedCloud:
    """Tesla's servers for some houses. Use it as an async context manager, or start and stop it."""

    def __init__(
        self,
        *houses: SimulatedGateway,
        clock: Clock = SYSTEM_CLOCK,
        tls: bool = True,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        """Without houses there is one; a house may be served by its own gateway at the same time."""
        self.clock = clock
        self.houses = houses or (SimulatedGateway("fw23_44", clock=clock),)
        self.sign_in = SignIn()
        self.account = Account(
            {
                SITE_ID + n: CloudSite(house.gateway, SITE_ID + n, keys=house.tedapi.keys)
                for n, house in enumerate(self.houses)
            }
        )
        self.public_key = b""  # of an application, where this is the server of its domain, too
        self.moved_to = ""  # base URL of the account's region if it is another one: 421
        self.traffic = Traffic()
        self.faults = Faults(Random(1), self._faults_changed)  # noqa: S311 - reproducible on purpose
        self._frontend = HttpFrontend(host, port, tls=tls, serial="cloud", desk=self, now=clock.wall)

    async def start(self) -> None:
        """Listen; ``port`` is known from now on."""
        await self._frontend.start()
        self.account.base_url = self.account.base_url or self.url
        self._faults_changed()

    async def stop(self) -> None:
        """Close every socket and wait for what was under way."""
        await self._frontend.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    # -- what can be seen ------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """Base URL of the API and of the sign-in server."""
        listener = self._frontend.listener
        host = f"[{listener.host}]" if ":" in listener.host else listener.host
        return f"{'https' if self._frontend.tls else 'http'}://{host}:{listener.port}"

    @property
    def certificate(self) -> Certificate:
        """The certificate with its CA, which a client must be made to trust."""
        return self._frontend.certificate

    @property
    def house(self) -> SimulatedGateway:
        """The first house."""
        return self.houses[0]

    @property
    def site(self) -> CloudSite:
        """The first site."""
        return next(iter(self.account.sites.values()))

    @property
    def requests(self) -> list[Record]:
        """Every request so far."""
        return self.traffic.requests

    def requests_for(self, path: str) -> int:
        """Count the requests whose path ends like this: ``live_status``, ``/oauth2/v3/token``."""
        return sum(record.path.endswith(path) for record in self.requests)

    @property
    def api_requests(self) -> int:
        """Count the requests to the API, which Tesla bills."""
        return sum(record.path.startswith(API) for record in self.requests)

    @property
    def writes(self) -> list[Record]:
        """Requests that change something at a site."""
        return [record for record in self.requests if record.writes]

    # -- what can be done to it ------------------------------------------------------------------

    def log_in(self, client_id: str = "ownerapi") -> dict[str, Any]:
        """Log the owner in as a browser would; returns tokens as the sign-in server gives them."""
        return self.sign_in.log_in(self.clock.wall(), client_id)

    def trouble(self, name: str, **changes: Any) -> Handle:
        """Let one of the known troubles begin. Raises KeyError for an unknown name."""
        return self.faults.add(replace(TROUBLES[name], **changes))

    def heal(self) -> None:
        """End all troubles."""
        self.faults.clear()

    def rename_site(self, site_id: int, new_id: int) -> None:
        """Give a site another id, as a new registration of its gateway does."""
        site = self.account.sites.pop(site_id)
        site.site_id = new_id
        self.account.sites[new_id] = site

    def _faults_changed(self) -> None:
        if self.faults.has("refuse"):
            self._frontend.shut()
        else:
            self._frontend.open(stalls=self.faults.has("stall"))

    # -- requests --------------------------------------------------------------------------------

    async def serve(self, request: web.Request, connections: int) -> web.StreamResponse:
        """Answer a request that came while so many connections were open."""
        body = await request.read()
        path = request.rel_url.raw_path
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        record = Record(
            self.clock.monotonic(),
            request.method,
            path,
            request.rel_url.raw_query_string,
            bearer or None,
            request.headers,
            body,
            writes=request.method == "POST" and path.startswith(API),
        )
        self.traffic.begin(record, connections)
        try:
            given, action = await self._answer(request, path, body, bearer)
            record.status = given.status
            return await deliver(request, given, {}, action)
        finally:
            self.traffic.end()

    async def _answer(
        self, request: web.Request, path: str, body: bytes, bearer: str
    ) -> tuple[Answer, str | None]:
        fault = self.faults.strike(request.method, path)
        if fault is None:
            return self._respond(request, path, body, bearer), None
        given = self._respond(request, path, body, bearer) if fault.after else None
        if fault.delay_s:
            await asyncio.sleep(fault.delay_s)
        if given is None:
            # A broken or replaced exchange must not have changed anything.
            given = Answer() if fault.preempts else self._respond(request, path, body, bearer)
        return fault.apply(given), fault.action

    def _respond(self, request: web.Request, path: str, body: bytes, bearer: str) -> Answer:
        query: Mapping[str, str] = request.query
        match request.method, path:
            case "GET", "/oauth2/v3/authorize":
                return self.sign_in.authorize(query)
            case "POST", "/oauth2/v3/token":
                return self.sign_in.token(_fields(request.content_type, body), self.clock.wall())
            case "GET", "/.well-known/appspecific/com.tesla.3p.public-key.pem" if self.public_key:
                return Answer(body=self.public_key, media_type="application/x-pem-file")
            case method, _ if path.startswith(API):
                access = self._access(bearer)
                if isinstance(access, Answer):
                    return access
                if self.moved_to:
                    return refusal(
                        421, f"user out of region, use base URL: {self.moved_to}, see the documentation"
                    )
                call = endpoints.Request(self.account, access, query, endpoints.fields(body))
                return endpoints.respond(call, method, path.removeprefix(API))
            case _:
                return NOT_FOUND

    def _access(self, bearer: str) -> Access | Answer:
        access = self.sign_in.access.get(bearer)
        if access is None:
            return NO_TOKEN
        if access.expires_at is not None and self.clock.wall() >= access.expires_at:
            return TOKEN_EXPIRED
        return access


def _fields(content_type: str, body: bytes) -> dict[str, Any]:
    if content_type == "application/x-www-form-urlencoded":
        return dict(parse_qsl(body.decode(errors="replace")))
    return endpoints.fields(body)
