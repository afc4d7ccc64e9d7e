"""What listens for clients, and over TLS the handshakes.

For asyncio a TLS connection begins when its handshake is over, so its own servers
accept any number of handshakes that are begun and abandoned. Here each counts
against PW_MAX_CONNECTIONS from the moment it is accepted. And asyncio makes a transport
of each connection before it reads; here a limiter may answer what has come with one.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from typing import Any

from proxy.drivers.dial import resolve
from proxy.server.transport.limiter import ConnectionLimiter
from proxy.server.transport.limits import REQUEST_S

_log = logging.getLogger(__name__)

# Connections that wait to be accepted; the kernel takes less where net.core.somaxconn is less.
_BACKLOG = 4096
# Until a SYN-ACK is sent again: the shortest that there is (tcp(7), TCP_DEFER_ACCEPT).
_DEFERRED_S = 1
# Connections that are accepted before anything else has its turn. Over TLS it is one: the handshakes of
# sixteen, step by step in turn, take 5 % more CPU, and the slowest responses twice the time.
_IN_A_ROW, _HANDSHAKES_IN_A_ROW = 16, 1
# Without files or memory for another connection; as long as asyncio waits.
_PAUSE_S = 1.0
_EVERYWHERE = ("0.0.0.0", "::")
_FREE_PORT_TRIES = 20
# A kernel without IPv6 has the sockets or the addresses of IPv4 only.
_NOT_HERE = frozenset({errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL})


@asynccontextmanager
async def opened(
    limiter: ConnectionLimiter,
    host: str | None,
    port: int,
    tls: ssl.SSLContext | None,
    *,
    defers: bool = False,
) -> AsyncIterator[tuple[str, int]]:
    """Listen while the block runs, on every address where there is no host; yields one of them. Raises OSError.

    ``defers`` leaves a connection to the kernel until its first bytes have come, for a second at most.
    """
    listeners = bound(await resolve(host) if host else _EVERYWHERE, port)
    if defers and (option := getattr(socket, "TCP_DEFER_ACCEPT", None)) is not None:
        for listening in listeners:
            listening.setsockopt(socket.IPPROTO_TCP, option, _DEFERRED_S)
    address = listeners[0].getsockname()[:2]
    listener = Listener(limiter, tls, listeners)
    try:
        yield address
    finally:
        await listener.close()


def bound(addresses: Sequence[str], port: int) -> list[socket.socket]:
    """Make the listening sockets, one for each numeric address, all with the same port. Raises OSError.

    Port 0 is any that is free at every address: what the first one gets may be taken at another.
    """
    for _ in range(_FREE_PORT_TRIES):
        try:
            return _bound(addresses, port)
        except OSError as exc:
            if port or exc.errno != errno.EADDRINUSE:
                raise
    return _bound(addresses, port)


def _bound(addresses: Sequence[str], port: int) -> list[socket.socket]:
    listeners = []
    problem = OSError(errno.EADDRNOTAVAIL, "there is no such address")
    with ExitStack() as stack:
        for numeric in addresses:
            # For the zone of a link-local address.
            family, _, _, _, address = socket.getaddrinfo(
                numeric, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST | socket.AI_PASSIVE
            )[0]
            try:
                listener = socket.create_server(address, family=family, backlog=_BACKLOG)
            except OSError as exc:
                if exc.errno not in _NOT_HERE:
                    raise
                problem = exc
            else:
                listener.setblocking(False)
                listeners.append(stack.enter_context(listener))
                port = port or listener.getsockname()[1]
        if not listeners:
            raise problem
        stack.pop_all()
    return listeners


class Listener:
    """Accepts connections, and makes TLS handshakes. Owns the listeners and a task for each connection that begins."""

    def __init__(
        self, limiter: ConnectionLimiter, tls: ssl.SSLContext | None, listeners: list[socket.socket]
    ) -> None:
        self._limiter = limiter
        self._tls = tls
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._pauses: dict[socket.socket, asyncio.TimerHandle] = {}
        self._listeners = listeners
        self._port: int = listeners[0].getsockname()[1]
        for listener in listeners:
            self._watch(listener)

    async def close(self) -> None:
        """Listen no longer and end the handshakes."""
        for listener in self._listeners:
            self._loop.remove_reader(listener)
            listener.close()
        for pause in self._pauses.values():
            pause.cancel()
        # asyncio would lose the cancellation of a handshake that has not had these turns of the loop.
        for _ in range(2):
            await asyncio.sleep(0)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _watch(self, listener: socket.socket) -> None:
        self._pauses.pop(listener, None)
        self._loop.add_reader(listener, self._accept, listener)

    def _accept(self, listener: socket.socket) -> None:
        """Take connections that wait; the loop calls again while there are more."""
        for _ in range(_IN_A_ROW if self._tls is None else _HANDSHAKES_IN_A_ROW):
            try:
                # CPython's half of accept(). The other half, a socket, is a tenth of a short connection, which needs none.
                client, address = listener._accept()  # type: ignore[attr-defined]  # typeshed leaves it out
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as exc:
                _log.error("no connection can be accepted", extra={"reason": exc.strerror or str(exc)})
                self._loop.remove_reader(listener)  # it would be called again at once
                self._pauses[listener] = self._loop.call_later(_PAUSE_S, self._watch, listener)
                return
            connection = None
            try:
                os.set_blocking(client, False)
                if self._tls is None:
                    connection = self._limiter.begin(client, self._port)
                else:
                    connection = self._limiter.begin_handshake()
            finally:
                if connection is None:
                    os.close(client)
            if connection is not None:
                accepted = socket.socket(listener.family, listener.type, listener.proto, fileno=client)
                self._connect(connection, accepted, address[0])

    def _connect(self, connection: asyncio.Protocol, client: socket.socket, address: str) -> None:
        """Have the loop serve a connection, over TLS after its handshake."""
        task = self._loop.create_task(
            self._loop.connect_accepted_socket(
                lambda: connection,
                client,
                ssl=self._tls,
                ssl_handshake_timeout=REQUEST_S if self._tls else None,
            )
        )
        self._tasks.add(task)
        task.add_done_callback(partial(self._end, connection, client, address))

    def _end(
        self, connection: asyncio.Protocol, client: socket.socket, address: str, task: asyncio.Task[Any]
    ) -> None:
        """Release what a handshake held, unless it made a connection."""
        self._tasks.discard(task)
        problem = None if task.cancelled() else task.exception()
        if task.cancelled() or problem is not None:
            self._limiter.active.discard(connection)
            client.close()
        if isinstance(problem, OSError):  # the client left, is too slow, or speaks no TLS
            _log.debug("no handshake", extra={"client": address, "reason": str(problem)})
        elif problem is not None:
            _log.error("unhandled exception", exc_info=problem)
