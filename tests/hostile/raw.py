"""A client that sends bytes, not requests, and takes what comes back for what it is."""

from __future__ import annotations

import asyncio
import base64
import re
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import quote

_HEAD = re.compile(rb"HTTP/\d\.\d (\d{3}) [^\r\n]*\r\n")


@dataclass
class Reply:
    """Everything that came back on one connection until the server closed it."""

    raw: bytes
    statuses: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.statuses = [int(status) for status in _HEAD.findall(self.raw) if status != b"100"]

    @property
    def status(self) -> int:
        """The status of the first answer; 0 when the connection was closed without one."""
        return self.statuses[0] if self.statuses else 0

    @property
    def body(self) -> bytes:
        return self.raw.partition(b"\r\n\r\n")[2]


async def send(port: int, data: bytes, source: str = "127.0.0.1") -> Reply:
    """Send bytes, say that this was all, and read until the server hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
    received = bytearray()
    with suppress(ConnectionError):
        writer.write(data)
        await writer.drain()
        writer.write_eof()
    with suppress(ConnectionError):
        while chunk := await reader.read(65536):
            received += chunk
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
    return Reply(bytes(received))


def request(
    method: str = "GET",
    target: str | bytes = "/soe",
    *headers: str | bytes,
    body: bytes = b"",
    host: str | None = "127.0.0.1",
) -> bytes:
    """Write a request as it was meant; nothing is checked or escaped."""
    octets = [target.encode() if isinstance(target, str) else target]
    lines = [b" ".join([method.encode(), *octets, b"HTTP/1.1"])]
    if host is not None:
        lines.append(b"Host: " + host.encode())
    lines += [line.encode() if isinstance(line, str) else line for line in headers]
    return b"\r\n".join([*lines, b"", b""]) + body


def spellings(secret: str) -> list[bytes]:
    """Give a secret as it might leak: as it is, in a URL, in base64, in hex."""
    octets = secret.encode()
    inner = (
        {base64.b64encode(b"x" * shift + octets)[4:-4] for shift in range(3)} if len(octets) > 6 else set()
    )
    return [octets, quote(secret).encode(), octets.hex().encode(), base64.b64encode(octets), *sorted(inner)]
