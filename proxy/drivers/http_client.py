"""The one HTTP session to a gateway: TLS trust, few connections, bounded answers, errors by name.

Only this module and its users see aiohttp's client; every failure leaves it as
a GatewayError. Redirects are never followed: they would carry the session to
whatever host a broken or hostile answer names.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp

from proxy.config.gateway_settings import AUTO
from proxy.config.types import is_address
from proxy.core.errors import (
    BadAnswer,
    GatewayError,
    GatewayTimeout,
    Interrupted,
    Unreachable,
)
from proxy.core.retry_after import retry_after_s
from proxy.drivers.base import FILES_AT_ONCE, Asset, Usage
from proxy.drivers.bodies import inflate, read_body
from proxy.drivers.connector import GatewayConnector
from proxy.drivers.dial import Dialer, reason
from proxy.drivers.trust import SERVER_NAME, Trust, Trusted, server_name

if TYPE_CHECKING:
    from proxy.config.gateway_settings import GatewaySettings
    from proxy.core.clock import Clock
    from proxy.drivers.discovery import Places
    from proxy.drivers.locator import Locator
    from proxy.state.store import StateStore

_PART = 16 * 1024  # of a file
_LONGEST_S = 120.0  # for a file; 4 MB take a weak Wi-Fi a minute
# A gateway in the same network accepts a connection in milliseconds, behind a weak Wi-Fi in a second or two.
_ACCEPTS_S = 4.0
_DENIED = frozenset({401, 403})
_REMEMBERED = 600  # more requests than any gateway gets in a minute


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete answer of a gateway, decompressed; when it was requested (monotonic seconds)."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    cookies: Mapping[str, str]
    received_at: float  # wall-clock seconds
    requested_at: float  # monotonic seconds

    @property
    def is_denied(self) -> bool:
        """Say whether the session was not accepted, or the login refused."""
        return self.status in _DENIED

    @property
    def retry_after(self) -> float | None:
        """What the gateway requests, in seconds."""
        return retry_after_s(self.headers, self.received_at)


class GatewayClient:
    """A kept-alive HTTP session to one address.

    ``host`` is name or address with an optional port; a leading ``http://``
    (firmware before 1.20) goes without TLS.
    """

    def __init__(
        self,
        host: str,
        settings: GatewaySettings,
        memory: StateStore,
        clock: Clock,
        *,
        places: Places | None = None,
    ) -> None:
        parts = urlsplit(host if "://" in host else f"https://{host}")
        self.plain = parts.scheme == "http"
        self.host = parts.hostname or ""
        self.is_auto = self.host == AUTO
        self.port = parts.port or (80 if self.plain else 443)
        self.address = parts.netloc
        self._received = self._sent = 0  # bytes of bodies, as they came over the wire
        self._requests = 0
        self._recent: deque[float] = deque(maxlen=_REMEMBERED)
        self._clock = clock
        netloc = SERVER_NAME + parts.netloc.removeprefix(AUTO) if self.is_auto else parts.netloc
        self._base = f"{parts.scheme}://{netloc}"
        self._settings = settings
        self._timeout = aiohttp.ClientTimeout(total=settings.timeout)
        self._long = aiohttp.ClientTimeout(
            total=_LONGEST_S, sock_connect=settings.timeout, sock_read=settings.timeout
        )
        self._sessions: dict[bool, aiohttp.ClientSession] = {}  # by whether it is for files
        self._failed = False  # how the last request ended
        self.server_name = server_name(self.host)
        self._dialer = Dialer(self.host, self.port, self.server_name, locator=self._locator(memory, places))
        self._trust = None if self.plain else Trust(self._dialer, self.address, settings, memory)
        self._lock = asyncio.Lock()

    async def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        once: bool = False,
    ) -> Reply:
        """Send one request and read its whole answer. Raises GatewayError, never for a status.

        ``once`` is for what changes something: a request that was sent is not sent again.
        """
        requested_at = self._clock.monotonic()
        async with self._exchange(method, path, headers, body=body, once=once) as answer:
            self._sent += len(body or b"")
            with self._named(path):
                raw = await read_body(answer, path)
            self._received += len(raw)
            cookies = {name: morsel.value for name, morsel in answer.cookies.items()}
            body, now = inflate(raw, path), self._clock.wall()
            return Reply(answer.status, answer.headers, body, cookies, now, requested_at)

    @asynccontextmanager
    async def stream(self, path: str, headers: Mapping[str, str]) -> AsyncIterator[Asset]:
        """GET a file over a connection beside those for readings; the caller reads its parts. Raises GatewayError.

        It may take its time, as long as it goes on and not without end. What the caller's block raises is its own.
        """
        async with (
            self._exchange("GET", path, headers, is_file=True) as answer,
            aclosing(self._parts(answer, path)) as parts,
        ):
            yield Asset(answer.status, answer.headers, parts)

    @asynccontextmanager
    async def _exchange(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None,
        *,
        body: bytes | None = None,
        once: bool = False,
        is_file: bool = False,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send one request; the body is read by the caller, who names what fails then.

        aiohttp repeats a GET whose connection broke, unless it is to be sent ``once``: some GETs change
        the gateway. Nor is it repeated when the request before failed as well: then it was no old connection.
        """
        sent = asyncio.Event()
        with self._named(path, sent):
            session, trust = await self._open(is_file=is_file)
            answer = await session.request(
                method,
                self._base + path,
                data=body,
                headers={"Accept-Encoding": "identity", **(headers or {})},
                ssl=trust,
                allow_redirects=False,
                timeout=self._long if is_file else self._timeout,
                middlewares=(self._unrepeated,) if once or self._failed else None,
                trace_request_ctx=sent,
            )
        async with answer:
            self._failed = False
            yield answer

    @contextmanager
    def _named(self, path: str, sent: asyncio.Event | None = None) -> Iterator[None]:
        """Raise what fails while the gateway is waited for as a GatewayError, which knows whether it was ``sent``."""
        try:
            yield
        except GatewayError as error:
            self._failed = True
            error.was_sent = sent is None or sent.is_set()
            raise
        except (aiohttp.ClientError, TimeoutError, ValueError, OSError) as exc:
            self._failed = True
            failure = self._translate(exc, path)
            failure.was_sent = sent is None or sent.is_set()
            raise failure from exc

    async def address_now(self) -> str:
        """Return the first address that a connection is made to. Raises OSError."""
        return (await self._dialer.addresses())[0]

    async def accepts_connections(self) -> bool:
        """Open a TCP connection and close it: whether the gateway is there again, at next to no cost to it."""
        return await self._dialer.accepts(within_s=_ACCEPTS_S)

    def usage(self) -> Usage:
        """Say what was counted; logins are the business of who logs in."""
        return Usage(self._requests, self._recent, self._received, self._sent)

    async def close(self) -> None:
        """Close all connections."""
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()
        self._dialer.close()

    def _locator(self, memory: StateStore, places: Places | None) -> Locator | None:
        """Follow the pinned certificate where the address can change; without a pin there is nothing to follow."""
        if self.plain or self._settings.gw_tls != "pin" or is_address(self.host):
            return None
        from proxy.drivers.locator import Locator  # noqa: PLC0415 - most gateways have an address in numbers

        return Locator(self.address, self.port, self._settings, memory, self._clock, places)

    # -- opening -----------------------------------------------------------------------------

    async def _open(self, *, is_file: bool) -> tuple[aiohttp.ClientSession, Trusted]:
        async with self._lock:
            trust = await self._trust.check() if self._trust else False
            session = self._sessions.get(is_file)
            if session is None or session.closed:
                session = self._sessions[is_file] = self._made(is_file=is_file)
            return session, trust

    def _made(self, *, is_file: bool) -> aiohttp.ClientSession:
        pool = self._settings.pool_maxsize
        size = FILES_AT_ONCE if is_file else max(pool, 1)
        # Counted when it goes out: aiohttp may repeat a request, or find no connection to send it over.
        trace = aiohttp.TraceConfig()
        trace.on_request_headers_sent.append(self._count)
        return aiohttp.ClientSession(
            connector=GatewayConnector(self._dialer, self.address, size, keep=pool > 0),
            cookie_jar=aiohttp.DummyCookieJar(),  # the driver that logged in keeps them
            timeout=self._timeout,
            auto_decompress=False,
            trace_configs=[trace],
        )

    async def _count(self, _: aiohttp.ClientSession, traced: SimpleNamespace, __: Any) -> None:
        traced.trace_request_ctx.set()
        self._requests += 1
        self._recent.append(self._clock.monotonic())

    async def _unrepeated(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Send a request once: what aiohttp would repeat it for is no error of aiohttp's any more."""
        try:
            return await handler(request)
        except (aiohttp.ClientError, OSError) as exc:
            raise self._translate(exc, request.url.raw_path) from exc

    # -- reading -----------------------------------------------------------------------------

    async def _parts(self, answer: aiohttp.ClientResponse, path: str) -> AsyncGenerator[bytes, None]:
        with self._named(path):
            async for chunk in answer.content.iter_chunked(_PART):
                yield chunk

    def _translate(self, exc: BaseException, path: str) -> GatewayError:
        """Name a failure of the network. The order is that of aiohttp's class tree, narrow first."""
        match exc:
            case TimeoutError():
                return GatewayTimeout(f"{path}: no complete answer within {self._settings.timeout:g} s")
            case aiohttp.ClientResponseError() | aiohttp.ClientPayloadError() if _is_framing(exc):
                return BadAnswer(f"{path}: the answer is not valid HTTP")
            case aiohttp.ServerDisconnectedError() | aiohttp.ClientOSError() | aiohttp.ClientPayloadError():
                return Interrupted(f"{path}: the connection broke before the answer was complete")
            case aiohttp.InvalidURL() | ValueError():
                return Unreachable(f"{self.address!r} is not an address")
            case _:
                return Unreachable(f"{self.address} cannot be reached: {reason(exc)}")


def _is_framing(exc: BaseException) -> bool:
    return not isinstance(exc, aiohttp.ClientPayloadError) or not isinstance(
        exc.__cause__, ConnectionError | aiohttp.ServerDisconnectedError | type(None)
    )
