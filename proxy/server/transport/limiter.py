"""How many connections there may be: PW_MAX_CONNECTIONS, TLS handshakes included."""

from __future__ import annotations

import asyncio
import logging
import resource
from collections.abc import Callable
from typing import TYPE_CHECKING

from proxy.core import events

if TYPE_CHECKING:
    from aiohttp import web

_log = logging.getLogger(__name__)

# Files and sockets that are not client connections.
_OTHER_FILES = 64
# Of a few open files most are needed for something else; so many clients are admitted nevertheless.
_FEWEST = 8


class ConnectionLimiter:
    """Makes the connections of one server and counts them.

    Call it as a protocol factory. Beyond ``most`` connections a client gets a 503
    at once, or no handshake; the log reports the first one, and how many were
    refused when there is room again.
    """

    def __init__(
        self, server: web.Server, most: int, make: Callable[[ConnectionLimiter], asyncio.Protocol]
    ) -> None:
        self.server = server
        self.refused = 0
        # Admitted, or in its TLS handshake, and not lost yet.
        self.active: set[asyncio.Protocol] = set()
        self._make = make
        self._most = most
        self._refused_in_row = 0

    def __call__(self) -> asyncio.Protocol:
        """Make the protocol of a connection that was just accepted."""
        return self._make(self)

    def begin(self, client: int, port: int) -> asyncio.Protocol | None:  # noqa: ARG002 - others read from it
        """Make the protocol of a connection, by its descriptor, that was accepted at a port; None if it is over already."""
        return self()

    def begin_handshake(self) -> asyncio.Protocol | None:
        """Make the protocol of a TLS connection and count it; None if there is no room."""
        if not self.has_room():
            return None
        connection = self()
        self.active.add(connection)
        return connection

    def admit(self, connection: asyncio.Protocol) -> bool:
        """Say whether a connection may begin, and count it; after a TLS handshake it is counted already."""
        if connection not in self.active:
            if not self.has_room():
                return False
            self.active.add(connection)
        return True

    @property
    def is_full(self) -> bool:
        """Whether there are as many connections as there may be."""
        return len(self.active) >= self._most

    def has_room(self) -> bool:
        """Say whether there is room for one more, and count the refusal if not."""
        if self.is_full:
            self.refused += 1
            self._refused_in_row += 1
            if self._refused_in_row == 1:
                _log.warning(
                    events.TOO_MANY_CONNECTIONS, extra={"most": self._most, "setting": "PW_MAX_CONNECTIONS"}
                )
            return False
        if self._refused_in_row:
            _log.warning(events.CONNECTIONS_ADMITTED, extra={"refused": self._refused_in_row})
            self._refused_in_row = 0
        return True


def raise_fd_limit(connections: int) -> int:
    """Raise the limit of open files as far as needed and allowed; return how many connections fit in."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY:
        return connections
    return min(connections, max(soft - _OTHER_FILES, _FEWEST))
