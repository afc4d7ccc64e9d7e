"""JSON that all parsers interpret alike (I-JSON, RFC 7493)."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any, NoReturn


def parse(octets: bytes) -> Any:
    """Decode a document. Raises ValueError for what two readers might understand differently.

    That is: not UTF-8, half a surrogate pair, a name that comes twice, a number that no double holds.
    """
    try:
        value = json.loads(
            octets.decode("utf-8"),
            object_pairs_hook=once,
            parse_constant=_refused,
            parse_float=_finite,
            parse_int=_whole,
        )
        # Surrogates pass the parser as escapes and fail here.
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except RecursionError as exc:
        raise ValueError("nested too deeply") from exc
    return value


def encode(value: Any) -> bytes:
    """Write a document without blanks. Raises ValueError for NaN and infinities."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8")


def once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Make a dict of pairs. Raises ValueError for a duplicate name, which parsers interpret differently."""
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            raise ValueError("a name comes twice")
        members[name] = value
    return members


def _refused(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number is out of range")
    return value


def _whole(text: str) -> int:
    _finite(text)  # before digits are converted that take long
    return int(text)
