"""Which numbers can be kept."""

from __future__ import annotations

from typing import Final

LIMIT: Final = 1e12


def kept(value: object) -> float | None:
    """Return a number or a flag as it is; None for everything else, and for what no meter can have measured.

    SQLite adds whole numbers up in 64 bits. One that is too large would end the writing of all others.
    """
    return value if isinstance(value, (int, float)) and abs(value) < LIMIT else None
