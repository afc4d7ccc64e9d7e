"""A listening socket that can be shut and opened again while the loop runs.

Owns one task per handshake; ``close`` ends them all at once.
Asyncio's own servers cannot stall a handshake or come back on the same port
without an await, and tests want both in the middle of a sentence.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from functools import partial


class Listener:
    """Accepts connections on one address and hands each to a protocol."""

    def __init__(self, host: str, port: int, protocol: Callable[[], asyncio.BaseProtocol]) -> None:
        self.host = host
        self.port = port  # 0 until opened
        self.context: ssl.SSLContext | None = None
        self.stalls = False  # accept, but never begin the handshake
        self._protocol = protocol
        self._socket: socket.socket | None = None
        self._reserved: socket.socket | None = None  # keeps the port while nothing listens there
        self._handshakes: set[asyncio.Task[None]] = set()
        self._stalled: list[socket.socket] = []

    @property
    def is_open(self) -> bool:
        """Whether connections are accepted; otherwise they are refused."""
        return self._socket is not None

    def open(self) -> None:
        """Bind and listen; the port stays the same from the first time on."""
        if self._socket is not None:
            return
        listening, self._reserved = self._reserved or self._bound(), None
        listening.listen(128)
        self.port = listening.getsockname()[1]
        self._socket = listening
        # No task: one that is cancelled while it is handed a connection would lose it.
        asyncio.get_running_loop().add_reader(listening, self._accept, listening)

    def _bound(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        bound = socket.socket(family, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setblocking(False)
        try:
            bound.bind((self.host, self.port))
        except OSError as exc:
            bound.close()
            raise OSError(exc.errno, f"{self.host}:{self.port} cannot be used: {exc.strerror}") from None
        return bound

    def shut(self) -> None:
        """Refuse connections; no other program gets the port meanwhile."""
        if self.is_open:
            self.close()
            self._reserved = self._bound()

    def close(self) -> list[asyncio.Task[None]]:
        """Stop listening; returns the cancelled tasks, for those who can wait for them."""
        ended = [*self._handshakes]
        for task in ended:
            task.cancel()
        for stalled in self._stalled:
            stalled.close()
        self._stalled.clear()
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
        if self._reserved is not None:
            self._reserved.close()
        self._socket = self._reserved = None
        return ended

    def _accept(self, listening: socket.socket) -> None:
        """Take a connection that waits; the loop calls again while there are more."""
        try:
            accepted, _ = listening.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        accepted.setblocking(False)
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.stalls:
            self._stalled.append(accepted)
            return
        task = asyncio.get_running_loop().create_task(self._handshake(accepted))
        self._handshakes.add(task)
        task.add_done_callback(partial(self._end, accepted))

    async def _handshake(self, accepted: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        await loop.connect_accepted_socket(self._protocol, accepted, ssl=self.context)

    def _end(self, accepted: socket.socket, handshake: asyncio.Task[None]) -> None:
        """Close what has no connection: cancelled, a refused name, a pin that did not match, a scanner."""
        self._handshakes.discard(handshake)
        problem = None if handshake.cancelled() else handshake.exception()
        if handshake.cancelled() or problem is not None:
            accepted.close()
        if problem is not None and not isinstance(problem, OSError):
            raise problem
