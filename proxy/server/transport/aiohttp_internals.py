"""Everything that this server knows of aiohttp's inside, and the test that it is still so.

aiohttp documents nothing below a request handler, and its names have changed in patch
releases. Each private part has a public name here, and no other module uses a private one.
``self_test`` runs at start: where a part is missing or behaves differently, the server
does without what needs it (``protocols.py``).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar, cast

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong
from aiohttp.web_protocol import RequestHandler
from yarl import URL

if TYPE_CHECKING:
    from aiohttp.streams import StreamReader

__all__ = ["HttpProcessingError", "LineTooLong"]  # importable from here, like what is defined below

T = TypeVar("T")
# Handing a request to its handler and the response to the transport takes three turns of the loop.
_TURNS: Final = 50
_REQUEST: Final = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


class _Slot(Protocol[T]):
    """An attribute that aiohttp stores in a slot."""

    def __get__(self, instance: Any, owner: Any = None) -> T: ...
    def __set__(self, instance: Any, value: T) -> None: ...


def _slot(name: str) -> _Slot[Any]:
    """Give a slot of aiohttp's handler another name; where there is none, self_test fails."""
    return cast("_Slot[Any]", getattr(RequestHandler, name, None))


class Handler(RequestHandler):
    """aiohttp's protocol of one connection, with names for the parts that are used here."""

    __slots__ = ()

    loop: _Slot[asyncio.AbstractEventLoop] = _slot("_loop")
    server: _Slot[web.Server] = _slot("_manager")
    # Requests parsed so far; those that wait for their turn, each with its payload; the one being answered.
    parsed: _Slot[int] = _slot("_request_count")
    queue: _Slot[deque[tuple[Any, StreamReader]]] = _slot("_messages")
    request: _Slot[web.BaseRequest | None] = _slot("_current_request")
    # What it waits on between two requests.
    waiter: _Slot[asyncio.Future[None] | None] = _slot("_waiter")
    # No request after the current one; not even the current one.
    closes: _Slot[bool] = _slot("_close")
    is_closed: _Slot[bool] = _slot("_force_close")
    # An upgrade was requested; what reads the bytes that follow once it was accepted.
    is_upgraded: _Slot[bool] = _slot("_upgraded")
    upgrade_reader: _Slot[object | None] = _slot("_payload_parser")
    # The client does not read; what waits for it.
    is_blocked: _Slot[bool] = _slot("_paused")
    drain_waiter: _Slot[asyncio.Future[None] | None] = _slot("_drain_waiter")
    # The end of an idle connection (seconds of the loop), its timer, the task of all requests.
    closes_at: _Slot[float] = _slot("_next_keepalive_close_time")
    idle_timer: _Slot[asyncio.Handle | None] = _slot("_keepalive_handle")
    task: _Slot[asyncio.Task[None] | None] = _slot("_task_handler")
    is_answering: _Slot[bool] = _slot("_request_in_progress")
    answer_waiter: _Slot[asyncio.Future[None] | None] = _slot("_handler_waiter")

    @property
    def is_waiting(self) -> bool:
        """Whether the next byte starts a request and no response is owed."""
        return self.waiter is not None and not self.queue

    @property
    def has_begun(self) -> bool:
        """Whether a part of the current response is sent."""
        return self.request is not None and has_begun(self.request)

    def activate(self) -> None:
        """Start aiohttp's part of a connection that was dormant."""
        RequestHandler.connection_made(self, cast("asyncio.Transport", self.transport))

    def make_dormant(self, loop: asyncio.AbstractEventLoop, server: web.Server) -> None:
        """Set what aiohttp's methods need to close a connection for which it has started nothing."""
        for name, value in DORMANT.items():
            setattr(self, name, value)
        self.loop, self.server = loop, server


# What a new handler has, before its first request: what a connection of ours relies on,
FRESH: Final[Mapping[str, object]] = {
    "parsed": 0,
    "queue": deque(),
    "request": None,
    "waiter": None,
    "closes": False,
    "is_closed": False,
    "is_upgraded": False,
    "upgrade_reader": None,
}
# and all that a dormant one needs instead of it.
DORMANT: Final[Mapping[str, object]] = {
    "transport": None,
    "request": None,
    "waiter": None,
    "closes": False,
    "is_closed": False,
    "upgrade_reader": None,
    "is_blocked": False,
    "drain_waiter": None,
    "idle_timer": None,
    "task": None,
    "is_answering": False,
    "answer_waiter": None,
}
FAST: Final[Mapping[str, object]] = {**FRESH, **DORMANT, "closes_at": 0.0}
_METHODS: Final = ("set_parser", "finish_response", "handle_error", "close", "force_close", "shutdown")


def is_malformed(message: object) -> bool:
    """Say whether an entry of the queue is what could not be parsed, instead of a request."""
    return not hasattr(message, "method")


def has_begun(request: web.BaseRequest) -> bool:
    """Say whether a part of the response to a request is sent."""
    return request.writer.output_size > 0


async def send_continue(request: web.BaseRequest) -> None:
    """Send the interim response 100 (RFC 9110 section 15.2.1), which is no part of the response."""
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0


def take_authority_for_root(server: web.Server) -> None:
    """Read a URL without a path as that of the root (RFC 9110 section 4.2.3); aiohttp's router finds it nowhere."""
    make = server.request_factory

    def request_of(message: Any, *rest: Any) -> web.BaseRequest:
        url = message.url
        if url.absolute and not url.relative().raw_path:
            query = url.raw_query_string
            root = URL.build(
                scheme=url.scheme, authority=url.raw_authority, path="/", query_string=query, encoded=True
            )
            message = message._replace(url=root)
        return make(message, *rest)

    server.request_factory = request_of


async def self_test(
    make: Callable[[], asyncio.Protocol], server: web.Server, parts: Mapping[str, object]
) -> list[str]:
    """Have one connection closed unused and another one answer a request; return what differs, by name.

    ``make`` makes the connections and ``server`` answers their requests, with any response.
    """
    loop = asyncio.get_running_loop()
    odd = [name for name in _METHODS if not callable(getattr(RequestHandler, name, None))]
    try:
        fresh = Handler(server, loop=loop)
        unused = make()
        odd += [
            name
            for name, value in parts.items()
            if getattr(Handler, name, None) is None or getattr(fresh, name, ...) != value
        ]
        if odd:
            return odd
        unused.connection_made(_Recorder())
        unused.pause_writing()
        unused.resume_writing()
        await asyncio.sleep(0)
        cast("RequestHandler", unused).close()
        unused.connection_lost(None)
        return await _answers(make())
    except (AssertionError, AttributeError, TypeError) as exc:
        return [str(exc)]


async def _answers(connection: asyncio.Protocol) -> list[str]:
    """Have a connection answer a request, begin another one and be lost."""
    recorder = _Recorder()
    connection.connection_made(recorder)
    try:
        connection.data_received(_REQUEST)
        for _ in range(_TURNS):
            if recorder.received:
                break
            await asyncio.sleep(0)
        connection.data_received(_REQUEST[:5])
        connection.eof_received()
    finally:
        connection.connection_lost(None)
    return [] if recorder.received.startswith(b"HTTP/1.1 ") else ["no response"]


class _Recorder(asyncio.Transport):
    """The transport of a self-test."""

    def __init__(self) -> None:
        super().__init__()
        self.received = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.received += data

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Accept any limits."""

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        """Be closed already."""
