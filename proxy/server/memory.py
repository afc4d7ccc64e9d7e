"""Memory that is free goes back to the system.

glibc keeps what a thread has freed for this thread. Packing all pages at the highest quality would
leave five megabytes in use from then on, and the imports of the first scrape half of one.
"""

from __future__ import annotations

from functools import cache
from typing import Any


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
