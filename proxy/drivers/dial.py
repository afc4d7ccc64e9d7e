"""Open connections to a gateway: resolve its name, try its addresses, shake hands.

A descriptor has one owner here, the event loop, which makes the socket and closes it. No Python
socket is handed to it (``sock=``): uvloop closes the descriptor of a connection that fails or is
cancelled, and the socket object closes the same number again, when it may already belong to a
client's connection (MagicStack/uvloop#738).

Names are resolved in daemon threads, which nothing joins: a name server that does not answer
delays neither other lookups nor the end of the process.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from proxy.core.errors import CertificateChanged, GatewayError, Unreachable

if TYPE_CHECKING:
    from proxy.drivers.locator import Locator

_P = TypeVar("_P", bound=asyncio.BaseProtocol)
_T = TypeVar("_T")

# RFC 8305 section 5 proposes 250 ms and at most 2 s between attempts. A gateway's handshake may take most of a
# second, and it should not have to make a second one because its name has two addresses.
_STAGGER_S = 1.0
# How long a request waits for a search; it may take half a minute.
_SEARCH_S = 3.0


# Begins to look up the addresses of a name; the result may be an OSError.
Resolve: TypeAlias = "Callable[[str], asyncio.Future[list[str]]]"
_Attempt: TypeAlias = "asyncio.Task[tuple[asyncio.Transport, _P]]"


class NotFound(OSError):
    """A search for the gateway was in vain; the message is a sentence."""


def resolve(host: str) -> asyncio.Future[list[str]]:
    """Look up the addresses of a name beside the event loop. The result may be an OSError."""

    def look_up() -> list[str]:
        try:
            infos = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except UnicodeError as exc:  # a label that is empty or too long
            raise socket.gaierror(socket.EAI_NONAME, "not a host name") from exc
        return list(dict.fromkeys(_numeric(info[4]) for info in infos))

    return _beside(look_up)


def name_of(address: str) -> asyncio.Future[str]:
    """Look up the name of an address beside the event loop. The result may be an OSError."""
    return _beside(lambda: socket.getnameinfo((address, 0), socket.NI_NAMEREQD)[0])


def _beside(look_up: Callable[[], _T]) -> asyncio.Future[_T]:
    """Call the system's resolver in a thread of its own. The result may be an OSError."""
    loop = asyncio.get_running_loop()
    found: asyncio.Future[_T] = loop.create_future()
    # The caller may have given up before there is a result.
    found.add_done_callback(lambda it: None if it.cancelled() else it.exception())

    def deliver(result: _T | OSError) -> None:
        if found.done():
            return
        if isinstance(result, OSError):
            found.set_exception(result)
        else:
            found.set_result(result)

    def call() -> None:
        result: _T | OSError
        try:
            result = look_up()
        except OSError as exc:
            result = exc
        with suppress(RuntimeError):  # the loop is closed: the process ends
            loop.call_soon_threadsafe(deliver, result)

    threading.Thread(target=call, name="resolver", daemon=True).start()
    return found


def _numeric(address: tuple[Any, ...]) -> str:
    """Write a socket address without its port, with the zone of a link-local one."""
    host = str(address[0])
    zone = address[3] if len(address) > 3 else 0  # noqa: PLR2004 - host, port, flow, zone: IPv6
    return f"{host}%{zone}" if zone and "%" not in host else host


class Dialer:
    """Opens connections to one host and port; ``server_name`` is the name for TLS (SNI).

    A ``locator`` looks the host up; how the addresses do that it found is reported to it.
    """

    def __init__(
        self,
        host: str,
        port: int,
        server_name: str,
        *,
        resolve: Resolve = resolve,
        locator: Locator | None = None,
    ) -> None:
        self._host = host
        self._port = port
        self._server_name = server_name
        self._resolve = locator.resolve if locator else resolve
        self._locator = locator
        self._lookup: asyncio.Future[list[str]] | None = None

    async def open(
        self, factory: Callable[[], _P], tls: ssl.SSLContext | None, *, within_s: float | None
    ) -> tuple[asyncio.Transport, _P]:
        """Connect, and shake hands if there is a context. Raises TimeoutError or GatewayError."""
        opened = None
        try:
            async with asyncio.timeout(within_s):
                opened = await self._race(factory, tls)
                return opened
        except OSError as exc:
            if isinstance(exc, TimeoutError) and exc.errno is None:
                raise  # not the system's, which has a number
            raise self._named(exc) from exc
        finally:
            self.report(is_there=opened is not None)

    def report(self, *, is_there: bool) -> None:
        """Note whether the gateway is at the addresses in use, where they can be others another time."""
        if self._locator:
            self._locator.report(is_there=is_there)

    @property
    def may_be_elsewhere(self) -> bool:
        """Whether another attempt would go to other addresses, or search for them."""
        return self._locator is not None and self._locator.has_more

    async def addresses(self, *, within_s: float | None = None) -> Sequence[str]:
        """Return the addresses of the host; callers at the same time share one lookup. Raises OSError.

        A lookup that takes longer goes on, for the next caller.
        """
        with suppress(ValueError):
            return [str(ipaddress.ip_address(self._host))]
        if self._lookup is None or self._lookup.done():
            self._lookup = self._resolve(self._host)
        try:
            return await asyncio.wait_for(asyncio.shield(self._lookup), within_s)
        except TimeoutError as exc:
            raise NotFound(f"{self._host} is still being searched for") from exc

    def close(self) -> None:
        """End the lookup that is under way."""
        if self._lookup is not None:
            self._lookup.cancel()

    async def accepts(self, *, within_s: float) -> bool:
        """Open a TCP connection and close it: whether one is to be had. No TLS, no HTTP."""
        try:
            transport, _ = await self.open(asyncio.Protocol, None, within_s=within_s)
        except (GatewayError, TimeoutError):
            return False
        transport.abort()
        return True

    async def _race(
        self, factory: Callable[[], _P], tls: ssl.SSLContext | None
    ) -> tuple[asyncio.Transport, _P]:
        """Take the first connection that can be had; of several failures report the first.

        The next address is tried as soon as one fails, and beside it when it has not answered in a second.
        """
        waiting = deque(await self.addresses(within_s=_SEARCH_S if self._locator else None))
        running: set[_Attempt[_P]] = set()
        failure: BaseException | None = None
        try:
            while waiting or running:
                if waiting:
                    running.add(asyncio.create_task(self._attempt(factory, waiting.popleft(), tls)))
                done, _ = await asyncio.wait(
                    running,
                    timeout=_STAGGER_S if waiting else None,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                for attempt in done:
                    running.remove(attempt)
                    if (error := attempt.exception()) is None:
                        return attempt.result()
                    failure = failure or error
        finally:
            await _abandon(running)
        raise failure or OSError("the name has no address")

    async def _attempt(
        self, factory: Callable[[], _P], address: str, tls: ssl.SSLContext | None
    ) -> tuple[asyncio.Transport, _P]:
        try:
            return await asyncio.get_running_loop().create_connection(
                factory,
                address,
                self._port,
                ssl=tls,
                server_hostname=self._server_name if tls else None,
                flags=socket.AI_NUMERICHOST,
            )
        except RuntimeError as exc:  # uvloop's, when the peer resets at once
            raise ConnectionResetError(str(exc)) from exc

    def _named(self, exc: OSError) -> GatewayError:
        """Say in a sentence why there is no connection."""
        address = f"[{self._host}]" if ":" in self._host else self._host
        where = f"{address}:{self._port}"
        match exc:
            case ssl.SSLCertVerificationError():
                return CertificateChanged(f"{where} shows a certificate that PW_GW_CA does not vouch for")
            case ssl.SSLError():
                return Unreachable(
                    f"{where}: the TLS handshake failed (a gateway accepts only certain names)"
                )
            case NotFound():
                return Unreachable(str(exc), awaits_connection=True)
            case socket.gaierror():
                return Unreachable(f"the name {self._host} cannot be resolved", awaits_connection=True)
            case _:
                return Unreachable(
                    f"{where} does not accept a connection: {reason(exc)}", awaits_connection=True
                )


async def _abandon(attempts: set[_Attempt[_P]]) -> None:
    """Cancel what is under way, and close what was opened meanwhile."""
    for attempt in attempts:
        attempt.cancel()
    for outcome in await asyncio.gather(*attempts, return_exceptions=True):
        if isinstance(outcome, tuple):
            outcome[0].abort()


def reason(exc: BaseException) -> str:
    """Say in a few words what the system reported."""
    number = getattr(exc, "errno", None)
    return os.strerror(number).lower() if number and number > 0 else type(exc).__name__
