"""Prepared bytes as the response to a request that aiohttp has parsed.

A request that is not plain (a session's cookie, a query, an odd header) has the same answer as a
plain one once it is known what it is for. Building that answer again, and aiohttp's writing of
it, cost three times as much as all the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import HttpVersion11, web

from proxy.server.http.coding import takes_gzip
from proxy.server.transport.prepared import RequestKey

if TYPE_CHECKING:
    from aiohttp.abc import AbstractStreamWriter

    from proxy.gateways.gateway import Gateway
    from proxy.server.route import Route
    from proxy.server.transport.prepared import PreparedResponse, PreparedResponses


class PreparedStream(web.StreamResponse):
    """A response whose head and body are written at once, as they are."""

    def __init__(self, answers: PreparedResponses, answer: PreparedResponse) -> None:
        super().__init__(status=answer.status)
        self.answer = answer
        self._answers = answers

    def force_close(self) -> None:
        """End the connection with this response, which then says so."""
        super().force_close()
        closing = self._answers.ready(self.answer.key._replace(closes=True))
        self.answer = closing or self.answer

    @property
    def keep_alive(self) -> bool:
        """Whether another request may follow."""
        return not self.answer.key.closes and super().keep_alive is not False

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send the response."""
        if request.transport is None or request.transport.is_closing():
            raise ConnectionResetError("the client has left")
        request.transport.write(self.answer.block)
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Do nothing: everything is sent."""


def stream_of(
    answers: PreparedResponses, request: web.BaseRequest, route: Route, gateway: Gateway
) -> PreparedStream | None:
    """Return the response to a request for a reading; None if it is not fresh, or the query is for another form."""
    headers = request.headers
    if route.query and request.query_string:
        return None
    answer = answers.ready(
        RequestKey(
            gateway,
            route,
            request.method,
            int(request.version >= HttpVersion11),
            not request.keep_alive,
            takes_gzip(headers.get("Accept-Encoding", "")),
            headers.get("If-None-Match", ""),
        )
    )
    return None if answer is None else PreparedStream(answers, answer)
