"""Memory that is free goes back to the system, and none is taken for nothing.

glibc keeps what a thread has freed for this thread. Packing all pages at the highest quality would
leave five megabytes in use from then on, and the imports of the first scrape half of one.
"""

from __future__ import annotations

from asyncio import sslproto
from functools import cache
from typing import Any, Final

# Two records of TLS (RFC 8446 section 5.1).
_TLS_BUFFER: Final = 32 * 1024


def shrink_tls_buffers() -> None:
    """Let a TLS connection of asyncio's own loop take 60 KB instead of 285: it fills 256 KB with zeros, for reading.

    Those of uvloop are as large, but take no memory where nothing has been read.
    """
    sslproto.SSLProtocol.max_size = _TLS_BUFFER


@cache
def _malloc_trim() -> Any:
    """Return the function of glibc; None where the system has another library."""
    try:
        import ctypes  # noqa: PLC0415 - imported by the first page or scrape, not by a start

        return ctypes.CDLL(None).malloc_trim
    except (ImportError, OSError, AttributeError):
        return None


def give_back() -> None:
    """Give back what is free; it takes a millisecond or two, in which other threads go on."""
    trim = _malloc_trim()
    if trim is not None:
        trim(0)
