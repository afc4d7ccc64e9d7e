"""Requests below the level of an HTTP client: bytes, and handshakes within limits."""

from __future__ import annotations

import asyncio
import ssl
from email import message_from_bytes

LIMIT_S = 10.0


def client_context(limits: dict) -> ssl.SSLContext:
    """Make the TLS of a client with these limits, which takes any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if "max" in limits:
        context.maximum_version = ssl.TLSVersion[limits["max"]]
    if "ciphers" in limits:
        context.set_ciphers(limits["ciphers"])
    if "curve" in limits:
        context.set_ecdh_curve(limits["curve"])
    return context


async def exchange(port: int, request: bytes, *, limits: dict | None = None, closes: bool = True):
    """Send bytes; return the status, the headers and the body that come back.

    ``closes``: the proxy has to close the connection after its answer.
    """
    tls = {} if limits is None else {"ssl": client_context(limits), "server_hostname": limits.get("sni", "")}
    async with asyncio.timeout(LIMIT_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, **tls)
        try:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            status_line, _, fields = head.partition(b"\r\n")
            headers = message_from_bytes(fields)
            body = await reader.readexactly(int(headers["Content-Length"]))
            assert not closes or await reader.read() == b""
        finally:
            writer.close()
            await writer.wait_closed()
    return int(status_line.split()[1]), headers, body
