"""HTTP to the cloud: bounded answers, no redirects, nothing sent twice, failures of the network by name."""

from __future__ import annotations

import ssl
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import aiohttp

from proxy import __version__, authorities
from proxy.core.errors import BadAnswer, GatewayError, GatewayTimeout, Interrupted, Unreachable
from proxy.core.ijson import encode
from proxy.drivers.base import Usage
from proxy.drivers.bodies import read_body

_LONGEST_BODY = 4 * 1024 * 1024
_JSON, _FORM = "application/json", "application/x-www-form-urlencoded"
_REMEMBERED = 600


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        """Say whether the status is one of success."""
        return 200 <= self.status < 300  # noqa: PLR2004 - RFC 9110 section 15.3


class CloudHttp:
    """One pool of connections for the sign-in server and the API; proxies as the environment names them."""

    def __init__(
        self, now: Callable[[], float], *, timeout_s: float, tls: ssl.SSLContext | bool = True
    ) -> None:
        self._now = now
        self._timeout_s = timeout_s
        self.tls = tls
        self._trusted = authorities.trusted()
        self._session: aiohttp.ClientSession | None = None
        self._requests = self._received = self._sent = 0
        self._recent: deque[float] = deque(maxlen=_REMEMBERED)

    async def request(
        self,
        method: str,
        url: str,
        *,
        token: str = "",
        query: Mapping[str, str] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        tls: ssl.SSLContext | bool | None = None,
        timeout_s: float | None = None,
    ) -> Reply:
        """Send one request once and read its whole answer. Raises GatewayError, never for a status."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers["Content-Type"] = _JSON if form is None else _FORM
        body = b"" if json is None else encode(json)
        if form is not None:
            body = urlencode(form).encode()
        host = urlsplit(url).hostname or url
        wait_s = timeout_s or self._timeout_s
        self._requests += 1
        self._sent += len(body)
        self._recent.append(self._now())
        try:
            async with self._open().request(
                method,
                url,
                params=query,
                data=body or None,
                headers=headers,
                ssl=self.tls if tls is None else tls,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=wait_s),
                middlewares=(_once,),
            ) as answer:
                received = await read_body(answer, "the cloud's answer", _LONGEST_BODY)
                self._received += len(received)
                return Reply(answer.status, answer.headers, received)
        except (aiohttp.ClientError, TimeoutError, ValueError, OSError) as exc:
            raise _named(exc, host, wait_s) from exc
        except _Lost as exc:
            raise _named(exc.cause, host, wait_s) from exc.cause

    def usage(self) -> Usage:
        """Say what was counted."""
        return Usage(self._requests, self._recent, self._received, self._sent)

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                # Two sites, the sign-in server and a command at the same time; more would not be served.
                connector=aiohttp.TCPConnector(limit=4, ssl=self._trusted),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=True,
                headers={"User-Agent": f"powerwall-proxy/{__version__}", "Accept": "application/json"},
            )
        return self._session


class _Lost(Exception):
    """Carries a failure past aiohttp, which would send a GET again for it; requests are counted and billed."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


async def _once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    try:
        return await handler(request)
    except (aiohttp.ClientError, OSError) as exc:
        raise _Lost(exc) from exc


def _named(exc: Exception, host: str, wait_s: float) -> GatewayError:
    """Name a failure of the network, narrow classes of aiohttp first."""
    match exc:
        case TimeoutError():
            return GatewayTimeout(f"{host}: no complete answer within {wait_s:g} s")
        case aiohttp.ClientConnectorDNSError():
            return Unreachable(f"the name {host} cannot be resolved")
        case aiohttp.ClientConnectorCertificateError():
            return Unreachable(f"{host} shows a certificate that this system does not trust")
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return Unreachable(f"{host}: the TLS handshake failed")
        case aiohttp.ClientProxyConnectionError():
            return Unreachable(f"{host}: the proxy of the environment does not accept a connection")
        case aiohttp.ClientConnectorError():
            return Unreachable(f"{host} does not accept a connection")
        case aiohttp.InvalidURL():
            return Unreachable(f"{host!r} is not an address")
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientOSError() | aiohttp.ClientPayloadError():
            return Interrupted(f"{host}: the connection broke before the answer was complete")
        case _:
            return BadAnswer(f"{host}: the answer is not valid HTTP")
