"""One connection of a client: aiohttp's, with the time-outs and limits that a LAN needs.

aiohttp waits without end for the rest of a request, accepts any number of connections,
and answers what it cannot parse with a line of text, its version and a traceback
in the log. Here a request must be complete within 20 s of its first byte, a
response must be read, connections are counted, and errors are problem documents.
"""

from __future__ import annotations

import asyncio
import logging
from enum import Enum
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar, cast

from aiohttp import web
from aiohttp.streams import EMPTY_PAYLOAD

from proxy.server.http.problems import problem
from proxy.server.transport.aiohttp_internals import (
    FRESH,
    Handler,
    HttpProcessingError,
    LineTooLong,
    has_begun,
    is_malformed,
)
from proxy.server.transport.limits import (
    ANSWER_S,
    DETAILS,
    HEAD_BYTES,
    HEADER_BYTES,
    HEADERS,
    KEEP_ALIVE_S,
    REQUEST_S,
    SERVER,
    TARGET_BYTES,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp.streams import StreamReader

    from proxy.server.transport.limiter import ConnectionLimiter

_log = logging.getLogger(__name__)

# Errors after which a connection ends.
_ENDS = frozenset({400, 431})
# aiohttp logs each request to this one unless it is disabled.
_SILENT = logging.getLogger(f"{__name__}.access")
_SILENT.disabled = True
OPTIONS: Mapping[str, Any] = {
    "keepalive_timeout": KEEP_ALIVE_S,
    "access_log": _SILENT,
    "max_line_size": TARGET_BYTES,
    "max_field_size": HEADER_BYTES,
    "max_headers": HEADERS,
    "lingering_time": 2.0,
    "auto_decompress": False,  # no request needs it, and a bomb would be unpacked
}


class Stage(Enum):
    """What the next byte of a connection belongs to."""

    SILENT = "the first request; nothing came yet"
    IDLE = "a further request"
    HEAD = "a head that has begun"
    BODY = "a body"
    UPGRADED = "another protocol, such as a WebSocket's"


class Connection(Handler):
    """The protocol of one connection. Only the event loop calls it; it owns two timers and no task."""

    __slots__ = ("_body", "_deadline", "_head_bytes", "_limiter", "_said_all", "_unread", "stage")
    # The parts of aiohttp that this class needs.
    parts: ClassVar[Mapping[str, object]] = FRESH

    def __init__(self, limiter: ConnectionLimiter) -> None:
        super().__init__(limiter.server, loop=asyncio.get_running_loop(), **OPTIONS)
        self.stage = Stage.SILENT
        self._limiter = limiter
        self._said_all = False
        self._head_bytes = 0  # received of a head that is not complete
        self._deadline: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None
        self._body: StreamReader = EMPTY_PAYLOAD  # of the request that came last

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Admit a client, or refuse it."""
        if not self._limiter.admit(self):
            self.reject(transport)
            return
        enable_backpressure(transport)
        super().connection_made(transport)
        self._deadline = self.loop.call_later(REQUEST_S, self._too_slow)

    def eof_received(self) -> bool:  # type: ignore[override]  # asyncio's protocol says bool, aiohttp's None
        """Let a client that will send no more (``printf … | nc``) have its responses."""
        self._said_all = not (
            self.is_between_requests
            or self.stage in {Stage.HEAD, Stage.BODY}
            or self.has_begun  # a stream of events would never notice
            or self.ssl_context is not None  # TLS cannot close one direction only
        )
        if self._said_all and not self.queue:
            self.closes = True  # the current response, which may be sent already, is the last
        return self._said_all

    def connection_lost(self, exc: BaseException | None) -> None:
        """Make room for another connection; cancel the timers."""
        self._limiter.active.discard(self)
        self._keep_deadline(None)
        if self._unread is not None:
            self._unread.cancel()
        super().connection_lost(exc)

    # -- a request must be complete in time ----------------------------------------------------

    @property
    def is_between_requests(self) -> bool:
        """Whether the next byte starts a request and no response is owed."""
        return self.is_waiting and (self.stage is Stage.IDLE or self.stage is Stage.SILENT)

    def data_received(self, data: bytes) -> None:
        """Parse what came; note what is still missing."""
        if self.stage is Stage.UPGRADED:
            super().data_received(data)
            return
        if self.queue and is_malformed(self.queue[-1][0]):
            return  # what follows something that cannot be parsed is dropped until that is answered
        before, was = self.parsed, self.stage
        super().data_received(data)
        if self.queue:
            self._body = self.queue[-1][1]
        if not self._body.is_eof():
            self.note(Stage.BODY, is_new=self.parsed != before)
        elif self.parsed != before or was is Stage.BODY:
            self.note(Stage.IDLE)
        elif data:
            self.note(Stage.HEAD)
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self._hang_up(431, DETAILS[431])

    def set_parser(self, parser: Any, *args: Any, **kwargs: Any) -> None:
        """Follow aiohttp when it accepts an upgrade: what comes now are no requests, and has no deadline."""
        super().set_parser(parser, *args, **kwargs)
        self.note(Stage.UPGRADED)

    def note(self, stage: Stage, *, is_new: bool = False) -> None:
        """Enter a stage: the deadline runs while a request is incomplete, from its first byte."""
        was, self.stage = self.stage, stage
        if stage is not Stage.HEAD or was is not Stage.HEAD:
            self._head_bytes = 0
        if stage is Stage.IDLE or stage is Stage.UPGRADED:
            if self._deadline is not None:
                self._keep_deadline(None)
        elif is_new or was is Stage.IDLE:
            self._keep_deadline(self.loop.call_later(REQUEST_S, self._too_slow))

    def _keep_deadline(self, deadline: asyncio.TimerHandle | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = deadline

    def _too_slow(self) -> None:
        """Drop a client that does not complete its request. One that sent nothing is owed no response."""
        is_answered = self.request is None or self.has_begun
        if self.stage is Stage.SILENT or (self.stage is Stage.BODY and is_answered):
            self.force_close()
        else:
            self._hang_up(408, f"The request was not complete within {REQUEST_S:g} s.")

    # -- a response must be read ---------------------------------------------------------------

    def pause_writing(self) -> None:
        """Note that the client does not read its response as fast as it is written."""
        super().pause_writing()
        if self.transport is not None:
            # The transport's own method: closing drops the reference to it while it still waits for the client.
            self._unread = self.loop.call_later(ANSWER_S, self.transport.abort)

    def resume_writing(self) -> None:
        """Note that it reads again."""
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    # -- errors --------------------------------------------------------------------------------

    def reject(self, transport: asyncio.BaseTransport) -> None:
        """Answer a client that there is no room for."""
        self.transport = cast("asyncio.Transport", transport)
        self._hang_up(503, "There are as many connections as this server takes. Come back later.")

    def _hang_up(self, status: int, detail: str) -> None:
        """Send a problem document and close, without a request to answer."""
        if self.transport is not None:
            self.transport.write(raw_problem(status, detail))
        self.force_close()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - aiohttp's text; it may quote the request
    ) -> web.StreamResponse:
        """Answer what could not be read, or failed inside, and close the connection."""
        if has_begun(request):
            raise ConnectionResetError("the response had begun") from exc
        if isinstance(exc, HttpProcessingError | web.RequestPayloadError | ConnectionError):
            status, detail = explain(exc)
            _log.debug("bad request", extra={"client": request.remote, "reason": type(exc).__name__})
        else:
            detail = "Something went wrong inside the proxy; see its log."
            _log.error("unhandled exception", exc_info=exc)
        response = problem(status, detail, headers={"Server": SERVER})
        response.force_close()
        return response

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send a response; those of aiohttp itself (404, 413, 417) as problem documents."""
        if isinstance(resp, web.HTTPException):
            # Every path is a route, so what is not found is a target that is no path.
            status = 400 if resp.status == 404 else resp.status  # noqa: PLR2004 - RFC 9110
            resp = problem(status, DETAILS.get(status, resp.reason), headers={"Server": SERVER})
        # What follows a malformed request, or one that is too large, may be part of it.
        if resp.status in _ENDS or (self._said_all and not self.queue):
            resp.force_close()
        before = self.parsed
        finished = await super().finish_response(request, resp, start_time)
        if self.stage is Stage.HEAD and self.parsed != before:
            self.note(Stage.IDLE)  # of a declined upgrade: aiohttp parses what followed it only now
        return finished


def explain(exc: BaseException) -> tuple[int, str]:
    """Return status and sentence for a request that could not be parsed."""
    status = 400
    if isinstance(exc, LineTooLong):
        status = 414 if exc.args[1] == TARGET_BYTES else 431
    elif isinstance(exc, HttpProcessingError) and exc.message == "Too many headers received":
        status = 431
    return status, DETAILS[status]


def enable_backpressure(transport: asyncio.BaseTransport) -> None:
    """Have pause_writing called while anything is left unread, however little: even closing waits for that."""
    # Not 0: a TLS transport of asyncio would count an empty buffer as full.
    cast("asyncio.Transport", transport).set_write_buffer_limits(high=1, low=0)


def raw_problem(status: int, detail: str) -> bytes:
    """Write a whole response with a problem document that ends the connection."""
    made = problem(status, detail, headers={"Server": SERVER, "Connection": "close", "Retry-After": "5"})
    body = made.body if isinstance(made.body, bytes) else b""
    made.headers["Content-Length"] = str(len(body))
    head = "".join(f"{name}: {value}\r\n" for name, value in made.headers.items())
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n{head}\r\n".encode() + body
