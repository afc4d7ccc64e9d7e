"""Which protocol serves the connections of clients: the best one that this aiohttp has all parts for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web

from proxy.server.transport.aiohttp_internals import self_test, take_authority_for_root
from proxy.server.transport.connection import OPTIONS, Connection
from proxy.server.transport.fastpath import FastConnection, FastConnectionLimiter
from proxy.server.transport.limiter import ConnectionLimiter

if TYPE_CHECKING:
    from proxy.server.transport.prepared import PreparedResponses

_log = logging.getLogger(__name__)


class PlainConnection(web.RequestHandler):
    """aiohttp's own protocol, counted; it uses nothing that aiohttp does not document."""

    __slots__ = ("_limiter",)

    def __init__(self, limiter: ConnectionLimiter) -> None:
        super().__init__(limiter.server, loop=asyncio.get_running_loop(), **OPTIONS)
        self._limiter = limiter

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Admit a client, or refuse it."""
        if self._limiter.admit(self):
            super().connection_made(transport)
        else:
            transport.close()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Make room for another connection."""
        self._limiter.active.discard(self)
        super().connection_lost(exc)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A protocol, how its limiter is made for a server and a number of connections, and what is lost with it."""

    protocol: type[Connection | PlainConnection]
    limiter: Callable[[web.Server, int], ConnectionLimiter]
    lost: str = ""


def candidates(answers: PreparedResponses | None) -> list[Candidate]:
    """List the protocols, best first; without prepared answers there is no fast path."""
    listed = [
        Candidate(
            Connection, lambda server, most: ConnectionLimiter(server, most, Connection), "no fast path"
        ),
        Candidate(
            PlainConnection,
            lambda server, most: ConnectionLimiter(server, most, PlainConnection),
            "no limits of time for requests",
        ),
    ]
    if answers is not None:
        fast = Candidate(FastConnection, lambda server, most: FastConnectionLimiter(server, most, answers))
        listed.insert(0, fast)
    return listed


async def limiter_for(server: web.Server, most: int, listed: Sequence[Candidate]) -> ConnectionLimiter:
    """Make the limiter of the first protocol that passes its self-test; the last one needs none."""
    reasons: list[str] = []
    for candidate in listed:
        if not issubclass(candidate.protocol, Connection):
            break
        trial = web.Server(_no_content)
        odd = await self_test(candidate.limiter(trial, 2), trial, candidate.protocol.parts)
        if not odd:
            break
        reasons += [name for name in odd if name not in reasons]
    if reasons:
        _log.warning(
            candidate.lost,
            extra={"reason": f"aiohttp {aiohttp.__version__} differs in: {', '.join(reasons)}"},
        )
    take_authority_for_root(server)
    return candidate.limiter(server, most)


async def _no_content(_: web.BaseRequest) -> web.StreamResponse:
    return web.Response(status=204)
