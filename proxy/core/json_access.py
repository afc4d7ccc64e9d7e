"""How to read documents of which nothing is certain: the value if it is of the kind that is wanted, else None."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import Any, Final

_LARGEST: Final = sys.float_info.max


def get_path(document: Any, *path: str) -> Any:
    """Follow keys into nested objects; None as soon as one is missing."""
    for key in path:
        if not isinstance(document, Mapping):
            return None
        document = document.get(key)
    return document


def number(value: Any) -> float | None:
    """Give an int or a finite float as it is; None for everything else, booleans and ints beyond any float included."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if -_LARGEST <= value <= _LARGEST else None


def is_count(value: float) -> bool:
    """Say whether a counter can read this: finite and not below zero, whatever a device reports."""
    return math.isfinite(value) and value >= 0


def text(value: Any) -> str | None:
    """Give a text that is not empty, None for everything else."""
    return value if isinstance(value, str) and value else None
