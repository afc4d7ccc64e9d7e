"""The gateway's own HTTPS API (docs/protocol.md, "Local API"), firmware 1.15 to today's."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from proxy.config.lifetimes import reading_policy
from proxy.core.errors import (
    BadAnswer,
    Forbidden,
    GatewayError,
    NotSupported,
    SourceUnavailable,
)
from proxy.core.firmware import HAS_VITALS_BELOW, parse_version
from proxy.core.model import OCTETS, Document, Exchange, Source
from proxy.core.sources import CONFIG, IDENTITY, OPERATION, STATUS, VITALS
from proxy.core.validation import parse
from proxy.drivers.base import Asset, Usage
from proxy.drivers.local.control import LocalWriter, writable
from proxy.drivers.local.login import Login

if TYPE_CHECKING:
    from proxy.config.gateway_settings import GatewaySettings
    from proxy.core.clock import Clock
    from proxy.core.freshness import Policy
    from proxy.core.model import Command, Outcome
    from proxy.drivers.http_client import GatewayClient, Reply
    from proxy.state.store import StateStore

# Everything that may ever be read (docs/protocol.md, "Safe paths"). A path that is not
# here does not leave the process; GET /api/sitemaster/stop would stop the house's battery.
SOURCES: tuple[Source, ...] = tuple(
    Source(f"/api/{name}")
    for name in (
        "auth/toggle/supported",
        "config",
        "customer",
        "devices/vitals",
        "generators",
        "generators/disconnect_types",
        "installer",
        "meters",
        "meters/aggregates",
        "meters/battery",
        "meters/load",
        "meters/readings",
        "meters/site",
        "meters/solar",
        "meters/status",
        "networks",
        "operation",
        "powerwalls",
        "powerwalls/status",
        "site_info",
        "site_info/grid_codes",
        "site_info/site_name",
        "sitemaster",
        "solar_powerwall",
        "solars",
        "solars/brands",
        "status",
        "synchrometer/ct_voltage_references",
        "system/networks",
        "system/networks/conn_tests",
        "system/testing",
        "system/update/status",
        "system_status",
        "system_status/grid_faults",
        "system_status/grid_status",
        "system_status/soe",
        "troubleshooting/problems",
    )
)

_OK = 200
_A_DAY_S = 86400.0


class LocalDriver:
    """Reads and writes a gateway over its local API; cookie or bearer session.

    ``excluded`` are sources that it leaves to another link to the same gateway.
    """

    name = "local"
    sources: Mapping[Source, Exchange]

    def __init__(
        self,
        session: GatewayClient,
        settings: GatewaySettings,
        memory: StateStore,
        clock: Clock,
        *,
        excluded: frozenset[Source] = frozenset(),
    ) -> None:
        self.sources = {source: Exchange(source) for source in SOURCES if source not in excluded}
        self._session = session
        self._now = clock.monotonic
        self._reading = reading_policy(settings)
        self._identity = self._reading.revalidated()
        self.login = Login(session, settings, memory, clock)
        # Writing replaces what was read before.
        self.settings = writable(settings) if OPERATION in self.sources else frozenset()

    def policy(self, source: Source) -> Policy:
        """Return the lifetimes of a path: those of readings, or of facts that hardly change."""
        return self._identity if source in IDENTITY else self._reading

    async def fetch(self, exchange: Exchange) -> Mapping[Source, Document]:
        """Read one path of the local API."""
        reply = await self.get(exchange)
        source = Source(exchange)  # one path each
        return {source: self._document(source, reply, self._now())}

    async def get(self, path: str) -> Reply:
        """GET a path with the session, logging in again at most once. Raises for every status but 200."""
        credentials = await self.login.credentials()
        reply = await self._session.request("GET", path, headers=credentials.headers)
        if reply.is_denied and (newer := await self.login.renew(credentials, path)) is not credentials:
            reply = await self._session.request("GET", path, headers=newer.headers)
            if reply.is_denied and await self.login.renew(newer, path) is not newer:
                raise SourceUnavailable(f"{path}: the session was ended while it was read")
        if reply.status != _OK:
            raise await self._refusal(path, reply)
        self.login.note_read(path)
        return reply

    async def execute(self, command: Command) -> Outcome:
        """Write mode and reserve, or leave the grid."""
        return await LocalWriter(self._session, self.login).execute(command)

    async def accepts_connections(self) -> bool:
        """Say whether the gateway accepts a TCP connection."""
        return await self._session.accepts_connections()

    async def close(self) -> None:
        """Close the connections; the session stays valid and is found again after a restart."""
        await self._session.close()

    def describe(self) -> Mapping[str, Any]:
        """Say how the connection is."""
        return {"address": self._session.address, **self.login.describe()}

    def usage(self) -> Usage:
        """Say what was counted."""
        return replace(self._session.usage(), logins=self.login.outcomes, session_since=self.login.since)

    @asynccontextmanager
    async def stream(self, path: str, headers: Mapping[str, str]) -> AsyncIterator[Asset]:
        """GET a file of the gateway's web app, without its session: these files need none."""
        async with self._session.stream(path, headers) as asset:
            yield asset

    def _document(self, path: Source, reply: Reply, now: float) -> Document:
        if path == VITALS:
            from proxy.drivers.local.vitals import decode_vitals  # noqa: PLC0415 - protobuf is slow to import

            return Document(decode_vitals(reply.body), reply.body, reply.requested_at, now, OCTETS)
        value = parse(path, reply.body)
        if path == CONFIG and value.keys() - {"vin"}:
            # Programs look for the identity here. What else a firmware says of its configuration stays with it.
            value = {"vin": value.get("vin")}
            body = json.dumps(value, separators=(",", ":")).encode()
            return Document(value, body, reply.requested_at, now)
        if path == STATUS:
            self.login.note_version(value["version"])
        return Document(value, reply.body, reply.requested_at, now)

    async def _refusal(self, path: str, reply: Reply) -> GatewayError:
        """Translate a status as docs/protocol.md, "Status codes of the local API", lists it."""
        wait = reply.retry_after
        match reply.status:
            case 404 | 405 | 409:  # 409: not while the site master runs, firmware 1.15
                if path == VITALS and parse_version(self.login.version) >= HAS_VITALS_BELOW:
                    # Gone permanently; a gateway that comes back after an update is queried again.
                    return NotSupported("this firmware has no device vitals", retry_after=_A_DAY_S)
                return NotSupported(f"{path} is not offered by this firmware")
            case 401 | 403 if self.login.is_free:
                return NotSupported(f"{path} takes a login; this gateway is read without")
            case 401 | 403:
                return Forbidden(f"{path}: this login may not read it")
            case 429:
                return await self.login.limited(path, reply)
            case 502:
                return SourceUnavailable(f"{path}: the site master is stopped (502)", retry_after=wait)
            case status if status >= 500:  # noqa: PLR2004 - server errors, RFC 9110 section 15.6
                return SourceUnavailable(f"{path}: the gateway answered {status}", retry_after=wait)
            case 301 | 302 | 307 | 308:
                return BadAnswer(f"{path}: the gateway points elsewhere; use https in PW_HOST")
            case status:
                return BadAnswer(f"{path}: unexpected status {status}", retry_after=wait)
