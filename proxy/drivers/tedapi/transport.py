"""Full mode: TEDAPI with the gateway password, over the gateway's own Wi-Fi or whatever leads there."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from proxy.core.errors import (
    BadAnswer,
    Forbidden,
    GatewayError,
    LoginRejected,
    NotSupported,
    RateLimited,
    SourceUnavailable,
)
from proxy.drivers.base import Usage
from proxy.drivers.tedapi import messages
from proxy.drivers.tedapi.data import split_din

if TYPE_CHECKING:
    from proxy.drivers.http_client import GatewayClient, Reply
    from proxy.drivers.login_backoff import LoginBackoff

_USER = "Tesla_Energy_Device"
_DIN_PATH = "/tedapi/din"
_PATH = "/tedapi/v1"
_OK = 200
_NOT_FOUND = 404
# After a 429 or 503 TEDAPI gets no request for this long (docs/protocol.md, "Status codes of TEDAPI").
_QUIET_S = 300.0


class TedapiTransport(Protocol):
    """One transport of TEDAPI's queries. Every method raises GatewayError and nothing else."""

    name: str
    address: str

    async def din(self) -> str:
        """Return the gateway's DIN; fetched once as long as the gateway is there."""

    async def read(self, name: str, follower: str | None = None) -> Mapping[str, Any]:
        """Fetch one document of ``messages``, of the gateway or of a follower (by DIN)."""

    def usage(self) -> Usage:
        """Say what was counted."""

    async def accepts_connections(self) -> bool:
        """Say whether the gateway accepts a TCP connection."""

    def forget(self) -> None:
        """Forget who the gateway is: it may come back as another."""

    async def close(self) -> None:
        """Release the connections."""


class BasicTransport:
    """HTTP Basic and protobuf: every request carries the password, so each may be a refused login."""

    name = "tedapi"

    def __init__(self, session: GatewayClient, password: str, backoff: LoginBackoff) -> None:
        credentials = base64.b64encode(f"{_USER}:{password}".encode()).decode()
        self.address = session.address
        self._session = session
        self._backoff = backoff
        self._headers = {"Authorization": f"Basic {credentials}", "Content-Type": "application/octet-stream"}
        self._din: str | None = None

    async def din(self) -> str:
        """Return the gateway's DIN."""
        if self._din is None:
            self._backoff.check()
            reply = await self._fetch_din()
            if reply.status == _NOT_FOUND:
                raise NotSupported("TEDAPI: this firmware has none; the local API takes PW_PASSWORD")
            din = (await self._accepted(reply, "DIN")).decode("ascii", "replace").strip()
            if None in split_din(din):
                raise BadAnswer("What the gateway calls its DIN is none")
            self._din = din
        return self._din

    async def read(self, name: str, follower: str | None = None) -> Mapping[str, Any]:
        """Fetch one document."""
        din = await self.din()
        self._backoff.check()
        path = _PATH if follower is None else f"/tedapi/device/{quote(follower, safe='')}/v1"
        body = messages.request(name, din, follower)
        reply = await self._session.request("POST", path, headers=self._headers, body=body)
        try:
            return messages.reply(name, await self._accepted(reply, name), follower or din)
        except BadAnswer:
            if follower is None:
                self.forget()  # it may be another gateway by now
            raise

    def usage(self) -> Usage:
        """Say what was counted; there are no logins."""
        return self._session.usage()

    def forget(self) -> None:
        """Forget the DIN."""
        self._din = None

    async def accepts_connections(self) -> bool:
        """Say whether the gateway accepts a TCP connection."""
        return await self._session.accepts_connections()

    async def close(self) -> None:
        """Release the connections."""
        await self._session.close()

    async def _fetch_din(self) -> Reply:
        return await self._session.request("GET", _DIN_PATH, headers=self._headers)

    async def _accepted(self, reply: Reply, what: str) -> bytes:
        """Return the body of an answer. A refusal ends the use of the password if the DIN is refused, too."""
        if reply.status == _OK:
            self._backoff.logged_in()
            self._backoff.answered()
            return reply.body
        error = refusal(reply, what)
        if isinstance(error, RateLimited):
            raise await self._backoff.limited(error)
        if not isinstance(error, LoginRejected):
            raise error
        if self._din is None:
            raise await self._backoff.refused(error)
        if (await self._fetch_din()).status == _OK:
            raise Forbidden(
                f"TEDAPI: refused ({reply.status}) for the {what}, though the password is accepted"
            )
        raise await self._backoff.refused(error, times=2)


def refusal(reply: Reply, what: str) -> GatewayError:
    """Translate a status as docs/protocol.md, "Status codes of TEDAPI", lists it."""
    match reply.status:
        case 401:
            return LoginRejected("TEDAPI refuses the gateway password (PW_GW_PWD)")
        case 403:
            return LoginRejected(
                "TEDAPI answers only on the gateway's own Wi-Fi, or the gateway password is wrong"
            )
        case 404 | 405:
            return NotSupported(f"TEDAPI: this firmware does not report its {what}")
        case 429 | 503:
            wait = max(reply.retry_after or 0.0, _QUIET_S)
            return RateLimited(f"TEDAPI: too many requests ({reply.status})", retry_after=wait)
        case status if status >= 500:  # noqa: PLR2004 - server errors, RFC 9110 section 15.6
            return SourceUnavailable(f"TEDAPI: {status} for the {what}", retry_after=reply.retry_after)
        case status:
            return BadAnswer(f"TEDAPI: unexpected status {status} for the {what}")
