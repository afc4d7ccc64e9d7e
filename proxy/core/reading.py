"""How to read documents of which nothing is certain: the value if it is of the kind that is wanted, else None."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def dig(document: Any, *path: str) -> Any:
    """Follow keys into nested objects; None as soon as one is missing."""
    for key in path:
        if not isinstance(document, Mapping):
            return None
        document = document.get(key)
    return document


def number(value: Any) -> float | None:
    """Give an int or a finite float as it is; None for everything else, booleans included."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def text(value: Any) -> str | None:
    """Give a text that is not empty, None for everything else."""
    return value if isinstance(value, str) and value else None
