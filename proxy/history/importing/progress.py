"""How far an import is, for a person at a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import tzinfo
from typing import Final, Self, TypeAlias

from proxy.history.days import iso

# Gets which part of the source was read (0 to 1), and the time (Unix s) of what was read last.
Progress: TypeAlias = Callable[[float, float], None]

_LENGTH: Final = 30
_DATE: Final = len("2026-11-29")


class Bar:
    """A bar on standard error with the day that is read; nothing where that is no terminal."""

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self._is_terminal = sys.stderr.isatty()
        self._shown = ""

    def __call__(self, share: float, at: float) -> None:
        """Show it, if it has changed."""
        filled = f"{'#' * round(_LENGTH * share):{_LENGTH}}"
        shown = f"\r[{filled}] {share:4.0%}  {iso(at, self._zone)[:_DATE]}"
        if self._is_terminal and shown != self._shown:
            sys.stderr.write(shown)
            sys.stderr.flush()
            self._shown = shown

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave its line."""
        if self._shown:
            sys.stderr.write("\n")
