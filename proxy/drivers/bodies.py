"""Bodies of answers: no longer than a limit, as they arrive and as they were before they were compressed."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from proxy.core.errors import BadAnswer

if TYPE_CHECKING:
    import aiohttp

MAX_BODY: Final = 1024 * 1024
GZIP: Final = b"\x1f\x8b"
_CHUNK: Final = 64 * 1024


async def read_body(answer: aiohttp.ClientResponse, name: str, longest: int = MAX_BODY) -> bytes:
    """Read a body of so many bytes at most; ``name`` is what a longer one is called. Raises BadAnswer."""
    parts: list[bytes] = []
    size = 0
    async for chunk in answer.content.iter_chunked(_CHUNK):
        size += len(chunk)
        if size > longest:
            answer.close()
            raise BadAnswer(f"{name} is longer than {longest} bytes")
        parts.append(chunk)
    return b"".join(parts)


def inflate(body: bytes, path: str) -> bytes:
    """Decompress a gzip body, recognised by its magic number: firmware from 25.42.2 compresses without being requested to."""
    if not body.startswith(GZIP):
        return body
    engine = zlib.decompressobj(wbits=31)
    try:
        plain = engine.decompress(body, MAX_BODY + 1)
    except zlib.error as exc:
        raise BadAnswer(f"{path}: the compressed answer is damaged") from exc
    if len(plain) > MAX_BODY or not engine.eof:
        raise BadAnswer(f"{path}: the compressed answer is too long or cut off")
    return plain
