"""Plain requests answered where they arrive, everything else handed to aiohttp untouched.

A request is answered here when one chunk of data holds exactly one head that
``prepared`` has a response for, no earlier request of the connection is
unfinished, and the client reads what it is sent. A request that has come with its
connection and is its last needs no transport: that would cost as much as all the rest.
Any other connection starts dormant: aiohttp's parser, handler and timers are made when
the first chunk comes that is not answered here; a connection that never needs them costs half.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar, cast

from proxy.server.transport.aiohttp_internals import FAST
from proxy.server.transport.connection import Connection, Stage, enable_backpressure
from proxy.server.transport.limiter import ConnectionLimiter
from proxy.server.transport.limits import KEEP_ALIVE_S, REQUEST_S

if TYPE_CHECKING:
    from aiohttp import web

    from proxy.server.transport.prepared import PreparedResponses

# More than the longest head that is plain.
_FIRST_BYTES = 4096
# Dormant connections have no timers of their own; how often all are checked (s).
_SWEEP_S = 5.0


class FastConnectionLimiter(ConnectionLimiter):
    """Makes connections with the fast path, and drops those that are silent for too long. Owns one timer."""

    def __init__(self, server: web.Server, most: int, answers: PreparedResponses) -> None:
        super().__init__(server, most, lambda _: FastConnection(self))
        self.answers = answers
        self.loop = asyncio.get_running_loop()
        self._sweeper: asyncio.TimerHandle | None = None

    def begin(self, client: int, port: int) -> asyncio.Protocol | None:
        """Answer a request that has come with its connection and closes it; otherwise make a protocol that goes on."""
        if self.is_full:
            return self()
        try:
            received = os.read(client, _FIRST_BYTES)
        except OSError:  # nothing has come yet, or the client has left
            return self()
        answers = self.answers
        now = answers.now()
        answer = answers.at_port(port).ready_for(received, now)
        if answer is None or not answer.key.closes:
            return FastConnection(self, received)
        try:
            sent = os.write(client, answer.block)
        except BlockingIOError:
            sent = 0
        except OSError:  # the client has left
            return None
        answer.hits += 1
        answer.seconds += answers.now() - now
        return None if sent == len(answer.block) else FastConnection(self, unsent=answer.block[sent:])

    def watch(self) -> None:
        """Check dormant connections from now on."""
        if self._sweeper is None:
            self._sweeper = self.loop.call_later(_SWEEP_S, self._sweep)

    def _sweep(self) -> None:
        self._sweeper = None
        now = self.loop.time()
        for connection in self.server.connections:
            if isinstance(connection, FastConnection) and connection.is_dormant:
                self.watch()
                connection.expire(now)


class FastConnection(Connection):
    """A connection that answers plain requests itself."""

    __slots__ = ("_answers", "_ended_a_head", "_is_limited", "_received", "_unsent", "_watch", "is_dormant")
    parts: ClassVar[Mapping[str, object]] = FAST

    def __init__(self, limiter: FastConnectionLimiter, received: bytes = b"", unsent: bytes = b"") -> None:
        """Make a connection of which some bytes are received already, or the rest of its only response is to be sent."""
        # aiohttp's part is made in _activate
        self.is_dormant = True
        self.make_dormant(limiter.loop, limiter.server)
        self._limiter = limiter
        self._deadline = self._unread = None
        self._answers = limiter.answers
        self._ended_a_head = True
        self._is_limited = False
        self._watch = limiter.watch
        self._received, self._unsent = received, unsent

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Admit a client, or refuse it."""
        if not self._limiter.admit(self):
            self.reject(transport)
            return
        self._answers = self._answers.at(transport)
        self.transport = cast("asyncio.Transport", transport)
        self.server.connection_made(self, self.transport)
        self.closes_at = self.loop.time() + REQUEST_S
        self._watch()
        if self._received:
            received, self._received = self._received, b""
            self.data_received(received)
        elif self._unsent:
            self.transport.write(self._unsent)
            self._unsent = b""
            self._limit(self.transport)
            self.force_close()

    def eof_received(self) -> bool:  # type: ignore[override]  # as in Connection
        """Let a client that will send no more have its responses; while dormant, it has them."""
        return not self.is_dormant and super().eof_received()

    def data_received(self, data: bytes) -> None:
        """Answer a plain request; hand anything else to aiohttp."""
        answers, transport = self._answers, self.transport
        if transport is None:
            return
        if (self.is_dormant or self._is_idle) and not self.is_blocked:
            now = answers.now()
            answer = answers.ready_for(data, now)
            if answer is not None:
                transport.write(answer.block)
                if not self._is_limited:
                    self._limit(transport)
                self.closes_at = self.loop.time() + KEEP_ALIVE_S
                answer.hits += 1
                answer.seconds += answers.now() - now
                if answer.key.closes:
                    self.force_close()
                return
        if self.is_dormant:
            self._activate()
        super().data_received(data)
        if data:
            self._ended_a_head = data.endswith(b"\r\n\r\n")

    def _limit(self, transport: asyncio.Transport) -> None:
        """Be notified of what is left unread from now on: not before, because the end of a handshake is no response."""
        self._is_limited = True
        enable_backpressure(transport)

    @property
    def _is_idle(self) -> bool:
        """Whether aiohttp waits for a request and has read nothing of it yet."""
        return self.is_between_requests and self._ended_a_head and not self.is_upgraded and not self.closes

    def _activate(self) -> None:
        """Hand this connection to aiohttp from now on; what is known of its writing side stays known."""
        if self.transport is not None and not self._is_limited:
            self._limit(self.transport)
        transport, blocked, unread = self.transport, self.is_blocked, self._unread
        self.is_dormant = False
        super().__init__(self._limiter)
        self.transport, self.is_blocked, self._unread = transport, blocked, unread
        self.activate()  # without Connection's part: this client is admitted already
        self.stage = Stage.IDLE

    def expire(self, now: float) -> None:
        """Close the connection if the client has been silent for too long."""
        if now >= self.closes_at:
            self.force_close()

    def close(self) -> None:
        """Close when the current request has been answered; at once while dormant."""
        super().close()
        if self.is_dormant:
            self.force_close()

    async def shutdown(self, timeout: float | None = 15.0) -> None:  # noqa: ASYNC109 - aiohttp's
        """Have the client read what it was answered here; aiohttp waits for its own responses only."""
        if self.is_blocked and self.drain_waiter is None:
            self.drain_waiter = self.loop.create_future()
            with suppress(ConnectionError, TimeoutError):
                async with asyncio.timeout(timeout):
                    await self.drain_waiter
        await super().shutdown(timeout)
