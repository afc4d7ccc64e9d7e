"""How the power-flow page looks: what its address may choose, and what holds otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# PW_STYLE: the palette that goes with a background; a transparent page follows the reader's system.
THEMES: Final[Mapping[str, str | None]] = {
    "clear": None,
    "solar": None,
    "black": "dark",
    "dakboard": "dark",
    "grafana": "dark",
    "grafana-dark": "dark",
    "white": "light",
}
# Query parameters of the power-flow page; all others are ignored.
PARAMETERS: Final[Mapping[str, tuple[str, ...]]] = {
    "style": tuple(THEMES),
    "theme": ("dark", "light"),
    "scheme": ("dark", "light"),
    "motion": ("off",),
    "labels": ("off",),
    "units": ("kw", "w"),
    "soc": ("raw",),
    "detail": ("1",),
    "kiosk": ("1",),
}


def appearance(query: Mapping[str, str], style: str) -> dict[str, str]:
    """Return the known parameters of an address that have a known value, completed for a ``style`` of PW_STYLE."""
    chosen = {name: query[name] for name, known in PARAMETERS.items() if query.get(name) in known}
    chosen.setdefault("style", style)
    chosen.setdefault("theme", THEMES[chosen["style"]] or "")
    return chosen
