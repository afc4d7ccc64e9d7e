"""Handshakes: what a full one costs a server, and what one costs in which the client offers its last session."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Any

from bench.targets import Target

_TIMES = 300
_REQUEST = b"GET /soe HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


async def handshakes(targets: list[Target]) -> dict[str, Any]:
    """Microseconds of CPU of a connection with a request, by server; and which part of ours was resumed."""
    figures: dict[str, Any] = {}
    for target in targets:
        if target.tls_port:
            full, _ = await asyncio.to_thread(_connections, target, offers=False)
            resumed, share = await asyncio.to_thread(_connections, target, offers=True)
            figures[target.name] = {"full_us": full, "resumed_us": resumed}
            figures.setdefault("resumed", share)  # ours is the first
    print("\nhandshakes:", figures, flush=True)
    return figures


def _connections(target: Target, *, offers: bool) -> tuple[float, float]:
    """Connect many times; return the server's CPU microseconds for each, and the part that was resumed."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    session, resumed = _one(context, target.tls_port, None)[0], 0
    before = target.process.cpu_s
    for _ in range(_TIMES):
        latest, reused = _one(context, target.tls_port, session if offers else None)
        session, resumed = latest, resumed + reused
    return (target.process.cpu_s - before) / _TIMES * 1e6, resumed / _TIMES


def _one(
    context: ssl.SSLContext, port: int, session: ssl.SSLSession | None
) -> tuple[ssl.SSLSession | None, bool]:
    with (
        socket.create_connection(("127.0.0.1", port)) as plain,
        context.wrap_socket(plain, session=session) as connection,
    ):
        connection.sendall(_REQUEST)
        while connection.recv(65536):
            pass
        return connection.session, bool(connection.session_reused)
