"""Bodies that a gateway compresses."""

from __future__ import annotations

import zlib
from typing import Final

from proxy.core.errors import BadAnswer

MAX_BODY: Final = 1024 * 1024
GZIP: Final = b"\x1f\x8b"


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
