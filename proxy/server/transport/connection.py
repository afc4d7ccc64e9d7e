"""One connection of a client: aiohttp's, with the patience, the limits and the manners that a LAN needs.

aiohttp waits for ever for the rest of a request, takes any number of connections,
and answers what it cannot read with a line of text, its version and a traceback
in the log. Here a request must be complete within 20 s of its first byte, an
answer must be taken, connections are counted, and errors are problem documents.
"""

from __future__ import annotations

import asyncio
import logging
from enum import Enum
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import EMPTY_PAYLOAD
from aiohttp.web_protocol import RequestHandler, RequestPayloadError

from proxy.server.http.problems import problem
from proxy.server.transport.limits import DETAILS, HEAD_BYTES, HEADER_BYTES, HEADERS, TARGET_BYTES

if TYPE_CHECKING:
    from aiohttp.streams import StreamReader

    from proxy.server.transport.listener import ConnectionLimiter

_log = logging.getLogger(__name__)

SERVER = "powerwall-proxy"  # no version: it would only tell an attacker what to try
KEEP_ALIVE_S = 75.0
# From the first byte of a request (or the opening of the connection) to its last one.
REQUEST_S = 20.0
# How long a client may leave an answer untaken.
ANSWER_S = 60.0
_LINGER_S = 2.0
# aiohttp logs each request to this one unless it is disabled.
_SILENT = logging.getLogger(f"{__name__}.access")
_SILENT.disabled = True


class Stage(Enum):
    """What the next byte of a connection belongs to."""

    SILENT = "the first request; nothing came yet"
    IDLE = "a further request"
    HEAD = "a head that has begun"
    BODY = "a body"


class Connection(RequestHandler):
    """The protocol of one connection. Only the event loop calls it; it owns two timers and no task."""

    __slots__ = ("_body", "_deadline", "_head_bytes", "_limiter", "_said_all", "_untaken", "stage")

    def __init__(self, entrance: ConnectionLimiter) -> None:
        super().__init__(
            entrance.server,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=KEEP_ALIVE_S,
            access_log=_SILENT,
            max_line_size=TARGET_BYTES,
            max_field_size=HEADER_BYTES,
            max_headers=HEADERS,
            lingering_time=_LINGER_S,
            auto_decompress=False,  # no request needs it, and a bomb would be unpacked
        )
        self.stage = Stage.SILENT
        self._limiter = entrance
        self._said_all = False
        self._head_bytes = 0  # received of a head that is not complete
        self._deadline: asyncio.TimerHandle | None = None
        self._untaken: asyncio.TimerHandle | None = None
        self._body: StreamReader = EMPTY_PAYLOAD  # of the request that came last

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let a client in, or turn it away."""
        if not self._limiter.admit(self):
            self.reject(transport)
            return
        enable_backpressure(transport)
        super().connection_made(transport)
        self._deadline = self._loop.call_later(REQUEST_S, self._too_slow)

    def eof_received(self) -> bool:  # type: ignore[override]  # asyncio's protocol says bool, aiohttp's None
        """Let a client that has said all it has to say (``printf … | nc``) have its answers."""
        request = self._current_request
        is_answered = request is not None and request.writer.output_size > 0
        self._said_all = not (
            self.is_between_requests
            or self.stage in {Stage.HEAD, Stage.BODY}
            or is_answered  # a stream of events would never find out
            or self.ssl_context is not None  # TLS has no half of a connection
        )
        if self._said_all and not self._messages:
            self._close = True  # aiohttp's: the answer under way, which may be out already, is the last
        return self._said_all

    def connection_lost(self, exc: BaseException | None) -> None:
        """Give the place back; forget the timers."""
        self._limiter.active.discard(self)
        self._keep_deadline(None)
        if self._untaken is not None:
            self._untaken.cancel()
        super().connection_lost(exc)

    # -- a request must be complete in time ----------------------------------------------------

    @property
    def is_between_requests(self) -> bool:
        """Say whether the next byte starts a request and no answer is owed."""
        return (
            self._waiter is not None
            and not self._messages
            and (self.stage is Stage.IDLE or self.stage is Stage.SILENT)
        )

    def data_received(self, data: bytes) -> None:
        """Parse what came; note what is still missing."""
        if self._messages and not isinstance(self._messages[-1][0], RawRequestMessage):
            return  # what follows something that cannot be read is not kept until that is answered
        before, was = self._request_count, self.stage
        super().data_received(data)
        if self._messages:
            self._body = self._messages[-1][1]
        if not self._body.is_eof():
            self.note(Stage.BODY, is_new=self._request_count != before)
        elif self._request_count != before or was is Stage.BODY:
            self.note(Stage.IDLE)
        elif data:
            self.note(Stage.HEAD)
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self._hang_up(431, DETAILS[431])

    def note(self, stage: Stage, *, is_new: bool = False) -> None:
        """Enter a stage: the deadline runs while a request is incomplete, from its first byte."""
        was, self.stage = self.stage, stage
        if stage is not Stage.HEAD or was is not Stage.HEAD:
            self._head_bytes = 0
        if stage is Stage.IDLE:
            if self._deadline is not None:
                self._keep_deadline(None)
        elif is_new or was is Stage.IDLE:
            self._keep_deadline(self._loop.call_later(REQUEST_S, self._too_slow))

    def _keep_deadline(self, deadline: asyncio.TimerHandle | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = deadline

    def _too_slow(self) -> None:
        """Drop a client that does not complete its request. One that said nothing is owed no answer."""
        request = self._current_request
        is_answered = request is None or request.writer.output_size > 0
        if self.stage is Stage.SILENT or (self.stage is Stage.BODY and is_answered):
            self.force_close()
        else:
            self._hang_up(408, f"The request was not complete within {REQUEST_S:g} s.")

    # -- an answer must be taken ---------------------------------------------------------------

    def pause_writing(self) -> None:
        """Note that the client does not take its answer as fast as it is written."""
        super().pause_writing()
        if self.transport is not None:
            # The transport's own, because closing forgets the transport, which waits for the client all the same.
            self._untaken = self._loop.call_later(ANSWER_S, self.transport.abort)

    def resume_writing(self) -> None:
        """Note that it took some."""
        super().resume_writing()
        if self._untaken is not None:
            self._untaken.cancel()
            self._untaken = None

    # -- errors --------------------------------------------------------------------------------

    def reject(self, transport: asyncio.BaseTransport) -> None:
        """Tell a client that it is one too many."""
        self.transport = cast("asyncio.Transport", transport)
        self._hang_up(503, "There are as many connections as this server takes. Come back later.")

    def _hang_up(self, status: int, detail: str) -> None:
        """Say why and close, without a request to answer."""
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
        if request.writer.output_size > 0:
            raise ConnectionResetError("the answer had begun") from exc
        if isinstance(exc, HttpProcessingError | RequestPayloadError | ConnectionError):
            status, detail = reading_of(exc)
            _log.debug("bad request", extra={"client": request.remote, "reason": type(exc).__name__})
        else:
            detail = "Something went wrong inside the proxy; its log says what."
            _log.error("unhandled exception", exc_info=exc)
        answer = problem(status, detail, headers={"Server": SERVER})
        answer.force_close()
        return answer

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer; those of aiohttp itself (404, 413, 417) as problem documents."""
        if isinstance(resp, web.HTTPException):
            # Every path is a route, so what is not found is a target that is no path.
            status = 400 if resp.status == 404 else resp.status  # noqa: PLR2004 - RFC 9110
            resp = problem(status, DETAILS.get(status, resp.reason), headers={"Server": SERVER})
        # What follows a request that is none may be meant for another.
        if resp.status == 400 or (self._said_all and not self._messages):  # noqa: PLR2004 - RFC 9110
            resp.force_close()
        return await super().finish_response(request, resp, start_time)


def reading_of(exc: BaseException) -> tuple[int, str]:
    """Say what was wrong with a request that could not be parsed: status and sentence."""
    status = 400
    if isinstance(exc, LineTooLong):
        status = 414 if exc.args[1] == TARGET_BYTES else 431
    elif isinstance(exc, HttpProcessingError) and exc.message == "Too many headers received":
        status = 431
    return status, DETAILS[status]


def enable_backpressure(transport: asyncio.BaseTransport) -> None:
    """Have pause_writing called for whatever is left untaken, however little: even closing waits for that."""
    # Not 0: a TLS transport of asyncio would count an empty buffer as full.
    cast("asyncio.Transport", transport).set_write_buffer_limits(high=1, low=0)


def raw_problem(status: int, detail: str) -> bytes:
    """Write a whole problem answer that ends the connection."""
    made = problem(status, detail, headers={"Server": SERVER, "Connection": "close", "Retry-After": "5"})
    body = made.body if isinstance(made.body, bytes) else b""
    made.headers["Content-Length"] = str(len(body))
    head = "".join(f"{name}: {value}\r\n" for name, value in made.headers.items())
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n{head}\r\n".encode() + body
