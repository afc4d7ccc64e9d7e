"""WebSockets (RFC 6455) of pypowerwall-server: /ws/aggregate and /ws/gateway/{id}.

A browser lets pages of any origin open a WebSocket, so the origin is checked here. What a client
sends is read, because pings and closes are among it, and discarded.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from aiohttp import HttpVersion11, WSCloseCode, WSMsgType, web

from proxy.server.fleet.members import Members
from proxy.server.fleet.object_routes import SOCKET
from proxy.server.http.admission import target_of
from proxy.server.http.origins import may_listen
from proxy.server.http.problems import problem
from proxy.server.live.pushed import PushedObject
from proxy.views import gateway_object, totals

if TYPE_CHECKING:
    from proxy.gateways.gateway import Gateway
    from proxy.gateways.live import Subscriber
    from proxy.server.context import Context, Endpoint
    from proxy.server.route import Route

_PING_EVERY_S = 20.0
_VERSION = "13"  # of RFC 6455; aiohttp takes drafts, too, whose field for the origin is another one
_STALLED_S = 30.0
_LONGEST_MESSAGE = 64 * 1024
_UNKNOWN_ID = 4404
_NOT_FOUND: Final = b'{"error":"Gateway not found"}'


class WebSockets:
    """The objects that clients of one proxy listen to, one for each path."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._total = PushedObject(context.gateways, totals.aggregate, context.clock)
        self._by_id = {
            id_: PushedObject({id_: gateway}, _only(id_), context.clock)
            for id_, gateway in context.gateways.items()
        }

    def endpoints(self) -> dict[str, Endpoint]:
        """Make the endpoint of this module."""
        return {SOCKET: self._serve}

    @property
    def listeners(self) -> int:
        """How many clients are connected."""
        return sum(pushed.listeners for pushed in (self._total, *self._by_id.values()))

    async def close(self, _: web.Application) -> None:
        """Close every WebSocket, and stop reading for them."""
        await asyncio.gather(*(pushed.close() for pushed in (self._total, *self._by_id.values())))

    async def _serve(self, request: web.Request, route: Route, _: Gateway) -> web.StreamResponse:
        if not may_listen(request, self._context.settings):
            return problem(403, "A page of another origin may not read this.")
        socket = web.WebSocketResponse(heartbeat=_PING_EVERY_S, max_msg_size=_LONGEST_MESSAGE, compress=False)
        is_offered = (
            request.headers.get("Sec-WebSocket-Version") == _VERSION and request.version >= HttpVersion11
        )
        if not (is_offered and socket.can_prepare(request)):
            headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": _VERSION}
            return problem(426, f"{route.path} is a WebSocket.", headers=headers)
        await socket.prepare(request)
        pushed = self._total if "{id}" not in route.path else self._by_id.get(_id_of(request))
        if pushed is None:
            await socket.send_frame(_NOT_FOUND, WSMsgType.TEXT)
            await socket.close(code=_UNKNOWN_ID, message=b"Gateway not found")
            return socket
        async with pushed.listen() as listener:
            sender = asyncio.create_task(_send(request, socket, listener))
            try:
                async for _message in socket:
                    pass
            finally:
                sender.cancel()
                await asyncio.gather(sender, return_exceptions=True)
        return socket


async def _send(request: web.Request, socket: web.WebSocketResponse, listener: Subscriber) -> None:
    """Send messages until there are no more, or the client takes none."""
    try:
        while (message := await listener.next()) is not None:
            async with asyncio.timeout(_STALLED_S):
                await socket.send_frame(message, WSMsgType.TEXT)
        await socket.close(code=WSCloseCode.GOING_AWAY, message=b"the proxy ends")
    except (ConnectionError, TimeoutError):
        if request.transport is not None:
            request.transport.abort()


def _only(id_: str) -> Any:
    def view(members: Members) -> dict[str, Any]:
        return gateway_object.status(members[id_])

    return view


def _id_of(request: web.Request) -> str:
    return target_of(request).partition("?")[0].rpartition("/")[2]
