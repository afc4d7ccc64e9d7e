"""Content codings: which one a client gets, and how bytes are packed (RFC 9110 sections 8.4 and 12.5.3)."""

from __future__ import annotations

import gzip
import importlib
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Any, Final

from proxy.core.accept import parse_accept

BROTLI: Final = "br"
GZIP: Final = "gzip"
# What an entity tag ends with: each coding of the same content has a tag of its own.
_SUFFIXES: Final = {BROTLI: "-br", GZIP: "-gz"}


@cache
def offered() -> tuple[str, ...]:
    """Return the codings that pages come in, the smallest first."""
    return (BROTLI, GZIP) if _brotli() else (GZIP,)


@cache
def _brotli() -> Any:
    """Return the library, or None on machines for which there is none: gzip does for them."""
    try:
        return importlib.import_module("brotli")
    except ImportError:
        return None


def choose(accepted: str, codings: Iterable[str]) -> str:
    """Choose by Accept-Encoding among ``codings``, of equal ones the first; "" stands for the bytes as they are."""
    weights = {name: weight for name, weight, _ in parse_accept(accepted)}
    others = weights.get("*", 0.0)
    weight, best = max(
        ((weights.get(coding, others), coding) for coding in codings), key=lambda it: it[0], default=(0.0, "")
    )
    return best if weight > 0 and weight >= weights.get("identity", 0.0) else ""


@lru_cache(maxsize=64)
def takes_gzip(accepted: str) -> bool:
    """Say whether an Accept-Encoding accepts gzip."""
    return choose(accepted, (GZIP,)) == GZIP


def pack(body: bytes, coding: str, *, once: bool = False) -> bytes:
    """Pack bytes; what is packed ``once`` and sent often may take a hundred times as long for the last tenth."""
    if coding == BROTLI:
        brotli = _brotli()
        return bytes(brotli.compress(body, mode=brotli.MODE_TEXT, quality=11 if once else 5))
    return gzip.compress(body, 9 if once else 6, mtime=0) if coding == GZIP else body


def tag_of(etag: str, coding: str) -> str:
    """Return the entity tag of content in a coding."""
    return f'{etag[:-1]}{_SUFFIXES[coding]}"' if coding else etag


def has_it(condition: str, etag: str) -> bool:
    """Say whether If-None-Match names the content, in any coding (RFC 9110 section 13.1.2)."""
    if not condition:
        return False
    known = {etag, *(tag_of(etag, coding) for coding in _SUFFIXES)}
    tags = {tag.strip().removeprefix("W/") for tag in condition.split(",")}
    return "*" in tags or not known.isdisjoint(tags)
