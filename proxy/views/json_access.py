"""How to read a document of which nothing is certain.

Firmware drops keys, sends null where a number was, or a number where a list was. These
readers give the value if it is of the expected kind and None (or nothing) if it is not.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from proxy.core.json_access import get_path, number, text
from proxy.core.model import Source

__all__ = ["Documents", "finite", "flag", "number", "section", "sections", "span", "text", "truth"]

Documents = Mapping[Source, Any]

_SPAN = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?")


def flag(value: Any) -> int | None:
    """Return 1 or 0 for a boolean, None for everything else."""
    return int(value) if isinstance(value, bool) else None


def truth(value: Any) -> bool | None:
    """Return a boolean as it is, None for everything else."""
    return value if isinstance(value, bool) else None


def section(value: Any, *keys: str) -> Mapping[str, Any]:
    """Follow keys down to an object; an empty one if the path ends early."""
    found = get_path(value, *keys)
    return found if isinstance(found, Mapping) else {}


def sections(value: Any) -> list[Mapping[str, Any]]:
    """Return the objects of a list, in order; none if it is no list."""
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []


def finite(value: Any) -> Any:
    """Copy a document with null for every number that JSON cannot say (NaN, infinities)."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: finite(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [finite(entry) for entry in value]
    return value


def span(value: Any) -> float | None:
    """Read a duration as Go writes it ("230h55m59.93s") into seconds."""
    match = _SPAN.fullmatch(value) if text(value) else None
    if match is None:
        return None
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds
