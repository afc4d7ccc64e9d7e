"""The language of a page: the one that the reader prefers, and in which direction it is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from proxy.core.accept import parse_accept

_FROM_RIGHT: Final = frozenset({"ar", "fa", "he", "ur"})


def preferred(accepted: str, known: Mapping[str, Any], default: str = "en") -> str:
    """Choose a language by Accept-Language (RFC 9110 section 12.5.4); of equal ones the first."""
    spoken = ((weight, tag.partition("-")[0]) for tag, weight, _ in parse_accept(accepted))
    weight, best = max(
        (item for item in spoken if item[1] in known), key=lambda item: item[0], default=(0.0, "")
    )
    return best if weight else default


def direction(language: str) -> str:
    """Return the ``dir`` attribute of text in a language."""
    return "rtl" if language in _FROM_RIGHT else "ltr"
