"""Plain requests answered where they arrive, everything else handed to aiohttp untouched.

A request is taken when one chunk of data holds exactly one head that
``prepared`` has an answer for, no earlier request of the connection is
unfinished, and the client takes what it is sent. A connection starts asleep:
aiohttp's parser, handler and timers are made when the first chunk comes that is
not taken; a connection that never needs them costs half. This leans on what
aiohttp's handler keeps between requests. ``entrance`` compares that with a fresh
handler at start, has one connection live and die asleep, and goes without the fast
path where anything differs.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, cast

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from proxy.server.transport.connection import KEEP_ALIVE_S, REQUEST_S, Connection, Stage, enable_backpressure
from proxy.server.transport.listener import ConnectionLimiter

if TYPE_CHECKING:
    from proxy.server.transport.prepared import PreparedResponses

_log = logging.getLogger(__name__)

# What aiohttp's handler holds before its first request: enough for a sleeping connection to be closed by it.
DORMANT: Final = {
    "transport": None,
    "_close": False,
    "_current_request": None,
    "_drain_waiter": None,
    "_force_close": False,
    "_handler_waiter": None,
    "_keepalive_handle": None,
    "_paused": False,
    "_payload_parser": None,
    "_request_in_progress": False,
    "_task_handler": None,
    "_waiter": None,
}
# What a connection that is awake is asked besides.
ACTIVE: Final = {"_messages": deque[Any](), "_next_keepalive_close_time": 0.0, "_upgraded": False}
# Sleeping connections have no timers of their own; how often all are looked at (s).
_SWEEP_S = 5.0


def entrance(server: web.Server, most: int, answers: PreparedResponses | None) -> ConnectionLimiter:
    """Make the entrance of a server: with the fast path if there are answers for it, and aiohttp is as expected."""
    if answers is None:
        return ConnectionLimiter(server, most)
    trial = FastConnectionLimiter(web.Server(_nobody), 1, answers)
    odd = differences(server()) + self_test(FastConnection(trial))
    if odd:
        _log.warning("no fast path", extra={"reason": f"this aiohttp differs: {', '.join(odd)}"})
        return ConnectionLimiter(server, most)
    return FastConnectionLimiter(server, most, answers)


def differences(handler: RequestHandler) -> list[str]:
    """Name what a fresh handler of aiohttp keeps otherwise than the fast path expects."""
    return [name for name, value in (DORMANT | ACTIVE).items() if getattr(handler, name, ...) != value]


def self_test(sleeper: FastConnection) -> list[str]:
    """Have a connection live and die without waking up; say what it lacks for that."""
    try:
        sleeper.connection_made(_Nowhere())
        sleeper.pause_writing()
        sleeper.resume_writing()
        sleeper.close()
        sleeper.connection_lost(None)
    except (AttributeError, TypeError) as exc:
        return [str(exc)]
    return []


async def _nobody(_: web.BaseRequest) -> web.StreamResponse:
    raise web.HTTPNotFound  # nobody asks either


class _Nowhere(asyncio.Transport):
    """The client of a trial: nobody."""

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Take any limits."""

    def close(self) -> None:
        """Be closed already."""


class FastConnectionLimiter(ConnectionLimiter):
    """Makes connections with the fast path, and drops those that sleep for too long. Owns one timer."""

    def __init__(self, server: web.Server, most: int, answers: PreparedResponses) -> None:
        super().__init__(server, most)
        self.answers = answers
        self.loop = asyncio.get_running_loop()
        self._sweeper: asyncio.TimerHandle | None = None

    def __call__(self) -> Connection:
        """Make the protocol of a connection that was just accepted."""
        return FastConnection(self)

    def watch(self) -> None:
        """Look after a connection that sleeps."""
        if self._sweeper is None:
            self._sweeper = self.loop.call_later(_SWEEP_S, self._sweep)

    def _sweep(self) -> None:
        self._sweeper = None
        now = self.loop.time()
        for connection in self.server.connections:
            if isinstance(connection, FastConnection) and connection.is_dormant:
                self.watch()
                connection.doze(now)


class FastConnection(Connection):
    """A connection that answers plain requests itself."""

    __slots__ = ("_answers", "_ended_a_head", "_watch", "is_dormant")

    def __init__(self, entrance: FastConnectionLimiter) -> None:  # aiohttp's part is made in _wake
        self.is_dormant = True
        for name, value in DORMANT.items():
            setattr(self, name, value)
        self._loop = entrance.loop
        self._manager = entrance.server
        self._limiter = entrance
        self._deadline = self._untaken = None
        self._answers = entrance.answers
        self._ended_a_head = True
        self._watch = entrance.watch

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let a client in, or turn it away."""
        if not self._limiter.admit(self):
            self.reject(transport)
            return
        enable_backpressure(transport)
        self.transport = cast("asyncio.Transport", transport)
        cast("web.Server", self._manager).connection_made(self, self.transport)
        self._next_keepalive_close_time = self._loop.time() + REQUEST_S
        self._watch()

    def eof_received(self) -> bool:  # type: ignore[override]  # as in Connection
        """Let a client that has said all have its answers; while asleep, it has."""
        return not self.is_dormant and super().eof_received()

    def data_received(self, data: bytes) -> None:
        """Answer a plain request; hand anything else to aiohttp."""
        answers, transport = self._answers, self.transport
        if transport is None:
            return
        answer = answers.by_head.get(data) or answers.find(data)
        if answer is not None and (self.is_dormant or self._is_idle) and not self._paused:
            now = answers.now()
            if now < answer.until or answers.renew(answer, now):
                transport.write(answer.block)
                self._next_keepalive_close_time = self._loop.time() + KEEP_ALIVE_S
                answer.hits += 1
                answer.seconds += answers.now() - now
                if answer.key.closes:
                    self.force_close()
                return
        if self.is_dormant:
            self._wake()
        super().data_received(data)
        if data:
            self._ended_a_head = data.endswith(b"\r\n\r\n")

    @property
    def _is_idle(self) -> bool:
        """Say whether aiohttp waits for a request and has read nothing of it yet."""
        return self.is_between_requests and self._ended_a_head and not self._upgraded and not self._close

    def _wake(self) -> None:
        """Let aiohttp have this connection from now on; what its writing side knows stays known."""
        transport, paused, untaken = self.transport, self._paused, self._untaken
        self.is_dormant = False
        super().__init__(self._limiter)
        self._paused, self._untaken = paused, untaken
        # Not Connection's: this client was let in long ago.
        RequestHandler.connection_made(self, cast("asyncio.Transport", transport))
        self.stage = Stage.IDLE

    def doze(self, now: float) -> None:
        """Sleep on, unless the client has been silent for too long."""
        if now >= self._next_keepalive_close_time:
            self.force_close()

    def close(self) -> None:
        """Close when what is being answered has been answered: nothing, while asleep."""
        super().close()
        if self.is_dormant:
            self.force_close()

    async def shutdown(self, timeout: float | None = 15.0) -> None:  # noqa: ASYNC109 - aiohttp's
        """Have the client take what it was answered here; aiohttp waits for its own answers only."""
        if self._paused and self._drain_waiter is None:
            self._drain_waiter = self._loop.create_future()
            with suppress(ConnectionError, TimeoutError):
                async with asyncio.timeout(timeout):
                    await self._drain_waiter
        await super().shutdown(timeout)
